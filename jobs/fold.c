/* fold.c: what an event does to a job. One function for each kind, in a table; each first decides
 * whether the event fits, then gets the memory it needs, and only then writes, so that a lack of
 * memory leaves the job as it was.
 *
 * Beyond the drawing in schema/job.h:
 * - A claim of a job whose time has come but whose `due` has not been read yet counts as both.
 * - A job whose cancel was requested while it ran ends as cancelled whatever its worker tells: who
 *   was answered 202 to a cancel never sees it succeed afterwards.
 * - What was released or lost keeps its place in the queue; only `due` and `retried` go to the end.
 * - A retry on request starts the losses anew and sets expires_at aside (a job was retried if its
 *   max_attempts is no longer the spec's). Attempts are kept; at ATTEMPTS_MAX there is no retry. */
#include "jobs/fold.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS_MAX 1000

static void move(struct job *job, enum job_state to)
{
    assert(job_state_may_move(job->state, to));
    job->state = to;
}

static bool was_retried(const struct job *job)
{
    return job->max_attempts != job->spec->max_attempts;
}

static bool holds_claim(const struct job *job, const struct event *event)
{
    return job->state == JOB_RUNNING && job->epoch == event->epoch;
}

static void set_progress(struct job *job, int percent, char *message)
{
    free(job->progress.message);
    job->progress = (struct progress){.percent = percent, .message = message};
}

static void drop_worker(struct job *job)
{
    free(job->worker);
    job->worker = NULL;
}

static void queue_up(struct job *job, int64_t pos)
{
    move(job, JOB_QUEUED);
    job->run_at = 0;
    job->ready_pos = pos;
}

static void finish(struct job *job, enum job_state state, int64_t at)
{
    move(job, state);
    job->run_at = 0;
    job->finished_at = at;
    if (state == JOB_CANCELLED) {
        job->cancel_requested = true;
        job_error_clear(&job->error);
    }
}

static enum fold fold_submitted(struct job **job, const struct event *event)
{
    struct job *new;

    if (*job || !event->spec)
        return FOLD_IGNORED;
    new = job_new(event->spec);
    if (!new)
        return FOLD_NOMEM;
    new->seq = new->input_pos = event->pos;
    if (event->spec->run_at > event->at) {
        new->state = JOB_SCHEDULED;
        new->run_at = event->spec->run_at;
    } else {
        new->state = JOB_QUEUED;
        new->ready_pos = event->pos;
    }
    *job = new;
    return FOLD_CREATED;
}

static enum fold fold_due(struct job **job, const struct event *event)
{
    enum job_state state = (*job)->state;

    if ((state != JOB_SCHEDULED && state != JOB_RETRYING) || event->at < (*job)->run_at)
        return FOLD_IGNORED;
    if (job_own(job))
        return FOLD_NOMEM;
    queue_up(*job, event->pos);
    return FOLD_CHANGED;
}

static enum fold fold_claimed(struct job **job, const struct event *event)
{
    struct attempt *attempts = NULL;
    char *holder = NULL, *worker = NULL;

    if (!job_state_is_waiting((*job)->state) || event->epoch != (*job)->epoch + 1 || !event->worker ||
        event->at < (*job)->run_at)
        return FOLD_IGNORED;
    holder = strdup(event->worker);
    worker = strdup(event->worker);
    if (!holder || !worker || job_own(job))
        goto nomem;
    attempts = realloc((*job)->attempts, ((*job)->n_attempts + 1) * sizeof *attempts);
    if (!attempts)
        goto nomem;
    (*job)->attempts = attempts;

    if ((*job)->state != JOB_QUEUED)
        queue_up(*job, event->pos);
    move(*job, JOB_RUNNING);
    (*job)->epoch = event->epoch;
    (*job)->attempt = (*job)->attempts_used + 1;
    (*job)->started_at = event->at;
    (*job)->worker = holder;
    set_progress(*job, -1, NULL);
    attempts[(*job)->n_attempts++] =
        (struct attempt){.number = (*job)->attempt, .worker = worker, .started_at = event->at};
    return FOLD_CHANGED;
nomem:
    free(holder);
    free(worker);
    return FOLD_NOMEM;
}

/* What the end of an attempt needs memory for, got before anything is written. */
struct end {
    struct job_error error, listed; /* of the job, and in its list of attempts */
    char *message;                  /* of the last progress */
};

