/* What the scheduler knows of each unfinished job, kept true by what the log tells. An entry stands
 * among the candidates, under a timer, or behind a claim of ours. */
#include <string.h>

#include "jobs/scheduler_priv.h"

static struct heap *ready_of(struct scheduler *s, const struct entry *entry)
{
    return entry->type == TYPE_UNKNOWN ? NULL : &s->stats[entry->type].ready;
}

void entry_leave_heaps(struct scheduler *s, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);

    heap_remove(&s->timers, &s->store, number);
    if (entry->place[HEAP_READY] != ENTRY_NONE) {
        heap_remove(ready_of(s, entry), &s->store, number);
        s->n_ready--;
    }
}

void entry_set_timer(struct scheduler *s, uint32_t number, int64_t wall_ms)
{
    heap_remove(&s->timers, &s->store, number);
    heap_push(&s->timers, &s->store, number, wall_ms);
}

static void forget(struct scheduler *s, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);

    if (entry->claim && entry->claim->state == CLAIM_ENDING)
        claim_free(s, entry->claim);
    else if (entry->claim)
        claim_fence(s, entry->claim);
    entry_leave_heaps(s, number);
    if (entry->type != TYPE_UNKNOWN)
        s->stats[entry->type].n_entries--;
    store_remove(&s->store, number);
}

/* Room in the heaps is made here, once: later moves between them cannot fail. */
static enum err remember(struct scheduler *s, const struct job *job, uint32_t *ret_number)
{
    const struct job_type *type = types_find(s->types, job->spec->type);
    enum err err = heap_reserve(&s->timers, s->store.n_entries + 1);

    if (!err && type)
        err = heap_reserve(&s->stats[type->number].ready, s->stats[type->number].n_entries + 1);
    if (!err)
        err = store_add(&s->store, job->spec->id, ret_number);
    if (err)
        return err;
    struct entry *entry = store_at(&s->store, *ret_number);
    entry->type = type ? (uint16_t)type->number : TYPE_UNKNOWN;
    if (type)
        s->stats[type->number].n_entries++;
    return ERR_OK;
}

/* Puts a waiting entry where it belongs: among the candidates, under a timer, or both. */
void entry_line_up(struct scheduler *s, uint32_t number, int64_t due_at)
{
    struct entry *entry = store_at(&s->store, number);
    int64_t timer = entry->expires_at;

    entry_leave_heaps(s, number);
    if (entry->state == ENTRY_READY && ready_of(s, entry)) {
        heap_push(ready_of(s, entry), &s->store, number, entry->order);
        s->n_ready++;
    }
    if (entry->state == ENTRY_TIMED && (!timer || due_at < timer))
        timer = due_at ? due_at : 1;
    if (timer)
        entry_set_timer(s, number, timer);
}

/* 0: never. The fold sets it aside once a job was started, or was retried on request. */
static int64_t expiry(const struct job *job)
{
    bool was_retried = job->max_attempts != job->spec->max_attempts;
    return job->n_attempts || was_retried ? 0 : job->spec->expires_at;
}

static bool is_ours(const struct scheduler *s, const struct job *job)
{
    return job->worker && strcmp(job->worker, s->worker) == 0;
}

/* A job that the log shows as running and ours: the claim that it answers, or one whose making we
 * have forgotten because the job changed in between. */
static enum err take_own(struct scheduler *s, uint32_t number, struct job *job, int64_t mono_ms)
{
    struct entry *entry = store_at(&s->store, number);
    struct claim *claim = entry->claim;

    if (claim && claim->epoch != job->epoch) {
        claim_fence(s, claim);
        claim = NULL;
    }
    if (!claim) {
        entry_leave_heaps(s, number);
        claim = claim_new(s, number, job->epoch, mono_ms);
        if (!claim)
            return ERR_NOMEM;
    }
    entry->epoch = job->epoch;
    if (claim->state == CLAIM_SENT) {
        s->hold_ms = HOLD_MIN_MS;
        claim_accept(s, claim, job, mono_ms);
    }
    if (job->cancel_requested)
        claim_stop(s, claim, KILL_CANCEL);
    return ERR_OK;
}

