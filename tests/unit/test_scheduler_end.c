// needs: jobs
/* How attempts end: results, cancels, timeouts, back-off, and a log that refuses. */
#include "tests/support/scheduler_bench.h"

static void the_end_is_appended_with_its_result(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    end(b, b->started[0], true, 100000);
    hear(b);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(b->sent[0].kind, EVENT_DONE);
    assert_non_null(b->sent[0].body);
    assert_false(scheduler_is_settled(b->s));
    fold_sent(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
    assert_true(scheduler_is_settled(b->s));
    assert_int_equal(scheduler_in_hand(b->s), 0);
}

static void a_cancel_of_a_running_job_kills_and_then_says_cancelled(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    scheduler_on_started(b->s, b->started[0]->spec->id, 1, b->mono);
    tell_simple(b, EVENT_CANCEL, 1);
    hear(b);
    assert_int_equal(b->n_killed, 1);
    assert_int_equal(b->killed.reason, KILL_CANCEL);
    assert_int_equal(b->killed.epoch, 1);
    assert_int_equal(b->n_sent, 0);
    end(b, b->started[0], false, 5);
    hear(b);
    assert_int_equal(b->sent[0].kind, EVENT_CANCELLED);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_CANCELLED);
}

static void a_cancel_before_the_start_was_given_out_starts_nothing(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    struct event claimed = b->sent[--b->n_sent];
    tell(b, &claimed);
    tell_simple(b, EVENT_CANCEL, 1);
    hear(b);
    assert_int_equal(b->n_started, 0);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(b->sent[0].kind, EVENT_CANCELLED);
}

static void what_never_began_is_cancelled_when_it_is_returned(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    tell_simple(b, EVENT_CANCEL, 1);
    hear(b);
    assert_int_equal(b->n_killed, 1);
    scheduler_on_returned(b->s, b->started[0]->spec->id, 1);
    hear(b);
    assert_int_equal(b->sent[0].kind, EVENT_CANCELLED);
}

static void an_attempt_that_takes_too_long_is_killed_and_fails_with_timeout(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    pass(b, 60000);
    assert_int_equal(b->n_killed, 0);         /* it waits for an executor, which is not its fault */
    scheduler_on_started(b->s, b->started[0]->spec->id, 1, b->mono);
    pass(b, 4999);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), 1);
    pass(b, 1);
    assert_int_equal(b->n_killed, 1);
    assert_int_equal(b->killed.reason, KILL_TIMEOUT);
    pass(b, 1000);
    assert_int_equal(b->n_killed, 1);
    end(b, b->started[0], false, 5);
    hear(b);
    assert_int_equal(b->sent[0].kind, EVENT_FAILED);
    assert_int_equal(b->sent[0].error.code, JOB_ERROR_TIMEOUT);
    assert_true(b->sent[0].error.retryable);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_RETRYING);
}

static void a_success_after_the_kill_is_a_timeout_all_the_same(void **state)
{
    struct bench *b = *state;
    struct attempt_end how = {.ok = true, .was_stopped = true, .result = body_new("application/json", "1", 1),
                              .progress.percent = -1};
    submit(b, 1, (struct wish){0});
    settle(b);
    scheduler_on_started(b->s, b->started[0]->spec->id, 1, b->mono);
    pass(b, 5000);
    assert_int_equal(b->killed.reason, KILL_TIMEOUT);
    scheduler_on_end(b->s, b->started[0]->spec->id, 1, &how, b->wall, b->mono);
    hear(b);
    assert_int_equal(b->sent[0].kind, EVENT_FAILED);
    assert_int_equal(b->sent[0].error.code, JOB_ERROR_TIMEOUT);
    assert_null(b->sent[0].body);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_RETRYING);
}

static void a_success_that_was_there_before_the_kill_counts_though_the_time_was_over(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    scheduler_on_started(b->s, b->started[0]->spec->id, 1, b->mono);
    pass(b, 5000);
    end(b, b->started[0], true, 4999000);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
}

static void a_success_after_the_kill_of_a_drain_is_handed_back(void **state)
{
    struct bench *b = *state;
    struct attempt_end how = {.ok = true, .was_stopped = true, .result = body_new("application/json", "1", 1),
                              .progress.percent = -1};
    submit(b, 1, (struct wish){0});
    settle(b);
    scheduler_on_started(b->s, b->started[0]->spec->id, 1, b->mono);
    scheduler_abandon(b->s);
    hear(b);
    assert_int_equal(b->killed.reason, KILL_DRAIN);
    scheduler_on_end(b->s, b->started[0]->spec->id, 1, &how, b->wall, b->mono);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_QUEUED);
    assert_int_equal(job_at(b, 1)->attempts_used, 0);
}

