/* routes_submit.c: work comes in. A submission is checked whole, goes to the log as one append, and
 * is answered when that append is durable and folded; nothing here waits. This is the busiest path
 * of the service: one pass over the body, one small allocation of its own, one text for the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/admission.h"
#include "api/job_reply.h"
#include "api/multipart.h"
#include "api/query.h"
#include "api/router.h"
#include "api/wait.h"
#include "schema/clock.h"
#include "schema/media_type.h"
#include "schema/metric.h"

/* A submission between its append and its answer. */
struct submission {
    struct request *request;
    struct pending *pending;
    int64_t began_us;
    int64_t wait_s;            /* Prefer: wait=N; 0: none */
};

static void submission_free(void *state)
{
    struct submission *submission = state;

    if (!submission)
        return;
    pending_forget(submission->pending);
    free(submission);
}

static void answer_waited(struct request *request, const struct job *job)
{
    bool is_final = job_state_is_final(job->state);

    if (!is_final)
        reply_location(request, job);
    reply_job(request, is_final ? 200 : 202, job);
}

/* The answer to a submission the log has, or how the log refused it. */
static enum err append_verdict(const struct append *append)
{
    if (append->err)
        return append->err;
    switch (append->outcome) {
    case OUTCOME_ACCEPTED:
    case OUTCOME_DUPLICATE:
        return append->job ? ERR_OK : ERR_JOB_REMOVED;
    case OUTCOME_KEY_REUSED:
        return ERR_KEY_REUSED;
    case OUTCOME_JOB_REMOVED:
        return ERR_JOB_REMOVED;
    case OUTCOME_IGNORED:
        break;
    }
    return ERR_INTERNAL; /* a fresh id is never known already */
}

static void on_submitted(void *owner, struct append *append, unsigned n)
{
    struct submission *submission = owner;
    struct request *request = submission->request;
    enum err err = append_verdict(append);
    int64_t wait_s = submission->wait_s;

    (void)n;
    METRIC_US(ACCEPT_US, clock_mono_us() - submission->began_us);
    submission->pending = NULL;
    if (err) {
        reply_problem(request, err, NULL, NULL);
        return;
    }
    if (wait_s) {
        char applied[32];
        snprintf(applied, sizeof applied, "wait=%d", (int)wait_s);
        reply_header(request, "preference-applied", applied);
    }
    if (wait_s && !job_state_is_final(append->job->state)) {
        request_set_state(request, NULL, NULL);
        submission_free(submission);
        if (wait_for_job(request, append->job->spec->id, wait_s, answer_waited) == ERR_OK)
            return; /* without the memory to wait the time is up at once */
    }
    if (wait_s) {
        answer_waited(request, append->job);
        return;
    }
    reply_location(request, append->job);
    reply_job(request, 202, append->job);
}

/* Hands the append to the log, or answers. The request's state finds its way back. */
static void submit(struct request *request, struct append *append, int64_t began_us)
{
    struct submission *submission = calloc(1, sizeof *submission);
    enum err err = ERR_NOMEM;

    if (submission) {
        submission->request = request;
        submission->began_us = began_us;
        if (principal_may(request_principal(request), SCOPE_READ)) /* who waits is told the result */
            prefer_wait(request_header(request, HEADER_PREFER), WAIT_SECONDS_MAX, &submission->wait_s);
        err = principal_sign(request_principal(request), append);
    }
    if (!err) {
        err = thread_append(request_thread(request), append, 1, on_submitted, submission, &submission->pending);
    }
    if (err) {
        append_free(append);
        free(submission);
        reply_problem(request, err, NULL, NULL);
        return;
    }
    request_set_state(request, submission, submission_free);
}

static struct submit_headers headers_of(const struct request *request)
{
    return (struct submit_headers){
        .idempotency_key = request_header(request, HEADER_IDEMPOTENCY_KEY),
        .traceparent = request_header(request, HEADER_TRACEPARENT),
    };
}

/* Type and options stand in the query, the body is the input. */
static enum err decode_raw(struct request *request, const char *media_type, struct append **ret_append,
                           struct faults *faults)
{
    struct thread *thread = request_thread(request);
    struct submit_headers headers = headers_of(request);
    struct body *body = request_take_body(request, media_type);
    unsigned n;
    const struct submit_param *params = request_query(request, &n);
    enum err err = ERR_NOMEM;

    if (body)
        err = submit_raw(thread->setup->types, params, n, body, &headers, thread_now_ms(thread), ret_append, faults);
    if (err)
        body_unref(body);
    return err;
}

/* Type and options are fields of the form (those of the query count as fields too), the file is the input. */
static enum err decode_form(struct request *request, const char *content_type, struct append **ret_append,
                            struct faults *faults, char *detail, size_t size)
{
    struct thread *thread = request_thread(request);
    struct submit_headers headers = headers_of(request);
    struct multipart *form = malloc(sizeof *form);
    struct submit_param *params = NULL;
    struct body *body = NULL;
    size_t len;
    const char *bytes = request_body(request, &len);
    unsigned n_query;
    const struct submit_param *query = request_query(request, &n_query);
    enum err err = ERR_NOMEM;

    if (!form)
        goto out;
    err = multipart_decode(content_type, bytes, len, form, detail, size);
    if (err)
        goto out;
    err = ERR_NOMEM;
    params = calloc(n_query + form->n_fields + 1u, sizeof *params);
    body = body_new(form->file_type, form->file, form->file_len);
    if (!params || !body)
        goto out;
    if (n_query)
        memcpy(params, query, n_query * sizeof *params);
    memcpy(params + n_query, form->fields, form->n_fields * sizeof *params);
    err = submit_raw(thread->setup->types, params, n_query + form->n_fields, body, &headers,
                     thread_now_ms(thread), ret_append, faults);
    if (!err)
        body = NULL; /* taken over */
out:
    body_unref(body);
    free(params);
    free(form);
    return err;
}

void route_submit(struct request *request)
{
    static const struct query_name nothing[] = {{NULL, 0}};
    struct thread *thread = request_thread(request);
    const char *content_type = request_header(request, HEADER_CONTENT_TYPE);
    int64_t began_us = clock_mono_us();
    struct append *append = NULL;
    struct faults faults = {0};
    char detail[160] = "";
    enum err err = admission(thread, 1);

    if (!err && (!content_type || !media_type_is_valid(content_type)))
        err = ERR_MEDIA_TYPE;
    if (err) {
        reply_problem(request, err, NULL, NULL);
        return;
    }
    if (media_type_is(content_type, "application/json")) {
        struct submit_headers headers = headers_of(request);
        size_t len;
        const char *text = request_body(request, &len);
        if (!request_knows(request, nothing))
            return;
        err = submit_json_text(thread->setup->types, text, len, &headers, thread_now_ms(thread), &append, &faults);
    } else if (media_type_is(content_type, "multipart/form-data")) {
        err = decode_form(request, content_type, &append, &faults, detail, sizeof detail);
    } else {
        err = decode_raw(request, content_type, &append, &faults);
    }
    if (err)
        reply_problem(request, err, detail[0] ? detail : NULL, &faults);
    else
        submit(request, append, began_us);
    faults_clear(&faults);
}
