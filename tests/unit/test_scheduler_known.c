// needs: jobs
/* What the scheduler makes of what the log tells: times, cancels, seeding, claims of another incarnation. */
#include "tests/support/scheduler_bench.h"

static void a_type_that_is_not_known_here_is_left_alone(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.type = "gone"});
    submit(b, 2, (struct wish){.type = "gone", .expires_at = b->wall + 50});
    settle(b);
    assert_int_equal(scheduler_waiting(b->s), 0);
    pass(b, 60);
    settle(b);
    assert_int_equal(state_of(b, 2), JOB_EXPIRED);
}

static void a_scheduled_job_becomes_due(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.run_at = b->wall + 500});
    hear(b);
    assert_int_equal(b->n_sent, 0);
    assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), 500);
    pass(b, 499);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(b->sent[0].kind, EVENT_DUE);
    settle(b);
    assert_int_equal(b->n_started, 1);
}

static void a_job_that_waits_too_long_expires(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 2; i++)
        submit(b, i, (struct wish){0});
    submit(b, 3, (struct wish){.expires_at = b->wall + 100});
    submit(b, 4, (struct wish){.run_at = b->wall + 5000, .expires_at = b->wall + 100});
    settle(b);
    pass(b, 100);
    assert_int_equal(b->n_sent, 2);
    settle(b);
    assert_int_equal(state_of(b, 3), JOB_EXPIRED);
    assert_int_equal(state_of(b, 4), JOB_EXPIRED);
    assert_int_equal(scheduler_waiting(b->s), 0);
}

static void a_cancelled_waiting_job_is_never_claimed(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 3; i++)
        submit(b, i, (struct wish){0});
    settle(b);
    tell_simple(b, EVENT_CANCEL, 3);
    assert_int_equal(scheduler_waiting(b->s), 0);
    end(b, b->started[0], true, 1000000);
    settle(b);
    assert_int_equal(b->n_started, 2);
}

static void a_cancel_before_the_claim_came_back_leaves_nothing_behind(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    tell_simple(b, EVENT_CANCEL, 1);
    settle(b);
    assert_int_equal(b->n_started, 0);
    assert_int_equal(scheduler_in_hand(b->s), 0);
    assert_true(scheduler_is_settled(b->s));
}

static void a_retry_while_an_old_claim_is_on_its_way_runs_once(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);                                  /* claimed: on its way */
    tell_simple(b, EVENT_CANCEL, 1);
    tell_simple(b, EVENT_RETRIED, 1);
    settle(b);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(scheduler_in_hand(b->s), 1);
    end(b, b->started[0], true, 10);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
    assert_true(scheduler_is_settled(b->s));
}

static void a_job_lost_to_another_epoch_is_killed_as_fenced(void **state)
{
    struct bench *b = *state;
    struct event lost;
    char id[ID_SIZE];
    submit(b, 1, (struct wish){0});
    settle(b);
    scheduler_on_started(b->s, b->started[0]->spec->id, 1, b->mono);
    id_of(1, id);
    event_init(&lost, EVENT_LOST, id, b->wall);
    lost.epoch = 1;
    assert_int_equal(tell(b, &lost), FOLD_CHANGED);
    settle(b);
    assert_int_equal(b->n_killed, 1);
    assert_int_equal(b->killed.reason, KILL_FENCED);
    assert_int_equal(b->killed.epoch, 1);
    assert_int_equal(b->n_started, 2);                /* claimed anew, under the next epoch */
    assert_int_equal(b->started[1]->epoch, 2);
    end(b, b->started[0], true, 5);                   /* the zombie's result is for nobody */
    hear(b);
    assert_int_equal(b->n_sent, 0);
    end(b, b->started[1], true, 5);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
    assert_true(scheduler_is_settled(b->s));
}

static void another_incarnations_job_is_declared_lost_when_seeding(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    submit(b, 2, (struct wish){0});
    settle(b);
    scheduler_free(b->s);
    struct scheduler_config config = {.types = b->types, .worker = "this-2", .slots = 2, .seed = 7};
    assert_int_equal(scheduler_new(&config, &b->s), ERR_OK);
    scheduler_seed_begin(b->s, b->pos);
    for (unsigned i = 0; i < b->n_jobs; i++)
        assert_int_equal(scheduler_seed(b->s, b->jobs[i], b->wall), ERR_OK);
    scheduler_seed_end(b->s);
    hear(b);
    assert_int_equal(b->n_sent, 2);
    assert_int_equal(b->sent[0].kind, EVENT_LOST);
    assert_int_equal(b->sent[0].epoch, 1);
    settle(b);
    assert_int_equal(b->n_started, 4);
    assert_int_equal(b->started[3]->losses, 1);
    assert_int_equal(b->started[3]->attempt, 1);
}

