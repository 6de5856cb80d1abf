/* kafka_world.h: a log on a real Kafka without a view behind it: topics of its own for each test, and
 * a loop that takes, as the recorder does. KAFKA_BROKERS says where the broker is. */
#ifndef BUZZER_TESTS_KAFKA_WORLD_H
#define BUZZER_TESTS_KAFKA_WORLD_H

#include "tests/unit/log_world.h"

#include "jobs/eventlog_kafka.h"
#include "schema/clock.h"

#define PATIENCE_MS 30000

struct topics {
    char dir[64], prefix[64];
};

static inline const char *brokers(void)
{
    return getenv("KAFKA_BROKERS");
}

static inline int topics_set_up(void **state)
{
    struct topics *topics = calloc(1, sizeof *topics);
    char random[9];

    assert_non_null(topics);
    folder_make(topics->dir);
    id_random_hex(random, 4);
    snprintf(topics->prefix, sizeof topics->prefix, "test-%s", random);
    *state = topics;
    return 0;
}

static inline int topics_tear_down(void **state)
{
    struct topics *topics = *state;

    folder_remove(topics->dir);
    free(topics);
    return 0;
}

#define WITH_TOPICS(test) cmocka_unit_test_setup_teardown(test, topics_set_up, topics_tear_down)

static inline struct eventlog_kafka_config config_of(const struct topics *topics, const char *name)
{
    return (struct eventlog_kafka_config){
        .brokers = brokers(), .prefix = topics->prefix, .replicas = 1, .name = name, .dir = topics->dir, .log_id = ""};
}

/* A log and what was taken from it. */
struct taker {
    struct eventlog *log;
    struct append *batch;    /* "committed", and not done yet */
    unsigned n_taken, n_accepted;
    int64_t last_pos;
    uint64_t last_seal, hash;
    char log_id[LOG_ID_SIZE];
    struct body *body;       /* of the newest event that had one */
    struct blob blob;
    bool was_own;
};

static inline void taker_open(struct taker *taker, const struct eventlog_kafka_config *config)
{
    char message[256] = "";

    *taker = (struct taker){0};
    if (eventlog_kafka_open(config, &taker->log, message, sizeof message))
        fail_msg("%s", message);
}

static inline void taker_see(struct taker *taker, const struct append *append)
{
    const struct event *event = &append->event;
    struct text text = {0};

    assert_true(event->pos > taker->last_pos);
    taker->last_pos = event->pos;
    taker->last_seal = event->seal;
    assert_true(event->seal != 0);
    if (event->kind == EVENT_GENESIS && !taker->log_id[0])
        memcpy(taker->log_id, event->log_id, LOG_ID_SIZE);
    if (event->body) {
        body_unref(taker->body);
        taker->body = body_ref(event->body);
    }
    if (event->blob.at) {
        assert_null(event->body);
        taker->blob = event->blob;
    }
    event_encode(&text, event);
    text_printf(&text, "%s %lld %lld %016llx", event->job, (long long)event->at, (long long)event->pos,
                (unsigned long long)event->seal);
    for (size_t i = 0; i < text.len; i++)
        taker->hash = (taker->hash ^ (unsigned char)text.at[i]) * 0x100000001b3u;
    text_clear(&text);
    taker->n_taken++;
}

/* One take; everything in it is done at once. False: the log has ended. */
static inline bool taker_step(struct taker *taker, int wait_ms)
{
    struct append *batch;
    bool goes_on = eventlog_take(taker->log, wait_ms, &batch);

    for (struct append *at = batch; at; at = at->next)
        taker_see(taker, at);
    for (struct append *next; batch; batch = next) {
        next = batch->next;
        if (batch->done)
            batch->done(batch);
        else
            append_free(batch);
    }
    return goes_on;
}

static inline struct eventlog_state state_of(const struct taker *taker)
{
    struct eventlog_state state;

    eventlog_state(taker->log, &state);
    return state;
}

#define TAKE_UNTIL(taker, condition)                                                                         \
    do {                                                                                                     \
        int64_t until_ = clock_mono_ms() + PATIENCE_MS;                                                      \
        while (!(condition)) {                                                                               \
            assert_true(clock_mono_ms() < until_);                                                           \
            assert_true(taker_step(taker, 50));                                                              \
        }                                                                                                    \
    } while (0)

static inline void taker_catch_up(struct taker *taker)
{
    TAKE_UNTIL(taker, state_of(taker).is_caught_up);
}

static inline void taker_close(struct taker *taker)
{
    eventlog_stop(taker->log);
    while (taker_step(taker, 100))
        ;
    eventlog_close(taker->log);
    taker->log = NULL;
    body_unref(taker->body);
}

/* As a kill would: nothing is waited for. */
static inline void taker_drop(struct taker *taker)
{
    eventlog_stop(taker->log);
    while (taker_step(taker, 0) && state_of(taker).waiting)
        ;
    eventlog_close(taker->log);
    body_unref(taker->body);
}

/* ---- appends that say what came of them ---- */

struct outcome_of {
    unsigned n_done;
    enum err err;
};

static inline void on_done(struct append *append)
{
    struct outcome_of *outcome = append->owner;

    outcome->n_done++;
    outcome->err = append->err;
    append_free(append);
}

static inline struct append *append_of(unsigned number, struct outcome_of *outcome)
{
    struct append *append = calloc(1, sizeof *append);

    assert_non_null(append);
    append->event = event_of(EVENT_SUBMITTED, number, 0, T0);
    append->done = on_done;
    append->owner = outcome;
    return append;
}

static inline void tell(struct taker *taker, unsigned number)
{
    struct outcome_of outcome = {0};

    assert_int_equal(eventlog_append(taker->log, append_of(number, &outcome), false), ERR_OK);
    TAKE_UNTIL(taker, outcome.n_done);
    assert_int_equal(outcome.err, ERR_OK);
}

/* What a view that has taken all of it would say at the next start. */
static inline struct eventlog_kafka_config config_after(void **state, const char *name, const struct taker *taker)
{
    struct eventlog_kafka_config config = config_of(*state, name);

    config.log_id = taker->log_id;
    config.last_pos = taker->last_pos;
    config.last_seal = taker->last_seal;
    return config;
}

#define RUN_WITH_KAFKA(tests)                                                                                \
    (brokers() ? cmocka_run_group_tests(tests, NULL, NULL)                                                   \
               : (fprintf(stderr, "SKIPPED: no KAFKA_BROKERS, so nothing of the log on Kafka was tested\n"), 0))

#endif
