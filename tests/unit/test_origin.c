// needs: api
/* test_origin.c: names of this machine and pages of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api/origin.h"

static void only_loopback_names_are_loopback(void **state)
{
    static const char *const good[] = {"localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:80"};
    static const char *const bad[] = {"", "example.com", "localhost.example.com", "127.0.0.1.example.com", "128.0.0.1",
                                      "[::2]", "[::1]x", "0.0.0.0", ":80", "xlocalhost", ".localhost", "127.1",
                                      "localhost:x", "[::1]:x"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(host_is_loopback(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(host_is_loopback(bad[i]));
    assert_false(host_is_loopback(NULL));
}

static void a_page_of_another_origin_is_foreign(void **state)
{
    char *allowed[] = {(char *)"https://app.example"};
    struct config config = {.allow_origins = allowed, .n_allow_origins = 1};

    (void)state;
    assert_true(origin_is_own(NULL, "localhost:8000"));
    assert_true(origin_is_own("http://localhost:8000", "localhost:8000"));
    assert_false(origin_is_own("http://localhost:8001", "localhost:8000"));
    assert_false(origin_is_own("https://localhost:8000", "localhost:8000"));
    assert_false(origin_is_own("null", "localhost:8000"));
    assert_false(origin_is_own("http://evil.example", "localhost:8000"));
    assert_true(origin_is_allowed(&config, "https://app.example"));
    assert_false(origin_is_allowed(&config, "https://app.example.evil"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_loopback_names_are_loopback),
        cmocka_unit_test(a_page_of_another_origin_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
