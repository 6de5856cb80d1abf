// needs: jobs
/* The log of many machines when something of it is broken or not there: a producer, every broker, an
 * option. Nothing that was appended is lost or done twice, and a result outlives the process. */
#include "jobs/eventlog_kafka_priv.h"
#include "schema/metric.h"
#include "tests/conformance/kafka_world.h"

static void a_producer_that_breaks_loses_and_doubles_nothing(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    static struct outcome_of outcomes[3000];
    int64_t rebuilds = metric_get(METRIC_LOG_REBUILDS_);
    struct taker taker;
    unsigned n_done = 0;

    memset(outcomes, 0, sizeof outcomes);
    taker_open(&taker, &config);
    taker_catch_up(&taker);
    for (unsigned i = 0; i < 3000; i++) {
        if (i % 1000 == 500)
            kafka_send_break(taker.log);
        assert_int_equal(eventlog_append(taker.log, append_of(i, &outcomes[i]), i % 2), ERR_OK);
        if (i % 100 == 0)
            taker_step(&taker, 0);
    }
    for (int64_t until = clock_mono_ms() + PATIENCE_MS; n_done < 3000;) {
        assert_true(clock_mono_ms() < until);
        taker_step(&taker, 50);
        n_done = 0;
        for (unsigned i = 0; i < 3000; i++) {
            assert_true(outcomes[i].n_done <= 1);
            assert_int_equal(outcomes[i].err, ERR_OK);
            n_done += outcomes[i].n_done;
        }
    }
    assert_true(metric_get(METRIC_LOG_REBUILDS_) > rebuilds);
    taker_close(&taker);
}

static void what_is_appended_before_a_broker_answers_waits(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct outcome_of outcome = {0};
    struct taker taker;

    taker_open(&taker, &config);
    assert_int_equal(eventlog_append(taker.log, append_of(1, &outcome), false), ERR_OK);
    assert_int_equal(outcome.n_done, 0);
    assert_int_equal(state_of(&taker).waiting, 1);
    TAKE_UNTIL(&taker, outcome.n_done);
    assert_int_equal(outcome.err, ERR_OK);
    assert_int_equal(strlen(taker.log_id), LOG_ID_SIZE - 1); /* the genesis went before it */
    taker_close(&taker);
}

static void a_stop_without_a_broker_tells_all_and_keeps_results(void **state)
{
    struct eventlog_kafka_config nowhere = config_of(*state, "host.one-1"), config = config_of(*state, "host.one-2");
    struct outcome_of outcome = {0}, result_outcome = {0}, large_outcome = {0};
    struct append *result = append_of(2, &result_outcome), *large = append_of(3, &large_outcome);
    struct taker taker, next;
    unsigned n;

    nowhere.brokers = "127.0.0.1:1";
    event_clear(&result->event);
    event_init(&result->event, EVENT_DONE, "01kb0000000000000000000007", T0);
    result->event.body = body_new("text/plain", "the result of hours", 19);
    event_clear(&large->event);
    event_init(&large->event, EVENT_DONE, "01kb0000000000000000000008", T0);
    large->event.body = body_new("text/plain", NULL, 200000);
    assert_non_null(large->event.body);
    memset(large->event.body->bytes, 'x', 200000);
    taker_open(&taker, &nowhere);
    assert_int_equal(eventlog_append(taker.log, append_of(1, &outcome), false), ERR_OK);
    assert_int_equal(eventlog_append(taker.log, result, true), ERR_OK);
    assert_int_equal(eventlog_append(taker.log, large, true), ERR_OK);
    taker_step(&taker, 300);
    assert_false(state_of(&taker).is_up);
    taker_close(&taker);
    assert_int_equal(outcome.n_done, 1);
    assert_int_equal(outcome.err, ERR_IO);
    assert_int_equal(result_outcome.err, ERR_IO);
    assert_int_equal(large_outcome.err, ERR_IO);

    taker_open(&next, &config); /* the next life in the same folder */
    taker_catch_up(&next);
    TAKE_UNTIL(&next, next.body && state_of(&next).waiting == 0);
    assert_int_equal(next.body->len, 19);
    assert_memory_equal(next.body->bytes, "the result of hours", 19);
    assert_int_equal(next.blob.len, 200000);
    n = next.n_taken;
    taker_close(&next);
    config = config_after(state, "host.one-3", &next);
    taker_open(&next, &config); /* and it is told once only */
    taker_catch_up(&next);
    assert_int_equal(next.n_taken, 1);
    assert_true(n >= 4);
    taker_close(&next);
}

