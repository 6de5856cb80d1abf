// needs: jobs
/* Queues that are paused: nothing of them is claimed, nothing of them is looked at, and all goes on in
 * its old order when they are resumed. */
#include "tests/support/cluster_bench.h"

static void pause_only(struct bench *b, const char *queue)
{
    char copy[64];

    snprintf(copy, sizeof copy, "%s", queue);
    assert_int_equal(scheduler_set_paused(b->s, (const char *const[]){copy}, 1), ERR_OK);
    memset(copy, 'x', sizeof copy);                   /* the names are copied */
    hear(b);
}

static void resume_all(struct bench *b)
{
    assert_int_equal(scheduler_set_paused(b->s, NULL, 0), ERR_OK);
    hear(b);
}

static void nothing_is_claimed_from_a_paused_queue(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.queue = "slow", .priority = 9});
    submit(b, 2, (struct wish){.queue = "slow", .priority = 9, .type = "two"});
    submit(b, 3, (struct wish){0});
    pause_only(b, "slow");
    settle(b);
    pass(b, 100000);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(number_of(b->started[0]), 3);
    assert_int_equal(scheduler_waiting(b->s), 0);
    assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), 1000);
}

static void a_queue_may_be_paused_before_anything_waits_in_it(void **state)
{
    struct bench *b = *state;
    pause_only(b, "slow");
    submit(b, 1, (struct wish){.queue = "slow"});
    submit(b, 2, (struct wish){.queue = "slower"});
    settle(b);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(number_of(b->started[0]), 2);
    resume_all(b);
    settle(b);
    assert_int_equal(b->n_started, 2);
}

static void what_is_resumed_goes_in_its_old_order(void **state)
{
    struct bench *b = *state;
    static const unsigned expected[] = {6, 1, 2, 3, 4, 7, 5};
    join_as(b, HERE, 0, 1);
    for (unsigned n = 1; n <= 4; n++)
        submit(b, n, (struct wish){.queue = n % 2 ? "slow" : "fast", .priority = 5, .type = n % 3 ? "one" : "two"});
    submit(b, 5, (struct wish){.queue = "slow", .priority = 1});
    assert_int_equal(scheduler_set_paused(b->s, (const char *const[]){"slow", "fast"}, 2), ERR_OK);
    assert_int_equal(scheduler_set_paused(b->s, (const char *const[]){"slow", "fast"}, 2), ERR_OK);   /* no news */
    submit(b, 6, (struct wish){.queue = "slow", .priority = 9});
    submit(b, 7, (struct wish){.queue = "fast", .priority = 5});
    settle(b);
    assert_int_equal(b->n_started, 0);
    resume_all(b);
    assert_int_equal(scheduler_waiting(b->s), 6);     /* and one is being claimed */
    for (unsigned i = 0; i < 7; i++) {
        settle(b);
        assert_int_equal(b->n_started, i + 1);
        assert_int_equal(number_of(b->started[i]), expected[i]);
        end(b, b->started[i], true, 1000000);
    }
}

static void the_newest_list_is_all_that_is_paused(void **state)
{
    struct bench *b = *state;
    pause_only(b, "a");
    submit(b, 1, (struct wish){.queue = "a"});
    submit(b, 2, (struct wish){.queue = "b"});
    hear(b);
    pause_only(b, "b");
    assert_int_equal(b->n_sent, 2);                   /* 2 was claimed before, 1 is now */
    assert_true(was_sent(b, EVENT_CLAIMED, 1));
    settle(b);
    submit(b, 3, (struct wish){.queue = "b"});
    for (unsigned i = 0; i < 2; i++)
        end(b, b->started[i], true, 1000000);
    settle(b);
    assert_int_equal(b->n_started, 2);
}

static void what_runs_goes_on_and_a_claim_on_its_way_is_taken(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    settle(b);
    submit(b, 2, (struct wish){0});
    hear(b);
    pause_only(b, "default");
    settle(b);
    assert_int_equal(b->n_started, 2);
    assert_int_equal(b->n_killed, 0);
    end(b, b->started[0], true, 10);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_SUCCEEDED);
}

