// needs: jobs
/* The fold: each rule of the drawing, and what must be ignored. */
#include "tests/unit/log_world.h"

struct tale {
    struct job *job;
    enum change_kind told;
    int64_t pos;
};

static enum fold tell_event(struct tale *tale, struct event *event)
{
    enum fold result;

    event->pos = ++tale->pos;
    result = fold(&tale->job, event, &tale->told);
    event_clear(event);
    return result;
}

static enum fold tell(struct tale *tale, enum event_kind kind, int epoch, int64_t at)
{
    struct event event = event_of(kind, 1, 0, at);

    event.epoch = epoch;
    if (kind == EVENT_CLAIMED)
        event.worker = strdup("host-1");
    if (kind == EVENT_FAILED)
        event_fails(&event, at + 1000);
    if (kind == EVENT_DONE)
        event.body = body_new("application/json", "1", 1);
    return tell_event(tale, &event);
}

static void begin(struct tale *tale)
{
    *tale = (struct tale){.pos = 1};
    assert_int_equal(tell(tale, EVENT_SUBMITTED, 0, T0), FOLD_CREATED);
}

static void end(struct tale *tale)
{
    job_unref(tale->job);
}

static void a_submission_is_queued_at_once(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    assert_int_equal(tale.job->state, JOB_QUEUED);
    assert_int_equal(tale.job->seq, 2);
    assert_int_equal(tale.job->ready_pos, 2);
    assert_int_equal(tale.job->input_pos, 2);
    assert_int_equal(tale.told, CHANGE_QUEUED);
    assert_int_equal(tell(&tale, EVENT_SUBMITTED, 0, T0), FOLD_IGNORED);
    end(&tale);
}

static void a_submission_for_later_waits_for_its_time(void **state)
{
    struct tale tale = {.pos = 1};
    struct event event = event_of(EVENT_SUBMITTED, 1, 0, T0);

    (void)state;
    event.spec->run_at = T0 + 500;
    assert_int_equal(tell_event(&tale, &event), FOLD_CREATED);
    assert_int_equal(tale.job->state, JOB_SCHEDULED);
    assert_int_equal(tale.job->run_at, T0 + 500);
    assert_int_equal(tell(&tale, EVENT_DUE, 0, T0 + 499), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 1, T0 + 499), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_DUE, 0, T0 + 500), FOLD_CHANGED);
    assert_int_equal(tale.job->state, JOB_QUEUED);
    assert_int_equal(tale.job->run_at, 0);
    assert_int_equal(tale.job->ready_pos, tale.pos);
    end(&tale);
}

static void only_the_next_epoch_may_claim(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 0, T0), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 2, T0), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 1, T0 + 5), FOLD_CHANGED);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 1, T0 + 5), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 2, T0 + 5), FOLD_IGNORED);
    assert_string_equal(tale.job->worker, "host-1");
    assert_int_equal(tale.job->attempt, 1);
    assert_int_equal(tale.job->attempts_used, 0);
    assert_int_equal(tale.job->started_at, T0 + 5);
    end(&tale);
}

static void a_late_result_of_another_epoch_is_ignored(void **state)
{
    static const enum event_kind late[] = {EVENT_DONE, EVENT_FAILED, EVENT_RELEASED, EVENT_LOST,
                                           EVENT_CANCELLED};
    struct tale tale;

    (void)state;
    begin(&tale);
    tell(&tale, EVENT_CLAIMED, 1, T0);
    tell(&tale, EVENT_LOST, 1, T0);
    tell(&tale, EVENT_CLAIMED, 2, T0);
    for (unsigned i = 0; i < sizeof late / sizeof *late; i++)
        assert_int_equal(tell(&tale, late[i], 1, T0), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_DONE, 2, T0 + 9), FOLD_CHANGED);
    assert_int_equal(tale.job->state, JOB_SUCCEEDED);
    assert_int_equal(tale.job->finished_at, T0 + 9);
    assert_int_equal(tale.job->result_pos, tale.pos);
    assert_non_null(tale.job->result);
    assert_null(tale.job->worker);
    end(&tale);
}

static void a_final_job_ignores_every_event(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    tell(&tale, EVENT_CLAIMED, 1, T0);
    tell(&tale, EVENT_DONE, 1, T0);
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        if (kind != EVENT_REMOVED)
            for (int epoch = 0; epoch < 3; epoch++)
                assert_int_equal(tell(&tale, (enum event_kind)kind, epoch, T0 + 100000), FOLD_IGNORED);
    assert_int_equal(tale.job->state, JOB_SUCCEEDED);
    end(&tale);
}