/* One life without a broker: what it was told stands in the outbox afterwards. */
static void live_without_a_broker(void **state, const char *name, const char *job, const char *text)
{
    struct eventlog_kafka_config nowhere = config_of(*state, name);
    struct outcome_of outcome = {0};
    struct append *result = append_of(1, &outcome);
    struct taker taker;

    nowhere.brokers = "127.0.0.1:1";
    event_clear(&result->event);
    event_init(&result->event, EVENT_DONE, job, T0);
    result->event.body = body_new("text/plain", text, strlen(text));
    taker_open(&taker, &nowhere);
    assert_int_equal(eventlog_append(taker.log, result, true), ERR_OK);
    taker_close(&taker);
    assert_int_equal(outcome.err, ERR_IO);
}

static void a_torn_outbox_takes_results_that_can_be_read(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-3");
    struct topics *topics = *state;
    char path[128];
    struct taker taker;
    FILE *outbox;
    int64_t n;

    live_without_a_broker(state, "host.one-1", "01kb0000000000000000000007", "before");
    snprintf(path, sizeof path, "%s/outbox", topics->dir);
    outbox = fopen(path, "a");
    assert_non_null(outbox);
    assert_true(fputs("the beginning of a frame", outbox) >= 0);
    assert_int_equal(fclose(outbox), 0);
    live_without_a_broker(state, "host.one-2", "01kb0000000000000000000008", "behind");
    taker_open(&taker, &config);
    n = state_of(&taker).waiting;
    TAKE_UNTIL(&taker, taker.body && state_of(&taker).is_caught_up && state_of(&taker).waiting == 0);
    assert_int_equal(n, 2);
    assert_memory_equal(taker.body->bytes, "behind", 6);
    taker_close(&taker);
}

static void an_option_that_nobody_knows_is_refused_by_name(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    char *options[] = {"no.such.property=1"};
    struct eventlog *log = NULL;
    char message[256] = "";

    config.options = options;
    config.n_options = 1;
    assert_int_equal(eventlog_kafka_open(&config, &log, message, sizeof message), ERR_CONFIG);
    assert_non_null(strstr(message, "no.such.property"));
    options[0] = "linger.ms";
    assert_int_equal(eventlog_kafka_open(&config, &log, message, sizeof message), ERR_CONFIG);
    assert_null(log);
}

static void the_extent_is_told_before_a_log_is_opened(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1"), nowhere = config;
    int64_t first = -1, last = -1;
    char message[256];
    struct taker taker;

    nowhere.brokers = "127.0.0.1:1";
    assert_int_equal(eventlog_kafka_extent(&nowhere, 100, &first, &last, message, sizeof message), ERR_AGAIN);
    assert_int_equal(eventlog_kafka_extent(&config, 5000, &first, &last, message, sizeof message), ERR_OK);
    assert_int_equal(first, 0);
    assert_int_equal(last, 0);
    taker_open(&taker, &config);
    taker_catch_up(&taker);
    tell(&taker, 1);
    assert_int_equal(eventlog_kafka_extent(&config, 5000, &first, &last, message, sizeof message), ERR_OK);
    assert_int_equal(first, 1);
    assert_int_equal(last, taker.last_pos);
    taker_close(&taker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOPICS(a_producer_that_breaks_loses_and_doubles_nothing),
        WITH_TOPICS(what_is_appended_before_a_broker_answers_waits),
        WITH_TOPICS(a_stop_without_a_broker_tells_all_and_keeps_results),
        WITH_TOPICS(a_torn_outbox_takes_results_that_can_be_read),
        WITH_TOPICS(an_option_that_nobody_knows_is_refused_by_name),
        WITH_TOPICS(the_extent_is_told_before_a_log_is_opened),
    };

    return RUN_WITH_KAFKA(tests);
}
