// needs: jobs
/* Records of the log of many machines: what is written comes back the same, in any order of members,
 * and nothing that a stranger may put there is taken for ours or read past its end. */
#include "tests/unit/log_world.h"

#include "jobs/event_record.h"

#define FROM "host.1a2b3c4d-1"

static unsigned free_list(struct append *list)
{
    unsigned n = 0;

    for (struct append *next; list; list = next, n++) {
        next = list->next;
        append_free(list);
    }
    return n;
}

static struct append *decoded(const char *bytes, size_t len)
{
    struct append *list = NULL;

    assert_int_equal(event_record_decode(bytes, len, &list), ERR_OK);
    return list;
}

static void assert_same(const struct event *a, const struct event *b)
{
    struct text left = {0}, right = {0};

    event_record_encode(&left, FROM, 1, a);
    event_record_encode(&right, FROM, 1, b);
    assert_string_equal(left.at, right.at);
    text_clear(&left);
    text_clear(&right);
}

static struct event event_like(unsigned choice)
{
    struct event event = event_of(EVENT_SUBMITTED, choice, 0, T0 + choice);

    if (choice == 0)
        return event;
    event_clear(&event);
    event = event_of((enum event_kind[]){EVENT_CLAIMED, EVENT_DONE, EVENT_FAILED, EVENT_NOOP}[choice % 4], choice, 0,
                     T0 + choice);
    event.epoch = (int)choice;
    if (event.kind == EVENT_CLAIMED)
        event.worker = strdup("a \"worker\" with } and \\ in its name");
    if (event.kind == EVENT_DONE)
        event.body = body_new("application/octet-stream", "\0\n{\"from\":\"", 11);
    if (event.kind == EVENT_FAILED)
        event_fails(&event, T0 + 5);
    if (event.kind == EVENT_NOOP)
        event.job[0] = '\0';
    return event;
}

static void every_event_comes_back_as_it_was_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct event event = event_like(i);
        struct text text = {0};
        struct append *list;
        event_record_encode(&text, FROM, 7, &event);
        list = decoded(text.at, text.len);
        assert_null(list->next);
        assert_int_equal(list->event.at, event.at);
        assert_string_equal(list->event.job, event.job);
        assert_same(&list->event, &event);
        free_list(list);
        text_clear(&text);
        event_clear(&event);
    }
}

static void a_list_comes_back_in_its_order(void **state)
{
    struct text text = {0};
    struct append *list, *at;

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct event event = event_like(i);
        event_record_encode(&text, FROM, 7, &event);
        event_clear(&event);
    }
    at = list = decoded(text.at, text.len);
    for (unsigned i = 0; i < 8; i++, at = at->next) {
        struct event event = event_like(i);
        assert_same(&at->event, &event);
        event_clear(&event);
    }
    assert_int_equal(free_list(list), 8);
    text_clear(&text);
}

static void members_may_stand_in_any_order_and_unknown_ones_are_passed_over(void **state)
{
    static const char record[] = "{ \"v\": 2, \"job\":\"01kb0000000000000000000001\", \"len\":2, \"data\": {\"epoch\":3},"
                                 " \"kind\":\"done\",\"n\":5,\"at\":17, \"media\":\"text\\/plain\", \"from\":\"x\" }\nhi\n";
    struct append *list = decoded(record, sizeof record - 1);

    (void)state;
    assert_int_equal(list->event.kind, EVENT_DONE);
    assert_int_equal(list->event.epoch, 3);
    assert_int_equal(list->event.at, 17);
    assert_string_equal(list->event.body->media_type, "text/plain");
    assert_memory_equal(list->event.body->bytes, "hi", 2);
    free_list(list);
}

static void what_is_not_a_record_is_refused_whole(void **state)
{
    static const char *const records[] = {
        "", "\n", "hello\n", "{}\n", "{\"from\":\"a\",\"n\":1,\"kind\":\"noop\",\"at\":1,\"job\":\"\",\"data\":{}}",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"unheard\",\"at\":1,\"job\":\"\",\"data\":{}}\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"noop\",\"at\":1,\"job\":\"NOT AN ID\",\"data\":{}}\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"noop\",\"at\":1,\"job\":\"\",\"data\":[]}\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"noop\",\"at\":1,\"job\":\"\",\"data\":{\"epoch\":\"x\"}}\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"done\",\"at\":1,\"job\":\"\",\"data\":{},\"media\":\"a/b\",\"len\":9}\nshort\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"done\",\"at\":1,\"job\":\"\",\"data\":{},\"media\":\"a/b\",\"len\":5}\nshort",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"done\",\"at\":1,\"job\":\"\",\"data\":{},\"media\":\"a/b\"}\nx\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"done\",\"at\":1,\"job\":\"\",\"data\":{},\"media\":\"a\\nb\",\"len\":1}\nx\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"done\",\"at\":-1,\"job\":\"\",\"data\":{}}\n",
        "{\"from\":\"a\",\"n\":1,\"kind\":\"noop\",\"at\":1,\"job\":\"\",\"data\":{}}\nand more",
    };

    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct append *list = NULL;
        if (event_record_decode(records[i], strlen(records[i]), &list) != ERR_CORRUPT)
            fail_msg("taken: %s", records[i]);
        assert_null(list);
    }
}

