/* job.c: the nouns of job.h: their words, their counts, and the copy before a write. */
#include "schema/job.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "schema/media_type.h"

static const char *const state_words[JOB_STATE_COUNT] = {
#define JOB_STATE_WORD(name, word) [JOB_##name] = word,
    JOB_STATE_LIST(JOB_STATE_WORD)
#undef JOB_STATE_WORD
};

static const char *const error_words[JOB_ERROR_COUNT] = {
#define JOB_ERROR_WORD(name, word) [JOB_ERROR_##name] = word,
    JOB_ERROR_LIST(JOB_ERROR_WORD)
#undef JOB_ERROR_WORD
};

/* The drawing in job.h, as a table. */
static const bool may_move[JOB_STATE_COUNT][JOB_STATE_COUNT] = {
    [JOB_SCHEDULED] = {[JOB_QUEUED] = true, [JOB_CANCELLED] = true, [JOB_EXPIRED] = true},
    [JOB_QUEUED] = {[JOB_RUNNING] = true, [JOB_CANCELLED] = true, [JOB_EXPIRED] = true},
    [JOB_RUNNING] = {[JOB_SUCCEEDED] = true, [JOB_FAILED] = true, [JOB_CANCELLED] = true,
                     [JOB_RETRYING] = true, [JOB_QUEUED] = true /* released, lost */},
    [JOB_RETRYING] = {[JOB_QUEUED] = true, [JOB_CANCELLED] = true, [JOB_EXPIRED] = true},
    [JOB_FAILED] = {[JOB_QUEUED] = true /* retried on request, as the next two */},
    [JOB_CANCELLED] = {[JOB_QUEUED] = true},
    [JOB_EXPIRED] = {[JOB_QUEUED] = true},
};

const char *job_state_word(enum job_state state)
{
    assert((unsigned)state < JOB_STATE_COUNT);
    return state_words[state];
}

bool job_state_decode(const char *word, enum job_state *ret_state)
{
    for (unsigned i = 0; i < JOB_STATE_COUNT; i++)
        if (strcmp(word, state_words[i]) == 0) {
            *ret_state = (enum job_state)i;
            return true;
        }
    return false;
}

bool job_state_is_final(enum job_state state)
{
    return state == JOB_SUCCEEDED || state == JOB_FAILED || state == JOB_CANCELLED || state == JOB_EXPIRED;
}

bool job_state_is_waiting(enum job_state state)
{
    return state == JOB_SCHEDULED || state == JOB_QUEUED || state == JOB_RETRYING;
}

bool job_state_may_move(enum job_state from, enum job_state to)
{
    assert((unsigned)from < JOB_STATE_COUNT && (unsigned)to < JOB_STATE_COUNT);
    return may_move[from][to];
}

const char *job_error_word(enum job_error_code code)
{
    assert((unsigned)code < JOB_ERROR_COUNT);
    return error_words[code];
}

bool job_error_decode(const char *word, enum job_error_code *ret_code)
{
    for (unsigned i = 0; i < JOB_ERROR_COUNT; i++)
        if (strcmp(word, error_words[i]) == 0) {
            *ret_code = (enum job_error_code)i;
            return true;
        }
    return false;
}

struct body *body_new(const char *media_type, const void *bytes, size_t len)
{
    struct body *body = len < SIZE_MAX - sizeof *body ? malloc(sizeof *body + len + 1) : NULL;

    if (!body)
        return NULL;
    atomic_init(&body->refs, 1);
    body->len = len;
    body_set_type(body, media_type);
    if (len && bytes)
        memcpy(body->bytes, bytes, len);
    body->bytes[len] = '\0';
    return body;
}

void body_set_type(struct body *body, const char *media_type)
{
    if (strlen(media_type) >= sizeof body->media_type)
        media_type = "application/octet-stream"; /* half a media type would be a wrong one */
    strcpy(body->media_type, media_type);
    body->is_json = media_type_is(media_type, "application/json");
}

