// needs: jobs
/* Removal: what goes along with a job, and that nothing is left that grows. */
#include <sqlite3.h>

#include "tests/unit/log_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_job_takes_its_events_and_bodies_along),
        cmocka_unit_test(what_is_gone_leaves_nothing_that_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
