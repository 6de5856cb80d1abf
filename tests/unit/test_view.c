// needs: jobs
/* The view's writer: what it records, what it answers, and that it holds nothing the log does not. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "schema/job_json.h"
#include "tests/unit/log_world.h"

static struct event keyed(unsigned number, const char *key, uint64_t fingerprint, int64_t at)
{
    struct event event = event_of(EVENT_SUBMITTED, number, 0, at);

    event.spec->idempotency_key = strdup(key);
    event.spec->fingerprint = fingerprint;
    return event;
}

static enum outcome submit_keyed(struct world *world, unsigned number, const char *key, uint64_t fingerprint,
                                 int64_t at, struct view_step *ret_step)
{
    struct event event = keyed(number, key, fingerprint, at);

    return world_apply(world, &event, ret_step);
}

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
    assert_int_equal(reader_body(reader, job->input_pos, &body), ERR_OK);
    assert_string_equal(body->bytes, "{\"below\":10}");
    body_unref(body);
    assert_int_equal(reader_body(reader, 1, &body), ERR_NOT_FOUND);
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
        assert_int_equal(reader_body(reader, job->result_pos, &body), ERR_OK);
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

static void a_key_answers_with_its_job(void **state)
{
    struct world world;
    struct view_step step;
    char id[ID_SIZE];

    (void)state;
    world_make(&world);
    id_of(1, id);
    assert_int_equal(submit_keyed(&world, 1, "k", 11, T0, NULL), OUTCOME_ACCEPTED);
    assert_int_equal(submit_keyed(&world, 2, "k", 11, T0, &step), OUTCOME_DUPLICATE);
    assert_string_equal(step.job->spec->id, id);
    job_unref(step.job);
    assert_int_equal(submit_keyed(&world, 3, "k", 12, T0, NULL), OUTCOME_KEY_REUSED);
    assert_int_equal(submit_keyed(&world, 4, "other", 12, T0, NULL), OUTCOME_ACCEPTED);
    assert_replays(world.dir);
    world_end(&world);
}

#define DAY (24LL * 3600 * 1000)

static void a_key_outlives_its_removed_job_until_its_day_is_over(void **state)
{
    struct world world;

    (void)state;
    world_make(&world);
    submit_keyed(&world, 1, "k", 11, T0, NULL);
    world_tell(&world, EVENT_CANCEL, 1, 0, T0);
    assert_int_equal(world_tell(&world, EVENT_REMOVED, 1, 0, T0 + 2000), OUTCOME_ACCEPTED);
    assert_int_equal(submit_keyed(&world, 2, "k", 11, T0 + 3000, NULL), OUTCOME_JOB_REMOVED);
    assert_int_equal(submit_keyed(&world, 2, "k", 12, T0 + 3000, NULL), OUTCOME_KEY_REUSED);
    assert_replays(world.dir);
    view_close(world.view);
    world_open(&world);
    assert_int_equal(submit_keyed(&world, 2, "k", 11, T0 + DAY - 1, NULL), OUTCOME_JOB_REMOVED);
    assert_int_equal(submit_keyed(&world, 2, "k", 11, T0 + DAY, NULL), OUTCOME_ACCEPTED);
    assert_int_equal(submit_keyed(&world, 3, "k", 11, T0 + DAY, NULL), OUTCOME_DUPLICATE);
    assert_replays(world.dir);
    world_end(&world);
}

static void a_key_lives_as_long_as_its_job(void **state)
{
    struct world world;

    (void)state;
    world_make(&world);
    submit_keyed(&world, 1, "k", 11, T0, NULL);
    assert_int_equal(submit_keyed(&world, 2, "k", 11, T0 + 9 * DAY, NULL), OUTCOME_DUPLICATE);
    world_tell(&world, EVENT_CANCEL, 1, 0, T0 + 9 * DAY);
    world_tell(&world, EVENT_REMOVED, 1, 0, T0 + 10 * DAY);
    assert_int_equal(submit_keyed(&world, 2, "k", 11, T0 + 10 * DAY, NULL), OUTCOME_ACCEPTED);
    assert_replays(world.dir);
    world_end(&world);
}

static int n_rows(const char *dir, const char *table)
{
    char path[128], sql[64];
    sqlite3 *sqlite;
    sqlite3_stmt *stmt;
    int n;

    snprintf(path, sizeof path, "%s/buzzer.db", dir);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(sqlite, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(sqlite);
    return n;
}

static void a_removed_job_takes_its_events_and_bodies_along(void **state)
{
    struct world world;
    struct view_step step;
    struct event event = event_of(EVENT_REMOVED, 1, 0, T0 + 5000);

    (void)state;
    world_make(&world);
    for (unsigned i = 1; i <= 2; i++) {
        world_tell(&world, EVENT_SUBMITTED, i, 0, T0);
        world_tell(&world, EVENT_CLAIMED, i, 1, T0);
        world_tell(&world, EVENT_DONE, i, 1, T0);
    }
    assert_int_equal(n_rows(world.dir, "events"), 7);
    assert_int_equal(world_apply(&world, &event, &step), OUTCOME_ACCEPTED);
    assert_int_equal(step.told, CHANGE_REMOVED);
    job_unref(step.job);
    assert_int_equal(n_rows(world.dir, "events"), 5); /* genesis, three of the other job, the removal */
    assert_int_equal(world_tell(&world, EVENT_REMOVED, 1, 0, T0 + 5000), OUTCOME_IGNORED);
    assert_replays(world.dir);
    assert_int_equal(world_tell(&world, EVENT_REMOVED, 2, 0, T0 + 5000), OUTCOME_ACCEPTED);
    assert_int_equal(n_rows(world.dir, "events"), 2);
    assert_replays(world.dir);
    world_end(&world);
}

