// needs: jobs
/* What any log must hold, said once against eventlog.h with a recorder and a view behind it: one
 * order without gaps, lists whole or not at all, each append done exactly once, no room told as
 * such, a stop that drains, and one job for one idempotency key whoever comes first. */
#include <pthread.h>

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

static void events_have_one_order_without_gaps_and_each_is_done_once(void **state)
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
                /* Side by side within its list, and after the list before. */
                if (at)
                    assert_int_equal(pos, crowd[i].at[list][at - 1].append->event.pos + 1);
                assert_true(pos >= 2 && pos < THREADS * LISTS * LIST_LEN + 2);
                assert_false(seen[pos]);
                seen[pos] = true;
            }
    assert_int_equal(atomic_load(&path->n_told), THREADS * LISTS * LIST_LEN);
    assert_replays(path->world.dir);
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
    assert_int_equal(atomic_load(&path->last_pos), last + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PATH(events_have_one_order_without_gaps_and_each_is_done_once),
        WITH_PATH(a_list_is_one_durable_write),
        WITH_PATH(a_full_log_says_busy_and_takes_no_part_of_a_list),
        WITH_PATH(a_stop_writes_what_was_taken_in_and_refuses_the_rest),
        WITH_PATH(one_key_is_one_job_whoever_comes_first),
        WITH_PATH(positions_go_on_after_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
