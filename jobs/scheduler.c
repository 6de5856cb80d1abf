/* The scheduler's frame: making it, time passing, and going down. A job's way through it:
 *
 *   waiting ──claimed──> sent ──comes back as ours──> held ──> begun ──> ending ──its event comes back──> gone
 *
 * scheduler_known.c  what the log tells of each job: candidates, timers, claims that come back
 * scheduler_end.c    how attempts end, and what to tell the log of it
 * scheduler_next.c   what to do next: kill, append, start, then what is due, then new claims
 * scheduler_claim.c  one claim's life; scheduler_store.c, scheduler_heap.c: a million waiting jobs
 * scheduler_queues.c which queues are paused
 *
 * And where there are other workers:
 *
 * scheduler_members.c  who they are and what they hold
 * scheduler_watch.c    who is lost, and when we have to stop ourselves
 * scheduler_rank.c     who goes first */
#include "jobs/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"

#define TICK_MAX_MS 1000

enum err scheduler_new(const struct scheduler_config *config, struct scheduler **ret_scheduler)
{
    enum err err = ERR_NOMEM;
    struct scheduler *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_NOMEM;
    TAILQ_INIT(&s->all);
    TAILQ_INIT(&s->ending);
    TAILQ_INIT(&s->todo);
    TAILQ_INIT(&s->later);
    TAILQ_INIT(&s->spare);
    TAILQ_INIT(&s->live);
    TAILQ_INIT(&s->gone);
    s->types = config->types;
    s->slots = config->slots;
    s->random = config->seed | 1;
    s->timers.kind = HEAP_TIMER;
    s->asides.kind = HEAP_LINE;
    s->lease_ms = config->lease_ms;
    s->is_up = true;
    s->is_heard = s->lease_ms == 0;
    s->is_fenced = !s->is_heard;
    s->last_own_ms = s->deaf_since_ms = INT64_MIN / 2;
    s->name_hash = rank_hash(config->worker);
    s->round_trip_us = 2000;
    s->hold_ms = HOLD_MIN_MS;
    s->n_types = types_count(config->types);
    s->stats = calloc(s->n_types ? s->n_types : 1, sizeof *s->stats);
    s->worker = strdup(config->worker);
    if (!s->stats || !s->worker)
        goto out;
    for (unsigned i = 0; i < s->n_types; i++)
        s->stats[i] = (struct type_stat){.ready.kind = HEAP_LINE, .paused.kind = HEAP_LINE, .run_us = -1};
    err = store_init(&s->store);
    if (err)
        goto out;
    *ret_scheduler = s;
    s = NULL;
out:
    scheduler_free(s);
    return err;
}

void scheduler_free(struct scheduler *s)
{
    struct claim *claim, *next;

    if (!s)
        return;
    while ((claim = TAILQ_FIRST(&s->all)) || (claim = TAILQ_FIRST(&s->ending)))
        claim_free(s, claim);
    for (claim = TAILQ_FIRST(&s->spare); claim; claim = next) {
        next = TAILQ_NEXT(claim, in_all);
        free(claim);
    }
    for (unsigned i = 0; s->stats && i < s->n_types; i++) {
        heap_clear(&s->stats[i].ready);
        heap_clear(&s->stats[i].paused);
    }
    heap_clear(&s->timers);
    heap_clear(&s->asides);
    queues_clear(&s->queues);
    members_clear(s);
    store_clear(&s->store);
    free(s->stats);
    free(s->worker);
    free(s);
}

void scheduler_tick(struct scheduler *s, int64_t wall_ms, int64_t mono_ms)
{
    struct claim *claim;

    s->wall_ms = wall_ms;
    s->mono_ms = mono_ms;
    watch(s, mono_ms);
    TAILQ_FOREACH(claim, &s->all, in_all) {
        if (claim->state != CLAIM_BEGUN)
            continue;
        if (mono_ms - claim->begun_ms >= claim->job->spec->timeout_ms)
            claim_stop(s, claim, KILL_TIMEOUT);
        if (mono_ms - claim->begun_ms >= SCHEDULER_LONG_MS)
            claim_make_long(s, claim);
    }
}

void scheduler_drain(struct scheduler *s)
{
    struct claim *claim, *next;

    s->is_draining = true;
    for (claim = TAILQ_FIRST(&s->all); claim; claim = next) {
        next = TAILQ_NEXT(claim, in_all);
        if (claim->todo & TODO_START)
            claim_stop(s, claim, KILL_DRAIN);
    }
}

void scheduler_abandon(struct scheduler *s)
{
    struct claim *claim, *next;

    scheduler_drain(s);
    for (claim = TAILQ_FIRST(&s->all); claim; claim = next) {
        next = TAILQ_NEXT(claim, in_all);
        claim_stop(s, claim, KILL_DRAIN);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t scheduler_next_tick(const struct scheduler *s, int64_t wall_ms, int64_t mono_ms)
{
    int64_t in = sooner(TICK_MAX_MS, watch_next(s, mono_ms));
    const struct claim *claim;

    if (mono_ms < s->hold_until_ms)
        in = sooner(in, s->hold_until_ms - mono_ms);
    else if (s->timers.n > 0)
        in = sooner(in, s->timers.at[0].key - wall_ms);
    if (mono_ms >= s->hold_until_ms && s->asides.n > 0)
        in = sooner(in, s->asides.at[0].key - mono_ms);
    TAILQ_FOREACH(claim, &s->all, in_all) {
        if (claim->state != CLAIM_BEGUN)
            continue;
        if (!claim->is_stopping)
            in = sooner(in, claim->begun_ms + claim->job->spec->timeout_ms - mono_ms);
        if (!claim->is_long)
            in = sooner(in, claim->begun_ms + SCHEDULER_LONG_MS - mono_ms);
    }
    return in > 0 ? in : 0;
}

unsigned scheduler_in_hand(const struct scheduler *s)
{
    return (unsigned)(s->n_long + s->n_short);
}

bool scheduler_is_settled(const struct scheduler *s)
{
    return TAILQ_EMPTY(&s->all) && TAILQ_EMPTY(&s->ending);
}

unsigned scheduler_waiting(const struct scheduler *s)
{
    return s->n_ready + s->n_aside;
}

int64_t scheduler_run_us(const struct scheduler *s, unsigned type)
{
    return type < s->n_types ? s->stats[type].run_us : -1;
}
