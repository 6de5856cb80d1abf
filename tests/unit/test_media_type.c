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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_media_type_is_one_or_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
