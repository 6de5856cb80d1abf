// needs: schema
/* test_text.c: texts that grow, and the JSON written into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "schema/text.h"

static void check_string(const char *in, size_t len, const char *expected)
{
    struct text text = {0};

    text_json_string(&text, in, len);
    assert_false(text.failed);
    assert_string_equal(text.at, expected);
    text_clear(&text);
}

static void a_string_is_escaped_as_rfc_8259_says(void **state)
{
    (void)state;
    check_string("", 0, "\"\"");
    check_string("plain", 5, "\"plain\"");
    check_string("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
    check_string("\n\r\t\b\x1f\x7f", 6, "\"\\n\\r\\t\\u0008\\u001f\x7f\"");
    check_string("a\0b", 3, "\"a\\u0000b\"");
}

static void valid_utf8_passes_unchanged(void **state)
{
    (void)state;
    check_string("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x94", 15, "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x94\"");
    check_string("\xf4\x8f\xbf\xbf", 4, "\"\xf4\x8f\xbf\xbf\"");
}

static void what_is_no_utf8_becomes_the_replacement_character(void **state)
{
    (void)state;
    check_string("a\xff" "b", 3, "\"a\xef\xbf\xbd" "b\"");
    check_string("\xc3", 1, "\"\xef\xbf\xbd\"");                                 /* cut off */
    check_string("\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");                 /* overlong */
    check_string("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* a surrogate */
    check_string("\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void every_byte_string_reads_back_as_json(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        char in[4] = {'x', (char)(i >> 8), (char)(i & 255), 'y'};
        struct text text = {0};
        text_json_string(&text, in, sizeof in);
        json_t *value = json_loadb(text.at, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_true(json_is_string(value));
        json_decref(value);
        text_clear(&text);
    }
}

static void commas_stand_between_members_and_items_only(void **state)
{
    char one[] = "o\"ne", two[] = "", *words[] = {one, two};
    struct text text = {0};
    (void)state;

    text_char(&text, '{');
    text_json_str(&text, "a", "x");
    text_json_str(&text, "b", NULL);
    text_json_int(&text, "c", INT64_MIN);
    text_json_bool(&text, "d", true);
    text_json_bool(&text, "e", false);
    text_json_raw(&text, "f", "{}", 2);
    text_json_key(&text, "g");
    text_char(&text, '[');
    text_json_string(&text, "1", 1);
    text_json_string(&text, "2", 1);
    text_char(&text, ',');
    text_json_string(&text, "3", 1);
    text_char(&text, ']');
    text_json_strs(&text, "s", words, 2);
    text_json_strs(&text, "t", NULL, 0);
    text_json_time(&text, "h", 0);
    text_json_time(&text, "i", 1);
    text_char(&text, '}');
    assert_string_equal(text.at, "{\"a\":\"x\",\"b\":null,\"c\":-9223372036854775808,\"d\":true,\"e\":false,"
                                 "\"f\":{},\"g\":[\"1\",\"2\",\"3\"],\"s\":[\"o\\\"ne\",\"\"],\"t\":[],\"h\":null,\"i\":\"1970-01-01T00:00:00.001Z\"}");
    assert_int_equal(text.len, strlen(text.at));
    text_clear(&text);
}

static void numbers_are_written_as_printf_would(void **state)
{
    static const int64_t values[] = {0, 1, -1, 9, 10, 99, 100, INT64_MAX, INT64_MIN, 1234567890123};
    (void)state;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct text a = {0}, b = {0};
        text_int(&a, values[i]);
        text_printf(&b, "%lld", (long long)values[i]);
        assert_string_equal(a.at, b.at);
        text_clear(&a);
        text_clear(&b);
    }
}

static void a_long_printf_grows_the_text(void **state)
{
    struct text text = {0};
    char *at;
    size_t len;
    (void)state;

    text_str(&text, "<");
    text_printf(&text, "%5000d", 7);
    text_str(&text, ">");
    at = text_take(&text, &len);
    assert_int_equal(len, 5002);
    assert_int_equal(strlen(at), 5002);
    assert_string_equal(at + 5000, "7>");
    assert_null(text.at);
    free(at);
}

static void a_text_that_could_not_grow_says_so_and_stays_so(void **state)
{
    struct text text = {0};
    (void)state;

    text_str(&text, "before");
    assert_false(text_room(&text, SIZE_MAX - 3));
    assert_true(text.failed);
    text_str(&text, "after");
    text_json_str(&text, "key", "value");
    text_printf(&text, "%d", 1);
    assert_int_equal(text.len, 6);
    assert_null(text_take(&text, NULL));

    text_str(&text, "again");
    assert_string_equal(text.at, "again");
    text_clear(&text);
}

static void an_empty_text_is_taken_as_an_empty_string(void **state)
{
    struct text text = {0};
    size_t len = 9;
    char *at = text_take(&text, &len);
    (void)state;

    assert_string_equal(at, "");
    assert_int_equal(len, 0);
    free(at);
}

static void a_reset_text_starts_over_in_the_same_memory(void **state)
{
    struct text text = {0};
    (void)state;

    text_str(&text, "one");
    char *at = text.at;
    text_reset(&text);
    assert_string_equal(text.at, "");
    text_json_string(&text, "two", 3);
    assert_ptr_equal(text.at, at);
    assert_string_equal(text.at, "\"two\"");
    text_clear(&text);
}

static void raw_json_stays_on_one_line(void **state)
{
    static const char json[] = "{\n  \"a\": \"\\n\"\r\n}\n";
    struct text text = {0};

    (void)state;
    text_json_raw(&text, "result", json, sizeof json - 1);
    assert_string_equal(text.at, "\"result\":{   \"a\": \"\\n\"  } ");
    text_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_json_stays_on_one_line),
        cmocka_unit_test(a_string_is_escaped_as_rfc_8259_says),
        cmocka_unit_test(valid_utf8_passes_unchanged),
        cmocka_unit_test(what_is_no_utf8_becomes_the_replacement_character),
        cmocka_unit_test(every_byte_string_reads_back_as_json),
        cmocka_unit_test(commas_stand_between_members_and_items_only),
        cmocka_unit_test(numbers_are_written_as_printf_would),
        cmocka_unit_test(a_long_printf_grows_the_text),
        cmocka_unit_test(a_text_that_could_not_grow_says_so_and_stays_so),
        cmocka_unit_test(an_empty_text_is_taken_as_an_empty_string),
        cmocka_unit_test(a_reset_text_starts_over_in_the_same_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