static void what_was_claimed_ahead_of_a_paused_queue_is_given_back(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 1; i <= 100; i++)
        submit(b, i, (struct wish){.queue = i % 2 ? "held" : "free"});
    settle(b);
    end(b, b->started[0], true, 10);
    settle(b);
    unsigned held = b->n_started, asked = 0;
    assert_int_equal(held, 100);
    pause_only(b, "held");
    hear(b);
    for (unsigned i = 2; i < held; i++) {
        if (strcmp(b->started[i]->spec->queue, "held") != 0)
            continue;
        scheduler_on_returned(b->s, b->started[i]->spec->id, 1);
        asked++;
    }
    assert_int_equal(b->n_killed, asked);
    assert_int_equal(b->killed.reason, KILL_AHEAD);
    settle(b);
    assert_int_equal(b->n_started, held);
    assert_int_equal(scheduler_in_hand(b->s), held - 1 - asked);
    assert_int_equal(state_of(b, 99), JOB_QUEUED);
    assert_int_equal(state_of(b, 100), JOB_RUNNING);
}

static void what_comes_back_into_a_paused_queue_waits(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    submit(b, 2, (struct wish){0});
    submit(b, 3, (struct wish){.run_at = b->wall + 500});
    settle(b);
    pause_only(b, "default");
    scheduler_on_returned(b->s, b->started[0]->spec->id, 1);   /* released */
    end(b, b->started[1], false, 1000000);            /* to be tried again */
    settle(b);
    pass(b, 4000);
    assert_true(was_sent(b, EVENT_DUE, 2));
    assert_true(was_sent(b, EVENT_DUE, 3));           /* times go on */
    settle(b);
    for (unsigned n = 1; n <= 3; n++)
        assert_int_equal(state_of(b, n), JOB_QUEUED);
    assert_int_equal(b->n_started, 2);
    resume_all(b);
    settle(b);
    assert_int_equal(b->n_started, 4);
}

static void a_refused_claim_waits_when_its_queue_was_paused_meanwhile(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    hear(b);
    pause_only(b, "default");
    refuse_all(b);
    pass(b, 1000);
    assert_int_equal(b->n_sent, 0);
    resume_all(b);
    assert_true(was_sent(b, EVENT_CLAIMED, 1));
}

static void a_paused_job_expires_at_its_time(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.expires_at = b->wall + 100, .queue = "slow"});
    pause_only(b, "slow");
    submit(b, 2, (struct wish){.expires_at = b->wall + 100, .queue = "slow"});
    submit(b, 3, (struct wish){.queue = "slow"});
    assert_int_equal(scheduler_next_tick(b->s, b->wall, b->mono), 100);
    pass(b, 99);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_int_equal(count_sent(b, EVENT_EXPIRED), 2);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_EXPIRED);
    assert_int_equal(state_of(b, 2), JOB_EXPIRED);
    resume_all(b);
    settle(b);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(number_of(b->started[0]), 3);
}

static void a_paused_job_may_be_cancelled(void **state)
{
    struct bench *b = *state;
    pause_only(b, "default");
    for (unsigned n = 1; n <= 3; n++)
        submit(b, n, (struct wish){0});
    tell_simple(b, EVENT_CANCEL, 2);
    assert_int_equal(state_of(b, 2), JOB_CANCELLED);
    resume_all(b);
    settle(b);
    assert_int_equal(b->n_started, 2);
    assert_int_equal(number_of(b->started[0]), 1);
    assert_int_equal(number_of(b->started[1]), 3);
}

static void what_was_left_to_others_waits_too_when_its_moment_is_over(void **state)
{
    struct bench *b = *state;
    beat(b, "there.0000000b-1");
    unsigned n = job_of_rank(b, 1, 1);
    submit(b, n, (struct wish){0});
    hear(b);
    assert_int_equal(scheduler_waiting(b->s), 1);
    pause_only(b, "default");
    pass(b, step_of(b));
    assert_int_equal(b->n_sent, 0);
    assert_int_equal(scheduler_waiting(b->s), 0);
    resume_all(b);
    assert_true(was_sent(b, EVENT_CLAIMED, n));       /* its moment is over, so at once */
}

