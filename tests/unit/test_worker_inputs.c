// needs: jobs
/* Inputs that are kept apart from their events. The log is the embedded one, but it gives such a body
 * only when the test says so, and whatever the test says. */
#include "tests/support/world.h"

#include "jobs/eventlog_priv.h"
#include "jobs/worker_priv.h"

#define ASKED_MAX 16

/* A log around another: fetch is the test's to answer. */
struct slow_log {
    struct eventlog head;
    struct eventlog *inner;
    pthread_mutex_t lock;
    pthread_cond_t asked_more;
    struct {
        eventlog_body_fn *fn;
        void *arg;
        int64_t at;
    } asked[ASKED_MAX];
    unsigned n_asked, n_answered, n_refused;
    bool refuses;
};

static struct slow_log slow;

static enum err slow_append(struct eventlog *log, struct append *first, bool is_internal)
{
    (void)log;
    return eventlog_append(slow.inner, first, is_internal);
}

static bool slow_take(struct eventlog *log, int wait_ms, struct append **ret_batch)
{
    (void)log;
    return eventlog_take(slow.inner, wait_ms, ret_batch);
}

static void slow_stop(struct eventlog *log)
{
    (void)log;
    eventlog_stop(slow.inner);
}

static void slow_close(struct eventlog *log)
{
    (void)log;
    eventlog_close(slow.inner);
}

static void slow_state(struct eventlog *log, struct eventlog_state *ret_state)
{
    (void)log;
    eventlog_state(slow.inner, ret_state);
}

static enum err slow_fetch(struct eventlog *log, const struct blob *blob, eventlog_body_fn *fn, void *arg)
{
    enum err err = ERR_OK;

    (void)log;
    pthread_mutex_lock(&slow.lock);
    if (slow.refuses || slow.n_asked == ASKED_MAX) {
        err = ERR_BUSY;
        slow.n_refused++;
    } else {
        slow.asked[slow.n_asked].fn = fn;
        slow.asked[slow.n_asked].arg = arg;
        slow.asked[slow.n_asked++].at = blob->at;
    }
    pthread_cond_broadcast(&slow.asked_more);
    pthread_mutex_unlock(&slow.lock);
    return err;
}

static struct eventlog *wrap(struct world *world, struct eventlog *log)
{
    static const struct eventlog_ops ops = {.append = slow_append, .take = slow_take, .stop = slow_stop,
                                            .close = slow_close, .state = slow_state, .fetch = slow_fetch,
                                            .can_refuse = true};
    (void)world;
    slow = (struct slow_log){.head = {.ops = &ops}, .inner = log};
    pthread_mutex_init(&slow.lock, NULL);
    pthread_cond_init(&slow.asked_more, NULL);
    return &slow.head;
}

static void await_count(const unsigned *count, unsigned n)
{
    struct timespec until = world_deadline(WORLD_WAIT_MS);

    pthread_mutex_lock(&slow.lock);
    while (*count < n)
        if (pthread_cond_timedwait(&slow.asked_more, &slow.lock, &until) == ETIMEDOUT)
            break;
    unsigned reached = *count;
    pthread_mutex_unlock(&slow.lock);
    assert_true(reached >= n);
}

/* Waits until the worker has asked for n bodies in all. */
static void await_asked(unsigned n)
{
    await_count(&slow.n_asked, n);
}

static void refuse(bool refuses)
{
    pthread_mutex_lock(&slow.lock);
    slow.refuses = refuses;
    pthread_mutex_unlock(&slow.lock);
}

static void answer(enum err err, const char *json)
{
    unsigned at = slow.n_answered++;

    slow.asked[at].fn(slow.asked[at].arg, err, err ? NULL : body_new("application/json", json, strlen(json)));
}

static int set_up(void **state)
{
    struct world *world = world_new();
    struct config_type *entry = world_type(world, "echo");
    entry->max_attempts = 2;
    world->wrap = wrap;
    world_open(world, 2);
    *state = world;
    return 0;
}

static void submit_apart(struct world *world, const char *type, int64_t timeout_ms, char id[ID_SIZE])
{
    struct append *append = world_submission(world, type, "application/json", "", 0);

    append->event.blob = (struct blob){.at = 77, .len = 5, .media_type = "application/json"};
    if (timeout_ms)
        append->event.spec->timeout_ms = timeout_ms;
    memcpy(id, append->event.job, ID_SIZE);
    assert_int_equal(eventlog_append(world->log, append, false), ERR_OK);
}

static void an_input_kept_apart_is_fetched_and_run(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    submit_apart(world, "echo", 0, id);
    await_asked(1);
    assert_int_equal(slow.asked[0].at, 77);
    answer(ERR_OK, "[1,2]");
    struct job *job = world_await(world, id, JOB_SUCCEEDED);
    assert_string_equal(job->result->bytes, "[1,2]");
    job_unref(job);
}