/* One reference less; true for the last. What other holders wrote before is seen by whoever frees. */
static bool was_last(atomic_uint *refs)
{
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

struct body *body_ref(struct body *body)
{
    atomic_fetch_add_explicit(&body->refs, 1, memory_order_relaxed);
    return body;
}

void body_unref(struct body *body)
{
    if (body && was_last(&body->refs))
        free(body);
}

struct spec *spec_new(void)
{
    struct spec *spec = calloc(1, sizeof *spec);

    if (spec)
        atomic_init(&spec->refs, 1);
    return spec;
}

struct spec *spec_ref(struct spec *spec)
{
    atomic_fetch_add_explicit(&spec->refs, 1, memory_order_relaxed);
    return spec;
}

void spec_unref(struct spec *spec)
{
    if (!spec || !was_last(&spec->refs))
        return;
    for (unsigned i = 0; i < spec->n_tags; i++)
        free(spec->tags[i]);
    free(spec->type);
    free(spec->queue);
    free(spec->tenant);
    free(spec->params);
    free(spec->traceparent);
    free(spec->idempotency_key);
    free(spec);
}

void job_error_clear(struct job_error *error)
{
    free(error->message);
    *error = (struct job_error){0};
}

static enum err copy_string(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return from && !*to ? ERR_NOMEM : ERR_OK;
}

enum err job_error_copy(struct job_error *to, const struct job_error *from)
{
    struct job_error copy = *from;
    enum err err = copy_string(&copy.message, from->message);

    if (err)
        return err;
    job_error_clear(to);
    *to = copy;
    return ERR_OK;
}

struct job *job_new(struct spec *spec)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    atomic_init(&job->refs, 1);
    job->spec = spec_ref(spec);
    job->max_attempts = spec->max_attempts;
    job->progress.percent = -1;
    return job;
}

struct job *job_ref(struct job *job)
{
    atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
    return job;
}

void job_unref(struct job *job)
{
    if (!job || !was_last(&job->refs))
        return;
    for (unsigned i = 0; i < job->n_attempts; i++) {
        free(job->attempts[i].worker);
        job_error_clear(&job->attempts[i].error);
    }
    free(job->attempts);
    free(job->worker);
    free(job->progress.message);
    job_error_clear(&job->error);
    body_unref(job->result);
    spec_unref(job->spec);
    free(job);
}

static enum err copy_attempts(struct job *to, const struct job *from)
{
    enum err err = ERR_OK;

    if (!from->n_attempts)
        return ERR_OK;
    to->attempts = calloc(from->n_attempts, sizeof *to->attempts);
    if (!to->attempts)
        return ERR_NOMEM;
    for (unsigned i = 0; i < from->n_attempts && !err; i++) {
        const struct attempt *old = &from->attempts[i];
        struct attempt *attempt = &to->attempts[to->n_attempts++];
        attempt->number = old->number;
        attempt->started_at = old->started_at;
        attempt->finished_at = old->finished_at;
        err = copy_string(&attempt->worker, old->worker);
        if (!err)
            err = job_error_copy(&attempt->error, &old->error);
    }
    return err;
}

static struct job *job_copy(const struct job *from)
{
    const size_t counter = offsetof(struct job, spec);
    struct job *job = malloc(sizeof *job);
    enum err err;

    if (!job)
        return NULL;
    /* Whatever is not owned is right already; the counter other threads may be counting at. */
    memcpy((char *)job + counter, (const char *)from + counter, sizeof *job - counter);
    atomic_init(&job->refs, 1);
    spec_ref(job->spec);
    if (job->result)
        body_ref(job->result);
    job->error = (struct job_error){0};
    job->progress.message = NULL;
    job->worker = NULL;
    job->attempts = NULL;
    job->n_attempts = 0;

    err = copy_string(&job->worker, from->worker);
    if (!err)
        err = copy_string(&job->progress.message, from->progress.message);
    if (!err)
        err = job_error_copy(&job->error, &from->error);
    if (!err)
        err = copy_attempts(job, from);
    if (err) {
        job_unref(job);
        return NULL;
    }
    return job;
}

enum err job_own(struct job **job)
{
    struct job *copy;

    /* Acquire: what the holder who let go last has read is read before we write. */
    if (atomic_load_explicit(&(*job)->refs, memory_order_acquire) == 1)
        return ERR_OK;
    copy = job_copy(*job);
    if (!copy)
        return ERR_NOMEM;
    job_unref(*job);
    *job = copy;
    return ERR_OK;
}

bool name_is_valid(const char *name, size_t len)
{
    if (!len || len > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  (c && strchr("._-:/", c));
        if (!ok)
            return false;
    }
    return true;
}
