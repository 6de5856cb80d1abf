// needs: jobs
/* Who can be heard: when we begin, when we stop ourselves, and whose silence counts. */
#include "tests/support/cluster_bench.h"

#define A "there.0000000b-1"

static void nothing_is_claimed_before_our_first_heartbeat_came_back(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    beat(b, A);
    pass(b, LEASE);
    beat(b, A);
    assert_int_equal(b->n_sent, 0);
    own_beat(b);
    pass(b, LEASE / 12);                              /* whoever goes first has had time to */
    assert_int_equal(count_sent(b, EVENT_CLAIMED), 1);
}

static void a_heartbeat_that_took_too_long_is_no_beginning(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    own_beat_of(b, b->mono - HEARING - 1);
    assert_int_equal(b->n_sent, 0);
    own_beat_of(b, b->mono - HEARING);
    assert_int_equal(b->n_sent, 1);
}

static void with_a_short_lease_heartbeats_have_some_more_time_to_travel(void **state)
{
    struct bench *b = *state;
    static const struct { int64_t lease, hearing; } cases[] = {{6000, 1400}, {3000, 700}, {2640, 640}, {2400, 600}, {1800, 450}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        join_as(b, HERE, cases[i].lease, 2);
        submit(b, i + 1, (struct wish){0});
        own_beat_of(b, b->mono - cases[i].hearing - 1);
        assert_int_equal(b->n_sent, i);
        own_beat_of(b, b->mono - cases[i].hearing);
        assert_int_equal(b->n_sent, i + 1);
    }
}

static void what_runs_is_stopped_when_we_have_not_heard_ourselves_for_two_thirds_of_a_lease(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, FENCE - 1);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), 2);
    pass(b, 1);
    assert_int_equal(b->n_killed, 0);
    pass(b, 1);
    assert_int_equal(b->n_killed, 2);
    assert_int_equal(b->killed.reason, KILL_FENCED);
    pass(b, LEASE);
    assert_int_equal(b->n_killed, 2);                 /* said once */
}

static void the_fence_is_counted_from_when_the_heartbeat_was_sent(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, BEAT + 300);
    own_beat_of(b, b->mono - 300);
    own_beat_of(b, b->mono - 700);                    /* an older one that comes after it is no news */
    pass(b, FENCE - 300);
    assert_int_equal(b->n_killed, 0);
    pass(b, 1);
    assert_int_equal(b->n_killed, 2);
}

static void a_worker_that_hears_itself_runs_on(void **state)
{
    struct bench *b = *state;
    run_two(b);
    live(b, 10 * LEASE);
    assert_int_equal(b->n_killed, 0);
}

static void others_heartbeats_do_not_keep_us_running(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, FENCE);
    beat(b, A);
    assert_int_equal(b->n_killed, 0);
    pass(b, 1);
    assert_int_equal(b->n_killed, 2);
}

static void the_fence_comes_before_a_heartbeat_that_is_back_already(void **state)
{
    struct bench *b = *state;
    run_two(b);
    b->mono += FENCE + 1;                             /* stopped for a while: no tick in between */
    own_beat(b);
    assert_int_equal(b->n_killed, 2);
    assert_int_equal(b->killed.reason, KILL_FENCED);
}

static void a_pause_of_just_two_thirds_of_a_lease_is_forgiven(void **state)
{
    struct bench *b = *state;
    run_two(b);
    b->mono += FENCE;
    own_beat(b);
    pass(b, BEAT);
    assert_int_equal(b->n_killed, 0);
}

static void a_worker_that_was_stopped_fences_itself_before_it_does_anything_else(void **state)
{
    struct bench *b = *state;
    run_two(b);
    submit(b, 4, (struct wish){0});
    b->mono += FENCE + 1;
    struct scheduler_action action;
    assert_int_equal(scheduler_next(b->s, b->wall, b->mono, &action), SCHEDULER_KILL);
    assert_int_equal(action.reason, KILL_FENCED);
}

static void after_the_fence_work_begins_again_with_the_next_heartbeat(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, FENCE + 1);
    for (unsigned i = 0; i < 2; i++)
        end(b, b->started[i], false, 5);
    settle(b);
    own_beat(b);
    settle(b);
    assert_int_equal(b->n_started, 4);
    pass(b, FENCE);
    assert_int_equal(b->n_killed, 2);
    pass(b, 1);
    assert_int_equal(b->n_killed, 4);                 /* and it fences itself again */
}

static void while_the_link_is_down_nothing_is_stopped(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, FENCE);
    link_is(b, false);
    pass(b, 1);
    assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), 1000);
    pass(b, 100 * LEASE);
    assert_int_equal(b->n_killed, 0);
    link_is(b, true);
    assert_int_equal(b->n_killed, 0);
}

