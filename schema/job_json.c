/* job_json.c: a job as clients see it. This is the most composed text of the service (every answer,
 * every event of every watcher), so it is written straight into the text, constant pieces in one go. */
#include "schema/job_json.h"

#include <string.h>

#include "schema/members_priv.h"

/* A constant piece, its length known when it is compiled. */
#define PIECE(text, literal) text_add(text, literal, sizeof(literal) - 1)

/* What a job needs beside its strings; asked for once. */
#define ROOM 1024

static void encode_tags(struct text *text, const struct spec *spec)
{
    PIECE(text, ",\"tags\":[");
    for (unsigned i = 0; i < spec->n_tags; i++)
        text_json_string(text, spec->tags[i], strlen(spec->tags[i]));
    PIECE(text, "]");
}

static void encode_position(struct text *text, const struct job *job, const struct job_extra *extra)
{
    bool is_known = job->state == JOB_QUEUED && extra && extra->position >= 0;

    if (is_known)
        text_json_int(text, "position", extra->position);
    else
        PIECE(text, ",\"position\":null");
    text_json_time(text, "estimated_start_at", is_known ? extra->estimated_start_at : 0);
}

/* Null before the first start; after it always an object, also for work that tells nothing. */
static void encode_progress(struct text *text, const struct job *job, const struct job_extra *extra)
{
    const struct progress *progress = extra && extra->progress ? extra->progress : &job->progress;
    int percent = progress->percent;

    if (!job->attempt) {
        PIECE(text, ",\"progress\":null");
        return;
    }
    if (percent < 0)
        percent = job->state == JOB_SUCCEEDED ? 100 : 0;
    PIECE(text, ",\"progress\":{\"percent\":");
    text_int(text, percent);
    text_json_str(text, "message", progress->message);
    PIECE(text, "}");
}

static void encode_error(struct text *text, const struct job_error *error)
{
    PIECE(text, ",\"error\":");
    if (error->code == JOB_ERROR_NONE)
        PIECE(text, "null");
    else
        error_encode(text, error);
}

static void encode_cursor(struct text *text, const struct job *job, const char *log_id)
{
    PIECE(text, ",\"cursor\":\"");
    text_add(text, log_id, LOG_ID_SIZE - 1);
    PIECE(text, "-");
    text_int(text, job->pos);
    PIECE(text, "\"");
}

static void encode_attempts(struct text *text, const struct job *job)
{
    PIECE(text, ",\"attempts\":[");
    for (unsigned i = 0; i < job->n_attempts; i++) {
        const struct attempt *attempt = &job->attempts[i];
        if (i)
            PIECE(text, ",");
        PIECE(text, "{\"attempt\":");
        text_int(text, attempt->number);
        text_json_str(text, "worker", attempt->worker);
        text_json_time(text, "started_at", attempt->started_at);
        text_json_time(text, "finished_at", attempt->finished_at);
        encode_error(text, &attempt->error);
        PIECE(text, "}");
    }
    PIECE(text, "]");
}

static void encode_links(struct text *text, const char *id)
{
    PIECE(text, ",\"links\":{\"self\":\"/v1/jobs/");
    text_add(text, id, ID_LEN);
    PIECE(text, "\",\"result\":\"/v1/jobs/");
    text_add(text, id, ID_LEN);
    PIECE(text, "/result\",\"events\":\"/v1/jobs/");
    text_add(text, id, ID_LEN);
    PIECE(text, "/events\",\"cancel\":\"/v1/jobs/");
    text_add(text, id, ID_LEN);
    PIECE(text, ":cancel\"}");
}

void job_encode(struct text *text, const struct job *job, const char *log_id, const struct job_extra *extra)
{
    const struct spec *spec = job->spec;

    if (!text_room(text, ROOM))
        return;
    PIECE(text, "{\"id\":\"");
    text_add(text, spec->id, ID_LEN);
    PIECE(text, "\",\"type\":");
    text_json_string(text, spec->type, strlen(spec->type));
    PIECE(text, ",\"state\":\"");
    text_str(text, job_state_word(job->state));
    PIECE(text, "\",\"queue\":");
    text_json_string(text, spec->queue, strlen(spec->queue));
    PIECE(text, ",\"priority\":");
    text_int(text, spec->priority);
    encode_tags(text, spec);
    text_json_time(text, "created_at", spec->created_at);
    text_json_time(text, "started_at", job->started_at);
    text_json_time(text, "finished_at", job->finished_at);
    text_json_time(text, "run_at", job->run_at);
    encode_position(text, job, extra);
    PIECE(text, ",\"attempt\":");
    text_int(text, job->attempt);
    PIECE(text, ",\"max_attempts\":");
    text_int(text, job->max_attempts);
    encode_progress(text, job, extra);
    if (job->result && job->result->is_json)
        text_json_raw(text, "result", job->result->bytes, job->result->len);
    else
        PIECE(text, ",\"result\":null");
    encode_error(text, &job->error);
    text_json_bool(text, "cancel_requested", job->cancel_requested);
    encode_cursor(text, job, log_id);
    encode_attempts(text, job);
    encode_links(text, spec->id);
    PIECE(text, "}");
}
