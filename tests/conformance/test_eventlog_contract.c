// needs: jobs
/* What any log must hold, said once against eventlog.h with a recorder and a view behind it: one
 * order, lists whole or not at all, each append done exactly once, no room told as such, a stop that
 * drains, and one job for one idempotency key whoever comes first. The embedded log always, the one on
 * Kafka where KAFKA_BROKERS says where one is. */
#include <pthread.h>

#include "jobs/eventlog_kafka_priv.h"
#include "tests/unit/recorder_world.h"

#define THREADS  8
#define LISTS    40
#define LIST_LEN 5

struct crowd {
    struct path *path;
    unsigned first;
    struct waited at[LISTS][LIST_LEN];
    pthread_t thread;
};

static void *append_lists(void *arg)
{
    struct crowd *crowd = arg;

    for (unsigned list = 0; list < LISTS; list++) {
        for (unsigned i = 0; i < LIST_LEN; i++) {
            waited_make(&crowd->at[list][i], EVENT_SUBMITTED, crowd->first + list * LIST_LEN + i, 0, T0);
            if (i)
                crowd->at[list][i - 1].append->next = crowd->at[list][i].append;
        }
        while (eventlog_append(crowd->path->log, crowd->at[list][0].append, list % 2))
            ;
        if (list % 7 == 0)
            waited_wait(&crowd->at[list][LIST_LEN - 1]);
    }
    return NULL;
}

/* Side by side within its list; on Kafka the service's own events go in one by one. */
static void assert_in_its_list(const struct path *path, const struct waited *list, unsigned at, bool is_internal)
{
    int64_t step = at ? list[at].append->event.pos - list[at - 1].append->event.pos : 1;

    if (path->prefix[0] && is_internal)
        assert_true(step > 0);
    else
        assert_int_equal(step, 1);
}

/* What a view holds comes from the log alone: another one that reads it comes to the same. */
static void assert_view_is_of_log(struct path *path)
{
    char *before, *after;
    struct path *other;

    if (!path->prefix[0]) {
        assert_replays(path->world.dir);
        return;
    }
    other = path_new(path->prefix);
    path_stop(other);
    before = dump_of(path->world.dir);
    after = dump_of(other->world.dir);
    assert_true(strlen(before) > 100);
    assert_string_equal(before, after);
    free(before);
    free(after);
    path_free(other);
}

static void events_have_one_order_and_each_is_done_once(void **state)
{
    struct path *path = *state;
    struct crowd *crowd = calloc(THREADS, sizeof *crowd);
    bool *seen = calloc(THREADS * LISTS * LIST_LEN + 2, sizeof *seen);

    assert_non_null(crowd);
    assert_non_null(seen);
    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i].path = path;
        crowd[i].first = (i + 1) * 10000;
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, append_lists, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(crowd[i].thread, NULL);
    path_stop(path);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned list = 0; list < LISTS; list++)
            for (unsigned at = 0; at < LIST_LEN; at++) {
                struct waited *waited = &crowd[i].at[list][at];
                int64_t pos = waited->append->event.pos;
                assert_int_equal(atomic_load(&waited->n_done), 1);
                assert_int_equal(waited->append->err, ERR_OK);
                assert_int_equal(waited->append->outcome, OUTCOME_ACCEPTED);
                assert_int_equal(waited->append->job->seq, pos);
                assert_true(pos >= 2);
                assert_in_its_list(path, crowd[i].at[list], at, list % 2);
                if (path->prefix[0])
                    continue; /* positions leave gaps there */
                assert_true(pos < THREADS * LISTS * LIST_LEN + 2);
                assert_false(seen[pos]);
                seen[pos] = true;
            }
    assert_int_equal(atomic_load(&path->n_told), THREADS * LISTS * LIST_LEN);
    assert_view_is_of_log(path);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned list = 0; list < LISTS; list++)
            for (unsigned at = 0; at < LIST_LEN; at++)
                waited_clear(&crowd[i].at[list][at]);
    free(crowd);
    free(seen);
}

static void a_list_is_one_durable_write(void **state)
{
    struct path *path = *state;
    static struct waited waited[1000];

    for (unsigned i = 0; i < 1000; i++) {
        waited_make(&waited[i], EVENT_SUBMITTED, i, 0, T0);
        if (i)
            waited[i - 1].append->next = waited[i].append;
    }
    assert_int_equal(eventlog_append(path->log, waited[0].append, false), ERR_OK);
    for (unsigned i = 0; i < 1000; i++)
        waited_wait(&waited[i]);
    assert_int_equal(atomic_load(&path->largest), 1000);
    for (unsigned i = 0; i < 1000; i++)
        waited_clear(&waited[i]);
}

