// needs: schema
/* test_event_json.c: events as the log keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/event.h"

#define ID "01arz3ndektsv4rrffq69g5fav"

static void assert_round_trip(struct event *event, const char *expected)
{
    struct event back;
    struct text text = {0}, again = {0};

    event_encode(&text, event);
    assert_string_equal(text.at, expected);
    event_init(&back, event->kind, event->job, event->at);
    assert_int_equal(event_decode(text.at, text.len, &back), ERR_OK);
    event_encode(&again, &back);
    assert_string_equal(again.at, expected);
    event_clear(&back);
    event_clear(event);
    text_clear(&text);
    text_clear(&again);
}

static void an_event_with_nothing_to_say_is_an_empty_object(void **state)
{
    struct event event;
    (void)state;

    event_init(&event, EVENT_CANCEL, ID, 1);
    assert_round_trip(&event, "{}");
}

static void every_member_reads_back(void **state)
{
    struct event event;
    (void)state;

    event_init(&event, EVENT_GENESIS, NULL, 1);
    strcpy(event.log_id, "1f00a2c4");
    assert_round_trip(&event, "{\"log_id\":\"1f00a2c4\"}");

    event_init(&event, EVENT_SUBMITTED, ID, 1);
    event.spec = spec_new();
    assert_non_null(event.spec);
    memcpy(event.spec->id, ID, ID_SIZE);
    event.spec->type = strdup("echo");
    event.spec->queue = strdup("default");
    event.spec->priority = PRIORITY_DEFAULT;
    event.spec->created_at = 1;
    event.spec->keep_ms = KEEP_MS_DEFAULT;
    event.spec->max_attempts = 1;
    event.spec->max_losses = MAX_LOSSES_DEFAULT;
    assert_round_trip(&event, "{\"spec\":{\"type\":\"echo\",\"created_at\":1}}");

    event_init(&event, EVENT_CLAIMED, ID, 1);
    event.epoch = 1;
    event.worker = strdup("w");
    assert_round_trip(&event, "{\"epoch\":1,\"worker\":\"w\"}");

    event_init(&event, EVENT_DONE, ID, 1);
    event.epoch = 1;
    event.progress = (struct progress){100, strdup("all \"pages\"")};
    assert_round_trip(&event, "{\"epoch\":1,\"progress\":{\"percent\":100,\"message\":\"all \\\"pages\\\"\"}}");

    event_init(&event, EVENT_FAILED, ID, 1);
    event.epoch = 2;
    event.retry_at = 99;
    event.error = (struct job_error){JOB_ERROR_TIMEOUT, 2, true, strdup("60 s")};
    assert_round_trip(&event, "{\"epoch\":2,\"error\":{\"code\":\"timeout\",\"message\":\"60 s\",\"attempt\":2,"
                              "\"retryable\":true},\"retry_at\":99}");

    event_init(&event, EVENT_DONE, ID, 1);
    event.epoch = 1;
    event.blob = (struct blob){7, 100000, "text/plain; charset=utf-8"};
    assert_round_trip(&event, "{\"epoch\":1,\"blob\":{\"at\":7,\"len\":100000,"
                              "\"media\":\"text/plain; charset=utf-8\"}}");
}

static void the_short_way_and_the_long_way_agree(void **state)
{
    static const struct {
        const char *json;
        enum err err;
        int epoch;
        const char *worker;
    } rows[] = {
        {"{\"epoch\":1}", ERR_OK, 1, NULL}, {"{ \"epoch\":1}", ERR_OK, 1, NULL},
        {"{\"epoch\":999999999}", ERR_OK, 999999999, NULL}, {"{\"epoch\":2147483647}", ERR_OK, INT32_MAX, NULL},
        {"{\"epoch\":0}", ERR_OK, 0, NULL}, {"{\"epoch\":01}", ERR_CORRUPT, 0, NULL},
        {"{\"epoch\":}", ERR_CORRUPT, 0, NULL}, {"{\"epoch\":1}}", ERR_CORRUPT, 0, NULL},
        {"{\"epoch\":1} ", ERR_OK, 1, NULL}, {"{\"epoch\":1", ERR_CORRUPT, 0, NULL},
        {"{\"epoch\":2,\"worker\":\"a.b-1\"}", ERR_OK, 2, "a.b-1"}, {"{\"epoch\":2,\"worker\":\"\"}", ERR_OK, 2, ""},
        {"{\"epoch\":2,\"worker\":\"a\\u0062\"}", ERR_OK, 2, "ab"}, {"{\"epoch\":2,\"worker\":\"\xc3\xa4\"}", ERR_OK, 2, "\xc3\xa4"},
        {"{\"epoch\":2,\"worker\":\"\xff\"}", ERR_CORRUPT, 0, NULL}, {"{\"epoch\":2,\"worker\":\"a}", ERR_CORRUPT, 0, NULL},
        {"{\"epoch\":2,\"worker\":\"a\",\"worker\":\"a\"}", ERR_CORRUPT, 0, NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event;
        event_init(&event, EVENT_CLAIMED, ID, 1);
        if (event_decode(rows[i].json, strlen(rows[i].json), &event) != rows[i].err)
            fail_msg("%s", rows[i].json);
        if (!rows[i].err)
            assert_int_equal(event.epoch, rows[i].epoch);
        assert_int_equal(event.worker != NULL, rows[i].worker != NULL);
        if (rows[i].worker)
            assert_string_equal(event.worker, rows[i].worker);
        event_clear(&event);
    }
    /* What must have more than an epoch does not slip through. */
    for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        bool has_more = kind == EVENT_GENESIS || kind == EVENT_SUBMITTED || kind == EVENT_KEY || kind == EVENT_QUEUE;
        struct event event;
        event_init(&event, kind, ID, 1);
        assert_int_equal(event_decode("{\"epoch\":1}", 11, &event), has_more ? ERR_CORRUPT : ERR_OK);
        event_clear(&event);
    }
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void keys_and_queues_read_back(void **state)
{
    struct event event;
    (void)state;

    event_init(&event, EVENT_KEY, NULL, 1);
    event.key = calloc(1, sizeof *event.key);
    assert_non_null(event.key);
    strcpy(event.key->id, "0123456789ab");
    event.key->tenant = strdup("acme");
    event.key->name = strdup("build \"7\"");
    event.key->scopes = SCOPE_SUBMIT | SCOPE_ADMIN;
    for (unsigned i = 0; i < 32; i++)
        event.key->hash[i] = (unsigned char)(i % 16 * 0x11);
    event.key->created_at = 5;
    event.key->expires_at = 6;
    assert_round_trip(&event, "{\"key\":{\"id\":\"0123456789ab\",\"tenant\":\"acme\",\"name\":\"build \\\"7\\\"\","
                              "\"scopes\":[\"submit\",\"admin\"],\"hash\":\"" HASH "\",\"created_at\":5,"
                              "\"expires_at\":6}}");

    event_init(&event, EVENT_KEY, NULL, 1);
    event.key = calloc(1, sizeof *event.key);
    assert_non_null(event.key);
    strcpy(event.key->id, "0123456789ab");
    event.key->is_revoked = true;
    assert_round_trip(&event, "{\"key\":{\"id\":\"0123456789ab\",\"revoked\":true}}");

    event_init(&event, EVENT_QUEUE, NULL, 1);
    event.queue = strdup("slow");
    event.paused = true;
    assert_round_trip(&event, "{\"queue\":\"slow\",\"paused\":true}");
    event_init(&event, EVENT_QUEUE, NULL, 1);
    event.queue = strdup("slow");
    assert_round_trip(&event, "{\"queue\":\"slow\",\"paused\":false}");
}