static void a_record_cut_anywhere_is_refused(void **state)
{
    struct event event = event_like(0);
    struct text text = {0};

    (void)state;
    event_record_encode(&text, FROM, 7, &event);
    for (size_t len = 0; len < text.len; len++) {
        struct append *list = NULL;
        char *copy = malloc(len + 1); /* so that a sanitizer sees the end */
        assert_non_null(copy);
        memcpy(copy, text.at, len);
        assert_int_equal(event_record_decode(copy, len, &list), ERR_CORRUPT);
        free(copy);
    }
    text_clear(&text);
    event_clear(&event);
}

static void more_events_than_a_position_can_name_are_refused(void **state)
{
    struct event event = event_like(7);
    struct append *list = NULL;
    struct text text = {0};

    (void)state;
    for (unsigned i = 0; i < EVENT_RECORD_EVENTS_MAX; i++)
        event_record_encode(&text, FROM, 7, &event);
    assert_int_equal(free_list(decoded(text.at, text.len)), EVENT_RECORD_EVENTS_MAX);
    event_record_encode(&text, FROM, 7, &event);
    assert_int_equal(event_record_decode(text.at, text.len, &list), ERR_CORRUPT);
    text_clear(&text);
    event_clear(&event);
}

static void whose_a_record_is_stands_at_its_front(void **state)
{
    struct event event = event_like(7);
    struct text text = {0};
    uint64_t n = 0;

    (void)state;
    event_record_encode(&text, FROM, 123, &event);
    assert_true(event_record_is_from(text.at, text.len, FROM, &n));
    assert_int_equal(n, 123);
    assert_false(event_record_is_from(text.at, text.len, "host.1a2b3c4d-", &n));
    assert_false(event_record_is_from(text.at, text.len, FROM "1", &n));
    assert_false(event_record_is_from(text.at, 12, FROM, &n));
    assert_false(event_record_is_from(NULL, 0, FROM, &n));
    text_clear(&text);
    event_clear(&event);
}

static void positions_and_seals_tell_offset_and_place(void **state)
{
    struct event event = event_like(7);
    struct text text = {0};
    struct append *list;

    (void)state;
    event_record_encode(&text, FROM, 1, &event);
    event_record_encode(&text, FROM, 1, &event);
    list = decoded(text.at, text.len);
    event_record_place(list, 5, text.at, text.len);
    assert_int_equal(list->event.pos, 5 * 1024 + 1);
    assert_int_equal(list->next->event.pos, 5 * 1024 + 2);
    assert_int_equal(EVENT_RECORD_OFFSET(list->next->event.pos), 5);
    assert_int_equal(EVENT_RECORD_INDEX(list->next->event.pos), 1);
    assert_true(list->event.seal && list->event.seal != list->next->event.seal);
    assert_true(list->next->event.seal == event_record_seal(text.at, text.len, 1));
    text.at[10]++;
    assert_true(list->next->event.seal != event_record_seal(text.at, text.len, 1));
    assert_int_equal(EVENT_RECORD_POS(0, 0), 1);
    free_list(list);
    text_clear(&text);
    event_clear(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_comes_back_as_it_was_written),
        cmocka_unit_test(a_list_comes_back_in_its_order),
        cmocka_unit_test(members_may_stand_in_any_order_and_unknown_ones_are_passed_over),
        cmocka_unit_test(what_is_not_a_record_is_refused_whole),
        cmocka_unit_test(a_record_cut_anywhere_is_refused),
        cmocka_unit_test(more_events_than_a_position_can_name_are_refused),
        cmocka_unit_test(whose_a_record_is_stands_at_its_front),
        cmocka_unit_test(positions_and_seals_tell_offset_and_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
