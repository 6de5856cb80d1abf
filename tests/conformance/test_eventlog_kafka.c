// needs: jobs
/* What the log of many machines holds beyond what any log does, against a real broker: one order for
 * all nodes, a restart that goes on where the view stands, and never reading on in another log. */
#include "tests/conformance/kafka_world.h"

#include "schema/metric.h"
#include "tests/conformance/kafka_admin.h"

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

static void two_nodes_read_one_order(void **state)
{
    struct eventlog_kafka_config one = config_of(*state, "host.one-1"), two = config_of(*state, "host.two-1");
    struct outcome_of outcome = {0};
    struct taker a, b;

    taker_open(&a, &one);
    taker_open(&b, &two);
    for (int64_t until = clock_mono_ms() + PATIENCE_MS; clock_mono_ms() < until;) {
        taker_step(&a, 10);
        taker_step(&b, 10);
        if (state_of(&a).is_caught_up && state_of(&b).is_caught_up)
            break;
    }
    for (unsigned i = 0; i < 500; i++) {
        assert_int_equal(eventlog_append(a.log, append_of(i * 2, &outcome), false), ERR_OK);
        assert_int_equal(eventlog_append(b.log, append_of(i * 2 + 1, &outcome), i % 3 == 0), ERR_OK);
    }
    while (outcome.n_done < 1000) {
        taker_step(&a, 10);
        taker_step(&b, 10);
    }
    TAKE_UNTIL(&a, a.last_pos >= b.last_pos);
    TAKE_UNTIL(&b, b.last_pos >= a.last_pos);
    assert_string_equal(a.log_id, b.log_id);
    assert_int_equal(a.n_taken, b.n_taken);
    assert_true(a.n_taken >= 1003); /* a genesis, perhaps two, and the noops */
    assert_true(a.hash == b.hash);
    taker_close(&a);
    taker_close(&b);
}

static void a_list_is_one_record_with_positions_side_by_side(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct outcome_of outcome = {0};
    struct append *list = NULL;
    struct taker taker;
    int64_t before;

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    before = taker.last_pos;
    for (unsigned i = 1000; i-- > 0;) {
        struct append *append = append_of(i, &outcome);
        append->next = list;
        list = append;
    }
    assert_int_equal(eventlog_append(taker.log, list, false), ERR_OK);
    TAKE_UNTIL(&taker, outcome.n_done == 1000);
    assert_int_equal((taker.last_pos - 1) >> 10, ((before - 1) >> 10) + 1);
    assert_int_equal((taker.last_pos - 1) & 1023, 999);
    taker_close(&taker);
}

static void a_restart_goes_on_where_the_view_stands(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1"), again;
    struct taker first, second, fresh;
    unsigned before;

    taker_open(&first, &config);
    taker_catch_up(&first);
    for (unsigned i = 0; i < 20; i++)
        tell(&first, i);
    taker_close(&first);
    before = first.n_taken;
    again = config_after(state, "host.one-2", &first);
    taker_open(&second, &again);
    taker_catch_up(&second);
    assert_int_equal(second.n_taken, 1); /* its own noop */
    assert_true(second.last_pos > first.last_pos);
    taker_close(&second);
    again = config_of(*state, "host.two-1");
    taker_open(&fresh, &again);
    taker_catch_up(&fresh);
    assert_int_equal(fresh.n_taken, before + 2);
    assert_string_equal(fresh.log_id, first.log_id);
    taker_close(&fresh);
}

/* Takes until the log has failed, which hands out nothing. */
static struct eventlog_state failed_state(const struct eventlog_kafka_config *config)
{
    struct eventlog_state state;
    struct taker taker;

    taker_open(&taker, config);
    TAKE_UNTIL(&taker, state_of(&taker).failed);
    assert_int_equal(taker.n_taken, 0);
    state = state_of(&taker);
    assert_true(strlen(state.why) > 20);
    assert_false(state.is_up);
    state.why = NULL; /* goes with the log */
    taker_close(&taker);
    return state;
}

static void another_log_is_refused(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct taker taker;

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    tell(&taker, 1);
    taker_close(&taker);
    config = config_after(state, "host.one-2", &taker);
    config.last_seal ^= 1;
    assert_int_equal(failed_state(&config).failed, ERR_CORRUPT);
    config = config_after(state, "host.one-2", &taker);
    config.last_pos += 1000 << 10; /* the log ends before that */
    assert_int_equal(failed_state(&config).failed, ERR_CORRUPT);
}

