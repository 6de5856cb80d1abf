// needs: jobs
/* Who goes first for which job, and for how long the others leave it aside. */
#include "tests/support/cluster_bench.h"

#include "jobs/presence.h"

#define A "there.0000000b-1"
#define B "third.0000000c-1"

static int set_up_wide(void **state)
{
    struct bench *b;

    set_up(state);
    b = *state;
    join_as(b, HERE, LEASE, 16);
    own_beat(b);
    return 0;
}

#define WIDE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_wide, tear_down)

static void who_is_alone_claims_at_once(void **state)
{
    struct bench *b = *state;
    for (unsigned n = 1; n <= 16; n++)
        submit(b, n, (struct wish){0});
    hear(b);
    assert_int_equal(b->n_sent, 16);
}

static void everybody_comes_to_the_same_order(void **state)
{
    struct bench *b = *state;
    static const char *const names[] = {HERE, A, B, "fourth.0000000d-1"};
    enum { N = 4, MANY = 2000 };
    static int64_t waits[N][MANY];
    unsigned first[N] = {0};
    int64_t step = 0;

    for (unsigned i = 0; i < N; i++) {
        join_as(b, names[i], LEASE, 2);
        for (unsigned j = 0; j < N; j++)
            if (j != i)
                beat(b, names[j]);
        step = step_of(b);
        for (unsigned n = 0; n < MANY; n++) {
            waits[i][n] = wait_for(b, "one", n, true);
            first[i] += waits[i][n] == 0;
        }
    }
    for (unsigned n = 0; n < MANY; n++) {
        unsigned seen = 0;
        for (unsigned i = 0; i < N; i++) {
            assert_int_equal(waits[i][n] % step, 0);
            seen |= 1u << waits[i][n] / step;
        }
        assert_int_equal(seen, (1u << N) - 1);        /* each place is taken once */
    }
    for (unsigned i = 0; i < N; i++)
        assert_in_range(first[i], MANY / N * 8 / 10, MANY / N * 12 / 10);
}

static void the_first_claims_at_once_and_the_others_a_step_later_each(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    beat(b, B);
    for (int64_t rank = 0; rank < 3; rank++) {
        int64_t step = step_of(b);
        unsigned n = job_of_rank(b, 1, rank);
        submit(b, n, (struct wish){0});
        hear(b);
        if (rank > 0) {
            assert_int_equal(scheduler_waiting(b->s), 1);
            assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), rank * step);
            pass(b, rank * step - 1);
            assert_int_equal(b->n_sent, 0);
            pass(b, 1);
        }
        assert_int_equal(b->n_sent, 1);
        assert_true(was_sent(b, EVENT_CLAIMED, n));
        settle(b);
    }
}

static void what_another_claims_in_its_turn_is_not_claimed_by_us(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    unsigned n = job_of_rank(b, 1, 1);
    submit(b, n, (struct wish){0});
    hear(b);
    assert_int_equal(claim_by(b, n, A), FOLD_CHANGED);
    assert_int_equal(scheduler_waiting(b->s), 0);
    pass(b, 1000);
    assert_int_equal(b->n_sent, 0);
}

static void what_belongs_to_others_does_not_hold_up_what_is_ours(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    unsigned theirs = job_of_rank(b, 1, 1), ours = job_of_rank(b, 1, 0);
    submit(b, theirs, (struct wish){.priority = 9});
    submit(b, ours, (struct wish){.priority = 1});
    hear(b);
    assert_int_equal(b->n_sent, 1);
    assert_true(was_sent(b, EVENT_CLAIMED, ours));
}

