// needs: api
/* The strict readers in front of the routes: query, preference, page token, form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/multipart.h"
#include "api/page_token.h"
#include "api/query.h"

static const struct query_name names[] = {{"wait", 0}, {"event", QUERY_MANY}, {NULL, 0}};

static void a_name_nobody_knows_is_refused_and_named(void **state)
{
    struct submit_param params[] = {{"wait", "1"}, {"colour", "red"}};
    char detail[160] = "";

    (void)state;
    assert_int_equal(query_check(params, 2, names, detail, sizeof detail), ERR_BAD_QUERY);
    assert_non_null(strstr(detail, "colour"));
}

static void only_a_repeatable_name_may_stand_twice(void **state)
{
    struct submit_param twice[] = {{"wait", "1"}, {"wait", "2"}}, many[] = {{"event", "a"}, {"event", "b"}};
    char detail[160];

    (void)state;
    assert_int_equal(query_check(twice, 2, names, detail, sizeof detail), ERR_BAD_QUERY);
    assert_int_equal(query_check(many, 2, names, detail, sizeof detail), ERR_OK);
}

static void a_number_is_digits_and_is_lowered_to_the_most(void **state)
{
    static const char *const none[] = {"", " 5", "+5", "-1", "5e3", "5 ", "0x5", "five"};
    int64_t number = 77;

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(query_number(none[i], 0, 60, &number));
    assert_int_equal(number, 77);
    assert_true(query_number("99999999999999999999999999", 0, 60, &number));
    assert_int_equal(number, 60);
    assert_false(query_number("0", 1, 500, &number));
}

static void a_preference_is_found_among_others(void **state)
{
    int64_t seconds = -1;

    (void)state;
    assert_true(prefer_wait("respond-async, wait=10", 60, &seconds));
    assert_int_equal(seconds, 10);
    assert_true(prefer_wait("Wait = \"7\"; x=y", 60, &seconds));
    assert_int_equal(seconds, 7);
    assert_true(prefer_wait("wait=1000", 60, &seconds));
    assert_int_equal(seconds, 60);
    assert_false(prefer_wait("waiter=5", 60, &seconds));
    assert_false(prefer_wait("wait=soon", 60, &seconds));
    assert_false(prefer_wait(NULL, 60, &seconds));
}

static void an_event_filter_knows_the_words_of_events(void **state)
{
    struct hub_filter filter = {0};

    (void)state;
    assert_true(query_filter(&filter, "event", "job.succeeded"));
    assert_true(query_filter(&filter, "event", "job.failed"));
    assert_int_equal(filter.events, (1u << CHANGE_SUCCEEDED) | (1u << CHANGE_FAILED));
    assert_false(query_filter(&filter, "event", "succeeded"));
    assert_false(query_filter(&filter, "event", "job."));
    assert_false(query_filter(&filter, "type", "no name"));
}

static void a_page_token_of_another_log_is_refused(void **state)
{
    char token[PAGE_TOKEN_SIZE];
    int64_t seq = 0;

    (void)state;
    page_token_encode("1f00a2c4", 1234, token);
    assert_true(page_token_decode(token, "1f00a2c4", &seq));
    assert_int_equal(seq, 1234);
    assert_false(page_token_decode(token, "1f00a2c5", &seq));
    assert_false(page_token_decode(token + 1, "1f00a2c4", &seq));
    assert_false(page_token_decode("", "1f00a2c4", &seq));
}

static enum err decode(const char *body, size_t len, struct multipart *form)
{
    char detail[160];

    return multipart_decode("multipart/form-data; boundary=\"x y\"", body, len, form, detail, sizeof detail);
}

static void a_form_gives_its_file_byte_for_byte_and_its_fields(void **state)
{
    static const char body[] = "--x y\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\necho\r\n"
                               "--x y\r\ncontent-type: image/png\r\nContent-Disposition: form-data; name=file; filename=\"a;b\"\r\n\r\n"
                               "\r\n--x \0\r\n\r\n--x y--\r\n";
    static struct multipart form;

    (void)state;
    assert_int_equal(decode(body, sizeof body - 1, &form), ERR_OK);
    assert_int_equal(form.n_fields, 1);
    assert_string_equal(form.fields[0].name, "type");
    assert_string_equal(form.fields[0].value, "echo");
    assert_string_equal(form.file_type, "image/png");
    assert_int_equal(form.file_len, 9);
    assert_memory_equal(form.file, "\r\n--x \0\r\n", 9);
}

static void a_form_cut_short_anywhere_is_refused(void **state)
{
    static const char body[] = "--x y\r\nContent-Disposition: form-data; name=file\r\n\r\nabc\r\n--x y--";
    static struct multipart form;

    (void)state;
    assert_int_equal(decode(body, sizeof body - 1, &form), ERR_OK);
    assert_int_equal(form.file_len, 3);
    for (size_t len = 0; len < sizeof body - 1; len++)
        assert_int_equal(decode(body, len, &form), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_nobody_knows_is_refused_and_named),
        cmocka_unit_test(only_a_repeatable_name_may_stand_twice),
        cmocka_unit_test(a_number_is_digits_and_is_lowered_to_the_most),
        cmocka_unit_test(a_preference_is_found_among_others),
        cmocka_unit_test(an_event_filter_knows_the_words_of_events),
        cmocka_unit_test(a_page_token_of_another_log_is_refused),
        cmocka_unit_test(a_form_gives_its_file_byte_for_byte_and_its_fields),
        cmocka_unit_test(a_form_cut_short_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
