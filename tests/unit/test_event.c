// needs: schema
/* test_event.c: the words of events and what an event owns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/event.h"

static void every_kind_reads_back(void **state)
{
    enum event_kind untouched = EVENT_DONE;
    (void)state;

    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++) {
        enum event_kind kind;
        assert_true(event_kind_decode(event_kind_word((enum event_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(event_kind_decode("", &untouched));
    assert_false(event_kind_decode("Done", &untouched));
    assert_int_equal(untouched, EVENT_DONE);
}

static void a_new_event_tells_no_progress(void **state)
{
    struct event event;
    (void)state;

    memset(&event, 0xff, sizeof event);
    event_init(&event, EVENT_CANCEL, "01arz3ndektsv4rrffq69g5fav", 7);
    assert_int_equal(event.kind, EVENT_CANCEL);
    assert_int_equal(event.at, 7);
    assert_int_equal(event.progress.percent, -1);
    assert_string_equal(event.job, "01arz3ndektsv4rrffq69g5fav");
    assert_null(event.spec);
    assert_int_equal(event.pos, 0);
    event_init(&event, EVENT_GENESIS, NULL, 0);
    assert_string_equal(event.job, "");
}

static void clearing_lets_go_of_all_and_may_be_done_twice(void **state)
{
    struct event event;
    struct body *body = body_new("image/png", "x", 1);
    (void)state;

    event_init(&event, EVENT_FAILED, "", 0);
    event.worker = strdup("w");
    event.spec = spec_new();
    event.body = body_ref(body);
    event.error.message = strdup("m");
    event.progress.message = strdup("p");
    event_clear(&event);
    assert_null(event.body);
    assert_int_equal(atomic_load(&body->refs), 1);
    event_clear(&event);
    body_unref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_reads_back),
        cmocka_unit_test(a_new_event_tells_no_progress),
        cmocka_unit_test(clearing_lets_go_of_all_and_may_be_done_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
