// needs: jobs
/* The view's writer: what it records, what it answers, and which files it refuses. */
#include <sys/stat.h>

#include "tests/unit/log_world.h"

static void a_new_folder_gets_a_log_with_a_name(void **state)
{
    struct world world;
    char name[LOG_ID_SIZE];

    (void)state;
    world_make(&world);
    assert_int_equal(strlen(view_log_id(world.view)), LOG_ID_SIZE - 1);
    assert_int_equal(view_next_pos(world.view), 2);
    strcpy(name, view_log_id(world.view));
    view_close(world.view);
    world_open(&world);
    assert_string_equal(view_log_id(world.view), name);
    assert_int_equal(view_next_pos(world.view), 2);
    world_end(&world);
}

static void a_job_reads_back_as_it_was_folded(void **state)
{
    struct world world;
    struct view_step step;
    struct reader *reader;
    struct job *job;
    struct body *body;
    struct blob blob;
    struct event event = event_of(EVENT_DONE, 1, 0, T0 + 20);
    char id[ID_SIZE];

    (void)state;
    world_make(&world);
    id_of(1, id);
    assert_int_equal(world_tell(&world, EVENT_SUBMITTED, 1, 0, T0), OUTCOME_ACCEPTED);
    assert_int_equal(world_tell(&world, EVENT_CLAIMED, 1, 1, T0 + 10), OUTCOME_ACCEPTED);
    event.epoch = 1;
    event.body = body_new("application/json", "{\"count\":4}", 11);
    event.progress = (struct progress){.percent = 100, .message = strdup("done")};
    assert_int_equal(world_apply(&world, &event, &step), OUTCOME_ACCEPTED);

    assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
    assert_int_equal(reader_job(reader, id, &job), ERR_OK);
    assert_int_equal(job->state, JOB_SUCCEEDED);
    assert_int_equal(job->seq, step.job->seq);
    assert_int_equal(job->pos, step.job->pos);
    assert_int_equal(job->started_at, T0 + 10);
    assert_int_equal(job->finished_at, T0 + 20);
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->n_attempts, 1);
    assert_string_equal(job->attempts[0].worker, "host-1");
    assert_int_equal(job->progress.percent, 100);
    assert_string_equal(job->progress.message, "done");
    assert_string_equal(job->result->bytes, "{\"count\":4}");
    assert_string_equal(job->spec->type, "echo");
    assert_int_equal(reader_body(reader, job->input_pos, &body, &blob), ERR_OK);
    assert_string_equal(body->bytes, "{\"below\":10}");
    body_unref(body);
    assert_int_equal(reader_body(reader, 1, &body, &blob), ERR_NOT_FOUND);
    id_of(2, id);
    struct job *none = NULL;
    assert_int_equal(reader_job(reader, id, &none), ERR_NOT_FOUND);
    job_unref(job);
    job_unref(step.job);
    reader_close(reader);
    world_end(&world);
}

static void bytes_and_large_results_stay_out_of_the_job(void **state)
{
    struct world world;
    struct reader *reader;
    char id[ID_SIZE], *large = calloc(1, INLINE_RESULT_MAX + 1);

    (void)state;
    assert_non_null(large);
    memset(large, '7', INLINE_RESULT_MAX + 1);
    world_make(&world);
    assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
    for (unsigned i = 1; i <= 3; i++) {
        struct event event = event_of(EVENT_DONE, i, 0, T0);
        struct job *job;
        struct body *body;
    struct blob blob;
        size_t len = i == 1 ? INLINE_RESULT_MAX : i == 2 ? INLINE_RESULT_MAX + 1 : 0;
        world_tell(&world, EVENT_SUBMITTED, i, 0, T0);
        world_tell(&world, EVENT_CLAIMED, i, 1, T0);
        event.epoch = 1;
        event.body = body_new(i == 3 ? "image/png" : "application/json", large, len);
        assert_int_equal(world_apply(&world, &event, NULL), OUTCOME_ACCEPTED);
        id_of(i, id);
        assert_int_equal(reader_job(reader, id, &job), ERR_OK);
        assert_int_equal(job->result != NULL, i == 1);
        assert_int_equal(job->result_len, len);
        assert_int_equal(reader_body(reader, job->result_pos, &body, &blob), ERR_OK);
        assert_int_equal(body->len, len);
        assert_string_equal(body->media_type, i == 3 ? "image/png" : "application/json");
        body_unref(body);
        job_unref(job);
    }
    assert_replays(world.dir);
    reader_close(reader);
    world_end(&world);
    free(large);
}

