// needs: jobs
/* What the log of many machines holds beyond what any log does, against a real broker: one order for
 * all nodes, a restart that goes on where the view stands, and never reading on in another log. */
#include "tests/conformance/kafka_world.h"

struct outcome_of {
    unsigned n_done;
    enum err err;
};

static void on_done(struct append *append)
{
    struct outcome_of *outcome = append->owner;

    outcome->n_done++;
    outcome->err = append->err;
    append_free(append);
}

static struct append *append_of(unsigned number, struct outcome_of *outcome)
{
    struct append *append = calloc(1, sizeof *append);

    assert_non_null(append);
    append->event = event_of(EVENT_SUBMITTED, number, 0, T0);
    append->done = on_done;
    append->owner = outcome;
    return append;
}

static void tell(struct taker *taker, unsigned number)
{
    struct outcome_of outcome = {0};

    assert_int_equal(eventlog_append(taker->log, append_of(number, &outcome), false), ERR_OK);
    TAKE_UNTIL(taker, outcome.n_done);
    assert_int_equal(outcome.err, ERR_OK);
}

static void a_new_log_begins_with_its_name_and_takes_events(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct taker taker;

    taker_open(&taker, &config);
    assert_false(state_of(&taker).is_caught_up);
    taker_catch_up(&taker);
    assert_true(state_of(&taker).is_up);
    assert_int_equal(strlen(taker.log_id), LOG_ID_SIZE - 1);
    tell(&taker, 1);
    assert_int_equal(taker.body->len, 12);
    taker_close(&taker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOPICS(a_new_log_begins_with_its_name_and_takes_events),
    };

    if (!brokers()) {
        fprintf(stderr, "SKIPPED: no KAFKA_BROKERS, so nothing of the log on Kafka was tested\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