static void the_others_go_on_while_one_waits_for_its_input(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    submit_apart(world, "echo", 0, id);
    await_asked(1);
    for (unsigned i = 0; i < 10; i++)
        job_unref(world_run(world, "echo", "7", JOB_SUCCEEDED));
    answer(ERR_OK, "8");
    job_unref(world_await(world, id, JOB_SUCCEEDED));
}

static void no_more_are_fetched_at_once_than_there_are_slots(void **state)
{
    struct world *world = *state;
    char ids[4][ID_SIZE];

    for (unsigned i = 0; i < 20; i++)                /* so that it is known to be short, and is claimed ahead */
        job_unref(world_run(world, "echo", "7", JOB_SUCCEEDED));
    for (unsigned i = 0; i < 4; i++)
        submit_apart(world, "echo", 0, ids[i]);
    await_asked(2);
    answer(ERR_OK, "1");
    job_unref(world_await(world, ids[0], JOB_SUCCEEDED));
    await_asked(3);
    pthread_mutex_lock(&slow.lock);
    assert_int_equal(slow.n_asked, 3);
    pthread_mutex_unlock(&slow.lock);
    answer(ERR_OK, "1");
    await_asked(4);
    answer(ERR_OK, "1");
    answer(ERR_OK, "1");
    for (unsigned i = 0; i < 4; i++)
        job_unref(world_await(world, ids[i], JOB_SUCCEEDED));
}

static void an_input_that_is_gone_costs_an_attempt(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    submit_apart(world, "echo", 0, id);
    await_asked(1);
    answer(ERR_CORRUPT, NULL);
    await_asked(2);
    answer(ERR_GONE, NULL);
    struct job *job = world_await(world, id, JOB_FAILED);
    assert_int_equal(job->n_attempts, 2);
    assert_int_equal(job->error.code, JOB_ERROR_HANDLER_ERROR);
    assert_true(job->attempts[0].error.retryable);
    assert_string_equal(job->attempts[0].error.message, "the input cannot be read");
    assert_string_equal(job->attempts[1].error.message, "the input is gone");
    job_unref(job);
}

static void a_fetch_that_is_late_costs_no_attempt(void **state)
{
    static const enum err late[] = {ERR_AGAIN, ERR_BUSY, ERR_NOMEM, ERR_LOG_AWAY};
    struct world *world = *state;
    char id[ID_SIZE];

    submit_apart(world, "echo", 0, id);
    for (unsigned i = 0; i < 4; i++) {
        await_asked(i + 1);
        answer(late[i], NULL);
    }
    await_asked(5);
    answer(ERR_OK, "8");
    struct job *job = world_await(world, id, JOB_SUCCEEDED);
    assert_int_equal(job->attempts_used, 1);
    job_unref(job);
}

static void a_log_that_takes_no_questions_just_now_is_asked_again(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    refuse(true);
    submit_apart(world, "echo", 0, id);
    await_count(&slow.n_refused, 3);
    refuse(false);
    await_asked(1);
    answer(ERR_OK, "8");
    struct job *job = world_await(world, id, JOB_SUCCEEDED);
    assert_int_equal(job->n_attempts, 1);
    job_unref(job);
}

static void a_job_that_waits_for_its_input_can_be_cancelled(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    submit_apart(world, "echo", 0, id);
    await_asked(1);
    world_cancel(world, id);
    job_unref(world_await(world, id, JOB_CANCELLED));
    answer(ERR_OK, "too late");
    job_unref(world_run(world, "echo", "7", JOB_SUCCEEDED));
}

static void the_time_an_input_takes_counts_as_the_attempts(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    submit_apart(world, "echo", 30, id);
    struct job *job = world_await(world, id, JOB_FAILED);
    assert_int_equal(job->n_attempts, 2);
    assert_int_equal(job->error.code, JOB_ERROR_TIMEOUT);
    job_unref(job);
    await_asked(2);
    answer(ERR_OK, "too late");
    answer(ERR_LOG_AWAY, NULL);
    job_unref(world_run(world, "echo", "7", JOB_SUCCEEDED));
}

static void a_drain_hands_back_what_waits_for_its_input(void **state)
{
    struct world *world = *state;
    struct job *job = NULL;
    char id[ID_SIZE];

    submit_apart(world, "echo", 0, id);
    await_asked(1);
    worker_drain(world->worker);
    worker_join(world->worker);
    assert_int_equal(reader_job(world->reader, id, &job), ERR_OK);
    assert_int_equal(job->state, JOB_QUEUED);
    assert_int_equal(job->attempts_used, 0);
    job_unref(job);
    answer(ERR_OK, "to a worker that has ended");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_input_kept_apart_is_fetched_and_run, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(the_others_go_on_while_one_waits_for_its_input, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(no_more_are_fetched_at_once_than_there_are_slots, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(an_input_that_is_gone_costs_an_attempt, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(a_fetch_that_is_late_costs_no_attempt, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_takes_no_questions_just_now_is_asked_again, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(a_job_that_waits_for_its_input_can_be_cancelled, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(the_time_an_input_takes_counts_as_the_attempts, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(a_drain_hands_back_what_waits_for_its_input, set_up, world_tear_down),
    };
    WORLD_MAIN(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
