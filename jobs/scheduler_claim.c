/* A claim's life: sent -> held -> begun -> ending, and the counts that go with it. All memory a
 * claim needs until its end is recorded is taken when it is made: a result is never lost for want
 * of a few bytes. */
#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"

#define SPARE_MAX 1024u

static bool is_in_hand(const struct claim *claim)
{
    return claim->state == CLAIM_SENT || claim->state == CLAIM_HELD || claim->state == CLAIM_BEGUN;
}

static void count(struct scheduler *s, const struct claim *claim, int by)
{
    if (claim->is_long)
        s->n_long += by;
    else
        s->n_short += by;
    if (claim->type != TYPE_UNKNOWN)
        s->stats[claim->type].n_in_hand += by;
}

/* Moves a claim that was counted into a state that is not. */
static void leave_hand(struct scheduler *s, struct claim *claim, enum claim_state state)
{
    if (is_in_hand(claim))
        count(s, claim, -1);
    if (state == CLAIM_ENDING && claim->state != CLAIM_ENDING) {
        TAILQ_REMOVE(&s->all, claim, in_all);
        TAILQ_INSERT_TAIL(&s->ending, claim, in_all);
    }
    claim->state = (uint8_t)state;
}

struct claim *claim_new(struct scheduler *s, uint32_t entry, int epoch, int64_t mono_ms)
{
    struct claim *claim = TAILQ_FIRST(&s->spare);
    if (claim) {
        TAILQ_REMOVE(&s->spare, claim, in_all);
        s->n_spare--;
    } else {
        claim = malloc(sizeof *claim);
        if (!claim)
            return NULL;
    }
    struct entry *e = store_at(&s->store, entry);

    *claim = (struct claim){.epoch = epoch, .entry = entry, .type = e->type, .state = CLAIM_SENT, .sent_ms = mono_ms};
    memcpy(claim->id, e->id, ID_SIZE);
    int64_t run_us = e->type == TYPE_UNKNOWN ? -1 : scheduler_run_us(s, e->type);
    claim->is_long = run_us < 0 || run_us >= SCHEDULER_SHORT_US;
    e->claim = claim;
    e->state = ENTRY_CLAIMED;
    TAILQ_INSERT_TAIL(&s->all, claim, in_all);
    count(s, claim, 1);
    return claim;
}

static void drop_todo(struct scheduler *s, struct claim *claim)
{
    if (claim->todo)
        TAILQ_REMOVE(claim->is_later ? &s->later : &s->todo, claim, in_todo);
    if (claim->todo & TODO_APPEND)
        event_clear(&claim->event);
    claim->todo = 0;
    claim->is_later = false;
}

static void leave_log(struct scheduler *s, struct claim *claim)
{
    if (claim->is_in_log && claim->type != TYPE_UNKNOWN)
        s->stats[claim->type].n_held--;
    claim->is_in_log = false;
}

void claim_free(struct scheduler *s, struct claim *claim)
{
    if (!claim)
        return;
    leave_log(s, claim);
    leave_hand(s, claim, claim->state == CLAIM_ENDING ? CLAIM_ENDING : CLAIM_FENCED);
    drop_todo(s, claim);
    if (claim->entry != ENTRY_NONE)
        store_at(&s->store, claim->entry)->claim = NULL;
    TAILQ_REMOVE(claim->state == CLAIM_ENDING ? &s->ending : &s->all, claim, in_all);
    job_unref(claim->job);
    if (s->n_spare >= SPARE_MAX) {
        free(claim);
        return;
    }
    TAILQ_INSERT_HEAD(&s->spare, claim, in_all);
    s->n_spare++;
}

static void add_todo(struct scheduler *s, struct claim *claim, unsigned what)
{
    if (!claim->todo)
        TAILQ_INSERT_TAIL(&s->todo, claim, in_todo);
    claim->todo |= (uint8_t)what;
}

/* Workers that each took one more of a type than there may be see it here, each in the same order of
 * the log: the one that came last gives it back. What is still lost on its way counts for neither, so
 * this is nearly exact, not a promise. */
static bool is_over_limit(const struct scheduler *s, const struct claim *claim)
{
    if (claim->type == TYPE_UNKNOWN)
        return false;
    const struct type_stat *stat = &s->stats[claim->type];
    int limit = types_at(s->types, claim->type)->concurrency;
    return limit > 0 && stat->n_foreign > 0 && stat->n_foreign + stat->n_held >= limit;
}

/* An append that was told to have failed may be in the log for all that. Then other work has come in its
 * place by now. */
static bool is_full(const struct scheduler *s, const struct claim *claim)
{
    int limit = claim->type == TYPE_UNKNOWN ? 0 : types_at(s->types, claim->type)->concurrency;
    return (claim->is_long && s->n_long > s->slots) || (limit > 0 && s->stats[claim->type].n_in_hand > limit);
}

