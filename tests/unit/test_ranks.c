// needs: jobs
/* test_ranks.c: against a plain list, at random; the jobs of before; and the pace behind the estimate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/ranks.h"
#include "schema/clock.h"
#include "tests/unit/log_world.h"

static struct job *make(int priority, int64_t ready_pos)
{
    struct spec *spec = spec_new();
    struct job *job;

    spec->queue = strdup("default");
    spec->priority = priority;
    job = job_new(spec);
    spec_unref(spec);
    job->state = JOB_QUEUED;
    job->ready_pos = ready_pos;
    return job;
}

static void tell(struct ranks *ranks, int priority, int64_t ready_pos, enum job_state state, int64_t at)
{
    struct changes *changes = changes_new(1);

    changes->n = 1;
    changes->at[0] = (struct change){.kind = change_of_state(state), .at = at, .job = make(priority, ready_pos)};
    changes->at[0].job->state = state;
    ranks_on_changes(ranks, changes);
    changes_unref(changes);
}

static int64_t ask(struct ranks *ranks, int priority, int64_t ready_pos, int64_t now_ms, int64_t *ret_start_at)
{
    struct job *job = make(priority, ready_pos);
    int64_t position = ranks_position(ranks, job, now_ms, ret_start_at);

    job_unref(job);
    return position;
}

static void ranks_are_those_of_a_plain_count(void **state)
{
    static signed char priority[30000];       /* by position: -1 not queued */
    struct ranks *ranks = ranks_new();
    int64_t pos = 1, start;

    (void)state;
    srand(7);
    memset(priority, -1, sizeof priority);
    for (int step = 0; step < 30000; step++) {
        if (rand() % 3) {
            pos += 1 + rand() % 3;
            if (pos >= 30000)
                break;
            priority[pos] = (signed char)(rand() % 10);
            tell(ranks, priority[pos], pos, JOB_QUEUED, 0);
        } else {
            int64_t gone = rand() % (pos + 1);
            if (rand() % 2)                    /* mostly the oldest leave */
                for (gone = 1; gone < pos && priority[gone] < 0; gone++)
                    ;
            tell(ranks, priority[gone] < 0 ? 0 : priority[gone], gone, JOB_CANCELLED, 0);
            priority[gone] = -1;
        }
        if (step % 300 == 0) {
            int64_t asked = rand() % (pos + 1), expected = 0;
            for (int64_t other = 0; other <= pos; other++)
                expected += priority[other] > priority[asked] || (priority[other] == priority[asked] && other < asked);
            if (priority[asked] < 0)
                expected = -1;
            else if (expected > RANKS_MAX)
                expected = RANKS_MAX;
            assert_int_equal(ask(ranks, priority[asked] < 0 ? 0 : priority[asked], asked, 0, &start), expected);
        }
    }
    ranks_free(ranks);
}

static void the_estimate_follows_the_pace_and_needs_one(void **state)
{
    struct ranks *ranks = ranks_new();
    int64_t start = -1;

    (void)state;
    for (int64_t pos = 1; pos <= 120; pos++)
        tell(ranks, 5, pos, JOB_QUEUED, 0);
    assert_int_equal(ask(ranks, 5, 61, 1000000, &start), 60);
    assert_int_equal(start, 0);
    for (int i = 0; i < 20; i++)
        tell(ranks, 5, 1 + i, JOB_RUNNING, 991000 + i * 500);         /* two a second, for ten seconds */
    assert_int_equal(ask(ranks, 5, 61, 1000000, &start), 40);
    assert_int_equal(start, 1020000);
    assert_int_equal(ask(ranks, 5, 61, 1100000, &start), 40);
    assert_int_equal(start, 0);                              /* a pace of long ago says nothing */
    assert_int_equal(ask(ranks, 5, 1, 1100000, &start), -1);
    ranks_free(ranks);
}

/* One job of a queue, told of as it is now. */
static void tell_of(struct ranks *ranks, const char *queue, int64_t seq, int64_t ready_pos, enum job_state state)
{
    struct changes *changes = changes_new(1);
    struct job *job = make(5, ready_pos);

    free(job->spec->queue);
    job->spec->queue = strdup(queue);
    job->seq = seq;
    job->state = state;
    changes->n = 1;
    changes->at[0] = (struct change){.kind = change_of_state(state), .job = job};
    ranks_on_changes(ranks, changes);
    changes_unref(changes);
}

static struct queue_count count_of(struct ranks *ranks, const char *name)
{
    struct queue_count *counts = NULL, found = {.waiting = -1};
    unsigned n = 0;

    assert_int_equal(ranks_queues(ranks, &counts, &n), ERR_OK);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(counts[i].name, name) == 0)
            found = counts[i];
    free(counts);
    return found;
}

