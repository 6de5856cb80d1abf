// needs: jobs
/* What goes beside the log of many machines: large bodies, which are there again for who asks, and
 * heartbeats, which may be lost. */
#include <semaphore.h>

#include "tests/conformance/kafka_admin.h"

/* ---- large bodies ---- */

struct fetched {
    sem_t done;
    enum err err;
    struct body *body;
};

static void on_fetched(void *arg, enum err err, struct body *body)
{
    struct fetched *fetched = arg;

    fetched->err = err;
    fetched->body = body;
    sem_post(&fetched->done);
}

static enum err fetch(struct taker *taker, const struct blob *blob, struct body **ret_body)
{
    struct fetched fetched = {0};

    sem_init(&fetched.done, 0, 0);
    assert_int_equal(eventlog_fetch(taker->log, blob, on_fetched, &fetched), ERR_OK);
    while (sem_wait(&fetched.done))
        ;
    sem_destroy(&fetched.done);
    *ret_body = fetched.body;
    return fetched.err;
}

static void a_large_body_goes_apart_and_comes_back(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1"), other = config_of(*state, "host.two-1");
    static const size_t lens[] = {65536, 65537, 5000000, 20000000};
    struct outcome_of outcome = {0};
    struct taker taker, reader;

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    for (unsigned i = 0; i < 4; i++) {
        struct append *append = append_of(i, &outcome);
        struct body *body = body_new("application/octet-stream", NULL, lens[i]), *back = NULL;
        struct blob blob;
        assert_non_null(body);
        for (size_t at = 0; at < lens[i]; at++)
            body->bytes[at] = (char)(at * 2654435761u >> 13);
        body_unref(append->event.body);
        append->event.body = body_ref(body);
        taker.blob = (struct blob){0};
        assert_int_equal(eventlog_append(taker.log, append, i % 2), ERR_OK);
        TAKE_UNTIL(&taker, outcome.n_done == i + 1);
        assert_int_equal(outcome.err, ERR_OK);
        assert_int_equal(taker.blob.at != 0, lens[i] > 65536);
        blob = taker.blob;
        if (blob.at) {
            assert_int_equal(blob.len, lens[i]);
            assert_int_equal(fetch(&taker, &blob, &back), ERR_OK);
            assert_int_equal(back->len, lens[i]);
            assert_string_equal(back->media_type, "application/octet-stream");
            assert_memory_equal(back->bytes, body->bytes, lens[i]);
            body_unref(back);
            blob.len++;
            assert_int_equal(fetch(&taker, &blob, &back), ERR_CORRUPT);
        }
        body_unref(body);
    }
    taker_open(&reader, &other); /* another node sees the same */
    taker_catch_up(&reader);
    assert_true(reader.blob.at == taker.blob.at && reader.blob.len == taker.blob.len);
    TAKE_UNTIL(&taker, taker.last_pos >= reader.last_pos);
    taker_close(&reader);
    taker_close(&taker);
}

static void bodies_asked_for_one_after_the_other_come_each(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct outcome_of outcome = {0};
    struct append *append = append_of(1, &outcome);
    struct taker taker;

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    body_unref(append->event.body);
    append->event.body = body_new("application/octet-stream", NULL, 200000);
    assert_non_null(append->event.body);
    memset(append->event.body->bytes, 'x', 200000);
    assert_int_equal(eventlog_append(taker.log, append, false), ERR_OK);
    TAKE_UNTIL(&taker, outcome.n_done);
    for (unsigned i = 0; i < 40; i++) {
        struct body *body = NULL;
        assert_int_equal(fetch(&taker, &taker.blob, &body), ERR_OK);
        assert_int_equal(body->len, 200000);
        body_unref(body);
    }
    taker_close(&taker);
}

static void a_body_that_no_broker_takes_is_refused(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct outcome_of outcome = {0};
    struct append *append = append_of(1, &outcome);
    struct taker taker;

    taker_open(&taker, &config);
    body_unref(append->event.body);
    append->event.body = body_new("application/octet-stream", NULL, (96u << 20) + 1);
    assert_non_null(append->event.body);
    assert_int_equal(eventlog_append(taker.log, append, false), ERR_TOO_LARGE);
    assert_int_equal(outcome.n_done, 0);
    append_free(append);
    taker_drop(&taker);
}

static struct append *result_of(const char *job, size_t len, struct outcome_of *outcome)
{
    struct append *append = append_of(1, outcome);

