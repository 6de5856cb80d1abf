/* What to do next, one thing at a time. How many claims: a job that may be long is claimed only for
 * a free slot. A type measured as short is claimed ahead, as many as its slots finish while two
 * claims travel through the log, so that executors never wait for it. */
#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"

static enum scheduler_do next_todo(struct scheduler *s, struct scheduler_action *action)
{
    struct claim *claim = TAILQ_FIRST(&s->todo);

    if (!claim)
        return SCHEDULER_NOTHING;
    action->epoch = claim->epoch;
    memcpy(action->id, claim->id, ID_SIZE);
    if (claim->todo & TODO_KILL) {
        action->what = SCHEDULER_KILL;
        action->reason = claim->reason;
        claim->todo &= (uint8_t)~(TODO_KILL | TODO_TAKE_BACK);
    } else if (claim->todo & TODO_TAKE_BACK) {
        action->what = SCHEDULER_KILL;
        action->reason = KILL_AHEAD;
        claim->todo &= (uint8_t)~TODO_TAKE_BACK;
    } else if (claim->todo & TODO_START) {
        action->what = SCHEDULER_START;
        action->job = job_ref(claim->job);
        claim->todo &= (uint8_t)~TODO_START;
    } else {
        action->what = SCHEDULER_APPEND;
        action->event = claim->event;
        claim->event = (struct event){.progress.percent = -1};
        claim->todo &= (uint8_t)~TODO_APPEND;
    }
    if (!claim->todo)
        TAILQ_REMOVE(&s->todo, claim, in_todo);
    return action->what;
}

static enum scheduler_do next_due(struct scheduler *s, int64_t wall_ms, struct scheduler_action *action)
{
    if (s->timers.n == 0 || s->timers.at[0].key > wall_ms)
        return SCHEDULER_NOTHING;
    uint32_t number = s->timers.at[0].entry;
    struct entry *entry = store_at(&s->store, number);
    enum event_kind kind = entry->expires_at && entry->expires_at <= wall_ms ? EVENT_EXPIRED : EVENT_DUE;

    event_init(&action->event, kind, entry->id, wall_ms);
    entry_set_timer(s, number, wall_ms + ASK_AGAIN_MS);
    return action->what = SCHEDULER_APPEND;
}

/* Those who stood aside for long enough: candidates come back, and what is still held is lost. */
static enum scheduler_do next_aside(struct scheduler *s, int64_t wall_ms, int64_t mono_ms,
                                    struct scheduler_action *action)
{
    while (s->asides.n > 0 && s->asides.at[0].key <= mono_ms) {
        uint32_t number = s->asides.at[0].entry;
        struct entry *entry = store_at(&s->store, number);

        if (entry->state != ENTRY_FOREIGN) {
            entry_come_back(s, number);
            continue;
        }
        event_init(&action->event, EVENT_LOST, entry->id, wall_ms);
        action->event.epoch = entry->epoch;
        entry_step_aside(s, number, mono_ms + ASK_AGAIN_MS);
        return action->what = SCHEDULER_APPEND;
    }
    return SCHEDULER_NOTHING;
}

/* How many short jobs may be in hand for each free slot: what it runs while a claim makes its way
 * there and back, twice, so that there is always one on the way. */
static int ahead(const struct scheduler *s, int64_t run_us, int free_slots)
{
    int64_t n = s->round_trip_us * 2 / run_us * free_slots;
    return free_slots + (int)(n > SCHEDULER_AHEAD_MAX ? SCHEDULER_AHEAD_MAX : n);
}

static bool may_be_long(const struct type_stat *stat)
{
    return stat->run_us < 0 || stat->run_us >= SCHEDULER_SHORT_US;
}

static bool has_room(const struct scheduler *s, const struct type_stat *stat)
{
    int free_slots = s->slots - s->n_long;

    if (free_slots <= 0)
        return false;
    if (may_be_long(stat))
        return true;
    return s->n_short < ahead(s, stat->run_us, free_slots);
}

