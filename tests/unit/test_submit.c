// needs: jobs
/* Submissions: what is taken, how it is kept, and that every fault is found at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/submit_priv.h"
#include "jobs/types_priv.h"

#define NOW 1763805600000   /* 2025-11-22T10:00:00Z */

static struct types *types;
static const struct submit_headers no_headers;
static struct append *append;       /* of the last submission taken */
static struct faults faults;        /* of the last one refused */

static void forget(void)
{
    append_free(append);
    append = NULL;
    faults_clear(&faults);
}

static enum err post_with(const char *text, const struct submit_headers *headers)
{
    forget();
    return submit_json_text(types, text, strlen(text), headers, NOW, &append, &faults);
}

static enum err post(const char *text)
{
    enum err err = post_with(text, &no_headers);

    assert_true(!err == !!append);      /* an append or an error, never both */
    assert_true(!err == !faults.n);     /* every error of these says what is wrong */
    return err;
}

static enum err post_raw(const char *media_type, const void *bytes, size_t len, const char *const *query, unsigned n)
{
    struct submit_param params[32];
    struct body *body = body_new(media_type, bytes, len);

    assert_non_null(body);
    for (unsigned i = 0; i < n; i++)
        params[i] = (struct submit_param){ query[2 * i], query[2 * i + 1] };
    forget();
    enum err err = submit_raw(types, params, n, body, &no_headers, NOW, &append, &faults);
    if (err)
        body_unref(body);
    return err;
}

static bool faulted(const char *pointer)
{
    for (unsigned i = 0; i < faults.n; i++)
        if (!strcmp(faults.at[i].pointer, pointer))
            return true;
    return false;
}

static void a_submission_becomes_an_append(void **state)
{
    (void)state;
    assert_int_equal(post("{\"type\":\"primes\",\"input\":{\"below\":100}}"), ERR_OK);
    const struct spec *spec = append->event.spec;
    assert_int_equal(append->event.kind, EVENT_SUBMITTED);
    assert_int_equal(append->event.at, NOW);
    assert_string_equal(append->event.job, spec->id);
    assert_true(id_is_valid(spec->id, strlen(spec->id)));
    assert_string_equal(spec->type, "primes");
    assert_string_equal(spec->queue, "default");
    assert_int_equal(spec->priority, 5);
    assert_int_equal(spec->created_at, NOW);
    assert_int_equal(spec->run_at, 0);
    assert_int_equal(spec->expires_at, 0);
    assert_int_equal(spec->timeout_ms, 600000);
    assert_int_equal(spec->max_attempts, 3);
    assert_int_equal(spec->max_losses, 5);
    assert_int_equal(spec->keep_ms, KEEP_MS_DEFAULT);
    assert_null(spec->idempotency_key);
    assert_null(spec->params);
    assert_true(append->event.body->is_json);
}

static void every_option_reaches_the_spec(void **state)
{
    (void)state;
    assert_int_equal(post("{\"type\":\"ocr\",\"input\":{\"base64\":\"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ\"},"
                          "\"params\":{\"lang\":\"eng+deu\"},\"queue\":\"q.1\",\"priority\":9,\"delay_ms\":1000,"
                          "\"timeout_ms\":5,\"max_attempts\":100,\"expires_in_ms\":2000,\"keep_ms\":0,"
                          "\"tags\":[\"a\",\"b\"]}"), ERR_OK);
    const struct spec *spec = append->event.spec;
    assert_string_equal(spec->params, "{\"lang\":\"eng+deu\"}");
    assert_string_equal(spec->queue, "q.1");
    assert_int_equal(spec->priority, 9);
    assert_int_equal(spec->run_at, NOW + 1000);
    assert_int_equal(spec->timeout_ms, 5);
    assert_int_equal(spec->max_attempts, 100);
    assert_int_equal(spec->expires_at, NOW + 2000);
    assert_int_equal(spec->keep_ms, 0);
    assert_int_equal(spec->n_tags, 2);
    assert_string_equal(spec->tags[1], "b");
    assert_int_equal(append->event.body->len, 33);
    assert_false(append->event.body->is_json);
}