static void while_the_link_is_down_nothing_is_claimed(void **state)
{
    struct bench *b = *state;
    link_is(b, false);
    submit(b, 1, (struct wish){0});
    pass(b, 1);
    assert_int_equal(b->n_sent, 0);
    link_is(b, true);                                 /* only a moment: we are still heard */
    assert_int_equal(b->n_sent, 1);
}

static void what_was_over_the_fence_when_the_link_went_is_stopped(void **state)
{
    struct bench *b = *state;
    run_two(b);
    b->mono += FENCE + 1;
    link_is(b, false);
    assert_int_equal(b->n_killed, 2);
}

static void a_cut_of_a_moment_changes_nothing_for_us(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, 100);
    link_is(b, false);
    pass(b, HEARING - 100);
    link_is(b, true);
    end(b, b->started[0], true, 1000000);
    settle(b);
    assert_int_equal(b->n_started, 3);                /* the third was claimed, without a new heartbeat */
    pass(b, FENCE - HEARING);
    assert_int_equal(b->n_killed, 0);
    pass(b, 1);
    assert_int_equal(b->n_killed, 2);                 /* counted from that heartbeat on */
}

static void after_a_longer_cut_nothing_is_begun_until_we_have_heard_ourselves(void **state)
{
    struct bench *b = *state;
    run_two(b);
    pass(b, 100);
    link_is(b, false);
    pass(b, HEARING - 100 + 1);
    link_is(b, true);
    end(b, b->started[0], true, 1000000);
    settle(b);
    pass(b, 1);
    own_beat_of(b, b->mono - 2);                      /* sent before the link was back */
    settle(b);
    assert_int_equal(b->n_started, 2);
    own_beat_of(b, b->mono - 1);                      /* sent when it was */
    settle(b);
    assert_int_equal(b->n_started, 3);
}

static void after_a_longer_cut_what_runs_has_two_thirds_of_a_lease_from_then_on(void **state)
{
    struct bench *b = *state;
    run_two(b);
    link_is(b, false);
    pass(b, 10 * LEASE);
    link_is(b, true);
    pass(b, FENCE);
    assert_int_equal(b->n_killed, 0);
    pass(b, 1);
    assert_int_equal(b->n_killed, 2);
}

static void who_is_silent_for_a_lease_is_lost(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE - 1);
    assert_int_equal(b->n_sent, 0);
    assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), 1);
    pass(b, 1);
    assert_int_equal(b->n_sent, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
    assert_int_equal(b->sent[0].epoch, 1);
}

