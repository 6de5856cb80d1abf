/* job_reply.c: composes a job into an answer in one go; the status route and the 202 both end here. */
#include "api/job_reply.h"

#include <stdio.h>
#include <string.h>

#include "api/hold.h"
#include "api/query.h"
#include "schema/job_json.h"

void job_tell(struct text *text, const struct thread *thread, const struct job *job)
{
    struct job_extra extra = {0};

    extra.position = ranks_position(thread->setup->ranks, job, thread_now_ms(thread), &extra.estimated_start_at);
    if (job->state == JOB_RUNNING && !hub_latest_progress(thread->hub, job->spec->id, &extra.progress))
        extra.progress = NULL;
    job_encode(text, job, reader_log_id(thread->reader), &extra);
}

void reply_retry_after(struct request *request, const struct job *job)
{
    char seconds[24];
    int64_t s = 1;

    if (job->run_at) {
        s = (job->run_at - thread_now_ms(request_thread(request)) + 999) / 1000;
        s = s < 1 ? 1 : s > WAIT_SECONDS_MAX ? WAIT_SECONDS_MAX : s;
    }
    snprintf(seconds, sizeof seconds, "%d", (int)s);
    reply_header(request, "retry-after", seconds);
}

void reply_location(struct request *request, const struct job *job)
{
    char path[sizeof "/v1/jobs/" + ID_LEN];

    memcpy(path, "/v1/jobs/", strlen("/v1/jobs/"));
    memcpy(path + strlen("/v1/jobs/"), job->spec->id, ID_SIZE);
    reply_header(request, "location", path);
}

void reply_job(struct request *request, int status, const struct job *job)
{
    struct text text = {0};

    if (!job_state_is_final(job->state))
        reply_retry_after(request, job);
    job_tell(&text, request_thread(request), job);
    reply_json(request, status, &text);
    text_clear(&text);
}

bool request_job(struct request *request, struct job **ret_job)
{
    const char *id = request_id(request);
    struct job *job = NULL;
    enum err err = ERR_NOT_FOUND;

    if (id && id_is_valid(id, strlen(id))) {
        err = reader_job(request_thread(request)->reader, id, &job);
        if (err == ERR_NOT_FOUND && hold_for_job(request, id))
            return false;
    }
    if (!err && !principal_owns(request_principal(request), job))
        err = ERR_NOT_FOUND; /* as if it were not there */
    if (err) {
        job_unref(job);
        reply_problem(request, err, err == ERR_NOT_FOUND ? "There is no such job." : NULL, NULL);
        return false;
    }
    *ret_job = job;
    return true;
}

bool request_knows(struct request *request, const struct query_name *names)
{
    char detail[160];
    unsigned n;
    const struct submit_param *params = request_query(request, &n);
    enum err err = n ? query_check(params, n, names, detail, sizeof detail) : ERR_OK;

    if (err)
        reply_problem(request, err, detail, NULL);
    return !err;
}

bool request_wait(struct request *request, int64_t *ret_seconds)
{
    const char *value = request_param(request, "wait");

    *ret_seconds = 0;
    if (!value || query_number(value, 0, WAIT_SECONDS_MAX, ret_seconds))
        return true;
    reply_problem(request, ERR_BAD_QUERY, "wait is a number of whole seconds.", NULL);
    return false;
}
