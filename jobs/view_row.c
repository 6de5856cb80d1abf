/* view_row.c: a job as a row. What follows from the list of attempts (number, start, holder of the
 * claim) is not stored a second time. Zero is stored as NULL, which takes no room. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/view_priv.h"
#include "schema/access_key.h"
#include "schema/job_json.h"

enum column {
    C_SEQ,
    C_ID,
    C_STATE,
    C_POS,
    C_READY_POS,
    C_RESULT_POS,
    C_RESULT_LEN,
    C_RUN_AT,
    C_FINISHED_AT,
    C_EPOCH,
    C_ATTEMPTS_USED,
    C_MAX_ATTEMPTS,
    C_LOSSES,
    C_CANCEL_REQUESTED,
    C_PERCENT,
    C_MESSAGE,
    C_ERROR_CODE,
    C_ERROR_ATTEMPT,
    C_ERROR_RETRYABLE,
    C_ERROR_MESSAGE,
    C_ATTEMPTS,
    C_AT,
    C_DATA,
    C_MEDIA,
    C_BODY
};

static enum err copy_column(sqlite3_stmt *stmt, int column, char **ret_str)
{
    const char *str = column_str(stmt, column);

    if (str && !(*ret_str = strdup(str)))
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err load_attempts(sqlite3_stmt *stmt, struct job *job)
{
    const struct attempt *last;
    const char *json = column_str(stmt, C_ATTEMPTS);
    enum err err;

    if (!json)
        return job->state == JOB_RUNNING ? ERR_CORRUPT : ERR_OK;
    err = job_attempts_decode(json, (size_t)sqlite3_column_bytes(stmt, C_ATTEMPTS), job);
    if (err)
        return err;
    if (job->n_attempts) {
        last = &job->attempts[job->n_attempts - 1];
        job->attempt = last->number;
        job->started_at = last->started_at;
        if (job->state == JOB_RUNNING && last->worker && !(job->worker = strdup(last->worker)))
            return ERR_NOMEM;
    }
    return job->state == JOB_RUNNING && !job->worker ? ERR_CORRUPT : ERR_OK;
}

static enum err load_columns(sqlite3_stmt *stmt, struct job *job)
{
    int64_t state = sqlite3_column_int64(stmt, C_STATE);
    int64_t code = sqlite3_column_int64(stmt, C_ERROR_CODE);
    enum err err;

    if (state < 0 || state >= JOB_STATE_COUNT || code < 0 || code >= JOB_ERROR_COUNT)
        return ERR_CORRUPT;
    job->state = (enum job_state)state;
    job->seq = job->input_pos = sqlite3_column_int64(stmt, C_SEQ);
    job->pos = sqlite3_column_int64(stmt, C_POS);
    job->ready_pos = sqlite3_column_int64(stmt, C_READY_POS);
    job->result_pos = sqlite3_column_int64(stmt, C_RESULT_POS);
    job->result_len = sqlite3_column_int64(stmt, C_RESULT_LEN);
    job->run_at = sqlite3_column_int64(stmt, C_RUN_AT);
    job->finished_at = sqlite3_column_int64(stmt, C_FINISHED_AT);
    job->epoch = sqlite3_column_int(stmt, C_EPOCH);
    job->attempts_used = sqlite3_column_int(stmt, C_ATTEMPTS_USED);
    job->max_attempts = sqlite3_column_int(stmt, C_MAX_ATTEMPTS);
    job->losses = sqlite3_column_int(stmt, C_LOSSES);
    job->cancel_requested = sqlite3_column_int(stmt, C_CANCEL_REQUESTED) != 0;
    if (sqlite3_column_type(stmt, C_PERCENT) != SQLITE_NULL)
        job->progress.percent = sqlite3_column_int(stmt, C_PERCENT);
    job->error.code = (enum job_error_code)code;
    job->error.attempt = sqlite3_column_int(stmt, C_ERROR_ATTEMPT);
    job->error.retryable = sqlite3_column_int(stmt, C_ERROR_RETRYABLE) != 0;
    err = copy_column(stmt, C_MESSAGE, &job->progress.message);
    if (!err)
        err = copy_column(stmt, C_ERROR_MESSAGE, &job->error.message);
    if (!err && sqlite3_column_type(stmt, C_BODY) != SQLITE_NULL &&
        sqlite3_column_type(stmt, C_MEDIA) == SQLITE_NULL)
        err = body_load(stmt, C_MEDIA, C_BODY, &job->result);
    return err ? err : load_attempts(stmt, job);
}

enum err row_load(sqlite3_stmt *stmt, struct job **ret_job)
{
    const char *id = column_str(stmt, C_ID), *data = column_str(stmt, C_DATA);
    struct job *job = NULL;
    struct event event;
    enum err err = ERR_CORRUPT;

    event_init(&event, EVENT_SUBMITTED, NULL, sqlite3_column_int64(stmt, C_AT));
    if (!id || strlen(id) != ID_LEN || !data)
        goto out;
    memcpy(event.job, id, ID_SIZE);
    err = event_decode(data, (size_t)sqlite3_column_bytes(stmt, C_DATA), &event);
    if (err)
        goto out;
    job = job_new(event.spec);
    err = job ? load_columns(stmt, job) : ERR_NOMEM;
    if (err)
        goto out;
    *ret_job = job;
    job = NULL;
out:
    job_unref(job);
    event_clear(&event);
    return err;
}

int64_t row_name_hash(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return (int64_t)hash;
}

int64_t row_tenant_hash(const char *tenant)
{
    return tenant && strcmp(tenant, TENANT_DEFAULT) != 0 ? row_name_hash(tenant) : 0;
}

int64_t row_tag_mask(const char *tag)
{
    return INT64_C(1) << (row_name_hash(tag) % 63);
}

void row_bind_insert(sqlite3_stmt *stmt, const struct job *job)
{
    const struct spec *spec = job->spec;
    int64_t tags = 0;

    for (unsigned i = 0; i < spec->n_tags; i++)
        tags |= row_tag_mask(spec->tags[i]);
    bind_int(stmt, 1, job->seq);
    sqlite3_bind_text(stmt, 2, spec->id, ID_LEN, SQLITE_STATIC);
    bind_int(stmt, 3, row_name_hash(spec->type));
    bind_int(stmt, 4, row_name_hash(spec->queue));
    bind_int(stmt, 5, tags);
    bind_int(stmt, 6, job->state);
    bind_int(stmt, 7, job->pos);
    bind_int_or_null(stmt, 8, job->ready_pos);
    bind_int_or_null(stmt, 9, job->run_at);
    bind_int(stmt, 10, job->max_attempts);
    bind_int(stmt, 11, row_tenant_hash(spec->tenant));
}

static void bind_end(sqlite3_stmt *stmt, const struct job *job)
{
    bool is_final = job_state_is_final(job->state);

    bind_int_or_null(stmt, 18, job->result_pos);
    bind_int_or_null(stmt, 19, job->result_len);
    if (is_final) {
        bind_int(stmt, 20, job->finished_at);
        bind_int(stmt, 21, job->finished_at + job->spec->keep_ms);
    } else {
        sqlite3_bind_null(stmt, 20);
        sqlite3_bind_null(stmt, 21);
    }
}

enum err row_bind_update(sqlite3_stmt *stmt, const struct job *job, bool ends, struct text *attempts)
{
    bind_int(stmt, 1, job->seq);
    bind_int(stmt, 2, job->state);
    bind_int(stmt, 3, job->pos);
    bind_int_or_null(stmt, 4, job->ready_pos);
    bind_int_or_null(stmt, 5, job->run_at);
    bind_int_or_null(stmt, 6, job->epoch);
    bind_int_or_null(stmt, 7, job->attempts_used);
    bind_int(stmt, 8, job->max_attempts);
    bind_int_or_null(stmt, 9, job->losses);
    bind_int_or_null(stmt, 10, job->cancel_requested);
    if (job->progress.percent >= 0)
        bind_int(stmt, 11, job->progress.percent);
    else
        sqlite3_bind_null(stmt, 11);
    bind_str(stmt, 12, job->progress.message);
    bind_int_or_null(stmt, 13, (int64_t)job->error.code);
    bind_int_or_null(stmt, 14, job->error.attempt);
    bind_int_or_null(stmt, 15, job->error.retryable);
    bind_str(stmt, 16, job->error.message);
    if (job->n_attempts) {
        text_reset(attempts);
        job_attempts_encode(attempts, job);
        if (attempts->failed) {
            text_clear(attempts);
            return ERR_NOMEM;
        }
        sqlite3_bind_text(stmt, 17, attempts->at, (int)attempts->len, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(stmt, 17);
    }
    if (ends)
        bind_end(stmt, job);
    return ERR_OK;
}