static void a_topic_of_somebody_else_is_refused(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct topics *topics = *state;
    char name[128];

    kafka_make_topics(&config);
    snprintf(name, sizeof name, "%s.log", topics->prefix);
    kafka_put(name, "hello", 5);
    assert_int_equal(failed_state(&config).failed, ERR_CORRUPT);
}

static void what_cannot_be_read_is_passed_over_and_counted(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct topics *topics = *state;
    int64_t skipped = metric_get(METRIC_LOG_SKIPPED_);
    struct taker taker;
    char name[128];

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    snprintf(name, sizeof name, "%s.log", topics->prefix);
    kafka_put(name, "hello", 5);
    kafka_put(name, NULL, 0);
    kafka_put(name, "{\"from\":\"host.one-1\",\"n\":1,", 26);
    tell(&taker, 1);
    assert_int_equal(metric_get(METRIC_LOG_SKIPPED_) - skipped, 3);
    assert_int_equal(state_of(&taker).failed, ERR_OK);
    taker_close(&taker);
}

static void a_log_that_lost_its_beginning_is_refused_by_who_needs_it(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1"), fresh = config_of(*state, "host.two-1");
    struct topics *topics = *state;
    struct taker taker, again;
    char name[128];

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    for (unsigned i = 0; i < 5; i++)
        tell(&taker, i);
    taker_close(&taker);
    snprintf(name, sizeof name, "%s.log", topics->prefix);
    kafka_truncate(name, ((taker.last_pos - 1) >> 10) + 1); /* all of it: an idle week */
    assert_int_equal(failed_state(&fresh).failed, ERR_GONE);
    config = config_after(state, "host.one-2", &taker);
    taker_open(&again, &config);
    taker_catch_up(&again); /* it has read all that is gone */
    taker_close(&again);
    config.last_pos -= 2 << 10;
    kafka_truncate(name, ((again.last_pos - 1) >> 10) + 1);
    assert_int_equal(failed_state(&config).failed, ERR_GONE);
}

static void a_topic_that_is_gone_is_not_made_anew_for_an_old_view(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct topics *topics = *state;
    struct taker taker;
    char name[128];

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    tell(&taker, 1);
    taker_close(&taker);
    snprintf(name, sizeof name, "%s.log", topics->prefix);
    kafka_delete_topic(name);
    config = config_after(state, "host.one-2", &taker);
    assert_int_equal(failed_state(&config).failed, ERR_CORRUPT);
}

static void a_compacted_topic_is_refused(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct topics *topics = *state;
    char name[128];

    snprintf(name, sizeof name, "%s.log", topics->prefix);
    kafka_make_topic(name, "cleanup.policy", "compact,delete");
    assert_int_equal(failed_state(&config).failed, ERR_CORRUPT);
}

static void a_log_begun_anew_under_a_running_node_stops_it(void **state)
{
    struct eventlog_kafka_config config = config_of(*state, "host.one-1");
    struct topics *topics = *state;
    struct taker taker;
    char name[128];

    taker_open(&taker, &config);
    taker_catch_up(&taker);
    for (unsigned i = 0; i < 5; i++)
        tell(&taker, i);
    snprintf(name, sizeof name, "%s.log", topics->prefix);
    kafka_delete_topic(name);
    kafka_make_topics(&config);
    TAKE_UNTIL(&taker, state_of(&taker).failed);
    assert_int_equal(state_of(&taker).failed, ERR_CORRUPT);
    taker_close(&taker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOPICS(a_new_log_begins_with_its_name_and_takes_events),
        WITH_TOPICS(two_nodes_read_one_order),
        WITH_TOPICS(a_list_is_one_record_with_positions_side_by_side),
        WITH_TOPICS(a_restart_goes_on_where_the_view_stands),
        WITH_TOPICS(another_log_is_refused),
        WITH_TOPICS(a_topic_of_somebody_else_is_refused),
        WITH_TOPICS(what_cannot_be_read_is_passed_over_and_counted),
        WITH_TOPICS(a_log_that_lost_its_beginning_is_refused_by_who_needs_it),
        WITH_TOPICS(a_topic_that_is_gone_is_not_made_anew_for_an_old_view),
        WITH_TOPICS(a_compacted_topic_is_refused),
        WITH_TOPICS(a_log_begun_anew_under_a_running_node_stops_it),
    };

    return RUN_WITH_KAFKA(tests);
}