void claim_accept(struct scheduler *s, struct claim *claim, struct job *job, int64_t mono_ms)
{
    int64_t took_us = (mono_ms - claim->sent_ms) * 1000;

    if (took_us < 1000)
        took_us = 1000;
    s->round_trip_us += (took_us - s->round_trip_us) / 8;
    claim->state = CLAIM_HELD;
    claim->job = job_ref(job);
    bool is_unwanted = claim->is_unwanted || s->is_draining || !s->is_heard || is_over_limit(s, claim) || (claim->is_stray && is_full(s, claim));
    claim->is_in_log = true;
    if (claim->type != TYPE_UNKNOWN)
        s->stats[claim->type].n_held++;
    if (is_unwanted)
        claim_finish(s, claim, EVENT_RELEASED);
    else
        add_todo(s, claim, TODO_START);
}

void claim_begin(struct scheduler *s, struct claim *claim, int64_t mono_ms)
{
    (void)s;
    if (claim->state != CLAIM_HELD)
        return;
    claim->state = CLAIM_BEGUN;
    claim->begun_ms = mono_ms;
}

static void take_slot(struct scheduler *s, struct claim *claim)
{
    count(s, claim, -1);
    claim->is_long = true;
    count(s, claim, 1);
}

/* What an executor may have by now is asked back of it first: it has begun, or it never will. */
void claim_give_back(struct scheduler *s, struct claim *claim)
{
    if (claim->is_long || claim->is_stopping)
        return;
    if (claim->state == CLAIM_SENT)
        claim->is_unwanted = true;
    else if (claim->todo & TODO_START)
        claim_finish(s, claim, EVENT_RELEASED);
    else if (claim->state == CLAIM_HELD)
        add_todo(s, claim, TODO_TAKE_BACK);
}

/* Those of its type were taken for short as well. What runs has its slot; of the others as many as there
 * are free ones keep theirs, and the rest is for whoever has room, by its priority. */
void claim_make_long(struct scheduler *s, struct claim *claim)
{
    struct claim *other, *next;

    if (claim->is_long)
        return;
    struct type_stat *stat = &s->stats[claim->type];
    int64_t run_us = (s->mono_ms - claim->begun_ms) * 1000;
    if (stat->run_us < run_us)
        stat->run_us = run_us;
    TAILQ_FOREACH(other, &s->all, in_all)
        if (other->type == claim->type && other->state == CLAIM_BEGUN && !other->is_long)
            take_slot(s, other);
    for (other = TAILQ_FIRST(&s->all); other; other = next) {
        next = TAILQ_NEXT(other, in_all);
        if (other->type != claim->type || !is_in_hand(other) || other->is_long)
            continue;
        if (s->n_long < s->slots)
            take_slot(s, other);
        else
            claim_give_back(s, other);
    }
}

/* One that is being stopped already may have a long grace; a fence cannot wait for its end. */
void claim_stop(struct scheduler *s, struct claim *claim, enum kill_reason reason)
{
    bool is_worse = reason == KILL_FENCED && claim->reason != KILL_FENCED;

    if ((claim->is_stopping && !is_worse) || (claim->state != CLAIM_HELD && claim->state != CLAIM_BEGUN))
        return;
    if (claim->todo & TODO_START) {    /* nobody but us knows of it yet */
        drop_todo(s, claim);
        claim_finish(s, claim, reason == KILL_CANCEL ? EVENT_CANCELLED : EVENT_RELEASED);
        return;
    }
    claim->is_stopping = true;
    claim->reason = reason;
    add_todo(s, claim, TODO_KILL);
}

void claim_finish(struct scheduler *s, struct claim *claim, enum event_kind kind)
{
    drop_todo(s, claim);
    leave_hand(s, claim, CLAIM_ENDING);
    event_init(&claim->event, kind, claim->id, s->wall_ms);
    claim->event.epoch = claim->epoch;
    add_todo(s, claim, TODO_APPEND);
}

void claim_fence(struct scheduler *s, struct claim *claim)
{
    bool was_given_out = (claim->state == CLAIM_HELD || claim->state == CLAIM_BEGUN) && !(claim->todo & TODO_START);

    if (!was_given_out) {
        claim_free(s, claim);
        return;
    }
    drop_todo(s, claim);
    leave_log(s, claim);
    leave_hand(s, claim, CLAIM_FENCED);
    store_at(&s->store, claim->entry)->claim = NULL;
    claim->entry = ENTRY_NONE;
    claim->is_stopping = true;
    claim->reason = KILL_FENCED;
    add_todo(s, claim, TODO_KILL);
}