static void end_clear(struct end *end)
{
    job_error_clear(&end->error);
    job_error_clear(&end->listed);
    free(end->message);
    end->message = NULL;
}

static bool end_init(struct end *end, struct job **job, const struct job_error *error,
                     const struct event *event)
{
    const char *message = event->progress.message;

    *end = (struct end){0};
    if (message && !(end->message = strdup(message)))
        goto nomem;
    if (error && (job_error_copy(&end->error, error) || job_error_copy(&end->listed, error)))
        goto nomem;
    if (job_own(job))
        goto nomem;
    end->error.attempt = end->listed.attempt = (*job)->attempt;
    return true;
nomem:
    end_clear(end);
    return false;
}

/* Ends the running attempt; what the end holds goes over to the job. */
static void end_attempt(struct job *job, struct end *end, const struct event *event, bool costs)
{
    struct attempt *attempt = &job->attempts[job->n_attempts - 1];

    assert(job->n_attempts > 0);
    attempt->finished_at = event->at;
    attempt->error = end->listed;
    job_error_clear(&job->error);
    if (end->error.code != JOB_ERROR_NONE)
        job->error = end->error;
    else
        job_error_clear(&end->error);
    if (attempt->error.code == JOB_ERROR_NONE)
        job_error_clear(&attempt->error);
    if (event->progress.percent >= 0 || end->message)
        set_progress(job, event->progress.percent, end->message);
    drop_worker(job);
    if (costs)
        job->attempts_used++;
}

static void keep_result(struct job *job, const struct event *event)
{
    if (event->blob.at) { /* kept apart: its bytes are not here, or not on every node */
        job->result_pos = event->pos;
        job->result_len = (int64_t)event->blob.len;
        return;
    }
    if (!event->body)
        return;
    job->result_pos = event->pos;
    job->result_len = (int64_t)event->body->len;
    if (event->body->is_json && event->body->len <= INLINE_RESULT_MAX)
        job->result = body_ref(event->body);
}

static enum fold fold_done(struct job **job, const struct event *event)
{
    struct end end;

    if (!holds_claim(*job, event))
        return FOLD_IGNORED;
    if (!end_init(&end, job, NULL, event))
        return FOLD_NOMEM;
    end_attempt(*job, &end, event, true);
    if ((*job)->cancel_requested) {
        finish(*job, JOB_CANCELLED, event->at);
    } else {
        keep_result(*job, event);
        finish(*job, JOB_SUCCEEDED, event->at);
    }
    return FOLD_CHANGED;
}

static enum fold fold_failed(struct job **job, const struct event *event)
{
    struct end end;

    if (!holds_claim(*job, event))
        return FOLD_IGNORED;
    if (!end_init(&end, job, &event->error, event))
        return FOLD_NOMEM;
    end_attempt(*job, &end, event, true);
    if ((*job)->cancel_requested) {
        finish(*job, JOB_CANCELLED, event->at);
    } else if (!event->retry_at || !event->error.retryable || (*job)->attempts_used >= (*job)->max_attempts) {
        finish(*job, JOB_FAILED, event->at);
    } else {
        move(*job, JOB_RETRYING);
        (*job)->run_at = event->retry_at;
    }
    return FOLD_CHANGED;
}

static enum fold fold_lost(struct job **job, const struct event *event)
{
    struct job_error lost = {
        .code = JOB_ERROR_LOST_WORKER, .retryable = true, .message = "the worker was lost"};
    struct end end;

    if (!holds_claim(*job, event))
        return FOLD_IGNORED;
    if (!end_init(&end, job, &lost, event))
        return FOLD_NOMEM;
    end_attempt(*job, &end, event, false);
    (*job)->losses++;
    if ((*job)->cancel_requested)
        finish(*job, JOB_CANCELLED, event->at);
    else if ((*job)->losses >= (*job)->spec->max_losses)
        finish(*job, JOB_FAILED, event->at);
    else
        move(*job, JOB_QUEUED);
    return FOLD_CHANGED;
}

static enum fold fold_cancelled(struct job **job, const struct event *event)
{
    struct end end;

    if (!holds_claim(*job, event) || !(*job)->cancel_requested)
        return FOLD_IGNORED;
    if (!end_init(&end, job, NULL, event))
        return FOLD_NOMEM;
    end_attempt(*job, &end, event, true);
    finish(*job, JOB_CANCELLED, event->at);
    return FOLD_CHANGED;
}

