/* What to do next, one thing at a time. How many claims: a job that may be long is claimed only for
 * a free slot. A type measured as short is claimed ahead, as many as its slots finish while two
 * claims travel through the log, so that executors never wait for it. */
#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"

#define ASK_AGAIN_MS 10000       /* for what was appended and not heard of: asking twice harms nothing */

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
        claim->todo &= (uint8_t)~TODO_KILL;
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
    enum event_kind kind = EVENT_LOST;

    if (entry->state != ENTRY_FOREIGN)
        kind = entry->expires_at && entry->expires_at <= wall_ms ? EVENT_EXPIRED : EVENT_DUE;
    event_init(&action->event, kind, entry->id, wall_ms);
    if (kind == EVENT_LOST)
        action->event.epoch = entry->epoch;
    entry_set_timer(s, number, wall_ms + ASK_AGAIN_MS);
    return action->what = SCHEDULER_APPEND;
}

/* How many short jobs may be in hand for each free slot: what it runs while a claim makes its way
 * there and back, twice, so that there is always one on the way. */
static int ahead(const struct scheduler *s, int64_t run_us, int free_slots)
{
    int64_t n = s->round_trip_us * 2 / run_us * free_slots;
    return free_slots + (int)(n > SCHEDULER_AHEAD_MAX ? SCHEDULER_AHEAD_MAX : n);
}

static bool has_room(const struct scheduler *s, const struct type_stat *stat)
{
    int free_slots = s->slots - s->n_long;

    if (free_slots <= 0)
        return false;
    if (stat->run_us < 0 || stat->run_us >= SCHEDULER_SHORT_US)
        return true;
    return s->n_short < ahead(s, stat->run_us, free_slots);
}

/* The first candidate of all types that are not at their limit; none if there is no room for it: no
 * job behind it overtakes it. */
static struct type_stat *best_type(struct scheduler *s)
{
    struct type_stat *best = NULL;

    for (unsigned i = 0; i < s->n_types; i++) {
        struct type_stat *stat = &s->stats[i];
        int limit = types_at(s->types, i)->concurrency;
        if (stat->ready.n == 0 || (limit > 0 && stat->n_in_hand >= limit))
            continue;
        if (!best || stat->ready.at[0].key < best->ready.at[0].key)
            best = stat;
    }
    return best && has_room(s, best) ? best : NULL;
}

static enum scheduler_do next_claim(struct scheduler *s, int64_t wall_ms, int64_t mono_ms,
                                    struct scheduler_action *action)
{
    struct type_stat *stat = s->is_draining || s->n_ready == 0 ? NULL : best_type(s);

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
            what = next_claim(s, wall_ms, mono_ms, ret_action);
    }
    return what;
}
