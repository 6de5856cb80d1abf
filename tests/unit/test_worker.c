// needs: jobs
/* The worker with its log and view: retries, times, restarts, drains; and the small parts it is made of. */
#include "tests/support/world.h"

#include <signal.h>
#include <sys/prctl.h>

#include "jobs/worker_priv.h"

static int set_up(void **state)
{
    static char *fails[] = {(char *)(uintptr_t)"/bin/false", NULL};
    struct world *world = world_new();
    struct config_type *entry = world_type(world, "fails");
    entry->command = fails;
    entry->n_command = 1;
    entry->max_attempts = 3;
    entry = world_type(world, "sleep");
    entry->concurrency = 3;
    world_open(world, 2);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

static void a_failing_job_is_tried_as_often_as_allowed(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];
    world_submit(world, "fails", "{}", id);
    struct job *job = world_await(world, id, JOB_FAILED);
    assert_int_equal(job->attempt, 3);
    assert_int_equal(job->n_attempts, 3);
    assert_int_equal(job->error.code, JOB_ERROR_HANDLER_ERROR);
    assert_int_equal(job->attempts[0].error.attempt, 1);
    job_unref(job);
}

static void a_delayed_job_runs_at_its_time_and_not_before(void **state)
{
    struct world *world = *state;
    struct append *append = world_submission(world, "echo", "application/json", "1", 1);
    char id[ID_SIZE];

    append->event.spec->run_at = clock_wall_ms() + 200;
    memcpy(id, append->event.job, ID_SIZE);
    assert_int_equal(eventlog_append(world->log, append, false), ERR_OK);
    struct job *job = world_await(world, id, JOB_SUCCEEDED);
    assert_true(job->started_at >= job->spec->run_at);
    assert_true(job->started_at < job->spec->run_at + 1000);
    job_unref(job);
}

static void a_cancelled_job_that_has_not_begun_needs_no_kill(void **state)
{
    struct world *world = *state;
    char busy[2][ID_SIZE], id[ID_SIZE];

    for (unsigned i = 0; i < 2; i++)
        world_submit(world, "sleep", "{\"seconds\":60}", busy[i]);
    for (unsigned i = 0; i < 2; i++)
        job_unref(world_await(world, busy[i], JOB_RUNNING));
    world_submit(world, "sleep", "{\"seconds\":60}", id);
    world_cancel(world, id);
    job_unref(world_await(world, id, JOB_CANCELLED));
    for (unsigned i = 0; i < 2; i++)
        world_cancel(world, busy[i]);
    for (unsigned i = 0; i < 2; i++)
        job_unref(world_await(world, busy[i], JOB_CANCELLED));
}

static void a_drain_lets_running_jobs_end_and_leaves_the_others_queued(void **state)
{
    struct world *world = *state;
    char ids[4][ID_SIZE];

    for (unsigned i = 0; i < 4; i++)
        world_submit(world, "sleep", "{\"seconds\":0.4}", ids[i]);
    job_unref(world_await(world, ids[0], JOB_RUNNING));
    job_unref(world_await(world, ids[1], JOB_RUNNING));
    usleep(100000);                          /* claimed is not begun: what has begun is not told at once */
    worker_drain(world->worker);
    worker_join(world->worker);
    assert_true(worker_has_ended(world->worker));
    unsigned done = 0, queued = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct job *job = NULL;
        assert_int_equal(reader_job(world->reader, ids[i], &job), ERR_OK);
        done += job->state == JOB_SUCCEEDED;
        queued += job->state == JOB_QUEUED;
        job_unref(job);
    }
    assert_int_equal(done, 2);
    assert_int_equal(queued, 2);
}

static void a_stop_hands_back_what_runs_at_no_cost(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];
    struct job *job = NULL;

    world_submit(world, "sleep", "{\"seconds\":60}", id);
    job_unref(world_await(world, id, JOB_RUNNING));
    int64_t start = clock_mono_ms();
    worker_stop_now(world->worker);
    worker_join(world->worker);
    assert_true(clock_mono_ms() - start < 1500);
    assert_int_equal(reader_job(world->reader, id, &job), ERR_OK);
    assert_int_equal(job->state, JOB_QUEUED);
    assert_int_equal(job->attempts_used, 0);
    assert_int_equal(job->losses, 0);
    job_unref(job);
}

static void a_service_that_was_killed_finds_its_jobs_again(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];
    int ends[2];

    world_stop(world);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_open(world, 2);
        world_submit(world, "sleep", "{\"seconds\":0.5}", id);
        job_unref(world_await(world, id, JOB_RUNNING));
        (void)!write(ends[1], id, ID_SIZE);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], id, ID_SIZE), ID_SIZE);
    kill(pid, SIGKILL);
    world_open(world, 2);
    struct job *job = world_await(world, id, JOB_SUCCEEDED);
    assert_int_equal(job->losses, 1);
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->n_attempts, 2);
    assert_int_equal(job->attempts[0].error.code, JOB_ERROR_LOST_WORKER);
    job_unref(job);
    close(ends[0]);
    close(ends[1]);
}

