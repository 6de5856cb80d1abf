// needs: jobs
/* The scheduler alone, with the real fold as its log: a made-up clock, and no process anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/fold.h"
#include "jobs/scheduler.h"

#define OURS "this-1"
#define JOBS_MAX 4096
#define START_MS 1000000

struct bench {
    struct types *types;
    struct scheduler *s;
    struct job *jobs[JOBS_MAX];
    unsigned n_jobs;
    int64_t pos, wall, mono;
    struct event sent[JOBS_MAX];        /* appended, not yet folded */
    unsigned n_sent;
    struct job *started[JOBS_MAX];
    unsigned n_started;
    struct scheduler_action killed;
    unsigned n_killed;
};

static char *name(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

static void make_scheduler(struct bench *b, int slots)
{
    struct scheduler_config config = {.types = b->types, .worker = OURS, .slots = slots, .seed = 7};
    assert_int_equal(scheduler_new(&config, &b->s), ERR_OK);
    scheduler_seed_begin(b->s, 0);
    scheduler_seed_end(b->s);
}

static int set_up(void **state)
{
    static char *command[] = {(char *)(uintptr_t)"/bin/true", NULL};
    struct config_type entries[3] = {{.name = name("one")}, {.name = name("two")}, {.name = name("few")}};
    struct config config = {.types = entries, .n_types = 3, .result_bytes = 1 << 20};
    struct bench *b = calloc(1, sizeof *b);
    char message[256];

    for (unsigned i = 0; i < 3; i++) {
        entries[i].command = command;
        entries[i].n_command = 1;
        entries[i].timeout_ms = 5000;
        entries[i].kill_grace_ms = entries[i].memory_bytes = entries[i].output_bytes = entries[i].keep_ms = -1;
        entries[i].backoff_ms = 1000;
        entries[i].backoff_max_ms = 3000;
        entries[i].max_attempts = 4;
        entries[i].max_losses = entries[i].network = -1;
        entries[i].concurrency = i == 2 ? 1 : -1;
    }
    if (types_new(&config, &b->types, message, sizeof message))
        fail_msg("%s", message);
    b->wall = b->mono = START_MS;
    make_scheduler(b, 2);
    *state = b;
    return 0;
}

static void forget_started(struct bench *b)
{
    while (b->n_started)
        job_unref(b->started[--b->n_started]);
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    scheduler_free(b->s);
    forget_started(b);
    while (b->n_sent)
        event_clear(&b->sent[--b->n_sent]);
    for (unsigned i = 0; i < b->n_jobs; i++)
        job_unref(b->jobs[i]);
    types_free(b->types);
    free(b);
    return 0;
}

static void id_of(unsigned n, char id[ID_SIZE])
{
    snprintf(id, ID_SIZE, "%026u", n);
}

/* Folds an event and tells the scheduler of it, as the recorder does. */
static enum fold tell(struct bench *b, struct event *event)
{
    struct job **job = &b->jobs[b->n_jobs];
    enum change_kind told = CHANGE_COUNT;

    for (unsigned i = 0; i < b->n_jobs; i++)
        if (strcmp(b->jobs[i]->spec->id, event->job) == 0)
            job = &b->jobs[i];
    event->pos = ++b->pos;
    enum fold folded = fold(job, event, &told);
    if (folded == FOLD_CREATED)
        b->n_jobs++;
    if (folded != FOLD_IGNORED) {
        assert_int_equal(job_own(job), ERR_OK);
        (*job)->pos = event->pos;
        struct change change = {.kind = told, .pos = event->pos, .at = event->at, .job = *job};
        assert_int_equal(scheduler_on_change(b->s, &change, b->wall, b->mono), ERR_OK);
    }
    event_clear(event);
    return folded;
}

static enum fold tell_simple(struct bench *b, enum event_kind kind, unsigned n)
{
    char id[ID_SIZE];
    struct event event;
    id_of(n, id);
    event_init(&event, kind, id, b->wall);
    return tell(b, &event);
}

struct wish {
    const char *type;
    int priority;
    int64_t run_at, expires_at;
};

static void submit(struct bench *b, unsigned n, struct wish wish)
{
    struct event event;
    struct spec *spec = spec_new();

    id_of(n, spec->id);
    spec->type = strdup(wish.type ? wish.type : "one");
    spec->queue = strdup("default");
    spec->priority = wish.priority;
    spec->run_at = wish.run_at;
    spec->expires_at = wish.expires_at;
    spec->timeout_ms = 5000;
    spec->max_attempts = 4;
    spec->max_losses = MAX_LOSSES_DEFAULT;
    event_init(&event, EVENT_SUBMITTED, spec->id, b->wall);
    event.spec = spec;
    assert_int_equal(tell(b, &event), FOLD_CREATED);
}

/* Lets the scheduler say all it has to say. */
static void hear(struct bench *b)
{
    struct scheduler_action action;

    for (;;) {
        switch (scheduler_next(b->s, b->wall, b->mono, &action)) {
        case SCHEDULER_NOTHING:
            return;
        case SCHEDULER_APPEND:
            b->sent[b->n_sent++] = action.event;
            break;
        case SCHEDULER_START:
            b->started[b->n_started++] = action.job;
            break;
        case SCHEDULER_KILL:
            b->killed = action;
            b->n_killed++;
            break;
        }
    }
}

/* The log takes what was appended so far; what comes of it is heard. */
static void fold_sent(struct bench *b)
{
    struct event sent[64];
    unsigned n = b->n_sent < 64 ? b->n_sent : 64;

    memcpy(sent, b->sent, n * sizeof *sent);
    memmove(b->sent, b->sent + n, (b->n_sent - n) * sizeof *sent);
    b->n_sent -= n;
    for (unsigned i = 0; i < n; i++)
        tell(b, &sent[i]);
    hear(b);
}

static void settle(struct bench *b)
{
    hear(b);
    while (b->n_sent)
        fold_sent(b);
}

static void pass(struct bench *b, int64_t ms)
{
    b->wall += ms;
    b->mono += ms;
    scheduler_tick(b->s, b->wall, b->mono);
    hear(b);
}

static void end(struct bench *b, struct job *job, bool ok, int64_t run_us)
{
    struct attempt_end how = {.ok = ok, .run_us = run_us, .progress.percent = -1};
    if (ok)
        how.result = body_new("application/json", "1", 1);
    else
        how.error = (struct job_error){.code = JOB_ERROR_HANDLER_ERROR, .retryable = true, .message = strdup("no")};
    scheduler_on_end(b->s, job->spec->id, job->epoch, &how, b->wall, b->mono);
}

static struct job *job_at(struct bench *b, unsigned n)
{
    char id[ID_SIZE];
    id_of(n, id);
    for (unsigned i = 0; i < b->n_jobs; i++)
        if (strcmp(b->jobs[i]->spec->id, id) == 0)
            return b->jobs[i];
    return NULL;
}

static unsigned number_of(const struct job *job)
{
    return (unsigned)strtoul(job->spec->id, NULL, 10);
}

static enum job_state state_of(struct bench *b, unsigned n)
{
    return job_at(b, n)->state;
}

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

/* The log refuses all that was sent. */
static void refuse_all(struct bench *b)
{
    while (b->n_sent) {
        struct event event = b->sent[--b->n_sent];
        scheduler_on_refused(b->s, &event, ERR_STORAGE_FULL, b->mono);
        event_clear(&event);
    }
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

static void a_hundred_thousand_waiting_jobs_go_in_order(void **state)
{
    struct bench *b = *state;
    enum { MANY = 100000 };
    struct spec *spec = spec_new();
    struct job *job;
    struct scheduler_action action;
    unsigned expected = 0;

    spec->type = strdup("one");
    spec->timeout_ms = 1000;
    for (unsigned i = 0; i < MANY; i++) {            /* against their order, so that the heap has work */
        id_of(MANY - i, spec->id);
        job = job_new(spec);
        job->state = JOB_QUEUED;
        job->ready_pos = job->pos = MANY - i;
        assert_int_equal(scheduler_seed(b->s, job, b->wall), ERR_OK);
        job_unref(job);
    }
    assert_int_equal(scheduler_waiting(b->s), MANY);
    while (scheduler_next(b->s, b->wall, b->mono, &action) == SCHEDULER_APPEND) {
        assert_int_equal(action.event.kind, EVENT_CLAIMED);
        assert_int_equal(strtoul(action.event.job, NULL, 10), ++expected);
        spec_unref(spec);
        spec = spec_new();
        spec->type = strdup("one");
        memcpy(spec->id, action.event.job, ID_SIZE);
        job = job_new(spec);
        job->state = JOB_CANCELLED;
        job->pos = 2 * MANY + expected;
        struct change change = {.kind = CHANGE_CANCELLED, .pos = job->pos, .job = job};
        scheduler_on_change(b->s, &change, b->wall, b->mono);
        job_unref(job);
        event_clear(&action.event);
    }
    assert_int_equal(expected, MANY);
    assert_true(scheduler_is_settled(b->s));
    spec_unref(spec);
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
        TEST(the_end_is_appended_with_its_result),
        TEST(priority_goes_first_and_then_order),
        TEST(long_jobs_are_claimed_one_for_each_free_slot),
        TEST(short_jobs_are_claimed_ahead_once_measured),
        TEST(a_short_job_that_turns_out_long_takes_its_slot),
        TEST(a_type_at_its_limit_is_passed_by_others),
        TEST(a_type_that_is_not_known_here_is_left_alone),
        TEST(a_scheduled_job_becomes_due),
        TEST(a_job_that_waits_too_long_expires),
        TEST(a_cancelled_waiting_job_is_never_claimed),
        TEST(a_cancel_before_the_claim_came_back_leaves_nothing_behind),
        TEST(a_retry_while_an_old_claim_is_on_its_way_runs_once),
        TEST(a_cancel_of_a_running_job_kills_and_then_says_cancelled),
        TEST(a_cancel_before_the_start_was_given_out_starts_nothing),
        TEST(what_never_began_is_cancelled_when_it_is_returned),
        TEST(an_attempt_that_takes_too_long_is_killed_and_fails_with_timeout),
        TEST(backoff_is_drawn_under_a_cap_that_doubles_up_to_its_bound),
        TEST(what_is_not_retryable_fails_for_good),
        TEST(a_job_lost_to_another_epoch_is_killed_as_fenced),
        TEST(another_incarnations_job_is_declared_lost_when_seeding),
        TEST(changes_that_the_seed_holds_already_are_passed_over),
        TEST(seeding_anew_forgets_what_has_ended_meanwhile),
        TEST(a_drain_claims_nothing_and_releases_what_comes_back),
        TEST(a_drain_lets_what_runs_end_and_abandon_kills_it),
        TEST(a_refused_result_is_appended_again_until_it_is_in),
        TEST(a_refused_claim_is_made_again),
        TEST(a_refused_due_is_asked_for_again),
        TEST(a_hundred_thousand_waiting_jobs_go_in_order),
        TEST(random_days_end_with_every_job_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