static void backoff_is_drawn_under_a_cap_that_doubles_up_to_its_bound(void **state)
{
    struct bench *b = *state;
    int64_t caps[] = {1000, 2000, 3000}, most[3] = {0};

    for (unsigned n = 1; n <= 300; n++) {
        submit(b, n, (struct wish){0});
        for (unsigned try = 0; try < 4; try++) {
            settle(b);
            assert_int_equal(b->n_started, 1);
            end(b, b->started[0], false, 100000);
            forget_started(b);
            hear(b);
            assert_int_equal(b->sent[0].kind, EVENT_FAILED);
            assert_int_equal(b->sent[0].error.attempt, (int)try + 1);
            int64_t retry_at = b->sent[0].retry_at;
            if (try == 3) {
                assert_int_equal(retry_at, 0);
                settle(b);
                break;
            }
            assert_in_range(retry_at - b->wall, 1, caps[try]);
            if (retry_at - b->wall > most[try])
                most[try] = retry_at - b->wall;
            settle(b);
            pass(b, caps[try]);
        }
        assert_int_equal(state_of(b, n), JOB_FAILED);
    }
    for (unsigned try = 0; try < 3; try++)
        assert_true(most[try] > caps[try] * 9 / 10);
}

static void what_is_not_retryable_fails_for_good(void **state)
{
    struct bench *b = *state;
    struct attempt_end how = {.error = {.code = JOB_ERROR_BAD_INPUT}, .progress.percent = -1};
    submit(b, 1, (struct wish){0});
    settle(b);
    scheduler_on_end(b->s, b->started[0]->spec->id, 1, &how, b->wall, b->mono);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_FAILED);
}

static void a_refused_result_is_appended_again_until_it_is_in(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    struct attempt_end how = {.ok = true, .result = body_new("application/json", "42", 2),
                              .progress = {.percent = 90, .message = strdup("nearly")}};
    scheduler_on_end(b->s, b->started[0]->spec->id, 1, &how, b->wall, b->mono);
    hear(b);
    int64_t waits[] = {50, 100, 200, 400, 800, 1000, 1000};
    for (unsigned i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(b->n_sent, 1);
        refuse_all(b);
        hear(b);
        assert_int_equal(b->n_sent, 0);
        assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), waits[i]);
        pass(b, waits[i] - 1);
        assert_int_equal(b->n_sent, 0);
        pass(b, 1);
    }
    assert_int_equal(b->n_sent, 1);
    assert_string_equal(b->sent[0].body->bytes, "42");
    assert_string_equal(b->sent[0].progress.message, "nearly");
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
    assert_true(scheduler_is_settled(b->s));
}

static void a_result_that_no_log_takes_fails_for_good(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    end(b, b->started[0], true, 100000);
    hear(b);
    assert_int_equal(b->n_sent, 1);
    struct event done = b->sent[--b->n_sent];
    scheduler_on_refused(b->s, &done, ERR_TOO_LARGE, b->mono);
    event_clear(&done);
    pass(b, 50);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(b->sent[0].kind, EVENT_FAILED);
    assert_int_equal(b->sent[0].error.code, JOB_ERROR_BAD_OUTPUT);
    assert_false(b->sent[0].error.retryable);
    assert_null(b->sent[0].body);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_FAILED);
    assert_true(scheduler_is_settled(b->s));
}

static void a_refused_claim_is_made_again(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    refuse_all(b);
    assert_int_equal(scheduler_in_hand(b->s), 0);
    assert_int_equal(scheduler_waiting(b->s), 1);
    pass(b, 50);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(b->sent[0].kind, EVENT_CLAIMED);
    settle(b);
    assert_int_equal(b->n_started, 1);
}

static void a_refused_due_is_asked_for_again(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.run_at = b->wall + 10});
    pass(b, 10);
    refuse_all(b);
    pass(b, 49);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_int_equal(b->n_sent, 1);
    settle(b);
    assert_int_equal(b->n_started, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_end_is_appended_with_its_result),
        TEST(a_cancel_of_a_running_job_kills_and_then_says_cancelled),
        TEST(a_cancel_before_the_start_was_given_out_starts_nothing),
        TEST(what_never_began_is_cancelled_when_it_is_returned),
        TEST(an_attempt_that_takes_too_long_is_killed_and_fails_with_timeout),
        TEST(a_success_after_the_kill_is_a_timeout_all_the_same),
        TEST(a_success_that_was_there_before_the_kill_counts_though_the_time_was_over),
        TEST(a_success_after_the_kill_of_a_drain_is_handed_back),
        TEST(backoff_is_drawn_under_a_cap_that_doubles_up_to_its_bound),
        TEST(what_is_not_retryable_fails_for_good),
        TEST(a_refused_result_is_appended_again_until_it_is_in),
        TEST(a_result_that_no_log_takes_fails_for_good),
        TEST(a_refused_claim_is_made_again),
        TEST(a_refused_due_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