static void a_cancel_does_not_keep_another_incarnations_job_from_being_declared_lost(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    scheduler_free(b->s);
    struct scheduler_config config = {.types = b->types, .worker = "this-2", .slots = 2, .seed = 7};
    assert_int_equal(scheduler_new(&config, &b->s), ERR_OK);
    scheduler_seed_begin(b->s, b->pos);
    assert_int_equal(scheduler_seed(b->s, b->jobs[0], b->wall), ERR_OK);
    scheduler_seed_end(b->s);
    tell_simple(b, EVENT_CANCEL, 1);                  /* before the scheduler has said anything */
    hear(b);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(b->sent[0].kind, EVENT_LOST);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_CANCELLED);
}

static void changes_that_the_seed_holds_already_are_passed_over(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    struct job *queued = job_ref(b->jobs[0]);
    struct change old = {.kind = CHANGE_QUEUED, .pos = queued->pos, .job = queued};
    tell_simple(b, EVENT_CANCEL, 1);
    scheduler_seed_begin(b->s, b->pos);
    scheduler_seed_end(b->s);
    assert_int_equal(scheduler_on_change(b->s, &old, b->wall, b->mono), ERR_OK);
    assert_int_equal(scheduler_waiting(b->s), 0);
    job_unref(queued);
}

static void a_change_older_than_what_the_seed_saw_of_the_job_is_passed_over(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    struct job *queued = job_ref(b->jobs[0]);
    struct change old = {.kind = CHANGE_QUEUED, .pos = queued->pos, .job = queued};
    settle(b);                                        /* it runs, and the snapshot shows it so */
    scheduler_seed_begin(b->s, 0);
    assert_int_equal(scheduler_seed(b->s, b->jobs[0], b->wall), ERR_OK);
    scheduler_seed_end(b->s);
    assert_int_equal(scheduler_on_change(b->s, &old, b->wall, b->mono), ERR_OK);
    hear(b);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(scheduler_waiting(b->s), 0);
    job_unref(queued);
}

static void a_claim_on_its_way_is_not_made_twice_after_seeding_anew(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    struct job *newer = job_new(b->jobs[0]->spec);    /* cancelled and retried, both of which were missed */
    newer->state = JOB_QUEUED;
    newer->ready_pos = newer->pos = b->jobs[0]->pos + 2;
    newer->max_attempts = 8;
    scheduler_seed_begin(b->s, 0);
    assert_int_equal(scheduler_seed(b->s, newer, b->wall), ERR_OK);
    scheduler_seed_end(b->s);
    hear(b);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(scheduler_in_hand(b->s), 1);
    job_unref(newer);
}

static void seeding_anew_forgets_what_has_ended_meanwhile(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 4; i++)
        submit(b, i, (struct wish){0});
    settle(b);                                        /* 1 and 2 run, 3 and 4 wait */
    scheduler_seed_begin(b->s, b->pos);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(scheduler_seed(b->s, b->jobs[i], b->wall), ERR_OK);
    scheduler_seed_end(b->s);
    assert_int_equal(scheduler_waiting(b->s), 1);
    assert_int_equal(scheduler_in_hand(b->s), 2);
    hear(b);
    assert_int_equal(b->n_killed, 0);
    assert_int_equal(b->n_started, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_type_that_is_not_known_here_is_left_alone),
        TEST(a_scheduled_job_becomes_due),
        TEST(a_job_that_waits_too_long_expires),
        TEST(a_cancelled_waiting_job_is_never_claimed),
        TEST(a_cancel_before_the_claim_came_back_leaves_nothing_behind),
        TEST(a_retry_while_an_old_claim_is_on_its_way_runs_once),
        TEST(a_job_lost_to_another_epoch_is_killed_as_fenced),
        TEST(another_incarnations_job_is_declared_lost_when_seeding),
        TEST(a_cancel_does_not_keep_another_incarnations_job_from_being_declared_lost),
        TEST(changes_that_the_seed_holds_already_are_passed_over),
        TEST(a_change_older_than_what_the_seed_saw_of_the_job_is_passed_over),
        TEST(a_claim_on_its_way_is_not_made_twice_after_seeding_anew),
        TEST(seeding_anew_forgets_what_has_ended_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