static void a_result_kept_apart_has_a_place_and_a_length_alone(void **state)
{
    struct tale tale;
    struct event event = event_of(EVENT_DONE, 1, 0, T0);

    (void)state;
    begin(&tale);
    tell(&tale, EVENT_CLAIMED, 1, T0);
    event.epoch = 1;
    event.blob = (struct blob){.at = 3, .len = 100000, .media_type = "application/json"};
    event.body = body_new("application/json", "1", 1); /* whatever a node has of it */
    assert_int_equal(tell_event(&tale, &event), FOLD_CHANGED);
    assert_int_equal(tale.job->result_pos, tale.pos);
    assert_int_equal(tale.job->result_len, 100000);
    assert_null(tale.job->result);
    end(&tale);
}

static void failures_use_up_the_attempts(void **state)
{
    struct tale tale;
    int64_t at = T0;

    (void)state;
    begin(&tale);
    for (int epoch = 1; epoch <= 3; epoch++, at += 2000) {
        assert_int_equal(tell(&tale, EVENT_CLAIMED, epoch, at), FOLD_CHANGED);
        assert_int_equal(tale.job->attempt, epoch);
        assert_int_equal(tell(&tale, EVENT_FAILED, epoch, at), FOLD_CHANGED);
        assert_int_equal(tale.told, epoch < 3 ? CHANGE_RETRYING : CHANGE_FAILED);
        assert_int_equal(tale.job->run_at, epoch < 3 ? at + 1000 : 0);
    }
    assert_int_equal(tale.job->n_attempts, 3);
    assert_int_equal(tale.job->error.attempt, 3);
    assert_string_equal(tale.job->attempts[0].error.message, "it broke");
    end(&tale);
}

static void an_error_that_will_not_pass_is_not_retried(void **state)
{
    struct tale tale;
    struct event event = event_of(EVENT_FAILED, 1, 0, T0);

    (void)state;
    begin(&tale);
    tell(&tale, EVENT_CLAIMED, 1, T0);
    event.epoch = 1;
    event.error.code = JOB_ERROR_BAD_INPUT;
    event.retry_at = T0 + 5;
    assert_int_equal(tell_event(&tale, &event), FOLD_CHANGED);
    assert_int_equal(tale.job->state, JOB_FAILED);
    end(&tale);
}

static void a_claim_of_a_due_retry_needs_no_due(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    tell(&tale, EVENT_CLAIMED, 1, T0);
    tell(&tale, EVENT_FAILED, 1, T0);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 2, T0 + 999), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_CLAIMED, 2, T0 + 1000), FOLD_CHANGED);
    assert_int_equal(tale.told, CHANGE_RUNNING);
    end(&tale);
}

static void the_fifth_loss_fails_the_job_and_none_costs_an_attempt(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    for (int epoch = 1; epoch <= 5; epoch++) {
        assert_int_equal(tell(&tale, EVENT_CLAIMED, epoch, T0), FOLD_CHANGED);
        assert_int_equal(tale.job->attempt, 1);
        assert_int_equal(tell(&tale, EVENT_LOST, epoch, T0), FOLD_CHANGED);
        assert_int_equal(tale.told, epoch < 5 ? CHANGE_QUEUED : CHANGE_FAILED);
    }
    assert_int_equal(tale.job->attempts_used, 0);
    assert_int_equal(tale.job->n_attempts, 5);
    assert_int_equal(tale.job->error.code, JOB_ERROR_LOST_WORKER);
    assert_int_equal(tale.job->attempts[2].error.code, JOB_ERROR_LOST_WORKER);
    assert_int_equal(tale.job->ready_pos, 2);
    end(&tale);
}

static void a_retry_on_request_starts_the_losses_anew(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    for (int epoch = 1; epoch <= 10; epoch++) {
        if (epoch == 6)
            assert_int_equal(tell(&tale, EVENT_RETRIED, 0, T0), FOLD_CHANGED);
        assert_int_equal(tell(&tale, EVENT_CLAIMED, epoch, T0), FOLD_CHANGED);
        assert_int_equal(tell(&tale, EVENT_LOST, epoch, T0), FOLD_CHANGED);
        assert_int_equal(tale.told, epoch % 5 ? CHANGE_QUEUED : CHANGE_FAILED);
    }
    end(&tale);
}

