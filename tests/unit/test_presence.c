// needs: jobs
/* Heartbeats as text, however hostile, and the table of who is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "jobs/presence.h"
#include "schema/clock.h"

#define LEASE_MS 30000

static struct beat beat_of(const char *name)
{
    struct beat beat = {.host = "alpha", .version = "0.1.0", .url = "http://10.0.0.1:8000", .pos = 1025, .seq = 7,
                        .started_at = 1000, .at = 2000, .pid = 42, .role_api = true, .role_worker = true,
                        .slots = 4, .running = 3, .state_hash = "00000000deadbeef"};

    snprintf(beat.name, sizeof beat.name, "%s", name);
    beat.types[beat.n_types++] = strdup("echo");
    beat.types[beat.n_types++] = strdup("a/b:c");
    return beat;
}

static void what_is_encoded_reads_back_the_same(void **state)
{
    struct beat beat = beat_of("alpha.0123abcd-89ef4567"), back;
    struct text text = {0}, again = {0};

    (void)state;
    beat.draining = beat.leaving = true;
    memset(beat.ticket, 'a', sizeof beat.ticket - 1);
    beat_encode(&text, &beat);
    assert_null(strchr(text.at, '\n'));
    assert_int_equal(beat_decode(text.at, text.len, &back), ERR_OK);
    beat_encode(&again, &back);
    assert_string_equal(text.at, again.at);
    assert_string_equal(back.name, "alpha.0123abcd-89ef4567");
    assert_string_equal(back.types[1], "a/b:c");
    assert_int_equal(back.seq, 7);
    assert_true(back.leaving && back.draining && back.role_api && back.role_worker);
    text_clear(&text);
    text_clear(&again);
    beat_clear(&beat);
    beat_clear(&back);
}

static void a_newer_version_may_say_more(void **state)
{
    struct beat beat = beat_of("a.0123abcd-89ef4567"), back;
    struct text text = {0};

    (void)state;
    beat_encode(&text, &beat);
    text.at[--text.len] = '\0';
    text_str(&text, ",\"mood\":{\"is\":\"fine\"}}");
    assert_int_equal(beat_decode(text.at, text.len, &back), ERR_OK);
    assert_string_equal(back.name, beat.name);
    text_clear(&text);
    beat_clear(&beat);
    beat_clear(&back);
}

/* A whole beat with one member's value put in place of its own. */
static void expect_refused(const char *member, const char *value)
{
    struct beat beat = beat_of("a.0123abcd-89ef4567"), back = {.pid = -5};
    struct text text = {0}, changed = {0};
    char key[32];

    beat_encode(&text, &beat);
    snprintf(key, sizeof key, "\"%s\":", member);
    char *at = strstr(text.at, key);
    assert_non_null(at);
    text_add(&changed, text.at, (size_t)(at - text.at));
    text_str(&changed, key);
    text_str(&changed, value);
    at += strlen(key);
    at += *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ",}");
    text_str(&changed, at);
    if (beat_decode(changed.at, changed.len, &back) != ERR_CORRUPT)
        fail_msg("taken: %s", changed.at);
    assert_int_equal(back.pid, -5);
    text_clear(&text);
    text_clear(&changed);
    beat_clear(&beat);
}

static void hostile_members_are_refused(void **state)
{
    char longest[512];

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '"';
    longest[sizeof longest - 2] = '"';
    longest[sizeof longest - 1] = '\0';
    expect_refused("name", "\"\"");
    expect_refused("name", "\"a b\"");
    expect_refused("name", "\"a\\u0000b\"");
    expect_refused("name", "7");
    expect_refused("name", longest);
    expect_refused("host", "\"<script>\"");
    expect_refused("version", "null");
    expect_refused("url", "\"file:///etc/passwd\"");
    expect_refused("url", "\"http://a\\nb\"");
    expect_refused("url", longest);
    expect_refused("ticket", "\"abc\"");
    expect_refused("state_hash", "\"00000000DEADBEEF\"");
    expect_refused("pos", "-1");
    expect_refused("pos", "1.5");
    expect_refused("seq", "\"1\"");
    expect_refused("pid", "2147483648");
    expect_refused("slots", "100001");
    expect_refused("running", "-1");
    expect_refused("api", "1");
    expect_refused("leaving", "\"true\"");
    expect_refused("types", "{}");
    expect_refused("types", "[\"a b\"]");
    expect_refused("types", "[null]");
    expect_refused("types", "[\"\"]");
}