    event_clear(&append->event);
    event_init(&append->event, EVENT_DONE, job, T0);
    append->event.body = body_new("application/octet-stream", NULL, len);
    assert_non_null(append->event.body);
    memset(append->event.body->bytes, 'x', len);
    return append;
}

static void a_result_that_is_too_large_keeps_no_other_out(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct outcome_of large = {0}, small = {0};
    struct append *first = result_of("01kb0000000000000000000007", (96u << 20) + 1, &large);
    struct taker taker;

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    first->next = result_of("01kb0000000000000000000008", 100, &small);
    assert_int_equal(eventlog_append(taker.log, first, true), ERR_OK);
    TAKE_UNTIL(&taker, large.n_done && small.n_done);
    assert_int_equal(large.err, ERR_TOO_LARGE);
    assert_int_equal(small.err, ERR_OK);
    assert_int_equal(taker.body->len, 100);
    assert_int_equal(state_of(&taker).waiting, 0);
    taker_close(&taker);
}

static void a_body_that_the_producer_does_not_take_is_refused_by_itself(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    char *options[] = {"message.max.bytes=100000"};
    struct outcome_of large = {0}, small = {0};
    struct append *first = result_of("01kb0000000000000000000007", 200000, &large);
    struct taker taker;

    config.options = options;
    config.n_options = 1;
    taker_open(&taker, &config);
    taker_catch_up(&taker);
    first->next = result_of("01kb0000000000000000000008", 70000, &small);
    assert_int_equal(eventlog_append(taker.log, first, true), ERR_OK);
    TAKE_UNTIL(&taker, large.n_done && small.n_done);
    assert_int_equal(large.err, ERR_TOO_LARGE);
    assert_int_equal(small.err, ERR_OK);
    TAKE_UNTIL(&taker, state_of(&taker).is_up);
    taker_close(&taker);
}

/* ---- beside the log ---- */

struct heard {
    sem_t came;
    atomic_uint n, n_own;
    char text[64];
};

static void on_heard(void *arg, enum sideband_kind kind, const char *text, size_t len, bool is_own)
{
    struct heard *heard = arg;

    if (kind != SIDEBAND_BEAT)
        return;
    snprintf(heard->text, sizeof heard->text, "%.*s", (int)len, text);
    atomic_fetch_add(&heard->n, 1);
    atomic_fetch_add(&heard->n_own, is_own);
    sem_post(&heard->came);
}

static void a_heartbeat_is_heard_by_its_sender_and_by_others_also_late(void **state)
{
    struct eventlog_kafka_config one = config_of(*state, "host.one-1"), two = config_of(*state, "host.two-1");
    struct sideband *a, *b;
    struct heard at_a = {0}, at_b = {0};
    char message[256];

    kafka_make_topics(&one);
    sem_init(&at_a.came, 0, 0);
    sem_init(&at_b.came, 0, 0);
    assert_int_equal(sideband_kafka_open(&one, &a, message, sizeof message), ERR_OK);
    sideband_listen(a, on_heard, &at_a);
    assert_int_equal(sideband_start(a), ERR_OK);
    sideband_say(a, SIDEBAND_BEAT, "host.one-1", "I am here", 9);
    while (sem_wait(&at_a.came))
        ;
    assert_int_equal(atomic_load(&at_a.n_own), 1);
    assert_string_equal(at_a.text, "I am here");
    assert_int_equal(sideband_kafka_open(&two, &b, message, sizeof message), ERR_OK);
    sideband_listen(b, on_heard, &at_b);
    assert_int_equal(sideband_start(b), ERR_OK);
    while (sem_wait(&at_b.came))
        ;
    assert_int_equal(atomic_load(&at_b.n_own), 0);
    sideband_close(a);
    sideband_close(b);
    sem_destroy(&at_a.came);
    sem_destroy(&at_b.came);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOPICS(a_large_body_goes_apart_and_comes_back),
        WITH_TOPICS(bodies_asked_for_one_after_the_other_come_each),
        WITH_TOPICS(a_body_that_no_broker_takes_is_refused),
        WITH_TOPICS(a_result_that_is_too_large_keeps_no_other_out),
        WITH_TOPICS(a_body_that_the_producer_does_not_take_is_refused_by_itself),
        WITH_TOPICS(a_heartbeat_is_heard_by_its_sender_and_by_others_also_late),
    };

    return RUN_WITH_KAFKA(tests);
}