static void what_is_gone_leaves_nothing_that_grows(void **state)
{
    struct world world;
    char key[16];

    (void)state;
    world_make(&world);
    for (unsigned i = 1; i <= 50; i++) {
        snprintf(key, sizeof key, "key %u", i);
        if (i % 2)
            submit_keyed(&world, i, key, 1, T0, NULL);
        else
            world_tell(&world, EVENT_SUBMITTED, i, 0, T0);
        world_tell(&world, EVENT_CANCEL, i, 0, T0);
        world_tell(&world, EVENT_REMOVED, i, 0, T0 + 1000);
    }
    /* Genesis, the removals that keep a key, and the newest. */
    assert_int_equal(n_rows(world.dir, "events"), 1 + 25 + 1);
    assert_int_equal(n_rows(world.dir, "keys"), 25);
    assert_replays(world.dir);
    for (unsigned i = 51; i <= 53; i++) {
        world_tell(&world, EVENT_SUBMITTED, i, 0, T0 + DAY);
        world_tell(&world, EVENT_CANCEL, i, 0, T0 + DAY);
        world_tell(&world, EVENT_REMOVED, i, 0, T0 + DAY + 1000);
        assert_replays(world.dir);
    }
    assert_int_equal(n_rows(world.dir, "events"), 2);
    assert_int_equal(n_rows(world.dir, "keys"), 0);
    world_end(&world);
}

static void expect_corrupt(const char *dir)
{
    struct view *view = NULL;
    char message[256] = "";

    assert_int_equal(view_open(dir, &view, message, sizeof message), ERR_CORRUPT);
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

/* ---- at random ---- */

static char *all_of(const struct job *job)
{
    struct text text = {0};

    job_encode(&text, job, "00000000", NULL);
    text_printf(&text, " %lld %lld %lld %lld %lld %d %d %d %s %llu", (long long)job->seq,
                (long long)job->ready_pos, (long long)job->input_pos, (long long)job->result_pos,
                (long long)job->result_len, job->epoch, job->attempts_used, job->losses,
                job->worker ? job->worker : "-", (unsigned long long)job->spec->fingerprint);
    return text_take(&text, NULL);
}

/* What a reader finds is what the fold made. */
static void assert_reads_back(struct reader *reader, const struct job *job)
{
    struct job *read;
    char *folded, *found;

    assert_int_equal(reader_job(reader, job->spec->id, &read), ERR_OK);
    folded = all_of(job);
    found = all_of(read);
    assert_string_equal(folded, found);
    free(folded);
    free(found);
    job_unref(read);
}

static void random_event(struct world *world, struct reader *reader, unsigned *seed, int64_t at)
{
    static const enum event_kind kinds[] = {
        EVENT_SUBMITTED, EVENT_SUBMITTED, EVENT_SUBMITTED, EVENT_DUE,      EVENT_CLAIMED, EVENT_CLAIMED,
        EVENT_CLAIMED,   EVENT_DONE,      EVENT_FAILED,    EVENT_RELEASED, EVENT_LOST,    EVENT_CANCEL,
        EVENT_CANCELLED, EVENT_EXPIRED,   EVENT_RETRIED,   EVENT_REMOVED,  EVENT_REMOVED};
    enum event_kind kind = kinds[(unsigned)rand_r(seed) % (sizeof kinds / sizeof *kinds)];
    struct event event = event_of(kind, (unsigned)rand_r(seed) % 60, 0, at - rand_r(seed) % 50);
    struct view_step step;
    char text[40];

    event.epoch = rand_r(seed) % 4 + 1;
    if (kind == EVENT_SUBMITTED) {
        event.epoch = 0;
        event.spec->keep_ms = rand_r(seed) % 3000;
        if (rand_r(seed) % 3 == 0)
            event.spec->run_at = at + rand_r(seed) % 3000;
        if (rand_r(seed) % 3 == 0)
            event.spec->expires_at = at + rand_r(seed) % 3000;
        if (rand_r(seed) % 2 == 0) {
            snprintf(text, sizeof text, "key-%d", rand_r(seed) % 40);
            event.spec->idempotency_key = strdup(text);
            event.spec->fingerprint = (uint64_t)rand_r(seed) % 2;
        }
        if (rand_r(seed) % 4 == 0)
            event.spec->tags[event.spec->n_tags++] = strdup("red");
    }
    if (kind == EVENT_CLAIMED) {
        snprintf(text, sizeof text, "host-%d", rand_r(seed) % 3);
        event.worker = strdup(text);
    }
    if (kind == EVENT_DONE)
        event.body = body_new(rand_r(seed) % 2 ? "application/json" : "text/plain", "7", 1);
    if (kind == EVENT_FAILED)
        event_fails(&event, rand_r(seed) % 2 ? at + rand_r(seed) % 2000 : 0);
    world_apply(world, &event, &step);
    if (step.changed && step.told != CHANGE_REMOVED)
        assert_reads_back(reader, step.job);
    job_unref(step.job);
}

static void whatever_happens_the_log_comes_to_the_same_view(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        unsigned random = seed;
        struct world world;
        struct reader *reader;
        int64_t at = T0;
        world_make(&world);
        assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
        for (int i = 0; i < 10000; i++) {
            /* Now and then most of a day goes by, so that keys come to their end too. */
            at += rand_r(&random) % 500 == 0 ? DAY / 3 : rand_r(&random) % 100;
            random_event(&world, reader, &random, at);
            if (i % 2500 == 1250) {
                view_close(world.view);
                world_open(&world);
            }
            if (i % 2000 == 1999)
                assert_replays(world.dir);
        }
        reader_close(reader);
        world_end(&world);
    }
}

