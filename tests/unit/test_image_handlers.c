// needs: jobs
/* The image types' module, loaded as an executor loads it, on real scans: what is read, and that
 * hostile images end as bad input instead of taking the process with them. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "jobs/handler.h"
#include "tests/support/load.h"

#define MODULE BINARY_DIR "/buzzer_images.so"
#define DATA SOURCE_DIR "/tests/flow/data/"

static const struct buzzer_handler *handlers;

struct seen {
    json_t *result;
    char message[256], progress_message[64];
    int n_progress, percent;
};

static void on_progress(struct buzzer_job *job, int percent, const char *message)
{
    struct seen *seen = job->context;

    assert_in_range(percent, seen->percent, 100);   /* never backwards */
    seen->percent = percent;
    seen->n_progress++;
    snprintf(seen->progress_message, sizeof(seen->progress_message), "%s", message ? message : "");
}

static int on_result(struct buzzer_job *job, const char *media_type, const void *bytes, size_t len)
{
    struct seen *seen = job->context;

    assert_null(media_type);
    assert_null(seen->result);
    seen->result = json_loadb(bytes, len, JSON_ALLOW_NUL, NULL);
    assert_non_null(seen->result);
    return 0;
}

static int on_fail(struct buzzer_job *job, const char *message)
{
    struct seen *seen = job->context;

    snprintf(seen->message, sizeof(seen->message), "%s", message);
    return 0;
}

static int run_bytes(const char *type, const void *bytes, size_t len, const char *params, struct seen *seen)
{
    struct buzzer_job job = { .id = "01", .type = type, .attempt = 1, .media_type = "application/octet-stream",
                              .input = bytes, .input_len = len, .params = params, .progress = on_progress,
                              .result = on_result, .fail = on_fail, .context = seen };

    memset(seen, 0, sizeof(*seen));
    for (const struct buzzer_handler *handler = handlers; handler->name; handler++)
        if (!strcmp(handler->name, type))
            return handler->run(&job);
    fail_msg("no handler %s", type);
    return -1;
}

static int run_file(const char *type, const char *path, struct seen *seen)
{
    size_t len;
    unsigned char *bytes = load(path, &len);
    int end = run_bytes(type, bytes, len, "{}", seen);

    free(bytes);
    return end;
}

static void a_box_lies_inside(json_t *box, json_int_t width, json_int_t height)
{
    json_int_t x = json_integer_value(json_array_get(box, 0)), y = json_integer_value(json_array_get(box, 1));

    assert_true(x >= 0 && y >= 0);
    assert_true(x + json_integer_value(json_array_get(box, 2)) <= width);
    assert_true(y + json_integer_value(json_array_get(box, 3)) <= height);
}

static void text_is_as_expected(const json_t *expected, const json_t *result)
{
    const char *text = json_string_value(json_object_get(result, "text"));
    json_int_t width = json_integer_value(json_object_get(result, "width"));
    json_int_t height = json_integer_value(json_object_get(result, "height"));
    json_t *phrase, *word;
    size_t index;

    assert_non_null(text);
    assert_int_equal(width, json_integer_value(json_object_get(expected, "width")));
    assert_int_equal(height, json_integer_value(json_object_get(expected, "height")));
    assert_true(json_real_value(json_object_get(result, "mean_confidence")) >=
                json_number_value(json_object_get(expected, "min_confidence")));
    json_array_foreach(json_object_get(expected, "phrases"), index, phrase)
        if (!strstr(text, json_string_value(phrase)))
            fail_msg("'%s' was not read", json_string_value(phrase));
    json_array_foreach(json_object_get(result, "words"), index, word) {
        assert_non_null(strstr(text, json_string_value(json_object_get(word, "text"))));
        a_box_lies_inside(json_object_get(word, "box"), width, height);
    }
}

static void symbols_are_as_expected(const json_t *expected, const json_t *result)
{
    json_t *wanted = json_object_get(expected, "symbols"), *found = json_object_get(result, "symbols"), *symbol;
    size_t index;

    assert_int_equal(json_array_size(found), json_array_size(wanted));
    json_array_foreach(wanted, index, symbol) {
        json_t *one = json_array_get(found, index);

        assert_true(json_equal(json_object_get(symbol, "type"), json_object_get(one, "type")));
        assert_true(json_equal(json_object_get(symbol, "data"), json_object_get(one, "data")));
        assert_int_equal(json_array_size(json_object_get(one, "box")), 4);
    }
}

static void every_image_reads_as_expected(void **state)
{
    json_t *all = json_load_file(DATA "expected.json", 0, NULL), *expected;
    const char *name;
    struct seen seen;
    char path[512];

    (void)state;
    assert_true(json_object_size(all) >= 5);
    json_object_foreach(all, name, expected) {
        const char *type = json_string_value(json_object_get(expected, "type"));

        snprintf(path, sizeof(path), "%s%s", strncmp(name, "try/", 4) ? DATA : SOURCE_DIR "/deploy/", name);
        assert_int_equal(run_file(type, path, &seen), BUZZER_DONE);
        assert_true(seen.n_progress > 0);
        if (json_object_get(expected, "symbols"))
            symbols_are_as_expected(expected, seen.result);
        else
            text_is_as_expected(expected, seen.result);
        json_decref(seen.result);
    }
    json_decref(all);
}