static void ripe_jobs_go_in_their_old_order(void **state)
{
    struct bench *b = *state;
    unsigned numbers[4], n = 0;
    static const unsigned expected[] = {2, 1, 3, 0};
    beat(b, A);
    for (unsigned i = 0; i < 4; i++) {
        numbers[i] = n = job_of_rank(b, n + 1, 1);
        submit(b, n, (struct wish){.priority = i == 2 ? 9 : i == 0 ? 0 : 5});
    }
    hear(b);
    assert_int_equal(b->n_sent, 0);
    pass(b, step_of(b));
    assert_int_equal(b->n_sent, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(strtoul(b->sent[i].job, NULL, 10), numbers[expected[i]]);
}

/* Whoever should have gone first is busy or dead: the job does not step aside once more. */
static void what_is_ripe_waits_for_a_slot_only(void **state)
{
    struct bench *b = *state;
    join_as(b, HERE, LEASE, 1);
    own_beat(b);
    beat(b, A);
    unsigned first = job_of_rank(b, 1, 0), n = job_of_rank(b, 1, 1);
    int64_t step = step_of(b);
    submit(b, n, (struct wish){0});
    hear(b);
    submit(b, first, (struct wish){0});
    settle(b);
    assert_int_equal(b->n_started, 1);
    pass(b, step);
    assert_int_equal(b->n_sent, 0);
    assert_int_equal(scheduler_waiting(b->s), 1);
    end(b, b->started[0], true, 1000000);
    hear(b);
    assert_true(was_sent(b, EVENT_CLAIMED, n));
}

static void what_is_queued_anew_is_ranked_anew(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    unsigned n = job_of_rank(b, 1, 1);
    submit(b, n, (struct wish){0});
    hear(b);
    pass(b, step_of(b));
    settle(b);
    assert_int_equal(b->n_started, 1);
    scheduler_on_returned(b->s, b->started[0]->spec->id, 1);
    settle(b);
    assert_int_equal(state_of(b, n), JOB_QUEUED);
    assert_int_equal(b->n_started, 1);
    pass(b, step_of(b));
    settle(b);
    assert_int_equal(b->n_started, 2);
}

static void a_step_grows_with_the_measured_round_trip(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    int64_t before = step_of(b);
    for (unsigned i = 0, n = 0; i < 12; i++) {
        n = job_of_rank(b, n + 1, 0);
        submit(b, n, (struct wish){0});
        hear(b);
        assert_true(was_sent(b, EVENT_CLAIMED, n));
        pass(b, 100);
        fold_sent(b);
        own_beat(b);
        beat(b, A);
    }
    assert_int_equal(b->n_started, 12);
    int64_t step = step_of(b);
    assert_true(step > before);
    assert_true(step > 80);                           /* or the second would go before it heard of the first */
    unsigned n = job_of_rank(b, 1000, 1);
    submit(b, n, (struct wish){0});
    hear(b);
    live(b, step - 1);
    assert_int_equal(b->n_sent, 0);
    live(b, 1);
    assert_int_equal(b->n_sent, 1);
}

static void a_step_has_bounds(void **state)
{
    struct bench *b = *state;
    int64_t steps[30];
    beat(b, A);
    for (unsigned i = 0; i < 30; i++) {
        b->s->round_trip_us = INT64_C(1) << i;        /* up to nine minutes */
        steps[i] = step_of(b);
        assert_true(i == 0 || steps[i] >= steps[i - 1]);
    }
    assert_int_equal(steps[0], steps[1]);
    assert_true(steps[0] > 1);                        /* not even so short that a turn is longer */
    assert_int_equal(steps[28], steps[29]);
    assert_true(steps[29] < LEASE);
}

/* Both another's and ours would be first for some; with nobody who counts, each is ours. */
static bool counts(const struct bench *b, const char *type, bool needs_slot)
{
    for (unsigned n = 0; n < 200; n++)
        if (wait_for(b, type, n, needs_slot) > 0)
            return true;
    return false;
}

static void who_is_draining_does_not_count(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    assert_true(counts(b, "one", true));
    beat_as(b, (struct peer){.name = A, .draining = true});
    assert_false(counts(b, "one", true));
    beat(b, A);
    assert_true(counts(b, "one", true));
}

static void who_is_full_does_not_count_for_what_takes_a_slot(void **state)
{
    struct bench *b = *state;
    beat_as(b, (struct peer){.name = A, .slots = 2});
    submit_held(b, 1, "one", A);
    assert_true(counts(b, "one", true));
    submit_held(b, 2, "one", A);
    assert_false(counts(b, "one", true));
    assert_true(counts(b, "one", false));             /* short jobs are claimed ahead, and anybody can say `lost` */
    assert_int_equal(tell_of_claim(b, EVENT_RELEASED, 2), FOLD_CHANGED);
    assert_true(counts(b, "one", true));
}

static void once_measured_as_short_jobs_are_left_to_full_ones_too(void **state)
{
    struct bench *b = *state;
    unsigned ours = 5000;
    beat_as(b, (struct peer){.name = A, .slots = 1});
    submit_held(b, 1, "one", A);
    unsigned n = job_of_rank(b, 10, 1);
    submit(b, ours, (struct wish){0});
    settle(b);
    assert_int_equal(b->n_started, 1);                /* at once, whatever its rank: there is nobody else */
    end(b, b->started[0], true, 10);
    settle(b);
    submit(b, n, (struct wish){0});
    hear(b);
    assert_int_equal(b->n_sent, 0);
    pass(b, step_of(b));
    assert_int_equal(b->n_sent, 1);
}

static void who_cannot_run_the_type_does_not_count(void **state)
{
    struct bench *b = *state;
    static const char *const two[] = {"never heard of", "two"};
    beat_as(b, (struct peer){.name = A, .types = two, .n_types = 2});
    assert_false(counts(b, "one", true));
    assert_true(counts(b, "two", true));
    beat(b, A);
    assert_true(counts(b, "one", true));
    beat_as(b, (struct peer){.name = A, .types = two, .n_types = 1});
    assert_false(counts(b, "two", true));             /* a heartbeat says all there is, not what is more */
}

static void whom_only_the_log_names_does_not_count(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "one", A);
    assert_int_equal(b->s->n_members, 1);
    assert_false(counts(b, "one", false));
    assert_false(counts(b, "never heard of", false)); /* whoever lives may call such a job lost */
    beat(b, A);
    assert_true(counts(b, "one", false));
    assert_true(counts(b, "never heard of", false));
}