static void a_released_claim_leaves_no_attempt(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    tell(&tale, EVENT_CLAIMED, 1, T0 + 7);
    assert_int_equal(tell(&tale, EVENT_RELEASED, 1, T0 + 8), FOLD_CHANGED);
    assert_int_equal(tale.job->state, JOB_QUEUED);
    assert_int_equal(tale.job->n_attempts, 0);
    assert_int_equal(tale.job->attempt, 0);
    assert_int_equal(tale.job->started_at, 0);
    assert_int_equal(tale.job->epoch, 1);
    assert_int_equal(tale.job->ready_pos, 2);
    assert_null(tale.job->worker);
    end(&tale);
}

static void a_waiting_job_is_cancelled_at_once(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    assert_int_equal(tell(&tale, EVENT_CANCEL, 0, T0 + 3), FOLD_CHANGED);
    assert_int_equal(tale.told, CHANGE_CANCELLED);
    assert_int_equal(tale.job->finished_at, T0 + 3);
    end(&tale);
}

static void a_running_job_wanted_cancelled_ends_so_whatever_comes(void **state)
{
    static const enum event_kind ends[] = {EVENT_DONE, EVENT_FAILED, EVENT_RELEASED, EVENT_LOST,
                                           EVENT_CANCELLED};

    (void)state;
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct tale tale;
        begin(&tale);
        tell(&tale, EVENT_CLAIMED, 1, T0);
        assert_int_equal(tell(&tale, EVENT_CANCELLED, 1, T0), FOLD_IGNORED);
        assert_int_equal(tell(&tale, EVENT_CANCEL, 0, T0), FOLD_CHANGED);
        assert_int_equal(tale.told, CHANGE_STOPPING);
        assert_int_equal(tale.job->state, JOB_RUNNING);
        assert_true(tale.job->cancel_requested);
        assert_int_equal(tell(&tale, EVENT_CANCEL, 0, T0), FOLD_IGNORED);
        assert_int_equal(tell(&tale, ends[i], 1, T0), FOLD_CHANGED);
        assert_int_equal(tale.told, CHANGE_CANCELLED);
        assert_int_equal(tale.job->state, JOB_CANCELLED);
        assert_int_equal(tale.job->result_pos, 0);
        assert_int_equal(tale.job->error.code, JOB_ERROR_NONE);
        end(&tale);
    }
}

static void only_a_job_never_started_expires(void **state)
{
    struct tale tale = {.pos = 1};
    struct event event = event_of(EVENT_SUBMITTED, 1, 0, T0);

    (void)state;
    event.spec->expires_at = T0 + 50;
    tell_event(&tale, &event);
    assert_int_equal(tell(&tale, EVENT_EXPIRED, 0, T0 + 49), FOLD_IGNORED);
    tell(&tale, EVENT_CLAIMED, 1, T0);
    assert_int_equal(tell(&tale, EVENT_EXPIRED, 0, T0 + 50), FOLD_IGNORED);
    tell(&tale, EVENT_FAILED, 1, T0);
    assert_int_equal(tell(&tale, EVENT_EXPIRED, 0, T0 + 50), FOLD_IGNORED);
    end(&tale);

    tale = (struct tale){.pos = 1};
    event = event_of(EVENT_SUBMITTED, 1, 0, T0);
    event.spec->expires_at = T0 + 50;
    tell_event(&tale, &event);
    assert_int_equal(tell(&tale, EVENT_EXPIRED, 0, T0 + 50), FOLD_CHANGED);
    assert_int_equal(tale.told, CHANGE_EXPIRED);
    assert_int_equal(tell(&tale, EVENT_RETRIED, 0, T0 + 60), FOLD_CHANGED);
    assert_int_equal(tell(&tale, EVENT_EXPIRED, 0, T0 + 70), FOLD_IGNORED); /* set aside by the retry */
    end(&tale);
}

static void a_retry_on_request_adds_the_first_allowance(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    assert_int_equal(tell(&tale, EVENT_RETRIED, 0, T0), FOLD_IGNORED);
    for (int epoch = 1; epoch <= 3; epoch++) {
        tell(&tale, EVENT_CLAIMED, epoch, T0 + epoch * 2000);
        tell(&tale, EVENT_FAILED, epoch, T0 + epoch * 2000);
    }
    assert_int_equal(tale.job->state, JOB_FAILED);
    assert_int_equal(tell(&tale, EVENT_RETRIED, 0, T0 + 9000), FOLD_CHANGED);
    assert_int_equal(tale.told, CHANGE_QUEUED);
    assert_int_equal(tale.job->max_attempts, 6);
    assert_int_equal(tale.job->finished_at, 0);
    assert_int_equal(tale.job->error.code, JOB_ERROR_NONE);
    assert_int_equal(tale.job->ready_pos, tale.pos);
    tell(&tale, EVENT_CLAIMED, 4, T0 + 9000);
    assert_int_equal(tale.job->attempt, 4);
    assert_int_equal(tale.job->n_attempts, 4);
    end(&tale);
}

