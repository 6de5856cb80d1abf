// needs: jobs
/* What the log of many machines holds beyond what any log does, against a real broker: one order for
 * all nodes, a restart that goes on where the view stands, and never reading on in another log. */
#include "tests/conformance/kafka_world.h"

#include <semaphore.h>

#include "jobs/eventlog_kafka_priv.h"
#include "schema/metric.h"
#include "tests/conformance/kafka_admin.h"

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

/* What a view that has taken all of it would say at the next start. */
static struct eventlog_kafka_config config_after(void **state, const char *name, const struct taker *taker)
{
    struct eventlog_kafka_config config = config_of(*state, name);

    config.log_id = taker->log_id;
    config.last_pos = taker->last_pos;
    config.last_seal = taker->last_seal;
    return config;
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

/* ---- when something breaks ---- */

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
    struct outcome_of outcome = {0}, result_outcome = {0};
    struct append *result = append_of(2, &result_outcome);
    struct taker taker, next;
    unsigned n;

    nowhere.brokers = "127.0.0.1:1";
    event_clear(&result->event);
    event_init(&result->event, EVENT_DONE, "01kb0000000000000000000007", T0);
    result->event.body = body_new("text/plain", "the result of hours", 19);
    taker_open(&taker, &nowhere);
    assert_int_equal(eventlog_append(taker.log, append_of(1, &outcome), false), ERR_OK);
    assert_int_equal(eventlog_append(taker.log, result, true), ERR_OK);
    taker_step(&taker, 300);
    assert_false(state_of(&taker).is_up);
    taker_close(&taker);
    assert_int_equal(outcome.n_done, 1);
    assert_int_equal(outcome.err, ERR_IO);
    assert_int_equal(result_outcome.err, ERR_IO);

    taker_open(&next, &config); /* the next life in the same folder */
    taker_catch_up(&next);
    TAKE_UNTIL(&next, next.body && state_of(&next).waiting == 0);
    assert_int_equal(next.body->len, 19);
    assert_memory_equal(next.body->bytes, "the result of hours", 19);
    n = next.n_taken;
    taker_close(&next);
    config = config_after(state, "host.one-3", &next);
    taker_open(&next, &config); /* and it is told once only */
    taker_catch_up(&next);
    assert_int_equal(next.n_taken, 1);
    assert_true(n >= 3);
    taker_close(&next);
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
    struct taker taker;

    nowhere.brokers = "127.0.0.1:1";
    assert_int_equal(eventlog_kafka_extent(&nowhere, 100, &first, &last), ERR_AGAIN);
    assert_int_equal(eventlog_kafka_extent(&config, 5000, &first, &last), ERR_OK);
    assert_int_equal(first, 0);
    assert_int_equal(last, 0);
    taker_open(&taker, &config);
    taker_catch_up(&taker);
    tell(&taker, 1);
    assert_int_equal(eventlog_kafka_extent(&config, 5000, &first, &last), ERR_OK);
    assert_int_equal(first, 1);
    assert_int_equal(last, taker.last_pos);
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
        WITH_TOPICS(a_new_log_begins_with_its_name_and_takes_events),
        WITH_TOPICS(two_nodes_read_one_order),
        WITH_TOPICS(a_list_is_one_record_with_positions_side_by_side),
        WITH_TOPICS(a_restart_goes_on_where_the_view_stands),
        WITH_TOPICS(another_log_is_refused),
        WITH_TOPICS(a_topic_of_somebody_else_is_refused),
        WITH_TOPICS(what_cannot_be_read_is_passed_over_and_counted),
        WITH_TOPICS(a_log_that_lost_its_beginning_is_refused_by_who_needs_it),
        WITH_TOPICS(a_large_body_goes_apart_and_comes_back),
        WITH_TOPICS(a_body_that_no_broker_takes_is_refused),
        WITH_TOPICS(a_producer_that_breaks_loses_and_doubles_nothing),
        WITH_TOPICS(what_is_appended_before_a_broker_answers_waits),
        WITH_TOPICS(a_stop_without_a_broker_tells_all_and_keeps_results),
        WITH_TOPICS(an_option_that_nobody_knows_is_refused_by_name),
        WITH_TOPICS(the_extent_is_told_before_a_log_is_opened),
        WITH_TOPICS(a_heartbeat_is_heard_by_its_sender_and_by_others_also_late),
    };

    if (!brokers()) {
        fprintf(stderr, "SKIPPED: no KAFKA_BROKERS, so nothing of the log on Kafka was tested\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