static void who_is_lost_or_has_left_does_not_count(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    live(b, LEASE - 1);
    assert_true(counts(b, "one", true));
    pass(b, 1);
    assert_false(counts(b, "one", true));
    beat(b, B);
    assert_true(counts(b, "one", true));
    beat_as(b, (struct peer){.name = B, .leaving = true});
    assert_false(counts(b, "one", true));
}

/* What of the wait belongs to the number of others: with so many nobody waits for all of them. */
static void among_very_many_the_last_are_not_told_apart(void **state)
{
    struct bench *b = *state;
    char who[PRESENCE_NAME_SIZE];
    int64_t most = 0;
    unsigned n_most = 0;
    beat(b, A);
    int64_t step = step_of(b);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(who, sizeof who, "many.%08x-1", 100 + i);
        beat(b, who);
    }
    for (unsigned n = 0; n < 1000; n++) {
        int64_t wait = wait_for(b, "one", n, true);
        n_most += wait == most;
        if (wait > most) {
            most = wait;
            n_most = 1;
        }
    }
    assert_true(most < 100 * step);
    assert_true(n_most > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIDE_TEST(who_is_alone_claims_at_once),
        WIDE_TEST(everybody_comes_to_the_same_order),
        WIDE_TEST(the_first_claims_at_once_and_the_others_a_step_later_each),
        WIDE_TEST(what_another_claims_in_its_turn_is_not_claimed_by_us),
        WIDE_TEST(what_belongs_to_others_does_not_hold_up_what_is_ours),
        WIDE_TEST(ripe_jobs_go_in_their_old_order),
        WIDE_TEST(what_is_ripe_waits_for_a_slot_only),
        WIDE_TEST(what_is_queued_anew_is_ranked_anew),
        WIDE_TEST(a_step_grows_with_the_measured_round_trip),
        WIDE_TEST(a_step_has_bounds),
        WIDE_TEST(who_is_draining_does_not_count),
        WIDE_TEST(who_is_full_does_not_count_for_what_takes_a_slot),
        WIDE_TEST(once_measured_as_short_jobs_are_left_to_full_ones_too),
        WIDE_TEST(who_cannot_run_the_type_does_not_count),
        WIDE_TEST(whom_only_the_log_names_does_not_count),
        WIDE_TEST(who_is_lost_or_has_left_does_not_count),
        WIDE_TEST(among_very_many_the_last_are_not_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
