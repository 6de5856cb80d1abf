// needs: jobs
/* Real executors under a real worker: what good handlers give, what bad ones cannot do. */
#include "tests/support/world.h"

#include <dirent.h>
#include <signal.h>

static const char *const hurt[] = {"segv", "abort", "exit", "killed", "eat_memory", "spin", "flood", "not_json",
                                   "no_result", "bad_input", "fail", "garble", "escape"};

static int set_up(void **state)
{
    struct world *world = world_new();
    world_type(world, "echo")->backoff_max_ms = 5;
    for (unsigned i = 0; i < sizeof hurt / sizeof *hurt; i++) {
        struct config_type *entry = world_type(world, hurt[i]);
        entry->shared_object = (char *)(uintptr_t)(BINARY_DIR "/hurt.so");
        entry->memory_bytes = 256 << 20;
        if (strcmp(hurt[i], "spin") == 0)
            entry->timeout_ms = 300;
    }
    world_open(world, 2);
    *state = world;
    return 0;
}

static void echo_gives_back_what_came(void **state)
{
    struct job *job = world_run(*state, "echo", "{\"a\":[1,2]}", JOB_SUCCEEDED);
    assert_non_null(job->result);
    assert_string_equal(job->result->bytes, "{\"a\":[1,2]}");
    assert_int_equal(job->attempt, 1);
    job_unref(job);
}

static void echo_gives_back_many_bytes_with_their_type(void **state)
{
    struct world *world = *state;
    size_t len = 3 << 20;
    char *bytes = malloc(len), id[ID_SIZE];
    struct body *body = NULL;
    struct blob blob;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31);
    world_submit_bytes(world, "echo", "image/png", bytes, len, id);
    struct job *job = world_await(world, id, JOB_SUCCEEDED);
    assert_int_equal(job->result_len, len);
    assert_int_equal(reader_body(world->reader, job->result_pos, &body, &blob), ERR_OK);
    assert_string_equal(body->media_type, "image/png");
    assert_memory_equal(body->bytes, bytes, len);
    body_unref(body);
    job_unref(job);
    free(bytes);
}

static void sleep_says_how_long_it_slept(void **state)
{
    struct job *job = world_run(*state, "sleep", "{\"seconds\":0.01}", JOB_SUCCEEDED);
    assert_string_equal(job->result->bytes, "{\"slept\":0.01}");
    job_unref(job);
}

static void a_long_job_tells_its_progress(void **state)
{
    struct world *world = *state;
    struct job *job = world_run(world, "sleep", "{\"seconds\":0.7}", JOB_SUCCEEDED);
    world_await_progress(world);
    assert_in_range(world->last_percent, 1, 99);
    assert_int_equal(job->progress.percent, 100);
    job_unref(job);
}

/* The sanitizers take SIGSEGV for themselves, and leave no limit on address space. */
static void skip_where_sanitized(void)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip();
#endif
}

static void a_crash_names_its_signal_and_hits_one_job(void **state)
{
    skip_where_sanitized();
    struct world *world = *state;
    char before[ID_SIZE], crash[ID_SIZE], after[ID_SIZE];

    world_submit(world, "echo", "1", before);
    world_submit(world, "segv", "{}", crash);
    world_submit(world, "echo", "2", after);
    struct job *job = world_await(world, crash, JOB_FAILED);
    assert_int_equal(job->error.code, JOB_ERROR_CRASHED);
    assert_non_null(strstr(job->error.message, "SIGSEGV"));
    job_unref(job);
    job_unref(world_await(world, before, JOB_SUCCEEDED));
    job_unref(world_await(world, after, JOB_SUCCEEDED));
}

static void an_abort_is_a_crash(void **state)
{
    world_expect_failure(*state, "abort", JOB_ERROR_CRASHED, "SIGABRT");
}

static void an_exit_is_a_crash(void **state)
{
    world_expect_failure(*state, "exit", JOB_ERROR_CRASHED, "exit code 3");
}

static void a_kill_from_outside_counts_as_out_of_memory(void **state)
{
    world_expect_failure(*state, "killed", JOB_ERROR_OUT_OF_MEMORY, "memory");
}

static void memory_has_its_limit(void **state)
{
    skip_where_sanitized();
    world_expect_failure(*state, "eat_memory", JOB_ERROR_OUT_OF_MEMORY, "no more memory");
}

static void a_handler_that_spins_is_killed_at_its_timeout(void **state)
{
    int64_t start = clock_mono_ms();
    world_expect_failure(*state, "spin", JOB_ERROR_TIMEOUT, "timeout_ms");
    assert_in_range(clock_mono_ms() - start, 300, 1300);
}

static void a_flood_is_bad_output(void **state)
{
    world_expect_failure(*state, "flood", JOB_ERROR_BAD_OUTPUT, "output_bytes");
}

static void what_is_not_json_is_bad_output(void **state)
{
    world_expect_failure(*state, "not_json", JOB_ERROR_BAD_OUTPUT, "not JSON");
}

static void no_result_is_bad_output(void **state)
{
    world_expect_failure(*state, "no_result", JOB_ERROR_BAD_OUTPUT, "no result");
}