/* ---- killed ---- */

static void write_until_killed(const char *dir, unsigned first, int told)
{
    struct world world;

    strcpy(world.dir, dir);
    world_open(&world);
    for (unsigned number = first;; number++) {
        world_tell(&world, EVENT_SUBMITTED, number, 0, T0);
        world_tell(&world, EVENT_CLAIMED, number, 1, T0);
        world_tell(&world, EVENT_DONE, number, 1, T0);
        if (write(told, &number, sizeof number) != sizeof number)
            _exit(1);
        if (number % 64 == 0)
            view_tidy(world.view);
    }
}

static void what_was_acknowledged_survives_a_kill_at_any_moment(void **state)
{
    char dir[64], id[ID_SIZE];
    unsigned acknowledged = 0, seed = 99;
    struct reader *reader;

    (void)state;
    folder_make(dir);
    for (int round = 0; round < 20; round++) {
        int pipe_ends[2], status;
        unsigned stop_after = (unsigned)rand_r(&seed) % 150, number = 0;
        pid_t pid;
        assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (!pid)
            write_until_killed(dir, (unsigned)(round + 1) * 100000, pipe_ends[1]);
        close(pipe_ends[1]);
        /* The child is killed wherever it is when so many answers have been read. */
        for (unsigned i = 0; i <= stop_after; i++)
            assert_int_equal(read(pipe_ends[0], &number, sizeof number), sizeof number);
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(pipe_ends[0], &number, sizeof number) == sizeof number)
            ; /* what it had answered before it died */
        acknowledged = number;
        close(pipe_ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);

        struct world world;
        strcpy(world.dir, dir);
        world_open(&world);
        assert_int_equal(reader_open(dir, &reader), ERR_OK);
        for (number = (unsigned)(round + 1) * 100000; number <= acknowledged; number++) {
            struct job *job;
            id_of(number, id);
            assert_int_equal(reader_job(reader, id, &job), ERR_OK);
            assert_int_equal(job->state, JOB_SUCCEEDED);
            job_unref(job);
        }
        reader_close(reader);
        view_close(world.view);
    }
    assert_replays(dir);
    folder_remove(dir);
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
        cmocka_unit_test(a_key_answers_with_its_job),
        cmocka_unit_test(a_key_outlives_its_removed_job_until_its_day_is_over),
        cmocka_unit_test(a_key_lives_as_long_as_its_job),
        cmocka_unit_test(a_removed_job_takes_its_events_and_bodies_along),
        cmocka_unit_test(what_is_gone_leaves_nothing_that_grows),
        cmocka_unit_test(a_foreign_or_damaged_file_is_refused_with_a_sentence),
        cmocka_unit_test(whatever_happens_the_log_comes_to_the_same_view),
        cmocka_unit_test(what_was_acknowledged_survives_a_kill_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