static void what_is_ignored_leaves_no_row_but_uses_its_position(void **state)
{
    struct world world;
    char *before, *after;

    (void)state;
    world_make(&world);
    world_tell(&world, EVENT_SUBMITTED, 1, 0, T0);
    before = dump_of(world.dir);
    assert_int_equal(world_tell(&world, EVENT_DONE, 1, 1, T0), OUTCOME_IGNORED);
    assert_int_equal(world_tell(&world, EVENT_SUBMITTED, 1, 0, T0), OUTCOME_IGNORED);
    assert_int_equal(world_tell(&world, EVENT_CANCEL, 9, 0, T0), OUTCOME_IGNORED);
    after = dump_of(world.dir);
    assert_string_equal(before, after);
    assert_int_equal(view_next_pos(world.view), 6);
    view_close(world.view);
    world_open(&world);
    assert_int_equal(view_next_pos(world.view), 6);
    /* Not in the cache now: known all the same. */
    assert_int_equal(world_tell(&world, EVENT_SUBMITTED, 1, 0, T0), OUTCOME_IGNORED);
    free(before);
    free(after);
    world_end(&world);
}

static void a_rolled_back_group_never_happened(void **state)
{
    struct world world;
    struct event submitted = event_of(EVENT_SUBMITTED, 2, 3, T0), claimed = event_of(EVENT_CLAIMED, 1, 4, T0);
    struct view_step step;
    struct view_counts counts;
    char *before, *after;

    (void)state;
    world_make(&world);
    world_tell(&world, EVENT_SUBMITTED, 1, 0, T0);
    before = dump_of(world.dir);
    claimed.epoch = 1;
    claimed.worker = strdup("host-1");
    assert_int_equal(view_begin(world.view), ERR_OK);
    assert_int_equal(view_apply(world.view, &submitted, &step), ERR_OK);
    job_unref(step.job);
    assert_int_equal(view_apply(world.view, &claimed, &step), ERR_OK);
    assert_true(step.changed);
    job_unref(step.job);
    view_rollback(world.view);
    after = dump_of(world.dir);
    assert_string_equal(before, after);
    assert_int_equal(view_next_pos(world.view), 3);
    view_counts(world.view, &counts);
    assert_int_equal(counts.by_state[JOB_QUEUED], 1);
    assert_int_equal(counts.by_state[JOB_RUNNING], 0);
    /* The job is queued again, so the same claim is accepted now. */
    claimed.pos = 3;
    assert_int_equal(view_begin(world.view), ERR_OK);
    assert_int_equal(view_apply(world.view, &claimed, &step), ERR_OK);
    assert_true(step.changed);
    assert_int_equal(view_commit(world.view), ERR_OK);
    job_unref(step.job);
    event_clear(&submitted);
    event_clear(&claimed);
    free(before);
    free(after);
    world_end(&world);
}

static void counts_follow_and_are_there_after_a_start(void **state)
{
    struct world world;
    struct view_counts counts;

    (void)state;
    world_make(&world);
    for (unsigned i = 1; i <= 5; i++)
        world_tell(&world, EVENT_SUBMITTED, i, 0, T0);
    world_tell(&world, EVENT_CLAIMED, 1, 1, T0);
    world_tell(&world, EVENT_CLAIMED, 2, 1, T0);
    world_tell(&world, EVENT_FAILED, 2, 1, T0);
    world_tell(&world, EVENT_CANCEL, 3, 0, T0);
    for (int again = 0; again < 2; again++) {
        view_counts(world.view, &counts);
        assert_int_equal(counts.by_state[JOB_QUEUED], 2);
        assert_int_equal(counts.by_state[JOB_RUNNING], 1);
        assert_int_equal(counts.by_state[JOB_RETRYING], 1);
        view_close(world.view);
        world_open(&world);
    }
    world_end(&world);
}

static void expect_corrupt(const char *dir)
{
    struct view *view = NULL;
    char message[256] = "";

    assert_int_equal(view_open(dir, VIEW_IS_LOG, &view, message, sizeof message), ERR_CORRUPT);
    assert_null(view);
    assert_non_null(strstr(message, "buzzer.db"));
}

static void write_file(const char *dir, const char *bytes, size_t len)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/buzzer.db", dir);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void a_foreign_or_damaged_file_is_refused_with_a_sentence(void **state)
{
    struct world world;
    char junk[8192], path[128];
    struct stat stat_before;

    (void)state;
    memset(junk, 'j', sizeof junk);
    folder_make(world.dir);
    write_file(world.dir, junk, sizeof junk);
    expect_corrupt(world.dir);
    folder_remove(world.dir);

    world_make(&world);
    for (unsigned i = 0; i < 200; i++)
        world_tell(&world, EVENT_SUBMITTED, i, 0, T0);
    view_close(world.view);
    snprintf(path, sizeof path, "%s/buzzer.db", world.dir);
    assert_int_equal(stat(path, &stat_before), 0);
    assert_int_equal(truncate(path, stat_before.st_size / 2), 0);
    expect_corrupt(world.dir);
    folder_remove(world.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_folder_gets_a_log_with_a_name),
        cmocka_unit_test(a_job_reads_back_as_it_was_folded),
        cmocka_unit_test(bytes_and_large_results_stay_out_of_the_job),
        cmocka_unit_test(what_is_ignored_leaves_no_row_but_uses_its_position),
        cmocka_unit_test(a_rolled_back_group_never_happened),
        cmocka_unit_test(counts_follow_and_are_there_after_a_start),
        cmocka_unit_test(a_foreign_or_damaged_file_is_refused_with_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
