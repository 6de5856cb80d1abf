// needs: jobs
/* What a worker makes of others: which of them removes what is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "jobs/worker_priv.h"

#define LEASE_MS 30000
#define OURS "m.0000000b-00000001"
#define FIRST "a.0000000a-00000001"
#define LAST "z.0000000c-00000001"

static struct config config = {.result_bytes = 1 << 20};
static struct types *types;

static int set_up_of(void **state, int64_t lease_ms)
{
    struct worker_config setup = {.dir = "/tmp", .name = OURS, .slots = 1, .lease_ms = lease_ms};
    struct worker *worker = NULL;
    char message[256];

    assert_int_equal(types_new(&config, &types, message, sizeof message), ERR_OK);
    setup.types = types;
    assert_int_equal(worker_new(&setup, &worker), ERR_OK);
    *state = worker;
    return 0;
}

static int set_up(void **state)
{
    return set_up_of(state, LEASE_MS);
}

static int set_up_alone(void **state)
{
    return set_up_of(state, 0);
}

static int tear_down(void **state)
{
    worker_free(*state);
    types_free(types);
    return 0;
}

enum how { ALIVE, DRAINING, LEAVING };

static void hear(struct worker *worker, const char *name, int64_t mono_ms, enum how how)
{
    struct pulse *pulse = calloc(1, sizeof *pulse);

    assert_non_null(pulse);
    snprintf(pulse->beat.name, sizeof pulse->beat.name, "%s", name);
    pulse->beat.role_worker = true;
    pulse->beat.draining = how == DRAINING;
    pulse->beat.leaving = how == LEAVING;
    pulse->sent_ms = strcmp(name, OURS) == 0 ? mono_ms : 0;
    pulse->heard_ms = worker->mono_ms = mono_ms;
    peers_on_pulses(worker, pulse);
}

static void the_only_worker_there_can_be_sweeps(void **state)
{
    assert_true(peers_may_sweep(*state));
}

static void nobody_sweeps_before_it_has_heard_itself(void **state)
{
    assert_false(peers_may_sweep(*state));
    hear(*state, LAST, 1, ALIVE);
    assert_false(peers_may_sweep(*state));
    hear(*state, OURS, 2, ALIVE);
    assert_true(peers_may_sweep(*state));
}

static void the_first_by_name_sweeps(void **state)
{
    hear(*state, OURS, 1, ALIVE);
    hear(*state, LAST, 2, ALIVE);
    assert_true(peers_may_sweep(*state));
    hear(*state, FIRST, 3, ALIVE);
    assert_false(peers_may_sweep(*state));
    hear(*state, OURS, 4, ALIVE);
    assert_false(peers_may_sweep(*state));
}

static void the_next_takes_over_from_one_that_leaves_drains_or_falls_silent(void **state)
{
    static const enum how ways[] = {LEAVING, DRAINING};

    for (unsigned i = 0; i < 2; i++) {
        hear(*state, FIRST, 10, ALIVE);
        hear(*state, OURS, 11, ALIVE);
        assert_false(peers_may_sweep(*state));
        hear(*state, FIRST, 12, ways[i]);
        hear(*state, OURS, 13, ALIVE);
        assert_true(peers_may_sweep(*state));
    }
    hear(*state, FIRST, 20, ALIVE);
    hear(*state, OURS, 20 + LEASE_MS, ALIVE);
    assert_false(peers_may_sweep(*state));
    hear(*state, OURS, 21 + LEASE_MS, ALIVE);
    assert_true(peers_may_sweep(*state));
}

static void who_cannot_hear_itself_does_not_sweep(void **state)
{
    struct worker *worker = *state;

    hear(worker, OURS, 1, ALIVE);
    worker->mono_ms = 1 + LEASE_MS;
    assert_true(peers_may_sweep(worker));
    worker->mono_ms++;
    assert_false(peers_may_sweep(worker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_only_worker_there_can_be_sweeps, set_up_alone, tear_down),
        cmocka_unit_test_setup_teardown(nobody_sweeps_before_it_has_heard_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_by_name_sweeps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_takes_over_from_one_that_leaves_drains_or_falls_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_cannot_hear_itself_does_not_sweep, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