static void a_job_is_removed_when_its_keep_ms_are_over(void **state)
{
    struct world *world = *state;
    struct append *append = world_submission(world, "echo", "application/json", "1", 1);
    struct timespec pause = {.tv_nsec = 10000000};
    char id[ID_SIZE];
    struct job *job = NULL;

    append->event.spec->keep_ms = 1;
    memcpy(id, append->event.job, ID_SIZE);
    assert_int_equal(eventlog_append(world->log, append, false), ERR_OK);
    job_unref(world_await(world, id, JOB_SUCCEEDED));
    for (unsigned i = 0; i < 500 && reader_job(world->reader, id, &job) == ERR_OK; i++) {
        job_unref(job);
        job = NULL;
        nanosleep(&pause, NULL);
    }
    assert_int_equal(reader_job(world->reader, id, &job), ERR_NOT_FOUND);
}

static void submit_to_be_removed_at_once(struct world *world, unsigned n)
{
    struct append *first = NULL;

    for (unsigned i = 0; i < n; i++) {
        struct append *append = world_submission(world, "echo", "application/json", "1", 1);
        append->event.spec->keep_ms = 0;
        append->next = first;
        first = append;
    }
    assert_int_equal(eventlog_append(world->log, first, false), ERR_OK);
}

static void removals_follow_one_another_as_long_as_there_are_some(void **state)
{
    struct world *world = *state;

    for (unsigned i = 0; i < 4; i++)
        submit_to_be_removed_at_once(world, 1000);
    world_await_final(world, 2 * 4000);      /* each ends and goes; a step each second would take too long */
}

static void no_removal_is_asked_for_while_others_are_on_their_way(void **state)
{
    struct world *world = *state;
    struct worker *worker = NULL;
    struct worker_config config = {.dir = world->dir, .name = world->name, .types = world->types, .slots = 1};

    assert_int_equal(worker_new(&config, &worker), ERR_OK);
    worker->mono_ms = 5000;
    assert_int_equal(sweep_next(worker), 0);
    worker->n_removals_out = 2;
    assert_int_equal(sweep_next(worker), INT_MAX);
    sweep_on_answered(worker);
    assert_int_equal(sweep_next(worker), INT_MAX);
    assert_false(worker->box.is_woken);
    sweep_on_answered(worker);
    assert_int_equal(sweep_next(worker), 0);
    assert_true(worker->box.is_woken);
    sweep_on_refused(worker);                /* not at once again */
    assert_int_equal(sweep_next(worker), 1000);
    worker->is_draining = true;
    assert_int_equal(sweep_next(worker), INT_MAX);
    worker_free(worker);
}

static void before_it_is_open_a_mailbox_keeps_nothing(void **state)
{
    static struct letters letters;
    struct mailbox *box = calloc(1, sizeof *box);
    struct changes *changes = changes_new(1);

    (void)state;
    assert_int_equal(mailbox_init(box), ERR_OK);
    for (unsigned i = 0; i < 2 * MAILBOX_BATCHES; i++)
        mailbox_post_changes(box, changes);
    assert_int_equal(atomic_load(&changes->refs), 1);
    mailbox_take(box, &letters);
    assert_int_equal(letters.n, 0);
    assert_true(letters.missed);
    mailbox_post_changes(box, changes);
    mailbox_open(box);
    mailbox_post_changes(box, changes);
    mailbox_take(box, &letters);
    assert_int_equal(letters.n, 1);
    assert_false(letters.missed);
    changes_unref(letters.batches[0]);
    changes_unref(changes);
    mailbox_clear(box);
    free(box);
}

static void a_full_mailbox_says_that_something_was_missed(void **state)
{
    static struct letters letters;
    struct mailbox *box = calloc(1, sizeof *box);
    struct changes *changes = changes_new(1);

    (void)state;
    assert_int_equal(mailbox_init(box), ERR_OK);
    mailbox_open(box);
    for (unsigned i = 0; i < MAILBOX_BATCHES; i++)
        mailbox_post_changes(box, changes);
    mailbox_take(box, &letters);
    assert_int_equal(letters.n, MAILBOX_BATCHES);
    assert_false(letters.missed);
    for (unsigned i = 0; i < letters.n; i++)
        changes_unref(letters.batches[i]);
    for (unsigned i = 0; i < MAILBOX_BATCHES + 1; i++)
        mailbox_post_changes(box, changes);
    mailbox_take(box, &letters);
    assert_int_equal(letters.n, MAILBOX_BATCHES);
    assert_true(letters.missed);
    for (unsigned i = 0; i < letters.n; i++)
        changes_unref(letters.batches[i]);
    mailbox_take(box, &letters);
    assert_int_equal(letters.n, 0);
    assert_false(letters.missed);
    assert_int_equal(atomic_load(&changes->refs), 1);
    changes_unref(changes);
    mailbox_clear(box);
    free(box);
}

