// needs: jobs
/* The scheduler: what it claims and in which order, how it goes down, and random days. */
#include "tests/support/scheduler_bench.h"

static void a_job_starts_only_after_its_claim_came_back(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    assert_int_equal(b->n_sent, 1);
    assert_int_equal(b->sent[0].kind, EVENT_CLAIMED);
    assert_int_equal(b->sent[0].epoch, 1);
    assert_string_equal(b->sent[0].worker, OURS);
    assert_int_equal(b->n_started, 0);
    fold_sent(b);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(b->n_sent, 0);
}

static void a_job_is_in_the_claim_pipeline_only_once(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    hear(b);
    pass(b, 100);
    assert_int_equal(b->n_sent, 1);
}

static void priority_goes_first_and_then_order(void **state)
{
    struct bench *b = *state;
    static const unsigned expected[] = {4, 2, 3, 1, 5};
    submit(b, 1, (struct wish){.priority = 0});
    submit(b, 2, (struct wish){.priority = 5});
    submit(b, 3, (struct wish){.priority = 5, .type = "two"});
    submit(b, 4, (struct wish){.priority = 9});
    submit(b, 5, (struct wish){.priority = 0});
    settle(b);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(b->n_started > i);
        assert_int_equal(number_of(b->started[i]), expected[i]);
        end(b, b->started[i], true, 1000000);
        settle(b);
    }
}

static void long_jobs_are_claimed_one_for_each_free_slot(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 10; i++)
        submit(b, i, (struct wish){0});
    settle(b);
    assert_int_equal(b->n_started, 2);
    end(b, b->started[0], true, 1000000);
    settle(b);
    assert_int_equal(b->n_started, 3);
    assert_int_equal(scheduler_waiting(b->s), 7);
}

static void short_jobs_are_claimed_ahead_once_measured(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 3000; i++)
        submit(b, i, (struct wish){0});
    settle(b);
    assert_int_equal(b->n_started, 2);
    end(b, b->started[0], true, 10);
    settle(b);
    assert_in_range(scheduler_in_hand(b->s), 100, 600);
    assert_int_equal(scheduler_run_us(b->s, types_find(b->types, "one")->number), 10);
    assert_int_equal(scheduler_run_us(b->s, types_find(b->types, "two")->number), -1);
}

static void a_short_job_that_turns_out_long_takes_its_slot(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 2000; i++)
        submit(b, i, (struct wish){0});
    settle(b);
    end(b, b->started[0], true, 10);
    settle(b);
    unsigned held = b->n_started;
    for (unsigned i = 1; i < 3; i++)
        scheduler_on_started(b->s, b->started[i]->spec->id, 1, b->mono);
    pass(b, 30);
    for (unsigned i = 3; i < held; i++)
        end(b, b->started[i], true, 10);
    settle(b);
    assert_int_equal(scheduler_in_hand(b->s), 2);      /* both slots are taken: nothing more is claimed */
}

/* Two have ended at once, so the others are claimed ahead, and the next has begun. */
static void claim_ahead(struct bench *b)
{
    for (unsigned i = 1; i <= 300; i++)
        submit(b, i, (struct wish){0});
    settle(b);
    for (unsigned i = 0; i < 2; i++)
        end(b, b->started[i], true, 10);
}

static void what_was_claimed_ahead_is_given_back_when_one_of_its_type_turns_out_long(void **state)
{
    struct bench *b = *state;
    claim_ahead(b);
    settle(b);
    unsigned held = b->n_started;
    assert_in_range(held, 100, 300);
    scheduler_on_started(b->s, b->started[2]->spec->id, 1, b->mono);
    pass(b, 20);
    assert_int_equal(b->n_killed, held - 4);           /* two have ended, one runs, and one has the other slot */
    assert_int_equal(b->killed.reason, KILL_AHEAD);
    assert_true(scheduler_run_us(b->s, types_find(b->types, "one")->number) >= 20000);
    for (unsigned i = 4; i < held; i++)
        scheduler_on_returned(b->s, b->started[i]->spec->id, 1);
    settle(b);
    assert_int_equal(scheduler_in_hand(b->s), 2);
    assert_int_equal(state_of(b, number_of(b->started[3])), JOB_RUNNING);
    for (unsigned i = 4; i < held; i++) {
        assert_int_equal(state_of(b, number_of(b->started[i])), JOB_QUEUED);
        assert_int_equal(job_at(b, number_of(b->started[i]))->attempts_used, 0);
    }
    submit(b, 1000, (struct wish){.type = "two", .priority = 9});
    end(b, b->started[2], true, 100000);
    settle(b);
    assert_int_equal(b->n_started, held + 1);          /* and priority counts again */
    assert_int_equal(number_of(b->started[held]), 1000);
}

static void what_an_executor_has_begun_already_is_not_given_back(void **state)
{
    struct bench *b = *state;
    claim_ahead(b);
    settle(b);
    struct job *last = b->started[b->n_started - 1];
    scheduler_on_started(b->s, b->started[2]->spec->id, 1, b->mono);
    pass(b, 20);
    assert_string_equal(b->killed.id, last->spec->id);
    pass(b, 20);
    assert_int_equal(b->n_killed, b->n_started - 4);   /* asked once */
    end(b, last, true, 10);
    settle(b);
    assert_int_equal(state_of(b, number_of(last)), JOB_SUCCEEDED);
}