static void a_full_log_says_busy_and_takes_no_part_of_a_list(void **state)
{
    struct path *path = *state;
    struct waited first, two[2], inside;
    enum outcome outcome;
    long n = 0;
    enum err err;

    atomic_store(&path->hold, true);
    waited_make(&first, EVENT_SUBMITTED, 1, 0, T0);
    assert_int_equal(eventlog_append(path->log, first.append, false), ERR_OK);
    while (sem_wait(&path->held))
        ;
    /* The recorder stands still now: whatever bound the log has is reached. */
    do {
        struct append *append = append_new(EVENT_CANCEL, "01kb0000000000000000099999", T0);
        assert_non_null(append);
        err = eventlog_append(path->log, append, false);
        if (err)
            append_free(append);
        else
            n++;
        assert_true(n < 10000000);
    } while (!err);
    assert_int_equal(err, ERR_BUSY);
    for (unsigned i = 0; i < 2; i++)
        waited_make(&two[i], EVENT_SUBMITTED, 10 + i, 0, T0);
    two[0].append->next = two[1].append;
    assert_int_equal(eventlog_append(path->log, two[0].append, false), ERR_BUSY);
    waited_make(&inside, EVENT_CLAIMED, 1, 1, T0);
    assert_int_equal(eventlog_append(path->log, inside.append, true), ERR_OK);
    sem_post(&path->go);
    waited_wait(&inside);
    assert_int_equal(inside.append->outcome, OUTCOME_ACCEPTED);
    path_stop(path);
    assert_int_equal(atomic_load(&two[0].n_done) + atomic_load(&two[1].n_done), 0);
    assert_int_equal(atomic_load(&first.n_done), 1);
    waited_clear(&first);
    waited_clear(&two[0]);
    waited_clear(&two[1]);
    waited_clear(&inside);
    /* Nothing of the refused list is there. */
    path_start(path);
    assert_int_equal(path_tell(path, EVENT_CANCEL, 10, 0, T0, &outcome), ERR_OK);
    assert_int_equal(outcome, OUTCOME_IGNORED);
}

static void a_stop_writes_what_was_taken_in_and_refuses_the_rest(void **state)
{
    struct path *path = *state;
    static struct waited waited[3000];
    struct append *late;

    for (unsigned i = 0; i < 3000; i++) {
        waited_make(&waited[i], EVENT_SUBMITTED, i, 0, T0);
        assert_int_equal(eventlog_append(path->log, waited[i].append, false), ERR_OK);
    }
    eventlog_stop(path->log);
    late = append_new(EVENT_CANCEL, "01kb0000000000000000000001", T0);
    assert_int_equal(eventlog_append(path->log, late, true), ERR_DRAINING);
    append_free(late);
    recorder_join(path->recorder);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(atomic_load(&waited[i].n_done), 1);
        assert_int_equal(waited[i].append->err, ERR_OK);
        waited_clear(&waited[i]);
    }
}

static void *append_one(void *arg)
{
    struct crowd *crowd = arg;
    struct waited *waited = &crowd->at[0][0];

    waited_make(waited, EVENT_SUBMITTED, crowd->first, 0, T0);
    waited->append->event.spec->idempotency_key = strdup("the same");
    waited->append->event.spec->fingerprint = 5;
    assert_int_equal(eventlog_append(crowd->path->log, waited->append, false), ERR_OK);
    waited_wait(waited);
    return NULL;
}

