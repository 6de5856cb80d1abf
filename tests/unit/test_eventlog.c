// needs: jobs
/* The embedded log's mailbox alone, without a recorder: bounds, order, whole lists, the stop. */
#include "tests/unit/log_world.h"

static struct append *list_of(unsigned n)
{
    struct append *first = NULL;

    while (n--) {
        struct append *append = append_new(EVENT_CANCEL, "01kb0000000000000000000000", T0);
        assert_non_null(append);
        append->next = first;
        first = append;
    }
    return first;
}

static unsigned free_all(struct append *first)
{
    unsigned n = 0;

    for (struct append *next; first; first = next, n++) {
        next = first->next;
        append_free(first);
    }
    return n;
}

static struct eventlog *log_open(int64_t next_pos)
{
    struct eventlog *log;

    assert_int_equal(eventlog_sqlite_open(next_pos, &log), ERR_OK);
    return log;
}

static void what_is_appended_is_taken_in_order_with_positions(void **state)
{
    struct eventlog *log = log_open(7);
    struct append *a = list_of(2), *b = list_of(1), *batch;

    (void)state;
    assert_int_equal(eventlog_append(log, a, false), ERR_OK);
    assert_int_equal(eventlog_append(log, b, false), ERR_OK);
    assert_true(eventlog_take(log, -1, &batch));
    assert_ptr_equal(batch, a);
    assert_ptr_equal(batch->next->next, b);
    assert_int_equal(batch->event.pos, 7);
    assert_int_equal(batch->next->event.pos, 8);
    assert_int_equal(b->event.pos, 9);
    assert_int_equal(free_all(batch), 3);
    eventlog_close(log);
}

static void internal_events_go_first(void **state)
{
    struct eventlog *log = log_open(2);
    struct append *outside = list_of(1), *inside = list_of(1), *batch;

    (void)state;
    eventlog_append(log, outside, false);
    eventlog_append(log, inside, true);
    assert_true(eventlog_take(log, -1, &batch));
    assert_ptr_equal(batch, inside);
    assert_ptr_equal(batch->next, outside);
    free_all(batch);
    eventlog_close(log);
}

static void a_full_mailbox_takes_none_of_a_list_and_leaves_room_for_the_worker(void **state)
{
    struct eventlog *log = log_open(2);
    struct append *two = list_of(2), *one = list_of(1), *inside = list_of(1000), *batch;
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 19999; i++)
        assert_int_equal(eventlog_append(log, list_of(1), false), ERR_OK);
    assert_int_equal(eventlog_append(log, two, false), ERR_BUSY);
    assert_int_equal(eventlog_append(log, one, false), ERR_OK);
    assert_int_equal(eventlog_append(log, inside, true), ERR_OK);
    eventlog_stop(log);
    while (eventlog_take(log, -1, &batch))
        n += free_all(batch);
    assert_int_equal(n, 21000);
    free_all(two);
    eventlog_close(log);
}

static void a_list_is_never_split(void **state)
{
    struct eventlog *log = log_open(2);
    struct append *batch;
    unsigned sizes[3] = {0}, n = 0;

    (void)state;
    eventlog_append(log, list_of(499), false);
    eventlog_append(log, list_of(1000), false);
    eventlog_append(log, list_of(3), false);
    eventlog_stop(log);
    while (eventlog_take(log, -1, &batch))
        sizes[n++] = free_all(batch);
    assert_int_equal(n, 2);
    assert_int_equal(sizes[0], 1499);
    assert_int_equal(sizes[1], 3);
    eventlog_close(log);
}

static void a_take_ends_when_its_time_is_up(void **state)
{
    struct eventlog *log = log_open(2);
    struct append *batch = (struct append *)log;

    (void)state;
    assert_true(eventlog_take(log, 1, &batch));
    assert_null(batch);
    eventlog_stop(log);
    assert_false(eventlog_take(log, -1, &batch));
    assert_null(batch);
    eventlog_close(log);
}

static void after_a_stop_nothing_more_goes_in(void **state)
{
    struct eventlog *log = log_open(2);
    struct append *before = list_of(1), *after = list_of(1), *batch;

    (void)state;
    eventlog_append(log, before, false);
    eventlog_stop(log);
    assert_int_equal(eventlog_append(log, after, true), ERR_DRAINING);
    assert_true(eventlog_take(log, -1, &batch));
    assert_ptr_equal(batch, before);
    free_all(batch);
    assert_false(eventlog_take(log, -1, &batch));
    free_all(after);
    eventlog_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_is_taken_in_order_with_positions),
        cmocka_unit_test(internal_events_go_first),
        cmocka_unit_test(a_full_mailbox_takes_none_of_a_list_and_leaves_room_for_the_worker),
        cmocka_unit_test(a_list_is_never_split),
        cmocka_unit_test(a_take_ends_when_its_time_is_up),
        cmocka_unit_test(after_a_stop_nothing_more_goes_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
