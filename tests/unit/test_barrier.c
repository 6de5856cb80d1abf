// needs: api
/* test_barrier.c: one at a time, the rest share the next. The test is the recorder: it takes what was
 * appended to the embedded log and says that it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/barrier.h"

static void count(void *arg)
{
    ++*(int *)arg;
}

struct world {
    struct eventlog *log;
    struct barrier *barrier;
    int n_passed;
};

static void open_world(struct world *world)
{
    *world = (struct world){0};
    assert_int_equal(eventlog_sqlite_open(2, &world->log), ERR_OK);
    assert_int_equal(barrier_new(world->log, count, &world->n_passed, &world->barrier), ERR_OK);
}

static void close_world(struct world *world)
{
    eventlog_close(world->log);
    barrier_free(world->barrier);
}

/* Ends what is under way; how many events the log had. */
static int record(struct world *world, enum err err)
{
    struct append *batch = NULL;
    int n = 0;

    eventlog_take(world->log, 0, &batch);
    for (struct append *next; batch; batch = next, n++) {
        next = batch->next;
        assert_int_equal(batch->event.kind, EVENT_NOOP);
        batch->err = err;
        batch->done(batch);
    }
    return n;
}

static uint64_t ask(struct world *world)
{
    uint64_t number = 0;

    assert_int_equal(barrier_ask(world->barrier, 1000, &number), ERR_OK);
    return number;
}

static void who_asks_while_one_is_under_way_shares_the_next(void **state)
{
    struct world world;
    uint64_t first, second, third;

    (void)state;
    open_world(&world);
    assert_true(barrier_is_passed(world.barrier, 0));
    first = ask(&world);
    second = ask(&world);
    third = ask(&world);
    assert_int_equal(second, third);
    assert_true(second > first);
    assert_false(barrier_is_passed(world.barrier, first));
    assert_int_equal(record(&world, ERR_OK), 1);
    assert_int_equal(world.n_passed, 1);
    assert_true(barrier_is_passed(world.barrier, first));
    assert_false(barrier_is_passed(world.barrier, second)); /* it was on its way before they asked */
    assert_int_equal(record(&world, ERR_OK), 1);
    assert_true(barrier_is_passed(world.barrier, second));
    assert_int_equal(record(&world, ERR_OK), 0); /* nobody wants another */
    close_world(&world);
}

static void one_that_fails_passes_nobody_and_the_next_passes_all(void **state)
{
    struct world world;
    uint64_t first, second;

    (void)state;
    open_world(&world);
    first = ask(&world);
    assert_int_equal(record(&world, ERR_IO), 1);
    assert_false(barrier_is_passed(world.barrier, first));
    second = ask(&world);
    assert_int_equal(record(&world, ERR_OK), 1);
    assert_true(barrier_is_passed(world.barrier, first));
    assert_true(barrier_is_passed(world.barrier, second));
    close_world(&world);
}

static void a_log_that_stops_says_so(void **state)
{
    struct world world;
    uint64_t number = 0, waited_for;

    (void)state;
    open_world(&world);
    ask(&world);
    waited_for = ask(&world);
    eventlog_stop(world.log);
    assert_int_equal(record(&world, ERR_OK), 1); /* and the one that was wanted cannot be appended */
    assert_false(barrier_is_passed(world.barrier, waited_for));
    assert_int_equal(barrier_ask(world.barrier, 1000, &number), ERR_DRAINING);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_while_one_is_under_way_shares_the_next),
        cmocka_unit_test(one_that_fails_passes_nobody_and_the_next_passes_all),
        cmocka_unit_test(a_log_that_stops_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