static void what_is_no_beat_is_refused(void **state)
{
    static const char *const texts[] = {"", "{", "{}", "[]", "null", "{\"name\":\"a\"}", "{\"name\":\"a\",\"name\":\"b\"}"};
    struct beat beat;
    struct text text = {0};

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(beat_decode(texts[i], strlen(texts[i]), &beat), ERR_CORRUPT);
    for (unsigned i = 0; i < 100000; i++)
        text_char(&text, '[');
    assert_int_equal(beat_decode(text.at, text.len, &beat), ERR_CORRUPT);
    text_clear(&text);
}

static void too_many_types_are_refused(void **state)
{
    struct beat beat = beat_of("a.0123abcd-89ef4567"), back;
    struct text text = {0};

    (void)state;
    while (beat.n_types < PRESENCE_TYPES_MAX)
        beat.types[beat.n_types++] = strdup("again");
    beat_encode(&text, &beat);
    assert_int_equal(beat_decode(text.at, text.len, &back), ERR_OK);
    beat_clear(&back);
    text.len -= 2;
    text_str(&text, ",\"more\"]}");
    assert_int_equal(beat_decode(text.at, text.len, &back), ERR_CORRUPT);
    text_clear(&text);
    beat_clear(&beat);
}

struct seen {
    unsigned n;
    char last[PRESENCE_NAME_SIZE];
    int slots;
    int64_t last_seen_at;
};

static void see(void *arg, const struct beat *beat, int64_t last_seen_at)
{
    struct seen *seen = arg;

    seen->n++;
    memcpy(seen->last, beat->name, sizeof seen->last);
    seen->slots = beat->slots;
    seen->last_seen_at = last_seen_at;
}

static struct seen look(struct presence *presence, int64_t mono_ms)
{
    struct seen seen = {0};

    presence_each(presence, mono_ms, see, &seen);
    return seen;
}

static void tell(struct presence *presence, const char *name, int slots, bool leaving, int64_t mono_ms)
{
    struct beat beat = beat_of(name);

    beat.slots = slots;
    beat.leaving = leaving;
    presence_on_beat(presence, &beat, mono_ms);
    beat_clear(&beat);
}

static void the_newest_beat_of_each_counts(void **state)
{
    struct presence *presence = presence_new(LEASE_MS);

    (void)state;
    tell(presence, "a", 1, false, 0);
    tell(presence, "b", 1, false, 0);
    tell(presence, "b", 8, false, 5000);
    struct seen seen = look(presence, 6000);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.last, "b");
    assert_int_equal(seen.slots, 8);
    assert_in_range(clock_wall_ms() - seen.last_seen_at, 1000, 2000);
    presence_free(presence);
}

static void who_is_silent_for_longer_than_a_lease_is_forgotten(void **state)
{
    struct presence *presence = presence_new(LEASE_MS);

    (void)state;
    tell(presence, "a", 1, false, 0);
    tell(presence, "b", 1, false, 1);
    assert_int_equal(look(presence, LEASE_MS).n, 2);
    assert_int_equal(look(presence, LEASE_MS + 1).n, 1);
    assert_int_equal(look(presence, LEASE_MS + 2).n, 0);
    presence_free(presence);
}

static void who_leaves_is_forgotten_at_once(void **state)
{
    struct presence *presence = presence_new(LEASE_MS);

    (void)state;
    tell(presence, "a", 1, false, 0);
    tell(presence, "b", 1, false, 0);
    tell(presence, "a", 1, true, 1);
    tell(presence, "c", 1, true, 1);
    struct seen seen = look(presence, 1);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.last, "b");
    presence_free(presence);
}

static void a_full_table_gives_the_place_of_the_longest_silent(void **state)
{
    struct presence *presence = presence_new(LEASE_MS);
    char name[16];

    (void)state;
    for (int i = 0; i < PRESENCE_MAX; i++) {
        snprintf(name, sizeof name, "w%d", i);
        tell(presence, name, 1, false, i == 500 ? 0 : 10);
    }
    tell(presence, "new", 1, false, 20);
    assert_int_equal(look(presence, 20).n, PRESENCE_MAX);
    assert_int_equal(look(presence, LEASE_MS + 5).n, PRESENCE_MAX);       /* w500 would be gone by now */
    assert_int_equal(look(presence, LEASE_MS + 11).n, 1);
    presence_free(presence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_reads_back_the_same),
        cmocka_unit_test(a_newer_version_may_say_more),
        cmocka_unit_test(hostile_members_are_refused),
        cmocka_unit_test(what_is_no_beat_is_refused),
        cmocka_unit_test(too_many_types_are_refused),
        cmocka_unit_test(the_newest_beat_of_each_counts),
        cmocka_unit_test(who_is_silent_for_longer_than_a_lease_is_forgotten),
        cmocka_unit_test(who_leaves_is_forgotten_at_once),
        cmocka_unit_test(a_full_table_gives_the_place_of_the_longest_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
