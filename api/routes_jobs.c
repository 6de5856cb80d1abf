/* routes_jobs.c: one job: how it is, what went in, what came out, stop it, try it again. */
#include <stdio.h>

#include "api/admission.h"
#include "api/blob_reply.h"
#include "api/hold.h"
#include "api/job_reply.h"
#include "api/order.h"
#include "api/query.h"
#include "api/router.h"
#include "api/wait.h"

static const struct query_name no_query[] = {{NULL, 0}};
static const struct query_name after_query[] = {{"after", 0}, {NULL, 0}};
static const struct query_name wait_query[] = {{"wait", 0}, {"after", 0}, {NULL, 0}};

static void answer_job(struct request *request, const struct job *job)
{
    reply_job(request, 200, job);
}

void route_job(struct request *request)
{
    struct job *job = NULL;
    int64_t wait_s;

    if (!request_knows(request, wait_query) || !request_wait(request, &wait_s) || !hold_for_cursor(request) ||
        !request_job(request, &job))
        return;
    /* Without the memory to wait the time is up at once. */
    if (!wait_s || job_state_is_final(job->state) ||
        wait_for_job(request, job->spec->id, wait_s, answer_job) != ERR_OK)
        answer_job(request, job);
    job_unref(job);
}

/* The body that the event at pos of this job carries. */
static void answer_body(struct request *request, int64_t pos)
{
    struct body *body = NULL;
    struct blob blob;
    enum err err = reader_body(request_thread(request)->reader, pos, &body, &blob);

    if (!err) /* a client's bytes, on the service's own origin: a browser may show them, never run them */
        reply_header(request, "content-security-policy", "sandbox; default-src 'none'");
    if (err)
        reply_problem(request, err, NULL, NULL);
    else if (body)
        reply_body(request, 200, body);
    else
        reply_blob(request, &blob);
    body_unref(body);
}

void route_result(struct request *request)
{
    struct job *job = NULL;

    if (!request_knows(request, after_query) || !hold_for_cursor(request) || !request_job(request, &job))
        return;
    if (!job_state_is_final(job->state)) {
        reply_retry_after(request, job);
        reply_problem(request, ERR_NOT_FINISHED, NULL, NULL);
    } else if (job->state == JOB_SUCCEEDED && job->result_pos) {
        answer_body(request, job->result_pos);
    } else {
        char detail[512];
        snprintf(detail, sizeof detail, "The job is %s%s%s%s%.400s.", job_state_word(job->state),
                 job->error.code ? " with " : "", job_error_word(job->error.code),
                 job->error.message ? ": " : "", job->error.message ? job->error.message : "");
        reply_problem(request, ERR_NO_RESULT, detail, NULL);
    }
    job_unref(job);
}

void route_input(struct request *request)
{
    struct job *job = NULL;

    if (!request_knows(request, after_query) || !hold_for_cursor(request) || !request_job(request, &job))
        return;
    answer_body(request, job->input_pos);
    job_unref(job);
}

/* ---- cancel and retry: one event each, answered when it is folded ---- */

static bool may_be_retried(const struct job *job)
{
    return job->state == JOB_FAILED || job->state == JOB_CANCELLED || job->state == JOB_EXPIRED;
}

/* The fold did not take it because the job has moved on meanwhile: how it is now decides. */
static void answer_overtaken(struct request *request, const struct event *event)
{
    struct job *job = NULL;
    enum err err = reader_job(request_thread(request)->reader, event->job, &job);

    if (!err && event->kind == EVENT_RETRIED)
        err = ERR_NOT_RETRYABLE;
    else if (!err && job_state_is_final(job->state))
        err = ERR_ALREADY_FINISHED;
    if (err)
        reply_problem(request, err, NULL, NULL);
    else
        reply_job(request, 202, job); /* it was to be cancelled already */
    job_unref(job);
}

static void answer_ordered(struct request *request, const struct append *append)
{
    if (append->outcome != OUTCOME_ACCEPTED || !append->job)
        answer_overtaken(request, &append->event);
    else
        reply_job(request, 202, append->job);
}

static void give_order(struct request *request, enum event_kind kind, const char *id)
{
    order_give(request, append_new(kind, id, thread_now_ms(request_thread(request))), answer_ordered);
}

/* Looked at before anything is written, so that a refused request leaves nothing behind in the log. */
void route_cancel(struct request *request)
{
    struct job *job = NULL;

    if (!request_knows(request, no_query) || !request_job(request, &job))
        return;
    if (job_state_is_final(job->state))
        reply_problem(request, ERR_ALREADY_FINISHED, NULL, NULL);
    else if (job->cancel_requested)
        reply_job(request, 202, job);
    else
        give_order(request, EVENT_CANCEL, job->spec->id);
    job_unref(job);
}

void route_retry(struct request *request)
{
    struct job *job = NULL;
    enum err err;

    if (!request_knows(request, no_query) || !request_job(request, &job))
        return;
    err = may_be_retried(job) ? admission(request_thread(request), 1) : ERR_NOT_RETRYABLE;
    if (err)
        reply_problem(request, err, NULL, NULL);
    else
        give_order(request, EVENT_RETRIED, job->spec->id);
    job_unref(job);
}