/* A limit is over all workers, so what the log shows of others counts, and what was left to others just
 * now as well. Best effort: two that claim at the same moment see nothing of each other yet. */
static bool is_at_limit(const struct scheduler *s, unsigned type)
{
    const struct type_stat *stat = &s->stats[type];
    int limit = types_at(s->types, type)->concurrency;

    return limit > 0 && stat->n_in_hand + stat->n_foreign + stat->n_aside >= limit;
}

/* The first candidate of all types that are not at their limit; none if there is no room for it: no
 * job behind it overtakes it. */
static struct type_stat *best_type(struct scheduler *s)
{
    struct type_stat *best = NULL;

    for (unsigned i = 0; i < s->n_types; i++) {
        struct type_stat *stat = &s->stats[i];
        if (stat->ready.n == 0 || is_at_limit(s, i))
            continue;
        if (!best || stat->ready.at[0].key < best->ready.at[0].key)
            best = stat;
    }
    return best && has_room(s, best) ? best : NULL;
}

/* The best candidate that is ours to claim; those that others go first for step aside. */
static struct type_stat *own_type(struct scheduler *s, int64_t mono_ms)
{
    struct type_stat *stat;

    while ((stat = best_type(s))) {
        uint32_t number = stat->ready.at[0].entry;
        struct entry *entry = store_at(&s->store, number);
        int64_t wait = entry->is_ripe ? 0 : rank_wait(s, entry, may_be_long(stat));

        if (!wait || !entry_step_aside(s, number, mono_ms + wait))
            break;
    }
    return stat;
}

static enum scheduler_do next_claim(struct scheduler *s, int64_t wall_ms, int64_t mono_ms,
                                    struct scheduler_action *action)
{
    bool may_claim = !s->is_draining && s->is_heard && s->is_up && s->n_ready > 0;
    struct type_stat *stat = may_claim ? own_type(s, mono_ms) : NULL;

    if (!stat)
        return SCHEDULER_NOTHING;
    uint32_t number = stat->ready.at[0].entry;
    struct entry *entry = store_at(&s->store, number);
    char *worker = strdup(s->worker);
    struct claim *claim = worker ? claim_new(s, number, entry->epoch + 1, mono_ms) : NULL;

    if (!claim) {
        free(worker);
        s->hold_until_ms = mono_ms + HOLD_MAX_MS;     /* no memory: perhaps in a second */
        return SCHEDULER_NOTHING;
    }
    entry_leave_heaps(s, number);
    event_init(&action->event, EVENT_CLAIMED, entry->id, wall_ms);
    action->event.epoch = claim->epoch;
    action->event.worker = worker;
    return action->what = SCHEDULER_APPEND;
}

enum scheduler_do scheduler_next(struct scheduler *s, int64_t wall_ms, int64_t mono_ms,
                                 struct scheduler_action *ret_action)
{
    enum scheduler_do what;

    *ret_action = (struct scheduler_action){.event.progress.percent = -1};
    s->wall_ms = wall_ms;
    s->mono_ms = mono_ms;
    watch(s, mono_ms);
    if (mono_ms >= s->hold_until_ms && !TAILQ_EMPTY(&s->later)) {
        struct claim *claim;
        TAILQ_FOREACH(claim, &s->later, in_todo)
            claim->is_later = false;
        TAILQ_CONCAT(&s->todo, &s->later, in_todo);
    }
    what = next_todo(s, ret_action);
    if (what == SCHEDULER_NOTHING && mono_ms >= s->hold_until_ms) {
        what = next_due(s, wall_ms, ret_action);
        if (what == SCHEDULER_NOTHING)
            what = next_aside(s, wall_ms, mono_ms, ret_action);
        if (what == SCHEDULER_NOTHING)
            what = next_claim(s, wall_ms, mono_ms, ret_action);
    }
    return what;
}
