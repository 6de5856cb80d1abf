// needs: schema
/* test_clock.c: times as text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "schema/clock.h"

static void assert_decodes(const char *text, int64_t expected)
{
    int64_t ms = -1;

    if (!clock_decode(text, strlen(text), &ms) || ms != expected)
        fail_msg("%s: %lld instead of %lld", text, (long long)ms, (long long)expected);
}

static void assert_refused(const char *text)
{
    int64_t ms = 42;

    if (clock_decode(text, strlen(text), &ms) || ms != 42)
        fail_msg("%s was taken", text);
}

static void encoding_agrees_with_the_calendar_of_the_c_library(void **state)
{
    (void)state;
    /* A prime step, so that every time of day and every day of four hundred years comes up. */
    for (int64_t ms = -62167219200000; ms <= 253402300799999; ms += 86399999 * 7LL + 12345) {
        char text[CLOCK_TEXT_SIZE], expected[64], date[32];
        int64_t back, part = ((ms % 1000) + 1000) % 1000;
        time_t seconds = (time_t)((ms - part) / 1000);
        struct tm tm;
        clock_encode(ms, text);
        assert_non_null(gmtime_r(&seconds, &tm));
        snprintf(date, sizeof date, "%04u-%02u-%02uT", (unsigned)(tm.tm_year + 1900) % 10000,
                 (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100);
        snprintf(expected, sizeof expected, "%s%02d:%02d:%02d.%03dZ", date, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)part);
        assert_string_equal(text, expected);
        assert_true(clock_decode(text, strlen(text), &back));
        assert_int_equal(back, ms);
    }
}

static void what_four_digits_cannot_say_is_the_nearest_they_can(void **state)
{
    char text[CLOCK_TEXT_SIZE];
    (void)state;

    clock_encode(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    clock_encode(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void every_form_of_rfc_3339_is_read(void **state)
{
    (void)state;
    assert_decodes("1970-01-01T00:00:00Z", 0);
    assert_decodes("2026-11-22T10:00:00.123Z", 1795341600123);
    assert_decodes("2026-11-22t10:00:00.1239999z", 1795341600123);
    assert_decodes("2026-11-22T10:00:00.5+00:00", 1795341600500);
    assert_decodes("2026-11-22T12:30:00+02:30", 1795341600000);
    assert_decodes("2026-11-22T02:00:00-08:00", 1795341600000);
    assert_decodes("2024-02-29T00:00:00Z", 1709164800000);
    assert_decodes("1998-12-31T23:59:60Z", 915148800000);
    assert_decodes("1998-12-31T15:59:60-08:00", 915148800000);
}

static void what_is_not_rfc_3339_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "2026", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22 10:00:00Z", "2026-11-22T10:00Z",
        "2026-13-22T10:00:00Z", "2026-00-22T10:00:00Z", "2026-02-29T10:00:00Z", "1900-02-29T10:00:00Z",
        "2026-11-00T10:00:00Z", "2026-11-31T10:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z",
        "2026-11-22T10:00:61Z", "1998-12-31T23:58:60Z", "1998-12-31T22:59:60Z", "2026-11-22T10:00:00.Z",
        "2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+0200", "2026-11-22T10:00:00+02:60",
        "2026-11-22T10:00:00ZZ", "2026-11-22T10:00:00Z ", " 2026-11-22T10:00:00Z", "+2026-11-22T10:00:00Z",
        "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00",
    };
    (void)state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused(wrong[i]);
}

static void a_length_is_kept_to(void **state)
{
    static const char text[] = "2026-11-22T10:00:00.123Z";
    int64_t ms;
    (void)state;

    for (size_t len = 0; len < sizeof text - 1; len++)
        assert_false(clock_decode(text, len, &ms));
    assert_true(clock_decode(text, sizeof text - 1, &ms));
}

static void both_clocks_go_forward(void **state)
{
    int64_t us = clock_mono_us(), ms = clock_mono_ms();
    (void)state;

    assert_true(ms >= us / 1000);
    assert_true(clock_mono_us() >= us);
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_agrees_with_the_calendar_of_the_c_library),
        cmocka_unit_test(what_four_digits_cannot_say_is_the_nearest_they_can),
        cmocka_unit_test(every_form_of_rfc_3339_is_read),
        cmocka_unit_test(what_is_not_rfc_3339_is_refused),
        cmocka_unit_test(a_length_is_kept_to),
        cmocka_unit_test(both_clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
