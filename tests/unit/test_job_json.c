// needs: schema
/* test_job_json.c: the job as clients see it, byte for byte, and what is stored of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "schema/job_json.h"

#define ID "01arz3ndektsv4rrffq69g5fav"
#define LINKS                                                                                      \
    "\"links\":{\"self\":\"/v1/jobs/" ID "\",\"result\":\"/v1/jobs/" ID "/result\","               \
    "\"events\":\"/v1/jobs/" ID "/events\",\"cancel\":\"/v1/jobs/" ID ":cancel\"}}"

static struct job *example(void)
{
    struct spec *spec = spec_new();
    struct job *job;

    assert_non_null(spec);
    memcpy(spec->id, ID, ID_SIZE);
    spec->type = strdup("ocr");
    spec->queue = strdup("default");
    spec->priority = PRIORITY_DEFAULT;
    spec->created_at = 1795341600123;
    spec->keep_ms = KEEP_MS_DEFAULT;
    spec->max_attempts = 3;
    spec->max_losses = MAX_LOSSES_DEFAULT;
    job = job_new(spec);
    assert_non_null(job);
    spec_unref(spec);
    job->state = JOB_QUEUED;
    job->pos = 17;
    return job;
}

static void assert_encodes(const struct job *job, const struct job_extra *extra, const char *expected)
{
    struct text text = {0};

    job_encode(&text, job, "1f00a2c4", extra);
    assert_false(text.failed);
    assert_string_equal(text.at, expected);
    text_clear(&text);
}

static void a_queued_job_has_its_members_in_the_order_of_the_contract(void **state)
{
    struct job *job = example();
    struct job_extra extra = {NULL, 4, 1795341601000};
    (void)state;

    assert_encodes(job, &extra,
                   "{\"id\":\"" ID "\",\"type\":\"ocr\",\"state\":\"queued\",\"queue\":\"default\",\"priority\":5,"
                   "\"tags\":[],\"created_at\":\"2026-11-22T10:00:00.123Z\",\"started_at\":null,"
                   "\"finished_at\":null,\"run_at\":null,\"position\":4,"
                   "\"estimated_start_at\":\"2026-11-22T10:00:01.000Z\",\"attempt\":0,\"max_attempts\":3,"
                   "\"progress\":null,\"result\":null,\"error\":null,\"cancel_requested\":false,"
                   "\"cursor\":\"1f00a2c4-17\",\"attempts\":[]," LINKS);
    job_unref(job);
}

static void a_job_with_everything_tells_everything(void **state)
{
    struct job *job = example();
    struct progress newer = {60, (char *)(uintptr_t) "page 3"};
    struct job_extra extra = {&newer, 4, 1}; /* a position is for queued jobs only */
    (void)state;

    job->spec->tags[job->spec->n_tags++] = strdup("a");
    job->spec->tags[job->spec->n_tags++] = strdup("b");
    job->state = JOB_RUNNING;
    job->started_at = job->run_at = 1795341600200;
    job->attempt = 2;
    job->cancel_requested = true;
    job->progress = (struct progress){40, strdup("page 2 \"of\" 5")};
    job->error = (struct job_error){JOB_ERROR_CRASHED, 1, true, strdup("signal 11")};
    job->n_attempts = 2;
    job->attempts = calloc(2, sizeof *job->attempts);
    job->attempts[0] = (struct attempt){1, strdup("w"), 1795341600000, 1795341600100,
                                        {JOB_ERROR_CRASHED, 1, true, strdup("signal 11")}};
    job->attempts[1] = (struct attempt){2, strdup("w"), 1795341600200, 0, {0}};
    assert_encodes(job, &extra,
                   "{\"id\":\"" ID "\",\"type\":\"ocr\",\"state\":\"running\",\"queue\":\"default\",\"priority\":5,"
                   "\"tags\":[\"a\",\"b\"],\"created_at\":\"2026-11-22T10:00:00.123Z\","
                   "\"started_at\":\"2026-11-22T10:00:00.200Z\",\"finished_at\":null,"
                   "\"run_at\":\"2026-11-22T10:00:00.200Z\",\"position\":null,\"estimated_start_at\":null,"
                   "\"attempt\":2,\"max_attempts\":3,\"progress\":{\"percent\":60,\"message\":\"page 3\"},"
                   "\"result\":null,\"error\":{\"code\":\"crashed\",\"message\":\"signal 11\",\"attempt\":1,"
                   "\"retryable\":true},\"cancel_requested\":true,\"cursor\":\"1f00a2c4-17\","
                   "\"attempts\":[{\"attempt\":1,\"worker\":\"w\",\"started_at\":\"2026-11-22T10:00:00.000Z\","
                   "\"finished_at\":\"2026-11-22T10:00:00.100Z\",\"error\":{\"code\":\"crashed\","
                   "\"message\":\"signal 11\",\"attempt\":1,\"retryable\":true}},"
                   "{\"attempt\":2,\"worker\":\"w\",\"started_at\":\"2026-11-22T10:00:00.200Z\","
                   "\"finished_at\":null,\"error\":null}]," LINKS);
    job_unref(job);
}

