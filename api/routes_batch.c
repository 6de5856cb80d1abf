/* routes_batch.c: up to a thousand submissions in one durable write, all or none: every one is
 * checked before any goes to the log, and they go as one list, which the log takes whole. */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/admission.h"
#include "api/job_reply.h"
#include "api/query.h"
#include "api/router.h"
#include "schema/clock.h"
#include "schema/media_type.h"
#include "schema/metric.h"

#define BATCH_MAX 1000

struct batch {
    struct request *request;
    struct pending *pending;
    int64_t began_us;
    char id[ID_SIZE];
};

static void batch_free(void *state)
{
    struct batch *batch = state;

    if (!batch)
        return;
    pending_forget(batch->pending);
    free(batch);
}

static void appends_free(struct append *first)
{
    for (struct append *next; first; first = next) {
        next = first->next;
        append_free(first);
    }
}

static void on_batch(void *owner, struct append *first, unsigned n)
{
    struct batch *batch = owner;
    struct request *request = batch->request;
    struct text text = {0};
    enum err err = ERR_OK;

    assert(first);
    METRIC_US(ACCEPT_US, clock_mono_us() - batch->began_us);
    batch->pending = NULL;
    /* One write: what one of them met, all met. A fresh id without a key is accepted or not written. */
    for (struct append *append = first; append && !err; append = append->next)
        err = append->err ? append->err : append->job ? ERR_OK : ERR_INTERNAL;
    if (err) {
        reply_problem(request, err, NULL, NULL);
        return;
    }
    text_str(&text, "{\"batch\":{\"id\":\"");
    text_str(&text, batch->id);
    text_char(&text, '"');
    text_json_int(&text, "size", n);
    text_json_time(&text, "created_at", first->job->spec->created_at);
    text_str(&text, "},\"jobs\":[");
    for (struct append *append = first; append; append = append->next) {
        if (append != first)
            text_char(&text, ',');
        job_tell(&text, request_thread(request), append->job);
    }
    text_str(&text, "]}");
    reply_header(request, "retry-after", "1");
    reply_json(request, 202, &text);
    text_clear(&text);
}

/* {"jobs":[...]} and nothing else. */
static enum err batch_jobs(json_t *root, json_t **ret_jobs, struct faults *faults)
{
    json_t *jobs = json_object_get(root, "jobs");
    const char *name;
    json_t *value;

    if (!json_is_object(root)) {
        faults_add(faults, "", "must be an object");
        return ERR_INVALID;
    }
    json_object_foreach(root, name, value) {
        if (strcmp(name, "jobs") != 0) {
            char pointer[80];
            snprintf(pointer, sizeof pointer, "/%.70s", name);
            faults_add(faults, pointer, "is not a member of a batch");
        }
    }
    if (!json_is_array(jobs))
        faults_add(faults, "/jobs", "must be an array of submissions");
    else if (json_array_size(jobs) == 0 || json_array_size(jobs) > BATCH_MAX)
        faults_add(faults, "/jobs", "must hold 1 to %d submissions", BATCH_MAX);
    *ret_jobs = jobs;
    return faults->n ? ERR_INVALID : ERR_OK;
}

/* Every submission of the list, chained; all faults of all of them. */
static enum err batch_decode(struct request *request, json_t *jobs, struct append **ret_first, struct faults *faults)
{
    struct thread *thread = request_thread(request);
    struct submit_headers headers = {.traceparent = request_header(request, HEADER_TRACEPARENT)};
    struct append **last = ret_first;
    enum err worst = ERR_OK;
    size_t i;
    json_t *job;

    json_array_foreach(jobs, i, job) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "/jobs/%zu", i);
        enum err err = submit_json(thread->setup->types, job, prefix, &headers, thread_now_ms(thread), last, faults);
        if (!err)
            last = &(*last)->next;
        else if (err_status(err) >= 500)
            return err;
        else
            worst = ERR_INVALID; /* whatever is wrong with one, the batch is what is not valid */
    }
    return worst;
}

void route_batch(struct request *request)
{
    static const struct query_name nothing[] = {{NULL, 0}};
    struct thread *thread = request_thread(request);
    const char *content_type = request_header(request, HEADER_CONTENT_TYPE);
    struct batch *batch = NULL;
    struct append *first = NULL;
    struct faults faults = {0};
    json_t *root = NULL, *jobs = NULL;
    json_error_t wrong;
    const char *detail = NULL;
    size_t len;
    const char *body = request_body(request, &len);
    int64_t began_us = clock_mono_us();
    enum err err;

    if (!request_knows(request, nothing))
        return;
    err = ERR_MEDIA_TYPE;
    if (!content_type || !media_type_is(content_type, "application/json"))
        goto out;
    err = ERR_BAD_KEY;
    detail = "A batch takes no Idempotency-Key: submit one by one what must not be done twice.";
    if (request_header(request, HEADER_IDEMPOTENCY_KEY))
        goto out;
    detail = NULL;
    err = ERR_NOT_JSON;
    root = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &wrong);
    if (!root) {
        detail = wrong.text;
        goto out;
    }
    err = batch_jobs(root, &jobs, &faults);
    if (!err)
        err = admission(thread, (unsigned)json_array_size(jobs));
    if (!err)
        err = batch_decode(request, jobs, &first, &faults);
    if (err)
        goto out;
    err = principal_sign(request_principal(request), first);
    if (err)
        goto out;
    err = ERR_NOMEM;
    batch = calloc(1, sizeof *batch);
    if (!batch)
        goto out;
    batch->request = request;
    batch->began_us = began_us;
    id_make(thread_now_ms(thread), batch->id);
    err = thread_append(thread, first, (unsigned)json_array_size(jobs), on_batch, batch, &batch->pending);
    if (err)
        goto out;
    first = NULL; /* the pending's now */
    request_set_state(request, batch, batch_free);
    batch = NULL;
out:
    if (err)
        reply_problem(request, err, detail, &faults);
    appends_free(first);
    free(batch);
    faults_clear(&faults);
    json_decref(root);
}