static void bad_input_is_not_retried_and_its_words_are_cleaned(void **state)
{
    struct job *job = world_run(*state, "bad_input", "{}", JOB_FAILED);
    assert_int_equal(job->error.code, JOB_ERROR_BAD_INPUT);
    assert_false(job->error.retryable);
    assert_string_equal(job->error.message, "never ? works");
    job_unref(job);
}

static void a_failure_says_what_the_handler_said(void **state)
{
    world_expect_failure(*state, "fail", JOB_ERROR_HANDLER_ERROR, "not this time");
}

static void an_executor_that_breaks_the_protocol_is_killed(void **state)
{
    world_expect_failure(*state, "garble", JOB_ERROR_CRASHED, "protocol");
    job_unref(world_run(*state, "echo", "3", JOB_SUCCEEDED));
}

static void a_handler_cannot_leave_its_sandbox(void **state)
{
    struct world *world = *state;
    char input[128];
    snprintf(input, sizeof input, "\"%s/buzzer.db\"", world->dir);
    struct job *job = world_run(world, "escape", input, JOB_SUCCEEDED);
    assert_string_equal(job->result->bytes, "{\"data\":13,\"outside\":13,\"inet\":1,\"local\":1,\"child\":1,\"parent\":1,"
                                            "\"traced\":1,\"program\":1,\"readable\":0}");
    job_unref(job);
}

static void a_cancel_ends_a_running_handler(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    world_submit(world, "sleep", "{\"seconds\":60}", id);
    job_unref(world_await(world, id, JOB_RUNNING));
    int64_t start = clock_mono_ms();
    world_cancel(world, id);
    job_unref(world_await(world, id, JOB_CANCELLED));
    assert_true(clock_mono_ms() - start < 1000);
}

static void many_short_jobs_all_end(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];
    for (unsigned i = 0; i < 2000; i++)
        world_submit(world, "echo", "{}", id);
    world_await_final(world, 2000);
}

static void short_jobs_pass_a_long_one(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE], last[ID_SIZE];

    for (unsigned i = 0; i < 100; i++)
        world_submit(world, "echo", "{}", id);
    world_await_final(world, 100);
    world_submit(world, "sleep", "{\"seconds\":60}", id);
    for (unsigned i = 0; i < 100; i++)
        world_submit(world, "echo", "{}", last);
    job_unref(world_await(world, last, JOB_SUCCEEDED));
    world_cancel(world, id);
    job_unref(world_await(world, id, JOB_CANCELLED));
}

/* Kills one child of ours without warning, whichever the dice say. */
static void kill_an_executor(void)
{
    pid_t pids[64];
    unsigned n = 0;
    DIR *tasks = opendir("/proc/self/task");

    for (const struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
        char path[300];
        snprintf(path, sizeof path, "/proc/self/task/%s/children", entry->d_name);
        FILE *file = fopen(path, "r");
        while (file && n < 64 && fscanf(file, "%d", &pids[n]) == 1)
            n++;
        if (file)
            fclose(file);
    }
    closedir(tasks);
    if (n)
        kill(pids[(unsigned)rand() % n], SIGKILL);
}

static void no_job_is_lost_when_executors_are_killed_at_random(void **state)
{
    struct world *world = *state;
    struct timespec pause = {.tv_nsec = 3000000};
    enum { N = 3000 };

    for (unsigned i = 0; i < N; i++) {
        struct append *append = world_submission(world, "echo", "application/json", "{}", 2);
        append->event.spec->max_attempts = MAX_ATTEMPTS_MAX;
        assert_int_equal(eventlog_append(world->log, append, false), ERR_OK);
    }
    for (unsigned i = 0; i < 60; i++) {
        kill_an_executor();
        nanosleep(&pause, NULL);
    }
    world_await_final(world, N);
    for (unsigned i = 0; i < world->n_jobs; i++)
        assert_int_equal(world->jobs[i]->state, JOB_SUCCEEDED);
}

int main(int argc, char **argv)
{
    WORLD_MAIN(argc, argv);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(echo_gives_back_what_came),
        TEST(echo_gives_back_many_bytes_with_their_type),
        TEST(sleep_says_how_long_it_slept),
        TEST(a_long_job_tells_its_progress),
        TEST(a_crash_names_its_signal_and_hits_one_job),
        TEST(an_abort_is_a_crash),
        TEST(an_exit_is_a_crash),
        TEST(a_kill_from_outside_counts_as_out_of_memory),
        TEST(memory_has_its_limit),
        TEST(a_handler_that_spins_is_killed_at_its_timeout),
        TEST(a_flood_is_bad_output),
        TEST(what_is_not_json_is_bad_output),
        TEST(no_result_is_bad_output),
        TEST(bad_input_is_not_retried_and_its_words_are_cleaned),
        TEST(a_failure_says_what_the_handler_said),
        TEST(an_executor_that_breaks_the_protocol_is_killed),
        TEST(a_handler_cannot_leave_its_sandbox),
        TEST(a_cancel_ends_a_running_handler),
        TEST(many_short_jobs_all_end),
        TEST(short_jobs_pass_a_long_one),
        TEST(no_job_is_lost_when_executors_are_killed_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
