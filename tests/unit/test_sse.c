// needs: cli
/* Server-sent events, however they are cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/sse.h"

static struct text heard;

static bool hear(void *arg, const char *name, const char *data, const char *id)
{
    (void)arg;
    text_printf(&heard, "[%s|%s|%s]", name, data, id);
    return strcmp(data, "stop") != 0;
}

static bool feed(struct sse *sse, const char *bytes, size_t piece)
{
    size_t len = strlen(bytes);

    for (size_t i = 0; i < len; i += piece)
        if (!sse_feed(sse, bytes + i, len - i < piece ? len - i : piece))
            return false;
    return true;
}

static void assert_heard(const char *bytes, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(bytes); piece++) {
        struct sse sse = {.on_event = hear};

        text_clear(&heard);
        assert_true(feed(&sse, bytes, piece));
        assert_string_equal(heard.at ? heard.at : "", expected);
        sse_clear(&sse);
    }
    text_clear(&heard);
}

static void an_event_is_whole_however_it_is_cut(void **state)
{
    (void)state;
    assert_heard("event: subscribed\ndata: {}\nid: a-1\n\ndata: one\ndata:two\nid: a-2\n\n",
                 "[subscribed|{}|a-1][|one\ntwo|a-2]");
}

static void a_line_ends_in_any_of_three_ways(void **state)
{
    (void)state;
    assert_heard("data: a\r\n\r\ndata: b\r\rdata: c\n\n", "[|a|][|b|][|c|]");
}

static void comments_and_unknown_fields_say_nothing(void **state)
{
    (void)state;
    assert_heard(": still there\n\nretry: 10\nwhat\n\ndata\n\nevent: x\n\ndata: y\n\n", "[||][|y|]");
}

static void the_id_stays_until_a_new_one_comes(void **state)
{
    (void)state;
    assert_heard("id: 7\n\ndata: a\n\ndata: b\nid\n\n", "[|a|7][|b|]");
}

static void what_was_half_there_is_dropped_with_its_connection(void **state)
{
    struct sse sse = {.on_event = hear};

    (void)state;
    text_clear(&heard);
    assert_true(feed(&sse, "id: 3\ndata: lost", 100));
    sse_restart(&sse);
    assert_true(feed(&sse, "data: new\n\n", 100));
    assert_string_equal(heard.at, "[|new|3]");
    sse_clear(&sse);
    text_clear(&heard);
}

static void the_listener_may_end_it(void **state)
{
    struct sse sse = {.on_event = hear};

    (void)state;
    text_clear(&heard);
    assert_false(feed(&sse, "data: stop\n\ndata: more\n\n", 1000));
    assert_false(sse.broken);
    assert_string_equal(heard.at, "[|stop|]");
    sse_clear(&sse);
    text_clear(&heard);
}

static void a_line_without_end_is_given_up(void **state)
{
    struct sse sse = {.on_event = hear};
    char *much = malloc(SSE_LINE_BYTES + 2);

    (void)state;
    assert_non_null(much);
    memset(much, 'x', SSE_LINE_BYTES + 2);
    assert_false(sse_feed(&sse, much, SSE_LINE_BYTES + 2));
    assert_true(sse.broken);
    free(much);
    sse_clear(&sse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_whole_however_it_is_cut),
        cmocka_unit_test(a_line_ends_in_any_of_three_ways),
        cmocka_unit_test(comments_and_unknown_fields_say_nothing),
        cmocka_unit_test(the_id_stays_until_a_new_one_comes),
        cmocka_unit_test(what_was_half_there_is_dropped_with_its_connection),
        cmocka_unit_test(the_listener_may_end_it),
        cmocka_unit_test(a_line_without_end_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