static void the_input_is_kept_as_it_was_sent(void **state)
{
    static const char *const inputs[] = {
        "{ \"b\" : 1.50, \"a\":[1 , 2e1],\n\"\\u0061b\":\"\\u00e9\\u0000\" }", "\"}{][,:\\\"\\\\\"", "0.1", "null", "[]",
        "[[{}],{\"input\":5,\"type\":\"x\"}]", "-0", "true",
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        snprintf(text, sizeof(text), " {\"tags\":[\"input\"], \"input\" :\t%s ,\"type\" : \"echo\"} ", inputs[i]);
        assert_int_equal(post(text), ERR_OK);
        assert_string_equal(append->event.body->bytes, inputs[i]);
        snprintf(text, sizeof(text), "{\"type\":\"echo\",\"input\":%s}", inputs[i]);
        assert_int_equal(post(text), ERR_OK);
        assert_string_equal(append->event.body->bytes, inputs[i]);
    }
    assert_int_equal(post("{\"type\":\"echo\",\"\\u0069nput\":[1, 2]}"), ERR_OK);   /* a name in disguise */
    assert_string_equal(append->event.body->bytes, "[1,2]");
    assert_int_equal(post("{\"type\":\"echo\"}"), ERR_OK);
    assert_string_equal(append->event.body->bytes, "null");
}

static void all_faults_are_found_at_once(void **state)
{
    (void)state;
    assert_int_equal(post("{\"type\":\"primes\",\"input\":{\"below\":-1,\"x\":0},\"queue\":\"\",\"priority\":10,"
                          "\"delay_ms\":-1,\"timeout_ms\":604800001,\"max_attempts\":101,\"expires_in_ms\":0,"
                          "\"keep_ms\":1.5,\"tags\":[\"a\",\"b\",\"a\",\"c d\",5],\"params\":{\"lang\":\"eng\"},"
                          "\"webhook\":\"http://x\",\"a/b~\":1}"), ERR_INVALID);
    static const char *const pointers[] = {
        "/input/below", "/input/x", "/queue", "/priority", "/delay_ms", "/timeout_ms", "/max_attempts",
        "/expires_in_ms", "/keep_ms", "/tags/2", "/tags/3", "/tags/4", "/params/lang", "/webhook", "/a~1b~0",
    };
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
        if (!faulted(pointers[i]))
            fail_msg("no fault at %s", pointers[i]);
    assert_int_equal(faults.n, sizeof(pointers) / sizeof(pointers[0]));
}

static void a_type_must_be_known(void **state)
{
    static const char *const texts[] = {
        "{}", "{\"type\":\"nothing\"}", "{\"type\":5}", "{\"type\":\"\"}", "{\"type\":\"echo\\u0000\"}", "{\"type\":null}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(post(texts[i]), ERR_INVALID);
        assert_true(faulted("/type"));
    }
    assert_int_equal(post("[]"), ERR_INVALID);
    assert_int_equal(post("5"), ERR_INVALID);
}

