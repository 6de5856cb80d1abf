/* How attempts end: the event that tells the log of it, with the back-off drawn here and recorded,
 * so that the fold stays pure; and what happens when the log cannot take it just now. */
#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"

#define RUN_US_MIN 5             /* what handing over a job costs at the least */

static struct claim *find_claim(struct scheduler *s, const char *id, int epoch)
{
    uint32_t number = store_find(&s->store, id);
    struct claim *claim = number == ENTRY_NONE ? NULL : store_at(&s->store, number)->claim;

    if (claim && claim->epoch == epoch)
        return claim;
    TAILQ_FOREACH(claim, &s->all, in_all)
        if (claim->state == CLAIM_FENCED && claim->epoch == epoch && memcmp(claim->id, id, ID_LEN) == 0)
            return claim;
    return NULL;
}

void scheduler_on_started(struct scheduler *s, const char *id, int epoch, int64_t mono_ms)
{
    struct claim *claim = find_claim(s, id, epoch);
    if (claim)
        claim_begin(s, claim, mono_ms);
}

void scheduler_on_returned(struct scheduler *s, const char *id, int epoch)
{
    struct claim *claim = find_claim(s, id, epoch);

    if (!claim)
        return;
    if (claim->state == CLAIM_FENCED)
        claim_free(s, claim);
    else if (claim->state == CLAIM_HELD || claim->state == CLAIM_BEGUN)
        claim_finish(s, claim, claim->is_stopping && claim->reason == KILL_CANCEL ? EVENT_CANCELLED : EVENT_RELEASED);
}

static uint64_t random_next(struct scheduler *s)
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* When to try again: full jitter under a cap that doubles with each attempt; 0: not at all. */
static int64_t retry_at(struct scheduler *s, const struct claim *claim, const struct job_error *error)
{
    const struct job_type *type = claim->type == TYPE_UNKNOWN ? NULL : types_at(s->types, claim->type);
    const struct job *job = claim->job;

    if (!error->retryable || !type || job->attempts_used + 1 >= job->max_attempts)
        return 0;
    int64_t cap = type->backoff_ms;
    for (int i = 0; i < job->attempts_used && cap < type->backoff_max_ms; i++)
        cap *= 2;
    if (cap > type->backoff_max_ms)
        cap = type->backoff_max_ms;
    int64_t wait = cap > 0 ? (int64_t)(random_next(s) % ((uint64_t)cap + 1)) : 0;
    return s->wall_ms + (wait > 0 ? wait : 1);
}

static enum event_kind kind_of_end(const struct claim *claim, const struct attempt_end *end)
{
    if (claim->is_stopping && claim->reason == KILL_CANCEL)
        return EVENT_CANCELLED;
    if (end->ok && !(claim->is_stopping && end->was_stopped))
        return EVENT_DONE;
    if (claim->is_stopping && (claim->reason == KILL_DRAIN || claim->reason == KILL_FENCED))
        return EVENT_RELEASED;
    return EVENT_FAILED;
}

static void measure(struct scheduler *s, const struct claim *claim, int64_t run_us)
{
    if (claim->type == TYPE_UNKNOWN)
        return;
    struct type_stat *stat = &s->stats[claim->type];
    if (run_us < RUN_US_MIN)
        run_us = RUN_US_MIN;
    stat->run_us = stat->run_us < 0 ? run_us : stat->run_us + (run_us - stat->run_us) / 8;
}

static void fill_end(struct scheduler *s, struct claim *claim, struct attempt_end *end)
{
    struct event *event = &claim->event;

    if (event->kind == EVENT_DONE) {
        event->body = end->result;
        end->result = NULL;
    } else if (event->kind == EVENT_FAILED) {
        event->error = end->error;
        end->error = (struct job_error){0};
        if (claim->is_stopping && claim->reason == KILL_TIMEOUT) {
            job_error_clear(&event->error);
            event->error = (struct job_error){.code = JOB_ERROR_TIMEOUT, .retryable = true,
                                              .message = strdup("the attempt took longer than its timeout_ms")};
        }
        event->error.attempt = claim->job->attempt;
        event->retry_at = retry_at(s, claim, &event->error);
    }
    if (event->kind != EVENT_RELEASED) {
        event->progress = end->progress;
        end->progress = (struct progress){.percent = -1};
    }
}