static void a_png_that_lies_about_its_size_is_bad_input(void **state)
{
    size_t len;
    unsigned char *bytes = load(DATA "qr.png", &len);
    struct seen seen;

    (void)state;
    bytes[19] = 0xff;               /* wider than its pixels and its checksum say */
    assert_int_equal(run_bytes("barcode", bytes, len, "{}", &seen), BUZZER_BAD_INPUT);
    assert_string_equal(seen.message, "the image cannot be decoded");
    assert_int_equal(run_bytes("ocr", bytes, len, "{}", &seen), BUZZER_BAD_INPUT);
    memset(bytes + 16, 0x01, 8);    /* 16 million by 16 million */
    assert_int_equal(run_bytes("ocr", bytes, len, "{}", &seen), BUZZER_BAD_INPUT);
    assert_null(seen.result);
    free(bytes);
}

static void a_png_cut_short_is_bad_input(void **state)
{
    size_t len;
    unsigned char *bytes = load(DATA "qr.png", &len);
    struct seen seen;

    (void)state;
    for (size_t n = 0; n < len - 60; n += 7) {
        assert_int_equal(run_bytes("barcode", bytes, n, "{}", &seen), BUZZER_BAD_INPUT);
        assert_true(seen.message[0]);
    }
    free(bytes);
}

static void formats_that_are_not_offered_are_bad_input(void **state)
{
    static const char pnm[] = "P1\n4 4\n1 0 0 1\n0 1 1 0\n0 1 1 0\n1 0 0 1\n";
    static const char words[] = "not an image at all, only some words";
    struct seen seen;

    (void)state;
    assert_int_equal(run_bytes("ocr", pnm, strlen(pnm), "{}", &seen), BUZZER_BAD_INPUT);
    assert_int_equal(run_bytes("ocr", words, strlen(words), "{}", &seen), BUZZER_BAD_INPUT);
    assert_int_equal(run_bytes("ocr", "", 0, "{}", &seen), BUZZER_BAD_INPUT);
}

static void a_language_that_is_a_path_is_bad_input(void **state)
{
    size_t len;
    unsigned char *bytes = load(DATA "qr.png", &len);
    struct seen seen;

    (void)state;
    assert_int_equal(run_bytes("ocr", bytes, len, "{\"lang\":\"../../etc/passwd\"}", &seen), BUZZER_BAD_INPUT);
    assert_string_equal(seen.message, "lang is no language");
    assert_int_equal(run_bytes("ocr", bytes, len, "{\"lang\":\"\"}", &seen), BUZZER_BAD_INPUT);
    free(bytes);
}

/* The page's own TIFF, its one page named as the next one of itself: pages without an end. */
static void an_endless_tiff_has_an_end(void **state)
{
    size_t len;
    unsigned char *bytes = load(DATA "page.tif", &len);
    struct seen seen;
    uint32_t page, next;
    uint16_t n;

    (void)state;
    assert_memory_equal(bytes, "II", 2);
    memcpy(&page, bytes + 4, 4);
    memcpy(&n, bytes + page, 2);
    next = page;
    memcpy(bytes + page + 2 + (size_t)n * 12, &next, 4);
    int end = run_bytes("barcode", bytes, len, "{}", &seen);
    assert_true(end == BUZZER_DONE || end == BUZZER_BAD_INPUT);
    json_decref(seen.result);
    free(bytes);
}

/* A second directory after the file, a copy of the first: two pages of the same pixels. */
static void every_page_of_a_tiff_is_read(void **state)
{
    size_t len;
    unsigned char *bytes = load(DATA "page.tif", &len);
    struct seen seen;
    uint32_t page, second;
    uint16_t n;

    (void)state;
    len += len % 2;                 /* a directory begins at an even place */
    second = (uint32_t)len;
    memcpy(&page, bytes + 4, 4);
    memcpy(&n, bytes + page, 2);
    size_t size = 2 + (size_t)n * 12 + 4;
    memcpy(bytes + len, bytes + page, size);
    memcpy(bytes + page + size - 4, &second, 4);
    assert_int_equal(run_bytes("ocr", bytes, len + size, "{}", &seen), BUZZER_DONE);
    assert_string_equal(seen.progress_message, "page 2 of 2");
    assert_int_equal(seen.percent, 100);
    json_t *words = json_object_get(seen.result, "words");
    json_t *last = json_array_get(words, json_array_size(words) - 1);
    const char *text = json_string_value(json_object_get(seen.result, "text")), *feed = strchr(text, '\f');
    assert_int_equal(json_integer_value(json_object_get(last, "page")), 2);
    assert_non_null(feed);
    assert_non_null(strstr(feed, "the Kentish Petition of 1642"));
    json_decref(seen.result);
    free(bytes);
}

static int open_module(void **state)
{
    (void)state;
    setenv("OMP_THREAD_LIMIT", "1", 1);
    void *module = dlopen(MODULE, RTLD_NOW);
    if (!module) {
        print_error("%s\n", dlerror());
        return -1;
    }
    handlers = dlsym(module, "buzzer_handlers");
    return handlers ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_image_reads_as_expected),
        cmocka_unit_test(a_png_that_lies_about_its_size_is_bad_input),
        cmocka_unit_test(a_png_cut_short_is_bad_input),
        cmocka_unit_test(formats_that_are_not_offered_are_bad_input),
        cmocka_unit_test(a_language_that_is_a_path_is_bad_input),
        cmocka_unit_test(an_endless_tiff_has_an_end),
        cmocka_unit_test(every_page_of_a_tiff_is_read),
    };

    if (access(MODULE, R_OK)) {
        printf("the image types are not built: nothing to test\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, open_module, NULL);
}