static void one_key_is_one_job_whoever_comes_first(void **state)
{
    struct path *path = *state;
    struct crowd *crowd = calloc(THREADS, sizeof *crowd);
    const char *id = NULL;
    unsigned accepted = 0;

    assert_non_null(crowd);
    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i].path = path;
        crowd[i].first = i;
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, append_one, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(crowd[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        if (crowd[i].at[0][0].append->outcome == OUTCOME_ACCEPTED) {
            accepted++;
            id = crowd[i].at[0][0].append->event.job;
        }
    assert_int_equal(accepted, 1);
    for (unsigned i = 0; i < THREADS; i++) {
        struct append *append = crowd[i].at[0][0].append;
        assert_true(append->outcome == OUTCOME_ACCEPTED || append->outcome == OUTCOME_DUPLICATE);
        assert_string_equal(append->job->spec->id, id);
    }
    for (unsigned i = 0; i < THREADS; i++)
        waited_clear(&crowd[i].at[0][0]);
    free(crowd);
}

static void positions_go_on_after_a_restart(void **state)
{
    struct path *path = *state;
    enum outcome outcome;
    long last;

    path_tell(path, EVENT_SUBMITTED, 1, 0, T0, &outcome);
    path_tell(path, EVENT_DONE, 1, 7, T0, &outcome);
    assert_int_equal(outcome, OUTCOME_IGNORED);
    last = atomic_load(&path->last_pos);
    path_stop(path);
    path_start(path);
    path_tell(path, EVENT_CLAIMED, 1, 1, T0, &outcome);
    assert_int_equal(outcome, OUTCOME_ACCEPTED);
    if (path->prefix[0])
        assert_true(atomic_load(&path->last_pos) > last);
    else
        assert_int_equal(atomic_load(&path->last_pos), last + 1);
}

/* ---- what only a log of many machines can be asked ---- */

static void two_nodes_with_one_key_make_one_job_and_the_same_view(void **state)
{
    struct path *one = *state, *two = path_new(one->prefix);
    struct crowd *crowd = calloc(THREADS, sizeof *crowd);
    char *left, *right;
    unsigned accepted = 0;

    assert_non_null(crowd);
    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i].path = i % 2 ? one : two;
        crowd[i].first = i;
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, append_one, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(crowd[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        struct append *append = crowd[i].at[0][0].append;
        accepted += append->outcome == OUTCOME_ACCEPTED;
        assert_string_equal(append->job->spec->id, crowd[0].at[0][0].append->job->spec->id);
    }
    assert_int_equal(accepted, 1);
    path_stop(one);
    path_start(one); /* reads what the other appended last */
    path_stop(one);
    path_stop(two);
    left = dump_of(one->world.dir);
    path_start(two);
    path_stop(two);
    right = dump_of(two->world.dir);
    assert_string_equal(left, right);
    free(left);
    free(right);
    path_free(two);
    for (unsigned i = 0; i < THREADS; i++)
        waited_clear(&crowd[i].at[0][0]);
    free(crowd);
}

static void a_producer_that_breaks_leaves_each_job_there_once(void **state)
{
    struct path *path = *state;
    static struct waited waited[2000];

    for (unsigned i = 0; i < 2000; i++) {
        waited_make(&waited[i], EVENT_SUBMITTED, i, 0, T0);
        assert_int_equal(eventlog_append(path->log, waited[i].append, i % 2), ERR_OK);
        if (i % 700 == 350)
            kafka_send_break(path->log);
    }
    for (unsigned i = 0; i < 2000; i++) {
        waited_wait(&waited[i]);
        assert_int_equal(waited[i].append->err, ERR_OK);
        /* Its first coming may have been the old producer's: then it is a copy that is ignored. */
        assert_string_equal(waited[i].append->job->spec->id, waited[i].append->event.job);
    }
    assert_int_equal(atomic_load(&path->n_told), 2000);
    assert_view_is_of_log(path);
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(atomic_load(&waited[i].n_done), 1);
        waited_clear(&waited[i]);
    }
}

static int set_up_kafka(void **state)
{
    char prefix[32] = "test-";

    id_random_hex(prefix + 5, 4);
    *state = path_new(prefix);
    return 0;
}

#define WITH_KAFKA(test) {#test " (Kafka)", test, set_up_kafka, path_tear_down, NULL}

int main(void)
{
    const struct CMUnitTest embedded[] = {
        WITH_PATH(events_have_one_order_and_each_is_done_once),
        WITH_PATH(a_list_is_one_durable_write),
        WITH_PATH(a_full_log_says_busy_and_takes_no_part_of_a_list),
        WITH_PATH(a_stop_writes_what_was_taken_in_and_refuses_the_rest),
        WITH_PATH(one_key_is_one_job_whoever_comes_first),
        WITH_PATH(positions_go_on_after_a_restart),
    };
    const struct CMUnitTest kafka[] = {
        WITH_KAFKA(events_have_one_order_and_each_is_done_once),
        WITH_KAFKA(a_list_is_one_durable_write),
        WITH_KAFKA(a_full_log_says_busy_and_takes_no_part_of_a_list),
        WITH_KAFKA(a_stop_writes_what_was_taken_in_and_refuses_the_rest),
        WITH_KAFKA(one_key_is_one_job_whoever_comes_first),
        WITH_KAFKA(positions_go_on_after_a_restart),
        WITH_KAFKA(two_nodes_with_one_key_make_one_job_and_the_same_view),
        WITH_KAFKA(a_producer_that_breaks_leaves_each_job_there_once),
    };
    int failed = cmocka_run_group_tests(embedded, NULL, NULL);

    if (!getenv("KAFKA_BROKERS")) {
        fprintf(stderr, "SKIPPED: no KAFKA_BROKERS, so nothing of the log on Kafka was tested\n");
        return failed;
    }
    return failed + cmocka_run_group_tests(kafka, NULL, NULL);
}