static void a_message_that_is_no_utf8_still_reads_back(void **state)
{
    struct event event;
    (void)state;

    event_init(&event, EVENT_FAILED, ID, 1);
    event.epoch = 1;
    event.error = (struct job_error){JOB_ERROR_HANDLER_ERROR, 1, true, strdup("\xff\n")};
    assert_round_trip(&event, "{\"epoch\":1,\"error\":{\"code\":\"handler_error\",\"message\":\"\xef\xbf\xbd\\n\","
                              "\"attempt\":1,\"retryable\":true}}");
}

static void damaged_text_is_refused_and_leaves_nothing_behind(void **state)
{
    static const struct {
        enum event_kind kind;
        const char *json;
    } rows[] = {
        {EVENT_CANCEL, ""}, {EVENT_CANCEL, "[]"}, {EVENT_CANCEL, "{\"x\":1}"}, {EVENT_CANCEL, "{} {}"},
        {EVENT_CLAIMED, "{\"worker\":\"w\",\"epoch\":-1}"}, {EVENT_CLAIMED, "{\"worker\":\"w\",\"epoch\":2147483648}"},
        {EVENT_CLAIMED, "{\"worker\":\"w\",\"epoch\":1.0}"}, {EVENT_CLAIMED, "{\"worker\":\"w\",\"worker\":\"w\"}"},
        {EVENT_CLAIMED, "{\"worker\":\"w\",\"log_id\":\"1f00a2c4\"}"},
        {EVENT_CLAIMED, "{\"worker\":\"w\",\"spec\":{\"type\":\"a\"}}"},
        {EVENT_GENESIS, "{}"}, {EVENT_GENESIS, "{\"log_id\":\"1f00a2c\"}"}, {EVENT_GENESIS, "{\"log_id\":\"1F00A2C4\"}"},
        {EVENT_SUBMITTED, "{}"}, {EVENT_SUBMITTED, "{\"spec\":{}}"}, {EVENT_SUBMITTED, "{\"spec\":[]}"},
        {EVENT_FAILED, "{\"error\":{\"code\":\"no such\"}}"}, {EVENT_FAILED, "{\"error\":1}"},
        {EVENT_FAILED, "{\"error\":{\"code\":\"timeout\",\"message\":\"m\",\"x\":1}}"},
        {EVENT_FAILED, "{\"progress\":{\"message\":\"m\",\"percent\":101}}"}, {EVENT_FAILED, "{\"retry_at\":-1}"},
        {EVENT_FAILED, "{\"error\":{\"code\":\"timeout\",\"message\":\"m\"},\"progress\":{\"percent\":1,\"x\":2}}"},
        {EVENT_DONE, "{\"blob\":{}}"}, {EVENT_DONE, "{\"blob\":{\"at\":0,\"len\":1,\"media\":\"a/b\"}}"},
        {EVENT_DONE, "{\"blob\":{\"at\":1,\"len\":-1,\"media\":\"a/b\"}}"}, {EVENT_DONE, "{\"blob\":{\"at\":1,\"len\":1}}"},
        {EVENT_DONE, "{\"blob\":{\"at\":1,\"len\":1,\"media\":\"a/b\\r\\nx: y\"}}"},
        {EVENT_KEY, "{}"}, {EVENT_KEY, "{\"key\":{\"id\":\"0123456789ab\"}}"},
        {EVENT_KEY, "{\"key\":{\"id\":\"0123456789AB\",\"revoked\":true}}"},
        {EVENT_KEY, "{\"key\":{\"id\":\"0123456789ab\",\"revoked\":true,\"scopes\":[]}}"},
        {EVENT_KEY, "{\"key\":{\"id\":\"0123456789ab\",\"scopes\":[\"root\"],\"hash\":\"" HASH "\",\"created_at\":1}}"},
        {EVENT_KEY, "{\"key\":{\"id\":\"0123456789ab\",\"scopes\":[],\"hash\":\"00\",\"created_at\":1}}"},
        {EVENT_CANCEL, "{\"key\":{\"id\":\"0123456789ab\",\"revoked\":true}}"},
        {EVENT_QUEUE, "{}"}, {EVENT_QUEUE, "{\"queue\":\"no name\",\"paused\":true}"}, {EVENT_QUEUE, "{\"paused\":true}"},
        {EVENT_CANCEL, "{\"queue\":\"slow\"}"}, {EVENT_CANCEL, "{\"paused\":true}"},
    };
    struct body *body = body_new("image/png", "x", 1);
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event;
        event_init(&event, rows[i].kind, rows[i].kind == EVENT_GENESIS ? NULL : ID, 1);
        event.body = body;
        if (event_decode(rows[i].json, strlen(rows[i].json), &event) != ERR_CORRUPT)
            fail_msg("%s was taken", rows[i].json);
        assert_null(event.worker);
        assert_null(event.spec);
        assert_null(event.error.message);
        assert_null(event.progress.message);
        assert_null(event.key);
        assert_null(event.queue);
        assert_int_equal(event.blob.at, 0);
        assert_ptr_equal(event.body, body); /* the caller's still */
    }
    body_unref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_with_nothing_to_say_is_an_empty_object),
        cmocka_unit_test(every_member_reads_back),
        cmocka_unit_test(the_short_way_and_the_long_way_agree),
        cmocka_unit_test(keys_and_queues_read_back),
        cmocka_unit_test(a_message_that_is_no_utf8_still_reads_back),
        cmocka_unit_test(damaged_text_is_refused_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