static void a_paused_job_of_a_limited_type_takes_no_place(void **state)
{
    struct bench *b = *state;
    pause_only(b, "slow");
    submit(b, 1, (struct wish){.type = "few", .queue = "slow", .priority = 9});
    submit(b, 2, (struct wish){.type = "few"});
    settle(b);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(number_of(b->started[0]), 2);
}

static void a_lost_job_of_a_paused_queue_waits(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "one", "there.0000000b-1");
    pause_only(b, "default");
    live(b, LEASE);
    settle(b);
    assert_int_equal(state_of(b, 1), JOB_QUEUED);
    assert_int_equal(b->n_started, 0);
    resume_all(b);
    settle(b);
    assert_int_equal(b->n_started, 1);
}

/* Claims all there is to claim, and sees that it comes in order. */
static unsigned claim_in_order(struct bench *b)
{
    struct scheduler_action action;
    unsigned n_claimed = 0;

    for (int64_t last = -1; scheduler_next(b->s, b->wall, b->mono, &action) != SCHEDULER_NOTHING; n_claimed++) {
        assert_int_equal(action.event.kind, EVENT_CLAIMED);
        unsigned n = (unsigned)strtoul(action.event.job, NULL, 10);
        struct job *job = job_at(b, n);
        int64_t order = ((int64_t)(PRIORITY_MAX - job->spec->priority) << 56) | job->ready_pos;
        assert_true(order > last);
        last = order;
        event_clear(&action.event);
        tell_simple(b, EVENT_CANCEL, n);              /* makes room for the next */
    }
    return n_claimed;
}

static void however_often_queues_are_paused_the_order_stays(void **state)
{
    struct bench *b = *state;
    static const char *const names[] = {"a", "b", "c", "d"};
    enum { MANY = 2000 };

    srand(3);
    assert_int_equal(scheduler_set_paused(b->s, names, 4), ERR_OK);
    for (unsigned n = 1; n <= MANY; n++) {
        submit(b, n, (struct wish){.queue = names[rand() % 4], .priority = rand() % 10, .type = rand() % 2 ? "one" : "two"});
        if (n % 10 == 0) {
            const char *some[4];
            unsigned k = 0;
            for (unsigned i = 0; i < 4; i++)
                if (rand() % 2)
                    some[k++] = names[i];
            assert_int_equal(scheduler_set_paused(b->s, some, k), ERR_OK);
        }
    }
    assert_int_equal(scheduler_set_paused(b->s, NULL, 0), ERR_OK);
    assert_int_equal(scheduler_waiting(b->s), MANY);
    assert_int_equal(claim_in_order(b), MANY);
    for (unsigned n = MANY + 1; n <= 2 * MANY; n++)
        submit(b, n, (struct wish){.queue = names[n % 4], .priority = rand() % 10});
    assert_int_equal(scheduler_set_paused(b->s, names, 1), ERR_OK);
    assert_int_equal(claim_in_order(b), MANY - MANY / 4);
    assert_int_equal(scheduler_set_paused(b->s, NULL, 0), ERR_OK);
    assert_int_equal(claim_in_order(b), MANY / 4);
}

/* Not a clock but what is touched: the line that claims are taken from holds none of them, and their
 * own is the same, byte for byte, after a thousand claims. */
