// needs: jobs
/* A claim of ours among those of others: what becomes of it when we cannot be heard, and over a limit. */
#include "tests/support/cluster_bench.h"

#define A "there.0000000b-1"

static void a_claim_that_was_not_given_out_yet_is_handed_back_by_the_fence(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    b->mono += FENCE + 1;
    struct event claimed = b->sent[--b->n_sent];
    tell(b, &claimed);
    hear(b);
    assert_int_equal(b->n_started, 0);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(count_sent(b, EVENT_RELEASED), 1);
}

static void what_was_fenced_is_released_when_its_process_is_dead(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, FENCE + 1);
    assert_int_equal(b->n_sent, 0);
    end(b, b->started[0], false, 5);
    hear(b);
    assert_true(was_sent(b, EVENT_RELEASED, 1));
    scheduler_on_returned(b->s, b->started[1]->spec->id, 1);
    hear(b);
    assert_true(was_sent(b, EVENT_RELEASED, 2));
    settle(b);
    for (unsigned n = 1; n <= 3; n++)
        assert_int_equal(state_of(b, n), JOB_QUEUED);
    assert_int_equal(job_at(b, 1)->attempts_used, 0);
    assert_int_equal(b->n_started, 2);                /* and is not begun again here: we are deaf */
    assert_true(scheduler_is_settled(b->s));
}

static void a_result_that_was_there_before_the_kill_still_counts(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, FENCE + 1);
    end(b, b->started[0], true, 5);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
}

/* The grace of a kill that was ordered before may reach far beyond the lease. */
static void the_fence_kills_at_once_what_is_being_stopped_already(void **state)
{
    struct bench *b = *state;
    run_two(b);
    tell_simple(b, EVENT_CANCEL, 1);
    hear(b);
    assert_int_equal(b->n_killed, 1);
    assert_int_equal(b->killed.reason, KILL_CANCEL);
    scheduler_on_started(b->s, b->started[1]->spec->id, 1, b->mono);
    live(b, 5000);
    assert_int_equal(b->n_killed, 2);
    assert_int_equal(b->killed.reason, KILL_TIMEOUT);
    pass(b, FENCE + 1);
    assert_int_equal(b->n_killed, 4);
    assert_int_equal(b->killed.reason, KILL_FENCED);
    pass(b, LEASE);
    assert_int_equal(b->n_killed, 4);                 /* said once */
    for (unsigned i = 0; i < 2; i++)
        end(b, b->started[i], false, 5);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_CANCELLED);
    assert_int_equal(state_of(b, 2), JOB_QUEUED);
    assert_int_equal(job_at(b, 2)->attempts_used, 0);
}

static void a_claim_on_its_way_at_the_fence_is_handed_back_even_when_we_hear_again(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    pass(b, FENCE + 1);
    own_beat(b);
    assert_int_equal(b->n_sent, 1);
    fold_sent(b);
    assert_int_equal(b->n_started, 0);
    assert_int_equal(count_sent(b, EVENT_RELEASED), 1);
    settle(b);
    assert_int_equal(b->n_started, 1);                /* by a claim made since */
    assert_int_equal(b->started[0]->epoch, 2);
}

static void a_claim_on_its_way_through_a_longer_cut_is_handed_back(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    link_is(b, false);
    pass(b, HEARING + 1);
    link_is(b, true);
    own_beat(b);
    fold_sent(b);                                     /* it had been taken in time, and `lost` may stand behind it */
    assert_int_equal(b->n_started, 0);
    assert_int_equal(count_sent(b, EVENT_RELEASED), 1);
}

static void a_claim_on_its_way_through_a_cut_of_a_moment_starts(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    link_is(b, false);
    pass(b, HEARING);
    link_is(b, true);
    fold_sent(b);
    assert_int_equal(b->n_started, 1);
}

static void a_claim_that_comes_in_while_we_are_deaf_is_handed_back(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    link_is(b, false);
    pass(b, HEARING + 1);
    link_is(b, true);
    fold_sent(b);
    assert_int_equal(b->n_started, 0);
    assert_int_equal(count_sent(b, EVENT_RELEASED), 1);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_QUEUED);
    own_beat(b);
    settle(b);
    assert_int_equal(b->n_started, 1);
}

/* The log was said to have failed and had taken it for all that. */
static void a_claim_that_was_given_up_and_comes_in_while_we_are_deaf_is_handed_back(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    scheduler_on_refused(b->s, &b->sent[0], ERR_STORAGE_FULL, b->mono);
    assert_int_equal(scheduler_in_hand(b->s), 0);
    pass(b, FENCE + 1);
    assert_int_equal(b->n_sent, 1);
    fold_sent(b);
    assert_int_equal(b->n_started, 0);
    assert_true(was_sent(b, EVENT_RELEASED, 1));
}

