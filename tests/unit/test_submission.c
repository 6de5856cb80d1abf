// needs: cli
/* What `buzzer submit` makes of its arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/submission.h"

static char folder[32];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_submission_XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"page", "5", "good.json", "bad.json", "text"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(names[i]);
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void an_image_is_known_by_its_first_bytes(void **state)
{
    (void)state;
    assert_string_equal(input_image_type("\x89PNG\r\n\x1a\n....", 12), "image/png");
    assert_string_equal(input_image_type("\xff\xd8\xff\xe0", 4), "image/jpeg");
    assert_string_equal(input_image_type("II*\0....", 8), "image/tiff");
    assert_string_equal(input_image_type("MM\0*....", 8), "image/tiff");
    assert_string_equal(input_image_type("RIFF....WEBPVP8 ", 16), "image/webp");
    assert_null(input_image_type("RIFF....WAVE", 12));
    assert_null(input_image_type("\x89PN", 3));
    assert_null(input_image_type("", 0));
}

static void a_file_goes_before_json(void **state)
{
    struct input input;

    (void)state;
    write_file("5", "five", 4);
    assert_int_equal(input_read("5", &input), 0);
    assert_false(input.is_json);
    assert_string_equal(input.bytes, "five");
    assert_string_equal(input.media_type, "text/plain");
    input_clear(&input);
    assert_int_equal(input_read("6", &input), 0);
    assert_true(input.is_json);
    assert_string_equal(input.bytes, "6");
    input_clear(&input);
}

static void the_kind_of_a_file_is_told_by_name_and_content(void **state)
{
    struct input input;

    (void)state;
    write_file("page", "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal(input_read("page", &input), 0);
    assert_string_equal(input.media_type, "image/png");
    assert_int_equal(input.len, 8);
    input_clear(&input);
    write_file("good.json", "{\"a\":1}", 7);
    assert_int_equal(input_read("good.json", &input), 0);
    assert_true(input.is_json);
    input_clear(&input);
    write_file("bad.json", "{", 1);
    assert_int_equal(input_read("bad.json", &input), EX_DATAERR);
    assert_null(input.bytes);
}

static void text_is_utf8_without_a_nul(void **state)
{
    (void)state;
    assert_true(input_is_text("", 0));
    assert_true(input_is_text("a page\n", 7));
    assert_true(input_is_text("gr\xc3\xbc\xc3\x9f", 6));
    assert_false(input_is_text("a\0b", 3));
    assert_false(input_is_text("gr\xfc\xdf", 4));
    assert_false(input_is_text("cut \xc3", 5));
}

static void what_is_neither_is_refused(void **state)
{
    struct input input;

    (void)state;
    assert_int_equal(input_read("nowhere.png", &input), EX_NOINPUT);
    assert_int_equal(input_read("{\"a\":", &input), EX_DATAERR);
    assert_int_equal(input_read("", &input), EX_NOINPUT);
}

static void json_carries_everything_in_the_body(void **state)
{
    char json[] = "{\"below\":10}";
    struct submission submission = {
        .type = "primes",
        .input = {.bytes = json, .len = sizeof json - 1, .is_json = true},
        .options = {{"priority", "9"}, {"tag", "a"}, {"queue", "5"}, {"tag", "b\"c"}},
        .n_options = 4,
        .params = {{"lang", "eng"}, {"deep", "true"}},
        .n_params = 2,
    };
    struct text target = {0}, body = {0};

    (void)state;
    assert_int_equal(submission_encode(&submission, &target, &body), ERR_OK);
    assert_string_equal(target.at, "/v1/jobs");
    assert_string_equal(
        body.at, "{\"type\":\"primes\",\"input\":{\"below\":10},\"params\":{\"lang\":\"eng\",\"deep\":true},"
                 "\"priority\":9,\"queue\":\"5\",\"tags\":[\"a\",\"b\\\"c\"]}");
    text_clear(&target);
    text_clear(&body);
}

static void no_input_is_no_member(void **state)
{
    struct submission submission = {.type = "echo", .input = {.is_json = true}};
    struct text target = {0}, body = {0};

    (void)state;
    assert_int_equal(submission_encode(&submission, &target, &body), ERR_OK);
    assert_string_equal(body.at, "{\"type\":\"echo\"}");
    text_clear(&target);
    text_clear(&body);
}

static void bytes_carry_everything_in_the_query(void **state)
{
    char png[] = "\x89PNG";
    struct submission submission = {
        .type = "ocr",
        .input = {.bytes = png, .len = 4, .media_type = "image/png"},
        .options = {{"tag", "a b"}, {"tag", "c&d"}, {"priority", "9"}},
        .n_options = 3,
        .params = {{"lang", "deu+eng"}},
        .n_params = 1,
    };
    struct text target = {0}, body = {0};

    (void)state;
    assert_int_equal(submission_encode(&submission, &target, &body), ERR_OK);
    assert_string_equal(target.at, "/v1/jobs?type=ocr&tag=a%20b&tag=c%26d&priority=9&param.lang=deu%2Beng");
    assert_int_equal(body.len, 0);
    text_clear(&target);
    text_clear(&body);
}

static void a_pair_needs_a_name_and_room(void **state)
{
    struct pair pairs[SUBMISSION_PAIRS];
    char good[] = "a=b=c", bare[] = "a", nameless[] = "=b";
    unsigned n = 0;

    (void)state;
    assert_true(pair_add(pairs, &n, good));
    assert_string_equal(pairs[0].name, "a");
    assert_string_equal(pairs[0].value, "b=c");
    assert_false(pair_add(pairs, &n, bare));
    assert_false(pair_add(pairs, &n, nameless));
    n = SUBMISSION_PAIRS;
    strcpy(good, "x=y");
    assert_false(pair_add(pairs, &n, good));
}

static void a_pair_is_known_by_its_whole_name(void **state)
{
    const struct pair pairs[] = {{"priority", "5"}, {"queue", "q"}};

    (void)state;
    assert_true(pair_is_there(pairs, 2, "queue=r"));
    assert_true(pair_is_there(pairs, 2, "priority"));
    assert_false(pair_is_there(pairs, 1, "queue=r"));
    assert_false(pair_is_there(pairs, 2, "queues=r"));
    assert_false(pair_is_there(pairs, 2, "q=priority"));
}

static void statuses_become_exit_codes(void **state)
{
    static const struct {
        int status, code;
    } table[] = {
        {200, 0},  {202, 0},  {400, 65}, {413, 65}, {415, 65}, {422, 65}, {404, 66}, {409, 1},
        {401, 77}, {403, 77}, {429, 75}, {503, 69}, {500, 70}, {501, 70}, {302, 70},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(exit_of_status(table[i].status), table[i].code);
    assert_int_equal(exit_of_err(ERR_OK), 0);
    assert_int_equal(exit_of_err(ERR_USAGE), 64);
    assert_int_equal(exit_of_err(ERR_NO_SERVICE), 69);
    assert_int_equal(exit_of_err(ERR_IO), 70);
    assert_int_equal(exit_of_err(ERR_IN_USE), 75);
    assert_int_equal(exit_of_err(ERR_CONFIG), 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_known_by_its_first_bytes),
        cmocka_unit_test_setup_teardown(a_file_goes_before_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_kind_of_a_file_is_told_by_name_and_content, set_up, tear_down),
        cmocka_unit_test(text_is_utf8_without_a_nul),
        cmocka_unit_test_setup_teardown(what_is_neither_is_refused, set_up, tear_down),
        cmocka_unit_test(json_carries_everything_in_the_body),
        cmocka_unit_test(no_input_is_no_member),
        cmocka_unit_test(bytes_carry_everything_in_the_query),
        cmocka_unit_test(a_pair_needs_a_name_and_room),
        cmocka_unit_test(a_pair_is_known_by_its_whole_name),
        cmocka_unit_test(statuses_become_exit_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