static void a_million_paused_jobs_cost_a_claim_nothing(void **state)
{
    struct bench *b = *state;
    enum { MANY = 1000000, OTHERS = 1000 };
    struct spec *spec = spec_new();
    struct type_stat *stat = &b->s->stats[types_find(b->types, "one")->number];
    struct scheduler_action action;

    spec->type = strdup("one");
    spec->queue = strdup("big");
    spec->timeout_ms = 5000;
    for (unsigned i = 1; i <= MANY; i++) {
        id_of(OTHERS + i, spec->id);
        struct job *job = job_new(spec);
        assert_non_null(job);
        job->state = JOB_QUEUED;
        job->ready_pos = job->pos = 2 * MANY - i;     /* the last one goes first */
        assert_int_equal(scheduler_seed(b->s, job, b->wall), ERR_OK);
        job_unref(job);
    }
    spec_unref(spec);
    assert_int_equal(scheduler_set_paused(b->s, (const char *const[]){"big"}, 1), ERR_OK);
    assert_int_equal(stat->ready.n, 0);
    assert_int_equal(stat->paused.n, MANY);
    assert_int_equal(scheduler_waiting(b->s), 0);
    assert_int_equal(scheduler_next(b->s, b->wall, b->mono, &action), SCHEDULER_NOTHING);

    struct heap_node *before = malloc(MANY * sizeof *before), *where = stat->paused.at;
    assert_non_null(before);
    memcpy(before, where, MANY * sizeof *before);
    for (unsigned n = 1; n <= OTHERS; n++) {
        submit(b, n, (struct wish){0});
        settle(b);
        assert_int_equal(b->n_started, 1);
        end(b, b->started[0], true, 1000000);
        settle(b);
        assert_int_equal(state_of(b, n), JOB_SUCCEEDED);
        forget_started(b);
    }
    assert_int_equal(stat->ready.n, 0);
    assert_int_equal(stat->paused.n, MANY);
    assert_ptr_equal(stat->paused.at, where);
    assert_memory_equal(stat->paused.at, before, MANY * sizeof *before);
    free(before);

    resume_all(b);
    assert_int_equal(b->n_sent, 2);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(strtoul(b->sent[i].job, NULL, 10), OTHERS + MANY - i);
    assert_int_equal(scheduler_waiting(b->s), MANY - 2);
}

static void a_queue_is_known_once_by_its_name_and_only_while_it_is_needed(void **state)
{
    struct queues queues = {0};
    enum { MANY = 5000 };
    static struct queue *made[MANY];
    char queue[32];

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(queue, sizeof queue, "queue-%u", i);
        made[i] = queue_take(&queues, queue);
        assert_non_null(made[i]);
        assert_string_equal(made[i]->name, queue);
    }
    assert_int_equal(queues.names.n, MANY);
    assert_true(queues.names.n_rows >= MANY);         /* so rows stay short */
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(queue, sizeof queue, "queue-%u", i);
        assert_ptr_equal(queue_take(&queues, queue), made[i]);
        queue_drop(&queues, made[i]);
        assert_int_equal(queues.names.n, MANY - i);
        queue_drop(&queues, made[i]);
        assert_int_equal(queues.names.n, MANY - i - 1);
    }
    queue_drop(&queues, NULL);
    queues_clear(&queues);
}

static void a_queue_of_ended_jobs_is_forgotten_unless_it_is_paused(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){.queue = "slow"});
    assert_int_equal(b->s->queues.names.n, 1);
    pause_only(b, "slow");
    tell_simple(b, EVENT_CANCEL, 1);
    assert_int_equal(b->s->queues.names.n, 1);
    resume_all(b);
    assert_int_equal(b->s->queues.names.n, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_claimed_from_a_paused_queue),
        TEST(a_queue_may_be_paused_before_anything_waits_in_it),
        TEST(what_is_resumed_goes_in_its_old_order),
        TEST(the_newest_list_is_all_that_is_paused),
        TEST(what_runs_goes_on_and_a_claim_on_its_way_is_taken),
        TEST(what_was_claimed_ahead_of_a_paused_queue_is_given_back),
        TEST(what_comes_back_into_a_paused_queue_waits),
        TEST(a_refused_claim_waits_when_its_queue_was_paused_meanwhile),
        TEST(a_paused_job_expires_at_its_time),
        TEST(a_paused_job_may_be_cancelled),
        CLUSTER_TEST(what_was_left_to_others_waits_too_when_its_moment_is_over),
        TEST(a_paused_job_of_a_limited_type_takes_no_place),
        CLUSTER_TEST(a_lost_job_of_a_paused_queue_waits),
        TEST(however_often_queues_are_paused_the_order_stays),
        TEST(a_million_paused_jobs_cost_a_claim_nothing),
        cmocka_unit_test(a_queue_is_known_once_by_its_name_and_only_while_it_is_needed),
        TEST(a_queue_of_ended_jobs_is_forgotten_unless_it_is_paused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