/* The attempt never was: its entry goes, and number and time are those of the one before. */
static void drop_attempt(struct job *job)
{
    struct attempt *last = &job->attempts[--job->n_attempts];

    free(last->worker);
    job_error_clear(&last->error);
    job->attempt = job->n_attempts ? last[-1].number : 0;
    job->started_at = job->n_attempts ? last[-1].started_at : 0;
    set_progress(job, -1, NULL);
    drop_worker(job);
}

static enum fold fold_released(struct job **job, const struct event *event)
{
    if (!holds_claim(*job, event))
        return FOLD_IGNORED;
    if (job_own(job))
        return FOLD_NOMEM;
    drop_attempt(*job);
    if ((*job)->cancel_requested)
        finish(*job, JOB_CANCELLED, event->at);
    else
        move(*job, JOB_QUEUED);
    return FOLD_CHANGED;
}

static enum fold fold_cancel(struct job **job, const struct event *event)
{
    if (job_state_is_final((*job)->state) || (*job)->cancel_requested)
        return FOLD_IGNORED;
    if (job_own(job))
        return FOLD_NOMEM;
    if ((*job)->state == JOB_RUNNING)
        (*job)->cancel_requested = true;
    else
        finish(*job, JOB_CANCELLED, event->at);
    return FOLD_CHANGED;
}

static enum fold fold_expired(struct job **job, const struct event *event)
{
    int64_t expires_at = (*job)->spec->expires_at;

    if (!job_state_is_waiting((*job)->state) || (*job)->n_attempts || was_retried(*job) || !expires_at ||
        event->at < expires_at)
        return FOLD_IGNORED;
    if (job_own(job))
        return FOLD_NOMEM;
    finish(*job, JOB_EXPIRED, event->at);
    return FOLD_CHANGED;
}

static enum fold fold_retried(struct job **job, const struct event *event)
{
    int more = (*job)->spec->max_attempts;

    if (!job_state_may_move((*job)->state, JOB_QUEUED) || !job_state_is_final((*job)->state) ||
        (*job)->n_attempts >= ATTEMPTS_MAX || (*job)->max_attempts > INT_MAX - more)
        return FOLD_IGNORED;
    if (job_own(job))
        return FOLD_NOMEM;
    queue_up(*job, event->pos);
    (*job)->max_attempts += more;
    (*job)->losses = 0;
    (*job)->finished_at = 0;
    (*job)->cancel_requested = false;
    job_error_clear(&(*job)->error);
    set_progress(*job, -1, NULL);
    return FOLD_CHANGED;
}

static enum fold fold_removed(struct job **job, const struct event *event)
{
    if (!job_state_is_final((*job)->state) || event->at - (*job)->finished_at < (*job)->spec->keep_ms)
        return FOLD_IGNORED;
    return FOLD_REMOVED;
}

typedef enum fold fold_fn(struct job **job, const struct event *event);

static fold_fn *const by_kind[EVENT_KIND_COUNT] = {
    [EVENT_SUBMITTED] = fold_submitted, [EVENT_DUE] = fold_due,         [EVENT_CLAIMED] = fold_claimed,
    [EVENT_DONE] = fold_done,           [EVENT_FAILED] = fold_failed,   [EVENT_RELEASED] = fold_released,
    [EVENT_LOST] = fold_lost,           [EVENT_CANCEL] = fold_cancel,   [EVENT_CANCELLED] = fold_cancelled,
    [EVENT_EXPIRED] = fold_expired,     [EVENT_RETRIED] = fold_retried, [EVENT_REMOVED] = fold_removed,
};

enum fold fold(struct job **job, const struct event *event, enum change_kind *ret_told)
{
    enum fold result;

    if (!by_kind[event->kind] || (!*job && event->kind != EVENT_SUBMITTED))
        return FOLD_IGNORED;
    result = by_kind[event->kind](job, event);
    if (result == FOLD_REMOVED) {
        *ret_told = CHANGE_REMOVED;
    } else if (result == FOLD_CHANGED || result == FOLD_CREATED) {
        (*job)->pos = event->pos;
        *ret_told = event->kind == EVENT_CANCEL && (*job)->state == JOB_RUNNING
                        ? CHANGE_STOPPING
                        : change_of_state((*job)->state);
    }
    return result;
}