static void a_job_is_removed_when_its_keep_ms_are_over(void **state)
{
    struct tale tale;

    (void)state;
    begin(&tale);
    assert_int_equal(tell(&tale, EVENT_REMOVED, 0, T0 + 100000), FOLD_IGNORED);
    tell(&tale, EVENT_CANCEL, 0, T0);
    assert_int_equal(tell(&tale, EVENT_REMOVED, 0, T0 + 999), FOLD_IGNORED);
    assert_int_equal(tell(&tale, EVENT_REMOVED, 0, T0 + 1000), FOLD_REMOVED);
    assert_int_equal(tale.told, CHANGE_REMOVED);
    end(&tale);
}

static void a_job_somebody_else_holds_is_copied_first(void **state)
{
    struct tale tale;
    struct job *seen;

    (void)state;
    begin(&tale);
    seen = job_ref(tale.job);
    tell(&tale, EVENT_CLAIMED, 1, T0);
    assert_int_equal(seen->state, JOB_QUEUED);
    assert_int_equal(seen->n_attempts, 0);
    assert_int_equal(tale.job->state, JOB_RUNNING);
    job_unref(seen);
    end(&tale);
}

static void an_unknown_job_ignores_all_but_its_submission(void **state)
{
    (void)state;
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        struct tale tale = {.pos = 1};
        if (kind == EVENT_SUBMITTED)
            continue;
        assert_int_equal(tell(&tale, (enum event_kind)kind, 1, T0), FOLD_IGNORED);
        assert_null(tale.job);
    }
}

static void no_event_leads_off_the_drawing(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < 500; round++) {
        struct tale tale;
        begin(&tale);
        for (int step = 0; step < 60; step++) {
            enum job_state before = tale.job->state;
            struct job *was = job_ref(tale.job);
            enum event_kind kind = (enum event_kind)(rand_r(&seed) % EVENT_KIND_COUNT);
            enum fold result = tell(&tale, kind, tale.job->epoch + (rand_r(&seed) % 3 - 1), T0 + step * 700);
            if (result == FOLD_CHANGED && before != tale.job->state && kind != EVENT_CLAIMED)
                assert_true(job_state_may_move(before, tale.job->state));
            assert_int_equal(was->state, before); /* history is never written to */
            assert_true(tale.job->n_attempts <= (unsigned)(tale.job->max_attempts + 5 * step));
            assert_int_equal(job_state_is_final(tale.job->state), tale.job->finished_at != 0);
            assert_int_equal(tale.job->state == JOB_RUNNING, tale.job->worker != NULL);
            job_unref(was);
        }
        end(&tale);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_submission_is_queued_at_once),
        cmocka_unit_test(a_submission_for_later_waits_for_its_time),
        cmocka_unit_test(only_the_next_epoch_may_claim),
        cmocka_unit_test(a_late_result_of_another_epoch_is_ignored),
        cmocka_unit_test(a_final_job_ignores_every_event),
        cmocka_unit_test(a_result_kept_apart_has_a_place_and_a_length_alone),
        cmocka_unit_test(failures_use_up_the_attempts),
        cmocka_unit_test(an_error_that_will_not_pass_is_not_retried),
        cmocka_unit_test(a_claim_of_a_due_retry_needs_no_due),
        cmocka_unit_test(the_fifth_loss_fails_the_job_and_none_costs_an_attempt),
        cmocka_unit_test(a_retry_on_request_starts_the_losses_anew),
        cmocka_unit_test(a_released_claim_leaves_no_attempt),
        cmocka_unit_test(a_waiting_job_is_cancelled_at_once),
        cmocka_unit_test(a_running_job_wanted_cancelled_ends_so_whatever_comes),
        cmocka_unit_test(only_a_job_never_started_expires),
        cmocka_unit_test(a_retry_on_request_adds_the_first_allowance),
        cmocka_unit_test(a_job_is_removed_when_its_keep_ms_are_over),
        cmocka_unit_test(a_job_somebody_else_holds_is_copied_first),
        cmocka_unit_test(an_unknown_job_ignores_all_but_its_submission),
        cmocka_unit_test(no_event_leads_off_the_drawing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