static void what_is_not_json_is_told_so(void **state)
{
    static const char *const texts[] = {
        "", "{", "{\"type\":\"echo\",\"type\":\"echo\"}", "{\"type\":\"echo\",\"input\":{\"a\":1,\"a\":2}}", "\"\xff\"",
        "{\"type\":\"echo\"}x", "{'type':'echo'}", "NaN",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(post(texts[i]), ERR_NOT_JSON);
}

static void nesting_has_a_limit(void **state)
{
    static const char head[] = "{\"type\":\"echo\",\"input\":";
    char text[4096];

    (void)state;
    for (int depth = SUBMIT_DEPTH_MAX - 2; depth <= SUBMIT_DEPTH_MAX + 1; depth++) {
        int n = snprintf(text, sizeof(text), "%s", head);

        memset(text + n, '[', (size_t)depth);
        memset(text + n + depth, ']', (size_t)depth);
        strcpy(text + n + 2 * depth, "}");
        enum err expected = depth + 1 <= SUBMIT_DEPTH_MAX ? ERR_OK : ERR_INVALID;
        assert_int_equal(post(text), expected);
        json_t *root = json_loads(text, 0, NULL);
        forget();
        assert_int_equal(submit_json(types, root, "", &no_headers, NOW, &append, &faults), expected);
        json_decref(root);
    }
}

static void delay_and_run_at_exclude_each_other(void **state)
{
    (void)state;
    assert_int_equal(post("{\"type\":\"echo\",\"delay_ms\":0,\"run_at\":\"2030-01-01T00:00:00Z\"}"), ERR_INVALID);
    assert_true(faulted("/delay_ms") && faulted("/run_at"));
    assert_int_equal(post("{\"type\":\"echo\",\"run_at\":\"2025-11-22T11:00:00.5+01:00\"}"), ERR_OK);
    assert_int_equal(append->event.spec->run_at, NOW + 500);
    assert_int_equal(post("{\"type\":\"echo\",\"run_at\":\"1969-01-01T00:00:00Z\"}"), ERR_OK);
    assert_int_equal(append->event.spec->run_at, 0);
    assert_int_equal(post("{\"type\":\"echo\",\"run_at\":\"2045-01-01T00:00:00Z\"}"), ERR_INVALID);
    assert_int_equal(post("{\"type\":\"echo\",\"run_at\":\"tomorrow\"}"), ERR_INVALID);
}

static void bounds_are_taken_and_one_more_is_not(void **state)
{
    static const struct { const char *name; long long min, max; } bounds[] = {
        { "priority", 0, 9 }, { "delay_ms", 0, 315360000000 }, { "timeout_ms", 1, 604800000 },
        { "max_attempts", 1, 100 }, { "expires_in_ms", 1, 315360000000 }, { "keep_ms", 0, 315360000000 },
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        const long long values[] = { bounds[i].min, bounds[i].max, bounds[i].min - 1, bounds[i].max + 1 };

        for (int k = 0; k < 4; k++) {
            snprintf(text, sizeof(text), "{\"type\":\"echo\",\"%s\":%lld}", bounds[i].name, values[k]);
            assert_int_equal(post(text), k < 2 ? ERR_OK : ERR_INVALID);
        }
    }
    assert_int_equal(post("{\"type\":\"echo\",\"priority\":5.0}"), ERR_OK);
    assert_int_equal(post("{\"type\":\"echo\",\"priority\":\"5\"}"), ERR_INVALID);
    assert_int_equal(post("{\"type\":\"echo\",\"priority\":1e300}"), ERR_INVALID);
    assert_int_equal(post("{\"type\":\"echo\",\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
                          "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}"), ERR_INVALID);
}

static void bytes_come_raw_with_a_query(void **state)
{
    static const char *const query[] = { "type", "echo", "tag", "a", "tag", "1", "priority", "0", "queue", "7" };

    (void)state;
    assert_int_equal(post_raw("text/plain", "a\0b", 3, query, 5), ERR_OK);
    assert_int_equal(append->event.body->len, 3);
    assert_memory_equal(append->event.body->bytes, "a\0b", 3);
    assert_string_equal(append->event.body->media_type, "text/plain");
    assert_int_equal(append->event.spec->priority, 0);
    assert_string_equal(append->event.spec->queue, "7");
    assert_string_equal(append->event.spec->tags[1], "1");
}

static void a_query_has_faults_as_json_has(void **state)
{
    static const char *const query[] = { "type", "primes", "priority", "x", "priority", "1", "tags", "a", "param.x", "1",
                                         "input", "5", "delay_ms", "99999999999999999999", "\xff", "1" };

    (void)state;
    assert_int_equal(post_raw("application/json", "{\"below\":\"7\"}", 13, query, 8), ERR_INVALID);
    assert_true(faulted("/priority") && faulted("/tags") && faulted("/params/x") && faulted("/input") &&
                faulted("/delay_ms") && faulted("/input/below") && faulted("/\xff"));
}

static void a_media_type_the_type_does_not_take_is_refused(void **state)
{
    static const char *const ocr[] = { "type", "ocr" }, *const primes[] = { "type", "primes" };

    (void)state;
    assert_int_equal(post_raw("text/plain", "x", 1, ocr, 1), ERR_MEDIA_TYPE);
    assert_int_equal(post_raw("application/json", "{}", 2, ocr, 1), ERR_MEDIA_TYPE);
    assert_int_equal(post_raw("image/png", "x", 1, primes, 1), ERR_MEDIA_TYPE);
    assert_int_equal(post_raw("image/png", "GIF89a......", 12, ocr, 1), ERR_MEDIA_TYPE);
    assert_int_equal(post_raw("image/png", "\xff\xd8\xff\xe0....", 8, ocr, 1), ERR_INVALID);
    assert_true(faulted("/input"));
    assert_int_equal(post_raw("application/json", "{", 1, primes, 1), ERR_NOT_JSON);
}

static void base64_is_read_strictly(void **state)
{
    static const struct { const char *text, *bytes; } good[] = {
        { "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" }, { "Zm9vYg==", "foob" }, { "+/+/", "\xfb\xff\xbf" },
    };
    static const char *const bad[] = { "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "-_-_", "Zg==Zg==" };
    unsigned char out[16];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(submit_base64_decode(good[i].text, strlen(good[i].text), out, &len));
        assert_int_equal(len, strlen(good[i].bytes));
        assert_memory_equal(out, good[i].bytes, len);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(submit_base64_decode(bad[i], strlen(bad[i]), out, &len));
    assert_int_equal(post("{\"type\":\"echo\",\"input\":{\"base64\":\"Zm9v\"}}"), ERR_OK);
    assert_string_equal(append->event.body->bytes, "foo");
    assert_int_equal(post("{\"type\":\"echo\",\"input\":{\"base64\":\"Zm9v\",\"x\":1}}"), ERR_OK);
    assert_true(append->event.body->is_json);
    assert_int_equal(post("{\"type\":\"echo\",\"input\":{\"base64\":\"Zm9\"}}"), ERR_INVALID);
    assert_true(faulted("/input/base64"));
    assert_int_equal(post("{\"type\":\"ocr\",\"input\":{\"below\":1}}"), ERR_INVALID);
    assert_true(faulted("/input"));
}

static uint64_t fingerprint(const char *text)
{
    struct submit_headers headers = { .idempotency_key = "k" };

    assert_int_equal(post_with(text, &headers), ERR_OK);
    return append->event.spec->fingerprint;
}

static void fingerprints_compare_json_by_value(void **state)
{
    uint64_t one = fingerprint("{\"type\":\"echo\",\"input\":{\"a\":1,\"b\":[\"\\u00e9\",2]}}");

    (void)state;
    assert_int_equal(one, fingerprint("{\"input\":{\"b\":[ \"\xc3\xa9\",2.0],\"a\":1e0},\"priority\":5,\"type\":\"echo\"}"));
    static const char *const others[] = {
        "{\"type\":\"echo\",\"input\":{\"a\":1,\"b\":[2,\"\\u00e9\"]}}", "{\"type\":\"echo\",\"input\":{\"a\":1,\"b\":[\"\\u00e9\",2,[]]}}",
        "{\"type\":\"echo\",\"input\":{\"a\":true,\"b\":[\"\\u00e9\",2]}}", "{\"type\":\"echo\",\"input\":{\"b\":1,\"a\":[\"\\u00e9\",2]}}",
        "{\"type\":\"echo\",\"input\":{\"a\":1,\"b\":[\"\\u00e9\",2]},\"priority\":6}",
        "{\"type\":\"echo\",\"input\":{\"a\":1,\"b\":[\"\\u00e9\",2]},\"delay_ms\":1}",
        "{\"type\":\"echo\",\"input\":{\"a\":1,\"b\":[\"\\u00e9\",2]},\"tags\":[\"a\"]}",
        "{\"type\":\"echo\",\"input\":{\"a\":1,\"b\":[\"\\u00e9\",2]},\"queue\":\"a\"}",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_true(one != fingerprint(others[i]));
    assert_int_equal(post("{\"type\":\"echo\"}"), ERR_OK);
    assert_int_equal(append->event.spec->fingerprint, 0);   /* nobody asked */
}

static void the_hash_is_xxh64(void **state)
{
    static const char long_text[] = "Nobody inspects the spammish repetition";

    (void)state;
    assert_true(submit_hash("", 0, 0) == 0xEF46DB3751D8E999u);
    assert_true(submit_hash("a", 1, 0) == 0xD24EC4F1A98C6E5Bu);
    assert_true(submit_hash("abc", 3, 0) == 0x44BC2CF5AD770999u);
    assert_true(submit_hash(long_text, strlen(long_text), 0) == 0xFBCEA83C8A378BF1u);
}

static void a_key_is_taken_with_or_without_quotes(void **state)
{
    static const struct { const char *header, *key; } good[] = {
        { "abc", "abc" }, { "\"abc\"", "abc" }, { "\"a\\\"\\\\\"", "a\"\\" }, { "a b", "a b" }, { "a\"b", "a\"b" },
    };
    static const char *const bad[] = { "", "\"\"", "\"", "\"a", "\"a\"b\"", "\"a\\b\"", "\"a\\\"", "\xc3\xa9", "a\tb", "\x7f" };
    char key[SUBMIT_KEY_MAX + 1], longest[SUBMIT_KEY_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(submit_key_decode(good[i].header, key), ERR_OK);
        assert_string_equal(key, good[i].key);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(submit_key_decode(bad[i], key), ERR_BAD_KEY);
    memset(longest, 'x', sizeof(longest));
    longest[SUBMIT_KEY_MAX + 1] = '\0';
    assert_int_equal(submit_key_decode(longest, key), ERR_BAD_KEY);
    longest[SUBMIT_KEY_MAX] = '\0';
    assert_int_equal(submit_key_decode(longest, key), ERR_OK);
}

static void a_wrong_traceparent_is_dropped(void **state)
{
#define IDS "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    static const char *const bad[] = {
        "", "00", "ff" IDS, "00" IDS "-x", "01" IDS "x", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    struct submit_headers headers = { .traceparent = "00" IDS };

    (void)state;
    assert_int_equal(post_with("{\"type\":\"echo\"}", &headers), ERR_OK);
    assert_string_equal(append->event.spec->traceparent, "00" IDS);
    headers.traceparent = "01" IDS "-more";
    assert_int_equal(post_with("{\"type\":\"echo\"}", &headers), ERR_OK);
    assert_string_equal(append->event.spec->traceparent, "00" IDS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        headers.traceparent = bad[i];
        assert_int_equal(post_with("{\"type\":\"echo\"}", &headers), ERR_OK);
        assert_null(append->event.spec->traceparent);
    }
}

static void a_member_of_a_batch_points_into_the_batch(void **state)
{
    json_t *root = json_pack("{s:s, s:{s:i}, s:[s]}", "type", "primes", "input", "below", -1, "tags", "");

    (void)state;
    forget();
    assert_int_equal(submit_json(types, root, "/jobs/3", &no_headers, NOW, &append, &faults), ERR_INVALID);
    assert_true(faulted("/jobs/3/input/below") && faulted("/jobs/3/tags/0"));
    json_decref(root);
}

static int open_types(void **state)
{
    struct config config = { 0 };
    char message[256];

    (void)state;
    return types_build(&config, "/lib/images.so", "deu|eng", &types, message, sizeof(message)) ? -1 : 0;
}

static int close_types(void **state)
{
    (void)state;
    forget();
    types_free(types);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_submission_becomes_an_append),
        cmocka_unit_test(every_option_reaches_the_spec),
        cmocka_unit_test(the_input_is_kept_as_it_was_sent),
        cmocka_unit_test(all_faults_are_found_at_once),
        cmocka_unit_test(a_type_must_be_known),
        cmocka_unit_test(what_is_not_json_is_told_so),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(delay_and_run_at_exclude_each_other),
        cmocka_unit_test(bounds_are_taken_and_one_more_is_not),
        cmocka_unit_test(bytes_come_raw_with_a_query),
        cmocka_unit_test(a_query_has_faults_as_json_has),
        cmocka_unit_test(a_media_type_the_type_does_not_take_is_refused),
        cmocka_unit_test(base64_is_read_strictly),
        cmocka_unit_test(fingerprints_compare_json_by_value),
        cmocka_unit_test(the_hash_is_xxh64),
        cmocka_unit_test(a_key_is_taken_with_or_without_quotes),
        cmocka_unit_test(a_wrong_traceparent_is_dropped),
        cmocka_unit_test(a_member_of_a_batch_points_into_the_batch),
    };

    return cmocka_run_group_tests(tests, open_types, close_types);
}
