// needs: jobs
/* Idempotency keys in the view: which submission they answer, and how long they live. */
#include "tests/unit/log_world.h"

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

static void tenants_do_not_share_keys(void **state)
{
    struct world world;
    struct event event;

    (void)state;
    world_make(&world);
    assert_int_equal(submit_keyed(&world, 1, "k", 11, T0, NULL), OUTCOME_ACCEPTED);
    for (unsigned i = 2; i <= 5; i++) {
        event = keyed(i, "k", i / 2, T0);
        event.spec->tenant = strdup(i / 2 == 1 ? "acme" : "zeta");
        assert_int_equal(world_apply(&world, &event, NULL), i % 2 ? OUTCOME_DUPLICATE : OUTCOME_ACCEPTED);
    }
    event = keyed(6, "b", 11, T0); /* the same letters, parted elsewhere */
    event.spec->tenant = strdup("a");
    assert_int_equal(world_apply(&world, &event, NULL), OUTCOME_ACCEPTED);
    assert_int_equal(submit_keyed(&world, 7, "ab", 12, T0, NULL), OUTCOME_ACCEPTED);
    assert_int_equal(submit_keyed(&world, 8, "k", 11, T0, NULL), OUTCOME_DUPLICATE);
    event = keyed(9, "k", 11, T0);
    event.spec->tenant = strdup("default");
    assert_int_equal(world_apply(&world, &event, NULL), OUTCOME_DUPLICATE);
    assert_replays(world.dir);
    world_end(&world);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_answers_with_its_job),
        cmocka_unit_test(tenants_do_not_share_keys),
        cmocka_unit_test(a_key_outlives_its_removed_job_until_its_day_is_over),
        cmocka_unit_test(a_key_lives_as_long_as_its_job),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
