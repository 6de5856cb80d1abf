// needs: notifier
/* What a client reads of an event: CloudEvents 1.0 with the members of the contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "notifier/frame.h"

#define ID "01k9zzzzzz0123456789abcdef"
#define LOG_ID "1f00a2c4"

static struct job *make_job(const char *traceparent)
{
    struct spec *spec = spec_new();
    struct job *job;

    memcpy(spec->id, ID, ID_SIZE);
    spec->type = strdup("ocr");
    spec->queue = strdup("default");
    spec->traceparent = traceparent ? strdup(traceparent) : NULL;
    spec->created_at = 1795341600123;
    spec->max_attempts = 3;
    job = job_new(spec);
    job->seq = 7;
    job->pos = 1234;
    job->state = JOB_RUNNING;
    job->attempt = 1;
    spec_unref(spec);
    return job;
}

static json_t *read_back(const struct frame *frame)
{
    json_t *json = json_loadb((const char *)frame->bytes + frame->header_len, frame->len - frame->header_len,
                              JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(json);
    return json;
}

static const char *str(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static void a_logged_event_has_every_member_of_the_contract(void **state)
{
    struct job *job = make_job(NULL);
    struct change change = {.kind = CHANGE_RUNNING, .pos = 1234, .at = 1795341600500, .job = job};
    struct frame *frame = frame_of_change(&change, LOG_ID, 1);
    json_t *json = read_back(frame);

    (void)state;
    assert_string_equal(str(json, "specversion"), "1.0");
    assert_string_equal(str(json, "id"), LOG_ID "-1234");
    assert_string_equal(str(json, "source"), "/v1/jobs");
    assert_string_equal(str(json, "subject"), ID);
    assert_string_equal(str(json, "type"), "job.running");
    assert_string_equal(str(json, "time"), "2026-11-22T10:00:00.500Z");
    assert_string_equal(str(json, "datacontenttype"), "application/json");
    assert_string_equal(str(json, "cursor"), LOG_ID "-1234");
    assert_string_equal(str(json_object_get(json, "data"), "id"), ID);
    assert_string_equal(str(json_object_get(json, "data"), "state"), "running");
    assert_int_equal(json_object_size(json), 9);
    assert_int_equal(frame->pos, 1234);
    assert_int_equal(frame->seq, 7);
    assert_int_equal(frame->kind, CHANGE_RUNNING);
    json_decref(json);
    frame_unref(frame);
    job_unref(job);
}

static void progress_events_of_one_position_have_ids_of_their_own(void **state)
{
    struct job *job = make_job(NULL);
    struct change change = {.kind = CHANGE_PROGRESS, .pos = 1234, .at = 1795341600500, .job = job};
    struct frame *one = NULL, *two = NULL;
    json_t *first = NULL, *second = NULL, *progress = NULL;

    (void)state;
    job->progress.percent = 40;
    job->progress.message = strdup("page \"2\" of 5");
    one = frame_of_change(&change, LOG_ID, 5);
    two = frame_of_change(&change, LOG_ID, 6);
    first = read_back(one);
    second = read_back(two);
    assert_string_equal(str(first, "type"), "job.progress");
    assert_string_equal(str(first, "id"), LOG_ID "-1234.p5");
    assert_string_equal(str(second, "id"), LOG_ID "-1234.p6");
    assert_string_equal(str(first, "cursor"), LOG_ID "-1234");
    progress = json_object_get(json_object_get(first, "data"), "progress");
    assert_int_equal(json_integer_value(json_object_get(progress, "percent")), 40);
    assert_string_equal(str(progress, "message"), "page \"2\" of 5");
    json_decref(first);
    json_decref(second);
    frame_unref(one);
    frame_unref(two);
    job_unref(job);
}

static void a_trace_goes_along(void **state)
{
    static const char traceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct job *job = make_job(traceparent);
    struct change change = {.kind = CHANGE_QUEUED, .pos = 9, .at = 1, .job = job};
    struct frame *frame = frame_of_change(&change, LOG_ID, 0);
    json_t *json = read_back(frame);

    (void)state;
    assert_string_equal(str(json, "traceparent"), traceparent);
    json_decref(json);
    frame_unref(frame);
    job_unref(job);
}

static void a_result_stands_in_the_event_as_it_is(void **state)
{
    size_t len = INLINE_RESULT_MAX;
    char *bytes = malloc(len);
    struct job *job = make_job(NULL);
    struct change change = {.kind = CHANGE_SUCCEEDED, .pos = 1234, .at = 1, .job = job};
    struct frame *frame;
    json_t *json;

    (void)state;
    memset(bytes, 'a', len);
    bytes[0] = bytes[len - 1] = '"';
    job->state = JOB_SUCCEEDED;
    job->result = body_new("application/json", bytes, len);
    job->result->is_json = true;
    frame = frame_of_change(&change, LOG_ID, 0);
    json = read_back(frame);
    assert_int_equal(frame->header_len, 10);
    assert_int_equal(json_string_length(json_object_get(json_object_get(json, "data"), "result")), len - 2);
    json_decref(json);
    frame_unref(frame);
    job_unref(job);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_logged_event_has_every_member_of_the_contract),
        cmocka_unit_test(progress_events_of_one_position_have_ids_of_their_own),
        cmocka_unit_test(a_trace_goes_along),
        cmocka_unit_test(a_result_stands_in_the_event_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