static void a_claim_that_was_given_up_is_handed_back_when_others_have_taken_its_place(void **state)
{
    struct bench *b = *state;
    static const char *const types[] = {"one", "few"};    /* two slots; one at once */
    for (unsigned i = 0; i < 2; i++) {
        unsigned base = 10 * i, room = 2 - i;
        join_as(b, HERE, LEASE, 2);
        own_beat(b);
        submit(b, base + 1, (struct wish){.type = types[i]});
        hear(b);
        assert_int_equal(b->n_sent, 1);
        struct event late = b->sent[--b->n_sent];
        scheduler_on_refused(b->s, &late, ERR_STORAGE_FULL, b->mono);
        for (unsigned n = 2; n < 2 + room; n++)
            submit(b, base + n, (struct wish){.type = types[i], .priority = 9});
        pass(b, HOLD_MIN_MS);
        settle(b);
        assert_int_equal(b->n_started, room);
        tell(b, &late);
        settle(b);
        assert_int_equal(b->n_started, room);
        assert_int_equal(state_of(b, base + 1), JOB_QUEUED);
        forget_started(b);
    }
}

static void a_limit_is_over_all_workers(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "few", A);                      /* one at once */
    submit(b, 2, (struct wish){.type = "few"});
    submit(b, 3, (struct wish){.type = "one"});
    settle(b);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(number_of(b->started[0]), 3);
    assert_int_equal(tell_of_claim(b, EVENT_DONE, 1), FOLD_CHANGED);
    settle(b);
    assert_int_equal(b->n_started, 2);
    assert_int_equal(number_of(b->started[1]), 2);
}

static void of_two_that_claim_at_once_the_later_one_in_the_log_gives_it_back(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.type = "few"});
    hear(b);
    assert_true(was_sent(b, EVENT_CLAIMED, 1));
    submit_held(b, 2, "few", A);                      /* stands in front of ours */
    fold_sent(b);
    assert_int_equal(b->n_started, 0);
    assert_true(was_sent(b, EVENT_RELEASED, 1));
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_QUEUED);
    assert_int_equal(b->n_started, 0);
}

static void of_two_that_claim_at_once_the_earlier_one_in_the_log_runs(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.type = "few"});
    settle(b);
    assert_int_equal(b->n_started, 1);
    submit_held(b, 2, "few", A);
    settle(b);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(b->n_sent, 0);
}

static void what_was_left_to_others_just_now_counts_for_the_limit(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    unsigned theirs = job_of_rank(b, 1, 1), ours = job_of_rank(b, 1, 0);
    submit(b, theirs, (struct wish){.type = "few", .priority = 9});
    submit(b, ours, (struct wish){.type = "few"});
    hear(b);
    assert_int_equal(b->n_sent, 0);
    pass(b, step_of(b));
    assert_int_equal(b->n_sent, 1);
    assert_true(was_sent(b, EVENT_CLAIMED, theirs));
}

static void a_claim_of_ours_that_somebody_else_made_first_is_dropped(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    assert_int_equal(claim_by(b, 1, A), FOLD_CHANGED);
    settle(b);
    assert_int_equal(b->n_started, 0);
    assert_int_equal(scheduler_in_hand(b->s), 0);
    assert_true(scheduler_is_settled(b->s));
    live(b, LEASE);
    assert_true(was_sent(b, EVENT_LOST, 1));          /* and it is watched as anybody's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(a_claim_that_was_not_given_out_yet_is_handed_back_by_the_fence),
        CLUSTER_TEST(what_was_fenced_is_released_when_its_process_is_dead),
        CLUSTER_TEST(a_result_that_was_there_before_the_kill_still_counts),
        CLUSTER_TEST(the_fence_kills_at_once_what_is_being_stopped_already),
        CLUSTER_TEST(a_claim_on_its_way_at_the_fence_is_handed_back_even_when_we_hear_again),
        CLUSTER_TEST(a_claim_on_its_way_through_a_longer_cut_is_handed_back),
        CLUSTER_TEST(a_claim_on_its_way_through_a_cut_of_a_moment_starts),
        CLUSTER_TEST(a_claim_that_comes_in_while_we_are_deaf_is_handed_back),
        CLUSTER_TEST(a_claim_that_was_given_up_and_comes_in_while_we_are_deaf_is_handed_back),
        CLUSTER_TEST(a_claim_that_was_given_up_is_handed_back_when_others_have_taken_its_place),
        CLUSTER_TEST(a_limit_is_over_all_workers),
        CLUSTER_TEST(of_two_that_claim_at_once_the_later_one_in_the_log_gives_it_back),
        CLUSTER_TEST(of_two_that_claim_at_once_the_earlier_one_in_the_log_runs),
        CLUSTER_TEST(what_was_left_to_others_just_now_counts_for_the_limit),
        CLUSTER_TEST(a_claim_of_ours_that_somebody_else_made_first_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