static void a_queue_counts_each_job_where_it_stands_now(void **state)
{
    struct ranks *ranks = ranks_new();
    struct queue_count count;

    (void)state;
    tell_of(ranks, "a", 1025, 1025, JOB_QUEUED);
    tell_of(ranks, "a", 2049, 2049, JOB_QUEUED);
    tell_of(ranks, "a", 2049, 2049, JOB_QUEUED);
    tell_of(ranks, "a", 3073, 0, JOB_SCHEDULED);
    tell_of(ranks, "b", 4097, 4097, JOB_QUEUED);
    count = count_of(ranks, "a");
    assert_int_equal(count.waiting, 2);
    assert_int_equal(count.scheduled, 1);
    assert_int_equal(count.running, 0);
    assert_int_equal(count.oldest_pos, 1025);
    tell_of(ranks, "a", 1025, 1025, JOB_RUNNING);
    tell_of(ranks, "a", 3073, 0, JOB_RUNNING); /* due and claimed in one */
    count = count_of(ranks, "a");
    assert_int_equal(count.waiting, 1);
    assert_int_equal(count.scheduled, 0);
    assert_int_equal(count.running, 2);
    assert_int_equal(count.oldest_pos, 2049);
    tell_of(ranks, "a", 1025, 1025, JOB_RETRYING);
    tell_of(ranks, "a", 3073, 0, JOB_FAILED);
    tell_of(ranks, "a", 2049, 2049, JOB_CANCELLED);
    count = count_of(ranks, "a");
    assert_int_equal(count.waiting, 0);
    assert_int_equal(count.scheduled, 1);
    assert_int_equal(count.running, 0);
    assert_int_equal(count.oldest_pos, 0);
    tell_of(ranks, "a", 1025, 1025, JOB_EXPIRED);
    assert_int_equal(count_of(ranks, "a").waiting, -1); /* nothing is left of it */
    assert_int_equal(count_of(ranks, "b").waiting, 1);
    ranks_free(ranks);
}

static void queues_that_are_over_make_room_for_new_ones(void **state)
{
    struct ranks *ranks = ranks_new();
    char name[16];

    (void)state;
    for (int64_t i = 1; i <= 10000; i++) {
        snprintf(name, sizeof name, "q%d", (int)i);
        tell_of(ranks, name, i, i, JOB_QUEUED);
        assert_int_equal(count_of(ranks, name).waiting, 1);
        tell_of(ranks, name, i, i, JOB_CANCELLED);
    }
    ranks_free(ranks);
}

static void any_number_of_queues_is_told_of(void **state)
{
    struct ranks *ranks = ranks_new();
    struct queue_count *counts = NULL;
    struct job *job = make(5, 5000);
    int64_t start;
    char name[16];
    unsigned n;

    (void)state;
    for (int64_t i = 1; i <= 5000; i++) {
        snprintf(name, sizeof name, "q%d", (int)i);
        tell_of(ranks, name, i, i, JOB_QUEUED);
    }
    assert_int_equal(ranks_queues(ranks, &counts, &n), ERR_OK);
    free(counts);
    assert_int_equal(n, 5000);
    free(job->spec->queue);
    job->spec->queue = strdup("q5000");
    assert_int_equal(ranks_position(ranks, job, 0, &start), 0);
    job_unref(job);
    for (int64_t i = 1; i < 5000; i++) {
        snprintf(name, sizeof name, "q%d", (int)i);
        tell_of(ranks, name, i, i, JOB_CANCELLED);
    }
    assert_int_equal(ranks_queues(ranks, &counts, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(counts[0].name, "q5000");
    free(counts);
    ranks_free(ranks);
}

static void await_load(struct ranks *ranks)
{
    struct queue_count *counts = NULL;
    struct timespec pause = {.tv_nsec = 10000000};
    unsigned n;

    for (unsigned i = 0; i < 1000 && ranks_queues(ranks, &counts, &n) == ERR_AGAIN; i++)
        nanosleep(&pause, NULL);
    free(counts);
}

/* The view is there, but under another name, until the first try has failed. */
static void the_jobs_of_before_are_counted_as_soon_as_they_can_be_read(void **state)
{
    struct ranks *ranks = ranks_new();
    struct queue_count *counts = NULL;
    struct world world;
    char away[80];
    unsigned n;

    (void)state;
    world_make(&world);
    for (unsigned number = 1; number <= 3; number++)
        assert_int_equal(world_tell(&world, EVENT_SUBMITTED, number, 0, T0), OUTCOME_ACCEPTED);
    snprintf(away, sizeof away, "%s-away", world.dir);
    assert_int_equal(rename(world.dir, away), 0);
    assert_int_equal(ranks_load(ranks, world.dir), ERR_OK);
    usleep(100000);                          /* whenever it looks: nothing is told, and nothing goes wrong */
    assert_int_equal(ranks_queues(ranks, &counts, &n), ERR_AGAIN);
    tell_of(ranks, "other", 10001, 10001, JOB_QUEUED);
    assert_int_equal(rename(away, world.dir), 0);
    await_load(ranks);
    assert_int_equal(count_of(ranks, "default").waiting, 3);
    assert_int_equal(count_of(ranks, "other").waiting, 1);
    ranks_free(ranks);
    world_end(&world);
}

static void a_load_that_cannot_be_does_not_hold_up_the_end(void **state)
{
    struct ranks *ranks = ranks_new();
    int64_t start = clock_mono_ms();

    (void)state;
    assert_int_equal(ranks_load(ranks, "/nonexistent"), ERR_OK);
    usleep(20000);
    ranks_free(ranks);
    assert_true(clock_mono_ms() - start < 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_counts_each_job_where_it_stands_now),
        cmocka_unit_test(queues_that_are_over_make_room_for_new_ones),
        cmocka_unit_test(any_number_of_queues_is_told_of),
        cmocka_unit_test(the_jobs_of_before_are_counted_as_soon_as_they_can_be_read),
        cmocka_unit_test(a_load_that_cannot_be_does_not_hold_up_the_end),
        cmocka_unit_test(ranks_are_those_of_a_plain_count),
        cmocka_unit_test(the_estimate_follows_the_pace_and_needs_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
