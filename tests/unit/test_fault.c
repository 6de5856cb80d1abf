// needs: schema
/* test_fault.c: faults as problem documents show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "schema/fault.h"

static void assert_encodes(const struct faults *faults, const char *expected)
{
    struct text text = {0};

    faults_encode(&text, faults);
    assert_string_equal(text.at, expected);
    text_clear(&text);
}

static void a_fault_has_pointer_place_and_sentence(void **state)
{
    struct faults faults = {0};
    (void)state;

    assert_encodes(&faults, "[]");
    faults_add(&faults, "/input/below", "must be at most %d", 1000000000);
    faults_add(&faults, "/jobs/3/type", "is required");
    assert_encodes(&faults,
                   "[{\"pointer\":\"#/input/below\",\"loc\":[\"body\",\"input\",\"below\"],"
                   "\"detail\":\"must be at most 1000000000\"},"
                   "{\"pointer\":\"#/jobs/3/type\",\"loc\":[\"body\",\"jobs\",3,\"type\"],\"detail\":\"is required\"}]");
    faults_clear(&faults);
    assert_int_equal(faults.n, 0);
}

static void the_whole_body_is_the_empty_pointer(void **state)
{
    struct faults faults = {0};
    (void)state;

    faults_add(&faults, "", "must be an object");
    assert_encodes(&faults, "[{\"pointer\":\"#\",\"loc\":[\"body\"],\"detail\":\"must be an object\"}]");
    faults_clear(&faults);
}

static void odd_names_are_escaped_in_the_pointer_and_plain_in_loc(void **state)
{
    struct faults faults = {0};
    (void)state;

    faults_add(&faults, "/a~1b~0c/x \"y\"/\xc3\xbc/007/", "no");
    assert_encodes(&faults, "[{\"pointer\":\"#/a~1b~0c/x%20%22y%22/%C3%BC/007/\","
                            "\"loc\":[\"body\",\"a/b~c\",\"x \\\"y\\\"\",\"\xc3\xbc\",\"007\",\"\"],\"detail\":\"no\"}]");
    faults_clear(&faults);
}

static void past_the_limit_only_the_count_goes_on(void **state)
{
    struct faults faults = {0};
    (void)state;

    for (int i = 0; i < FAULTS_MAX + 7; i++)
        faults_add(&faults, "/x", "%d", i);
    assert_int_equal(faults.n, FAULTS_MAX);
    assert_int_equal(faults.n_dropped, 7);
    assert_string_equal(faults.at[FAULTS_MAX - 1].detail, "49");
    faults_clear(&faults);
    assert_int_equal(faults.n_dropped, 0);
}

static void long_names_are_cut_between_characters(void **state)
{
    struct faults faults = {0};
    struct text pointer = {0}, text = {0};
    (void)state;

    text_str(&pointer, "/x");
    for (int i = 0; i < 1000; i++)
        text_str(&pointer, "\xe2\x82\xac");
    faults_add(&faults, pointer.at, "%s", pointer.at);
    assert_in_range(strlen(faults.at[0].pointer), 500, 512);
    assert_int_equal(strlen(faults.at[0].pointer) % 3, 2);
    faults_encode(&text, &faults);
    json_t *root = json_loadb(text.at, text.len, 0, NULL);
    assert_non_null(root);
    json_decref(root);
    text_clear(&text);
    text_clear(&pointer);
    faults_clear(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_has_pointer_place_and_sentence),
        cmocka_unit_test(the_whole_body_is_the_empty_pointer),
        cmocka_unit_test(odd_names_are_escaped_in_the_pointer_and_plain_in_loc),
        cmocka_unit_test(past_the_limit_only_the_count_goes_on),
        cmocka_unit_test(long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