static void take_waiting(struct scheduler *s, uint32_t number, const struct job *job)
{
    struct entry *entry = store_at(&s->store, number);

    if (entry->claim && entry->claim->state == CLAIM_SENT && entry->claim->epoch == job->epoch + 1)
        return;          /* our claim comes behind this in the log, and will be accepted */
    if (entry->claim && entry->claim->state == CLAIM_ENDING)
        claim_free(s, entry->claim);
    else if (entry->claim)
        claim_fence(s, entry->claim);
    entry->epoch = job->epoch;
    entry->order = ((int64_t)(PRIORITY_MAX - job->spec->priority) << 56) | job->ready_pos;
    entry->expires_at = expiry(job);
    entry->state = job->state == JOB_QUEUED ? ENTRY_READY : ENTRY_TIMED;
    entry_line_up(s, number, job->run_at);
}

static void take_foreign(struct scheduler *s, uint32_t number, const struct job *job, bool is_seed)
{
    struct entry *entry = store_at(&s->store, number);

    if (entry->state == ENTRY_FOREIGN && entry->epoch == job->epoch)
        return;                                  /* declared lost already; somebody wants it cancelled, say */
    if (entry->claim)
        claim_fence(s, entry->claim);
    entry_leave_heaps(s, number);
    entry->epoch = job->epoch;
    entry->state = is_seed ? ENTRY_FOREIGN : ENTRY_PARKED;
    if (is_seed)
        entry_set_timer(s, number, s->wall_ms);
}

static enum err take_in(struct scheduler *s, struct job *job, int64_t mono_ms, bool is_seed)
{
    uint32_t number = store_find(&s->store, job->spec->id);
    enum err err = ERR_OK;

    if (number != ENTRY_NONE) {
        store_at(&s->store, number)->generation = s->generation;
        if (job->pos <= store_at(&s->store, number)->pos)
            return ERR_OK;
    }
    if (job_state_is_final(job->state)) {
        if (number != ENTRY_NONE)
            forget(s, number);
        return ERR_OK;
    }
    if (number == ENTRY_NONE)
        err = remember(s, job, &number);
    if (err)
        return err;
    store_at(&s->store, number)->generation = s->generation;
    if (job->state != JOB_RUNNING)
        take_waiting(s, number, job);
    else if (is_ours(s, job))
        err = take_own(s, number, job, mono_ms);
    else
        take_foreign(s, number, job, is_seed);
    if (!err)
        store_at(&s->store, number)->pos = job->pos;
    return err;
}

void scheduler_seed_begin(struct scheduler *s, int64_t upto)
{
    s->generation++;
    s->skip_upto = upto;
}

enum err scheduler_seed(struct scheduler *s, struct job *job, int64_t wall_ms)
{
    s->wall_ms = wall_ms;
    return take_in(s, job, s->mono_ms, true);
}

void scheduler_seed_end(struct scheduler *s)
{
    for (uint32_t number = 0; number < s->store.n_used; number++) {
        struct entry *entry = store_at(&s->store, number);
        if (entry->id[0] && entry->generation != s->generation)
            forget(s, number);
    }
}

enum err scheduler_on_change(struct scheduler *s, const struct change *change, int64_t wall_ms, int64_t mono_ms)
{
    s->wall_ms = wall_ms;
    s->mono_ms = mono_ms;
    if (change->kind == CHANGE_PROGRESS || change->pos <= s->skip_upto)
        return ERR_OK;
    if (change->kind == CHANGE_REMOVED) {
        uint32_t number = store_find(&s->store, change->job->spec->id);
        if (number != ENTRY_NONE)
            forget(s, number);
        return ERR_OK;
    }
    return take_in(s, change->job, mono_ms, false);
}