static void who_beats_in_time_is_not_lost(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    for (unsigned i = 0; i < 5; i++) {
        live(b, LEASE - 1);
        beat(b, A);
    }
    assert_int_equal(b->n_sent, 0);
    live(b, LEASE - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_int_equal(b->n_sent, 1);
}

static void silence_counts_only_while_we_are_heard(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    pass(b, HEARING);                                 /* so much counts */
    pass(b, 2000);                                    /* this does not: we would not have heard anybody */
    own_beat(b);
    live(b, LEASE - HEARING - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void silence_is_counted_alike_in_turns_of_any_length(void **state)
{
    struct bench *b = *state;
    static const int turns[] = {1, 4, 5, 34};
    for (unsigned n = 1; n <= 4; n++) {
        join_as(b, HERE, LEASE, 2);
        own_beat(b);
        beat(b, A);
        submit_held(b, n, "one", A);
        for (int i = 0; i < turns[n - 1]; i++)
            pass(b, 3400 / turns[n - 1]);             /* of which 1400 count */
        own_beat(b);
        live(b, LEASE - HEARING - 1);
        assert_int_equal(b->n_sent, n - 1);
        pass(b, 1);
        assert_true(was_sent(b, EVENT_LOST, n));
    }
}

static void heartbeats_that_travel_leave_no_gap_in_what_is_heard(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    pass(b, HEARING - BEAT);
    for (int i = 0; i < 5; i++) {
        pass(b, BEAT);
        own_beat_of(b, b->mono - (HEARING - BEAT));   /* each is back right when the one before covers no more */
    }
    pass(b, LEASE - 5 * BEAT - (HEARING - BEAT) - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

/* Its clock of heard time comes to a whole lease, but what has come in meanwhile it has not read yet. */
static void who_was_stopped_judges_nobody_before_it_is_heard_again(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE - BEAT);
    pass(b, HEARING + 1);
    assert_int_equal(b->n_sent, 0);
    beat(b, A);                                       /* this had been waiting to be read */
    own_beat(b);
    pass(b, 1);
    assert_int_equal(b->n_sent, 0);
}

static void who_was_stopped_for_a_moment_judges(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE - BEAT);
    pass(b, HEARING);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void while_the_link_is_down_nobody_is_lost(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE - 1);
    link_is(b, false);
    pass(b, 1);
    pass(b, 100 * LEASE);
    assert_int_equal(b->n_sent, 0);
}

static void once_the_link_is_up_again_everybody_has_a_whole_lease(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE - 1);
    link_is(b, false);
    link_is(b, true);
    own_beat(b);
    live(b, LEASE - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void who_was_lost_before_a_cut_and_not_told_of_yet_has_a_whole_lease_too(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    beat(b, "third.0000000c-1");
    unsigned n = job_of_rank(b, 1, 2);
    submit_held(b, n, "one", A);
    for (unsigned i = 0; i < 6; i++) {
        live(b, BEAT);
        beat(b, "third.0000000c-1");                  /* goes first in calling it lost */
    }
    assert_int_equal(b->n_sent, 0);
    link_is(b, false);
    pass(b, HEARING);
    link_is(b, true);
    own_beat(b);
    live(b, LEASE - 1);
    assert_int_equal(b->n_sent, 0);
    live(b, LEASE);
    assert_true(was_sent(b, EVENT_LOST, n));
}

static void the_same_word_of_the_link_again_is_no_news(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE - 1);
    link_is(b, true);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void without_a_lease_nobody_is_listened_to(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    beat(b, A);
    assert_int_equal(b->n_sent, 1);
    settle(b);
    link_is(b, false);
    submit(b, 2, (struct wish){0});
    settle(b);
    pass(b, 1000000);
    assert_int_equal(b->n_started, 2);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(b->s->n_members, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEAF_TEST(nothing_is_claimed_before_our_first_heartbeat_came_back),
        DEAF_TEST(a_heartbeat_that_took_too_long_is_no_beginning),
        DEAF_TEST(with_a_short_lease_heartbeats_have_some_more_time_to_travel),
        CLUSTER_TEST(what_runs_is_stopped_when_we_have_not_heard_ourselves_for_two_thirds_of_a_lease),
        CLUSTER_TEST(the_fence_is_counted_from_when_the_heartbeat_was_sent),
        CLUSTER_TEST(a_worker_that_hears_itself_runs_on),
        CLUSTER_TEST(others_heartbeats_do_not_keep_us_running),
        CLUSTER_TEST(the_fence_comes_before_a_heartbeat_that_is_back_already),
        CLUSTER_TEST(a_pause_of_just_two_thirds_of_a_lease_is_forgiven),
        CLUSTER_TEST(a_worker_that_was_stopped_fences_itself_before_it_does_anything_else),
        CLUSTER_TEST(after_the_fence_work_begins_again_with_the_next_heartbeat),
        CLUSTER_TEST(while_the_link_is_down_nothing_is_stopped),
        CLUSTER_TEST(while_the_link_is_down_nothing_is_claimed),
        CLUSTER_TEST(what_was_over_the_fence_when_the_link_went_is_stopped),
        CLUSTER_TEST(a_cut_of_a_moment_changes_nothing_for_us),
        CLUSTER_TEST(after_a_longer_cut_nothing_is_begun_until_we_have_heard_ourselves),
        CLUSTER_TEST(after_a_longer_cut_what_runs_has_two_thirds_of_a_lease_from_then_on),
        CLUSTER_TEST(who_is_silent_for_a_lease_is_lost),
        CLUSTER_TEST(who_beats_in_time_is_not_lost),
        CLUSTER_TEST(silence_counts_only_while_we_are_heard),
        CLUSTER_TEST(silence_is_counted_alike_in_turns_of_any_length),
        CLUSTER_TEST(heartbeats_that_travel_leave_no_gap_in_what_is_heard),
        CLUSTER_TEST(who_was_stopped_judges_nobody_before_it_is_heard_again),
        CLUSTER_TEST(who_was_stopped_for_a_moment_judges),
        CLUSTER_TEST(while_the_link_is_down_nobody_is_lost),
        CLUSTER_TEST(once_the_link_is_up_again_everybody_has_a_whole_lease),
        CLUSTER_TEST(who_was_lost_before_a_cut_and_not_told_of_yet_has_a_whole_lease_too),
        CLUSTER_TEST(the_same_word_of_the_link_again_is_no_news),
        cmocka_unit_test_setup_teardown(without_a_lease_nobody_is_listened_to, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