static void a_claim_ahead_that_is_on_its_way_is_given_back_when_it_comes(void **state)
{
    struct bench *b = *state;
    claim_ahead(b);
    hear(b);
    fold_sent(b);                                      /* some are in hand, the others on their way */
    unsigned held = b->n_started;
    scheduler_on_started(b->s, b->started[2]->spec->id, 1, b->mono);
    pass(b, 20);
    assert_true(scheduler_in_hand(b->s) > held);
    settle(b);
    assert_int_equal(b->n_started, held);
}

static void a_type_at_its_limit_is_passed_by_others(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.type = "few"});
    submit(b, 2, (struct wish){.type = "few"});
    submit(b, 3, (struct wish){.type = "one"});
    settle(b);
    assert_int_equal(b->n_started, 2);
    assert_int_equal(number_of(b->started[1]), 3);
    end(b, b->started[0], true, 1000000);
    settle(b);
    assert_int_equal(b->n_started, 3);
    assert_int_equal(number_of(b->started[2]), 2);
}

static void a_drain_claims_nothing_and_releases_what_comes_back(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 3; i++)
        submit(b, i, (struct wish){0});
    hear(b);
    assert_int_equal(b->n_sent, 2);
    scheduler_drain(b->s);
    settle(b);
    assert_int_equal(b->n_started, 0);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(state_of(b, i), JOB_QUEUED);
    assert_true(scheduler_is_settled(b->s));
}

static void a_drain_lets_what_runs_end_and_abandon_kills_it(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    submit(b, 2, (struct wish){0});
    settle(b);
    scheduler_drain(b->s);
    hear(b);
    assert_int_equal(b->n_killed, 0);
    end(b, b->started[0], true, 10);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
    scheduler_abandon(b->s);
    hear(b);
    assert_int_equal(b->n_killed, 1);
    assert_int_equal(b->killed.reason, KILL_DRAIN);
    end(b, b->started[1], false, 10);
    settle(b);
    assert_int_equal(state_of(b, 2), JOB_QUEUED);
    assert_int_equal(job_at(b, 2)->attempts_used, 0);
    assert_true(scheduler_is_settled(b->s));
}

/* Anything at any time: whatever happens, each job ends once and nothing is left in hand. */
static void random_days_end_with_every_job_ended(void **state)
{
    struct bench *b = *state;
    unsigned submitted = 0;

    srand(11);
    for (unsigned step = 0; step < 20000; step++) {
        int dice = rand() % 100;
        if (dice < 15 && submitted < 1500)
            submit(b, ++submitted, (struct wish){.type = rand() % 3 ? "one" : "few", .priority = rand() % 10,
                                                 .run_at = rand() % 4 ? 0 : b->wall + rand() % 300,
                                                 .expires_at = rand() % 6 ? 0 : b->wall + rand() % 200});
        else if (dice < 20 && submitted)
            tell_simple(b, EVENT_CANCEL, 1 + (unsigned)rand() % submitted);
        else if (dice < 24 && submitted)
            tell_simple(b, EVENT_RETRIED, 1 + (unsigned)rand() % submitted);
        else if (dice < 30)
            refuse_all(b);
        else if (dice < 60)
            fold_sent(b);
        else if (dice < 70)
            pass(b, rand() % 50);
        else if (b->n_started) {
            struct job *job = b->started[--b->n_started];
            if (rand() % 8 == 0)
                scheduler_on_returned(b->s, job->spec->id, job->epoch);
            else
                end(b, job, rand() % 4 != 0, rand() % 3 ? 10 : 100000);
            job_unref(job);
        }
        hear(b);
    }
    for (unsigned round = 0; round < 3000 && !(scheduler_is_settled(b->s) && !scheduler_waiting(b->s)); round++) {
        while (b->n_started) {
            struct job *job = b->started[--b->n_started];
            end(b, job, true, 10);
            job_unref(job);
        }
        settle(b);
        pass(b, 100);
    }
    pass(b, 60000);
    settle(b);
    while (b->n_started) {
        struct job *job = b->started[--b->n_started];
        end(b, job, true, 10);
        job_unref(job);
        settle(b);
    }
    for (unsigned i = 0; i < b->n_jobs; i++)
        if (!job_state_is_final(b->jobs[i]->state))
            fail_msg("job %s is %s", b->jobs[i]->spec->id, job_state_word(b->jobs[i]->state));
    assert_true(scheduler_is_settled(b->s));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_job_starts_only_after_its_claim_came_back),
        TEST(a_job_is_in_the_claim_pipeline_only_once),
        TEST(priority_goes_first_and_then_order),
        TEST(long_jobs_are_claimed_one_for_each_free_slot),
        TEST(short_jobs_are_claimed_ahead_once_measured),
        TEST(a_short_job_that_turns_out_long_takes_its_slot),
        TEST(what_was_claimed_ahead_is_given_back_when_one_of_its_type_turns_out_long),
        TEST(what_an_executor_has_begun_already_is_not_given_back),
        TEST(a_claim_ahead_that_is_on_its_way_is_given_back_when_it_comes),
        TEST(a_type_at_its_limit_is_passed_by_others),
        TEST(a_drain_claims_nothing_and_releases_what_comes_back),
        TEST(a_drain_lets_what_runs_end_and_abandon_kills_it),
        TEST(random_days_end_with_every_job_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