static void json_is_told_from_what_is_not(void **state)
{
    static const char *const good[] = {
        "1", "-0", "0.5", "1e9", "-1.25E-3", "\"\"", "\"a\\u00e9\\n\\\"\"", "true", "false", "null", "[]", "{}", " [ ] ",
        "[1,2,[3,{}]]", "{\"a\":1,\"b\":[{\"c\":null}]}", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"", "\"\\u0000\"",
        "\n{ \"a\" : [ 1 , 2 ] }\r\t", "[[],[]]", "{\"a\":{}}"};
    static const char *const bad[] = {
        "", " ", "01", "1.", ".5", "+1", "-", "1e", "nul", "truex", "[1,]", "[,1]", "{\"a\":}", "{\"a\"}", "{a:1}", "{,}",
        "[1 2]", "]", "[", "{", "\"", "\"\\x\"", "\"\\u12\"", "\"\x01\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\\ud83d\"", "\"\\ude00\"", "1 2", "[}", "{]", "{\"a\":1]", "[1}", ("\xef\xbb\xbf" "1")};

    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
        if (!text_is_json(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_is_json(bad[i], strlen(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void json_may_not_be_nested_without_end(void **state)
{
    char deep[2001];
    (void)state;
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    assert_false(text_is_json(deep, 2000));
    assert_true(text_is_json(deep + 800, 400));
}

static void messages_become_valid_text(void **state)
{
    static const char *const pairs[][2] = {
        {"plain", "plain"}, {"a\x01" "b\x7f", "a?b?"}, {"\xff\xfe", "??"}, {"\xc3\xa9", "\xc3\xa9"},
        {"cut \xe2\x82", "cut ??"}, {"two\nlines\t", "two\nlines\t"}};
    (void)state;
    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text = text_clean(pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(text, pairs[i][1]);
        free(text);
    }
}

static void a_frame_that_claims_too_much_is_refused(void **state)
{
    struct wire_header header = {.len = 100, .kind = WIRE_END, .slot = 3};
    struct wire_buffer buffer = {0};
    const char *payload;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], &header, sizeof header), sizeof header);
    assert_int_equal(wire_read(&buffer, ends[0]), ERR_OK);
    assert_int_equal(wire_next(&buffer, 100, &header, &payload), ERR_AGAIN);
    assert_int_equal(wire_next(&buffer, 99, &header, &payload), ERR_CORRUPT);
    wire_buffer_clear(&buffer);
    for (unsigned i = 0; i < 2; i++) {
        header = (struct wire_header){.kind = i ? WIRE_END : WIRE_KIND_COUNT, .slot = i ? LANE_SLOTS : 0};
        assert_int_equal(write(ends[1], &header, sizeof header), sizeof header);
        assert_int_equal(wire_read(&buffer, ends[0]), ERR_OK);
        assert_int_equal(wire_next(&buffer, 100, &header, &payload), ERR_CORRUPT);
        wire_buffer_clear(&buffer);
    }
    close(ends[0]);
    close(ends[1]);
}

static void a_job_frame_cut_short_anywhere_is_refused(void **state)
{
    char payload[sizeof(struct wire_job) + 2 * FIELD_COUNT];
    struct wire_job job = {0};
    const char *fields[FIELD_COUNT];

    (void)state;
    memset(payload, 0, sizeof payload);
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        job.len[i] = 1;
        payload[sizeof job + 2 * i] = 'x';
    }
    memcpy(payload, &job, sizeof job);
    assert_true(wire_job_split(payload, sizeof payload, &job, fields));
    assert_string_equal(fields[FIELD_COMMAND], "x");
    for (size_t len = 0; len < sizeof payload; len++)
        assert_false(wire_job_split(payload, len, &job, fields));
}

int main(int argc, char **argv)
{
    WORLD_MAIN(argc, argv);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_failing_job_is_tried_as_often_as_allowed),
        TEST(a_delayed_job_runs_at_its_time_and_not_before),
        TEST(a_cancelled_job_that_has_not_begun_needs_no_kill),
        TEST(a_drain_lets_running_jobs_end_and_leaves_the_others_queued),
        TEST(a_stop_hands_back_what_runs_at_no_cost),
        TEST(a_service_that_was_killed_finds_its_jobs_again),
        TEST(a_job_is_removed_when_its_keep_ms_are_over),
        TEST(removals_follow_one_another_as_long_as_there_are_some),
        TEST(no_removal_is_asked_for_while_others_are_on_their_way),
        cmocka_unit_test(before_it_is_open_a_mailbox_keeps_nothing),
        cmocka_unit_test(a_full_mailbox_says_that_something_was_missed),
        cmocka_unit_test(json_is_told_from_what_is_not),
        cmocka_unit_test(json_may_not_be_nested_without_end),
        cmocka_unit_test(messages_become_valid_text),
        cmocka_unit_test(a_frame_that_claims_too_much_is_refused),
        cmocka_unit_test(a_job_frame_cut_short_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