void scheduler_on_end(struct scheduler *s, const char *id, int epoch, struct attempt_end *end, int64_t wall_ms,
                      int64_t mono_ms)
{
    struct claim *claim = find_claim(s, id, epoch);

    s->wall_ms = wall_ms;
    s->mono_ms = mono_ms;
    if (claim && claim->state == CLAIM_FENCED) {
        claim_free(s, claim);
    } else if (claim && (claim->state == CLAIM_HELD || claim->state == CLAIM_BEGUN)) {
        if (!claim->is_stopping)
            measure(s, claim, end->run_us);
        claim_finish(s, claim, kind_of_end(claim, end));
        fill_end(s, claim, end);
    }
    body_unref(end->result);
    job_error_clear(&end->error);
    free(end->progress.message);
    *end = (struct attempt_end){.progress.percent = -1};
}

static char *copy_or_nothing(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* The claim gets back the event it had given out. Short of memory only words are lost. */
static void keep_for_later(struct scheduler *s, struct claim *claim, const struct event *event)
{
    event_init(&claim->event, event->kind, event->job, event->at);
    claim->event.epoch = event->epoch;
    claim->event.retry_at = event->retry_at;
    claim->event.body = event->body ? body_ref(event->body) : NULL;
    claim->event.error = event->error;
    claim->event.error.message = copy_or_nothing(event->error.message);
    claim->event.progress.percent = event->progress.percent;
    claim->event.progress.message = copy_or_nothing(event->progress.message);
    claim->todo = TODO_APPEND;
    claim->is_later = true;
    TAILQ_INSERT_TAIL(&s->later, claim, in_todo);
}

/* A result that no log takes will not be taken later either, nor will that of another attempt. */
static void give_up_result(struct claim *claim)
{
    struct event *event = &claim->event;

    body_unref(event->body);
    event->body = NULL;
    event->kind = EVENT_FAILED;
    event->error = (struct job_error){.code = JOB_ERROR_BAD_OUTPUT, .attempt = claim->job->attempt,
                                      .message = strdup("the result is larger than the log takes")};
}

void scheduler_on_refused(struct scheduler *s, const struct event *event, enum err err, int64_t mono_ms)
{
    uint32_t number = store_find(&s->store, event->job);
    struct entry *entry = number == ENTRY_NONE ? NULL : store_at(&s->store, number);
    struct claim *claim = entry ? entry->claim : NULL;

    s->mono_ms = mono_ms;
    if (mono_ms >= s->hold_until_ms) {       /* many refusals of one moment count as one */
        s->hold_until_ms = mono_ms + s->hold_ms;
        s->hold_ms = s->hold_ms * 2 > HOLD_MAX_MS ? HOLD_MAX_MS : s->hold_ms * 2;
    }
    if (!entry)
        return;
    if (event->kind == EVENT_CLAIMED) {
        if (claim && claim->state == CLAIM_SENT && claim->epoch == event->epoch) {
            claim_free(s, claim);
            entry->state = ENTRY_READY;
            entry_line_up(s, number, 0);
        }
    } else if (event->kind == EVENT_DUE || event->kind == EVENT_EXPIRED) {
        if (entry->state == ENTRY_TIMED || entry->state == ENTRY_READY)
            entry_set_timer(s, number, s->wall_ms + s->hold_until_ms - mono_ms);
    } else if (event->kind == EVENT_LOST) {
        if (entry->state == ENTRY_FOREIGN && entry->line == LINE_ASIDE)
            entry_step_aside(s, number, s->hold_until_ms);
    } else if (claim && claim->state == CLAIM_ENDING && claim->epoch == event->epoch && !claim->todo) {
        keep_for_later(s, claim, event);     /* whatever it was, it may be over in a while, but for one thing */
        if (err == ERR_TOO_LARGE && event->kind == EVENT_DONE)
            give_up_result(claim);
    }
}
