// needs: schema
/* What passes for a media type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "schema/media_type.h"

static void a_media_type_is_one_or_is_refused(void **state)
{
    static const char *const good[] = {"a/b", "application/json; charset=utf-8", "a/b;c=\"d;e\\\"\"", "image/svg+xml"};
    static const char *const bad[] = {"", "nonsense", "a/", "/b", "a b/c", "a/b/c", "a/b; c", "a/b;c=\"d", "a/b;c=", "\"a\"/b"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(media_type_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(media_type_is_valid(bad[i]));
    assert_true(media_type_is("Application/JSON;charset=utf-8", "application/json"));
    assert_false(media_type_is("application/jsonp", "application/json"));
}

static void what_can_stand_in_a_header_is_printable(void **state)
{
    (void)state;
    assert_true(media_type_is_printable("what ~"));
    assert_false(media_type_is_printable(""));
    assert_false(media_type_is_printable("a\n"));
    assert_false(media_type_is_printable("a\x7f"));
    assert_false(media_type_is_printable("\xc3\xa4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_media_type_is_one_or_is_refused),
        cmocka_unit_test(what_can_stand_in_a_header_is_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
