/* What the scheduler knows of each unfinished job, kept true by what the log tells. An entry stands
 * among the candidates, under a timer, or behind a claim of ours. */
#include <string.h>

#include "jobs/scheduler_priv.h"

static void leave_line(struct scheduler *s, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);

    if (entry->line == LINE_READY) {
        heap_remove(&s->stats[entry->type].ready, &s->store, number);
        s->n_ready--;
    } else if (entry->line == LINE_PAUSED) {
        heap_remove(&s->stats[entry->type].paused, &s->store, number);
    } else if (entry->line == LINE_ASIDE) {
        heap_remove(&s->asides, &s->store, number);
        if (entry->state == ENTRY_READY) {
            s->stats[entry->type].n_aside--;
            s->n_aside--;
        }
    }
    entry->line = LINE_NONE;
}

/* Where its order puts it. */
static void join_line(struct scheduler *s, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);
    struct type_stat *stat = &s->stats[entry->type];

    entry->line = entry->queue->is_paused ? LINE_PAUSED : LINE_READY;
    heap_push(entry->line == LINE_PAUSED ? &stat->paused : &stat->ready, &s->store, number, entry->order);
    s->n_ready += entry->line == LINE_READY;
}

bool entry_step_aside(struct scheduler *s, uint32_t number, int64_t mono_ms)
{
    struct entry *entry = store_at(&s->store, number);

    if (entry->state == ENTRY_READY && heap_reserve(&s->asides, s->asides.n + s->n_foreign + 1))
        return false;
    leave_line(s, number);
    entry->line = LINE_ASIDE;
    heap_push(&s->asides, &s->store, number, mono_ms);
    if (entry->state == ENTRY_READY) {
        s->stats[entry->type].n_aside++;
        s->n_aside++;
    }
    return true;
}

void entry_come_back(struct scheduler *s, uint32_t number)
{
    leave_line(s, number);
    store_at(&s->store, number)->is_ripe = true;
    join_line(s, number);
}

void entry_leave_heaps(struct scheduler *s, uint32_t number)
{
    heap_remove(&s->timers, &s->store, number);
    leave_line(s, number);
}

void entry_set_timer(struct scheduler *s, uint32_t number, int64_t wall_ms)
{
    heap_remove(&s->timers, &s->store, number);
    heap_push(&s->timers, &s->store, number, wall_ms);
}

/* It is in no heap and nobody's any more; what runs of it here is on its way out. */
static void let_go(struct scheduler *s, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);

    if (entry->claim && entry->claim->state == CLAIM_ENDING)
        claim_free(s, entry->claim);
    else if (entry->claim)
        claim_fence(s, entry->claim);
    entry_leave_heaps(s, number);
    member_let_go(s, number);
}

static void forget(struct scheduler *s, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);

    let_go(s, number);
    queue_drop(&s->queues, entry->queue);
    if (entry->type != TYPE_UNKNOWN)
        s->stats[entry->type].n_entries--;
    store_remove(&s->store, number);
}

/* Room in the heaps is made here, once: later moves between them cannot fail. */
static enum err remember(struct scheduler *s, const struct job *job, uint32_t *ret_number)
{
    const struct job_type *type = types_find(s->types, job->spec->type);
    struct queue *queue = queue_take(&s->queues, job->spec->queue);
    enum err err = queue ? heap_reserve(&s->timers, s->store.n_entries + 1) : ERR_NOMEM;

    if (!err && type)
        err = heap_reserve(&s->stats[type->number].ready, s->stats[type->number].n_entries + 1);
    if (!err && type && s->queues.n_paused)
        err = heap_reserve(&s->stats[type->number].paused, s->stats[type->number].n_entries + 1);
    if (!err)
        err = store_add(&s->store, job->spec->id, ret_number);
    if (err) {
        queue_drop(&s->queues, queue);
        return err;
    }
    struct entry *entry = store_at(&s->store, *ret_number);
    entry->queue = queue;
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
    if (entry->state == ENTRY_READY && entry->type != TYPE_UNKNOWN)
        join_line(s, number);
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
        member_let_go(s, number);
        claim = claim_new(s, number, job->epoch, mono_ms);
        if (!claim)
            return ERR_NOMEM;
        claim->is_stray = true;
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
    let_go(s, number);
    entry->epoch = job->epoch;
    entry->is_ripe = false;
    entry->order = ((int64_t)(PRIORITY_MAX - job->spec->priority) << 56) | job->ready_pos;
    entry->expires_at = expiry(job);
    entry->state = job->state == JOB_QUEUED ? ENTRY_READY : ENTRY_TIMED;
    entry_line_up(s, number, job->run_at);
}

/* Without a lease there is no other worker: whoever held it when we began is an earlier life. */
static enum err take_foreign(struct scheduler *s, uint32_t number, const struct job *job, bool is_seed)
{
    struct entry *entry = store_at(&s->store, number);

    if (entry->state == ENTRY_FOREIGN && entry->epoch == job->epoch)
        return ERR_OK;                           /* watched already; somebody wants it cancelled, say */
    if (entry->claim)
        claim_fence(s, entry->claim);
    entry_leave_heaps(s, number);
    member_let_go(s, number);
    entry->epoch = job->epoch;
    entry->state = ENTRY_PARKED;
    if (heap_reserve(&s->asides, s->asides.n + s->n_foreign + 1))
        return ERR_NOMEM;                        /* room is made here, so that calling it lost cannot fail */
    if (s->lease_ms)
        return member_hold(s, job->worker, number);
    if (!is_seed)
        return ERR_OK;
    entry->state = ENTRY_FOREIGN;
    entry->holder = NULL;
    entry_step_aside(s, number, s->mono_ms);
    return ERR_OK;
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
        err = take_foreign(s, number, job, is_seed);
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