static json_t *encoded(const struct job *job)
{
    struct text text = {0};
    json_t *root;

    job_encode(&text, job, "1f00a2c4", NULL);
    root = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    text_clear(&text);
    return root;
}

static void a_small_json_result_stands_in_the_job(void **state)
{
    static const char result[] = "{\"count\":4, \"largest\":7}";
    struct job *job = example();
    json_t *root;
    (void)state;

    job->state = JOB_SUCCEEDED;
    job->result = body_new("application/json", result, sizeof result - 1);
    root = encoded(job);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "result"), "largest")), 7);
    json_decref(root);
    job_unref(job);
}

static void progress_is_an_object_from_the_first_start_on(void **state)
{
    struct job *job = example();
    json_t *root;
    (void)state;

    job->attempt = 1;
    job->state = JOB_RUNNING;
    root = encoded(job);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "progress"), "percent")), 0);
    json_decref(root);
    job->state = JOB_SUCCEEDED;
    root = encoded(job);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "progress"), "percent")), 100);
    json_decref(root);
    job_unref(job);
}

static struct spec *full_spec(void)
{
    struct spec *spec = spec_new();

    assert_non_null(spec);
    memcpy(spec->id, ID, ID_SIZE);
    spec->type = strdup("ocr");
    spec->queue = strdup("slow");
    spec->priority = 9;
    spec->created_at = 1;
    spec->run_at = 2;
    spec->expires_at = 3;
    spec->keep_ms = 4;
    spec->timeout_ms = 5;
    spec->max_attempts = 6;
    spec->max_losses = 7;
    spec->params = strdup("{\"lang\":\"eng\",\"n\":1.5}");
    spec->traceparent = strdup("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    spec->idempotency_key = strdup("k \"1\"");
    spec->tenant = strdup("acme");
    spec->fingerprint = UINT64_MAX - 1;
    spec->tags[spec->n_tags++] = strdup("a");
    spec->tags[spec->n_tags++] = strdup("b");
    return spec;
}

static void a_spec_reads_back_as_it_was_written(void **state)
{
    struct spec *spec = full_spec(), *back = NULL;
    struct text text = {0}, again = {0};
    (void)state;

    spec_encode(&text, spec);
    assert_int_equal(spec_decode(text.at, text.len, ID, &back), ERR_OK);
    assert_string_equal(back->id, ID);
    assert_string_equal(back->queue, "slow");
    assert_string_equal(back->tenant, "acme");
    assert_int_equal(back->priority, 9);
    assert_int_equal(back->expires_at, 3);
    assert_string_equal(back->params, spec->params);
    assert_string_equal(back->idempotency_key, spec->idempotency_key);
    assert_true(back->fingerprint == spec->fingerprint);
    assert_int_equal(back->n_tags, 2);
    spec_encode(&again, back);
    assert_string_equal(text.at, again.at);
    text_clear(&text);
    text_clear(&again);
    spec_unref(spec);
    spec_unref(back);
}

