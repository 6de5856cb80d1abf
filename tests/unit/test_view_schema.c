// needs: jobs
/* A file of the first schema is brought up to ours where it lies, with all that is in it. */
#include <sqlite3.h>

#include "tests/unit/log_world.h"

static void run(const char *dir, const char *sql)
{
    char path[128];
    sqlite3 *sqlite;

    snprintf(path, sizeof path, "%s/buzzer.db", dir);
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    if (sqlite3_exec(sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(sqlite));
    sqlite3_close(sqlite);
}

/* What the second schema has more than the first, taken away again. */
static void make_old(const char *dir)
{
    run(dir, "DROP INDEX jobs_tenant; ALTER TABLE jobs DROP COLUMN tenant; DROP TABLE access_keys;"
             "DROP TABLE paused_queues; DROP TABLE place; DROP INDEX jobs_state;"
             "CREATE INDEX jobs_state ON jobs(state, seq) WHERE state NOT IN (1, 2, 4); PRAGMA user_version=1");
}

static void an_old_file_is_brought_up_with_all_it_holds(void **state)
{
    struct world world;
    struct reader *reader;
    struct job *jobs[5];
    struct job_filter filter = {.tenant = "default"};
    unsigned n;
    int64_t next;
    char *before, *after;

    (void)state;
    world_make(&world);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(submit_keyed(&world, i, i == 3 ? "k" : "j", i, T0, NULL),
                         i == 2 ? OUTCOME_KEY_REUSED : OUTCOME_ACCEPTED);
    world_tell(&world, EVENT_CLAIMED, 1, 1, T0);
    world_tell(&world, EVENT_DONE, 1, 1, T0);
    before = dump_of(world.dir);
    view_close(world.view);
    make_old(world.dir);

    world_open(&world);
    after = dump_of(world.dir);
    assert_string_equal(before, after);
    assert_int_equal(submit_keyed(&world, 4, "k", 3, T0, NULL), OUTCOME_DUPLICATE);
    struct event event = event_of(EVENT_SUBMITTED, 5, 0, T0);
    event.spec->tenant = strdup("acme");
    assert_int_equal(world_apply(&world, &event, NULL), OUTCOME_ACCEPTED);
    assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
    assert_int_equal(reader_list(reader, &filter, 5, 0, jobs, &n, &next), ERR_OK);
    assert_int_equal(n, 2);
    job_unref(jobs[0]);
    job_unref(jobs[1]);
    filter.tenant = "acme";
    assert_int_equal(reader_list(reader, &filter, 5, 0, jobs, &n, &next), ERR_OK);
    assert_int_equal(n, 1);
    job_unref(jobs[0]);
    reader_close(reader);
    assert_replays(world.dir);
    free(before);
    free(after);
    world_end(&world);
}

static void refuses(const char *dir, enum view_kind kind, enum err err, const char *why)
{
    struct view *view;
    char message[256];

    assert_int_equal(view_open(dir, kind, &view, message, sizeof message), err);
    if (!strstr(message, why))
        fail_msg("%s", message);
}

static void an_old_file_is_no_copy_and_a_newer_one_is_not_ours(void **state)
{
    struct world world;

    (void)state;
    world_make(&world);
    view_close(world.view);
    make_old(world.dir);
    refuses(world.dir, VIEW_OF_LOG, ERR_CONFIG, "a log of its own");
    run(world.dir, "PRAGMA user_version=3");
    refuses(world.dir, VIEW_IS_LOG, ERR_CORRUPT, "has schema 3; this program knows 2");
    run(world.dir, "PRAGMA user_version=1");
    world_open(&world);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_file_is_brought_up_with_all_it_holds),
        cmocka_unit_test(an_old_file_is_no_copy_and_a_newer_one_is_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
