/* cluster_bench.h: the scheduler's bench with a lease: one of several workers. The others are what a
 * test says of them: heartbeats that come in, and claims that the log shows. */
#ifndef BUZZER_TESTS_CLUSTER_BENCH_H
#define BUZZER_TESTS_CLUSTER_BENCH_H

#include "tests/support/scheduler_bench.h"

#define HERE "here.0000000a-2"
#define LEASE 6000
#define BEAT (LEASE / 6)
#define HEARING (BEAT + LEASE / 15)       /* for so long a heartbeat of ours, come back, covers what others say */
#define FENCE (LEASE * 2 / 3)
#define CLUSTER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_cluster, tear_down)
#define DEAF_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_deaf, tear_down)

static inline void join_as(struct bench *b, const char *worker, int64_t lease_ms, int slots)
{
    struct scheduler_config config = {.types = b->types, .worker = worker, .slots = slots, .seed = 7, .lease_ms = lease_ms};

    scheduler_free(b->s);
    b->s = NULL;
    assert_int_equal(scheduler_new(&config, &b->s), ERR_OK);
    scheduler_seed_begin(b->s, 0);
    scheduler_seed_end(b->s);
    scheduler_tick(b->s, b->wall, b->mono);
}

static inline void beat_as(struct bench *b, struct peer peer)
{
    static const char *const all[] = {"one", "two", "few"};

    if (!peer.types) {
        peer.types = all;
        peer.n_types = 3;
    }
    peer.slots = peer.slots ? peer.slots : 2;
    scheduler_on_beat(b->s, &peer, b->mono, b->mono);
    hear(b);
}

static inline void beat(struct bench *b, const char *worker)
{
    beat_as(b, (struct peer){.name = worker});
}

/* Ours, sent at that time, comes back now. */
static inline void own_beat_of(struct bench *b, int64_t sent_ms)
{
    struct peer peer = {.name = HERE, .slots = b->s->slots};

    scheduler_on_beat(b->s, &peer, sent_ms, b->mono);
    hear(b);
}

static inline void own_beat(struct bench *b)
{
    own_beat_of(b, b->mono);
}

static inline void link_is(struct bench *b, bool is_up)
{
    scheduler_on_link(b->s, is_up, b->mono);
    hear(b);
}

/* Time passes in which we hear ourselves. */
static inline void live(struct bench *b, int64_t ms)
{
    while (ms > 0) {
        int64_t step = ms < BEAT ? ms : BEAT;

        pass(b, step);
        own_beat(b);
        ms -= step;
    }
}

/* Deaf as at the start; or with the first heartbeat come back. */
static inline int set_up_deaf(void **state)
{
    set_up(state);
    join_as(*state, HERE, LEASE, 2);
    return 0;
}

static inline int set_up_cluster(void **state)
{
    set_up_deaf(state);
    own_beat(*state);
    return 0;
}

/* Two run, one waits; our newest heartbeat was sent just now. */
static inline void run_two(struct bench *b)
{
    for (unsigned n = 1; n <= 3; n++)
        submit(b, n, (struct wish){0});
    settle(b);
    assert_int_equal(b->n_started, 2);
}

/* The log shows that somebody claimed it. */
static inline enum fold claim_by(struct bench *b, unsigned n, const char *worker)
{
    char id[ID_SIZE];
    struct event event;

    id_of(n, id);
    event_init(&event, EVENT_CLAIMED, id, b->wall);
    event.epoch = job_at(b, n)->epoch + 1;
    event.worker = strdup(worker);
    return tell(b, &event);
}

/* A job that runs elsewhere. */
static inline void submit_held(struct bench *b, unsigned n, const char *type, const char *worker)
{
    submit(b, n, (struct wish){.type = type});
    assert_int_equal(claim_by(b, n, worker), FOLD_CHANGED);
}

/* Its holder hands it back, or calls it lost. */
static inline enum fold tell_of_claim(struct bench *b, enum event_kind kind, unsigned n)
{
    char id[ID_SIZE];
    struct event event;

    id_of(n, id);
    event_init(&event, kind, id, b->wall);
    event.epoch = job_at(b, n)->epoch;
    return tell(b, &event);
}

static inline unsigned count_sent(const struct bench *b, enum event_kind kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < b->n_sent; i++)
        n += b->sent[i].kind == kind;
    return n;
}

static inline bool was_sent(const struct bench *b, enum event_kind kind, unsigned n)
{
    char id[ID_SIZE];

    id_of(n, id);
    for (unsigned i = 0; i < b->n_sent; i++)
        if (b->sent[i].kind == kind && strcmp(b->sent[i].job, id) == 0)
            return true;
    return false;
}

/* How long a job of the type, were it there, would be left to others. */
static inline int64_t wait_for(const struct bench *b, const char *type, unsigned n, bool needs_slot)
{
    const struct job_type *known = types_find(b->types, type);
    struct entry entry = {.type = known ? (uint16_t)known->number : TYPE_UNKNOWN};

    id_of(n, entry.id);
    return rank_wait(b->s, &entry, needs_slot);
}

/* One step of the rank, however long it is just now; somebody else must be there. */
static inline int64_t step_of(const struct bench *b)
{
    int64_t step = INT64_MAX;

    for (unsigned n = 0; n < 1000; n++) {
        int64_t wait = wait_for(b, "one", n, false);
        if (wait > 0 && wait < step)
            step = wait;
    }
    assert_true(step > 0 && step < INT64_MAX);
    return step;
}

/* The first job from n on for which that many others go before us. */
static inline unsigned job_of_rank(const struct bench *b, unsigned n, int64_t rank)
{
    int64_t step = step_of(b);

    for (unsigned last = n + 1000; n < last; n++)
        if (wait_for(b, "one", n, false) == rank * step)
            return n;
    fail_msg("no job of that rank");
    return 0;
}

#endif