static void what_is_usual_is_left_out_of_a_spec(void **state)
{
    struct job *job = example();
    struct spec *back = NULL;
    struct text text = {0};
    (void)state;

    job->spec->max_attempts = 1;
    spec_encode(&text, job->spec);
    assert_string_equal(text.at, "{\"type\":\"ocr\",\"created_at\":1795341600123}");
    assert_int_equal(spec_decode(text.at, text.len, ID, &back), ERR_OK);
    assert_string_equal(back->queue, "default");
    assert_null(back->tenant);
    assert_int_equal(back->priority, PRIORITY_DEFAULT);
    assert_int_equal(back->keep_ms, KEEP_MS_DEFAULT);
    assert_int_equal(back->max_attempts, 1);
    assert_int_equal(back->max_losses, MAX_LOSSES_DEFAULT);
    spec_unref(back);
    text_clear(&text);
    job_unref(job);
}

static void a_damaged_spec_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "{", "[]", "null", "{}", "{\"type\":1}", "{\"type\":\"\"}", "{\"type\":\"a b\"}",
        "{\"type\":\"a\",\"type\":\"a\"}", "{\"type\":\"a\",\"queue\":\"b c\"}", "{\"type\":\"a\",\"priority\":10}",
        "{\"type\":\"a\",\"priority\":-1}", "{\"type\":\"a\",\"priority\":\"5\"}", "{\"type\":\"a\",\"run_at\":-1}",
        "{\"type\":\"a\",\"max_attempts\":101}", "{\"type\":\"a\",\"params\":[]}", "{\"type\":\"a\",\"unknown\":1}",
        "{\"type\":\"a\",\"tags\":[1]}", "{\"type\":\"a\",\"tags\":{}}", "{\"type\":\"a\",\"fingerprint\":\"12\"}",
        "{\"type\":\"a\",\"idempotency_key\":\"\"}", "{\"type\":\"a\"} x",
        ("{\"type\":\"a\",\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"a\",\"b\",\"c\",\"d\","
         "\"e\",\"f\",\"g\",\"h\"]}"),
    };
    struct spec *spec = NULL;
    (void)state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (spec_decode(wrong[i], strlen(wrong[i]), ID, &spec) != ERR_CORRUPT)
            fail_msg("%s was taken", wrong[i]);
    assert_int_equal(spec_decode("{\"type\":\"a\"}", 12, "no id", &spec), ERR_CORRUPT);
    assert_null(spec);
}

static void attempts_read_back_as_they_were_written(void **state)
{
    static const char stored[] =
        "[{\"attempt\":1,\"worker\":\"w\",\"started_at\":5,\"finished_at\":6,\"error\":{\"code\":\"timeout\","
        "\"message\":\"\",\"attempt\":1,\"retryable\":false}},{\"attempt\":2,\"started_at\":7}]";
    struct job *job = example();
    struct text text = {0};
    (void)state;

    assert_int_equal(job_attempts_decode(stored, sizeof stored - 1, job), ERR_OK);
    assert_int_equal(job->n_attempts, 2);
    assert_string_equal(job->attempts[0].worker, "w");
    assert_int_equal(job->attempts[0].error.code, JOB_ERROR_TIMEOUT);
    assert_null(job->attempts[0].error.message);
    assert_null(job->attempts[1].worker);
    job_attempts_encode(&text, job);
    assert_string_equal(text.at, stored);
    text_clear(&text);
    job_unref(job);
}

static void damaged_attempts_are_refused(void **state)
{
    static const char *const wrong[] = {"", "{}", "[1]", "[{\"x\":1}]", "[{\"error\":{}}]",
                                        "[{\"error\":{\"code\":\"\"}}]", "[{\"started_at\":-1}]", "[{\"worker\":1}]"};
    (void)state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct job *job = example();
        assert_int_equal(job_attempts_decode(wrong[i], strlen(wrong[i]), job), ERR_CORRUPT);
        job_unref(job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queued_job_has_its_members_in_the_order_of_the_contract),
        cmocka_unit_test(a_job_with_everything_tells_everything),
        cmocka_unit_test(a_small_json_result_stands_in_the_job),
        cmocka_unit_test(progress_is_an_object_from_the_first_start_on),
        cmocka_unit_test(a_spec_reads_back_as_it_was_written),
        cmocka_unit_test(what_is_usual_is_left_out_of_a_spec),
        cmocka_unit_test(a_damaged_spec_is_refused),
        cmocka_unit_test(attempts_read_back_as_they_were_written),
        cmocka_unit_test(damaged_attempts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
