// needs: jobs
/* What a process says of itself, and what it makes of what others say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "jobs/heartbeat_priv.h"
#include "jobs/worker_priv.h"
#include "schema/clock.h"
#include "schema/metric.h"

#define LEASE_MS 30000
#define OURS "alpha.0123abcd-00000001"

struct world {
    struct config config;
    struct types *types;
    struct presence *presence;
    struct worker *worker;
    struct heartbeat *heartbeat;
    int64_t pos;                   /* what our view is, as told to the heartbeat */
    uint64_t hash;
};

static uint64_t our_state(void *arg, int64_t *ret_pos)
{
    const struct world *world = arg;

    *ret_pos = world->pos;
    return world->hash;
}

static struct world *make(int64_t lease_ms)
{
    struct world *world = calloc(1, sizeof *world);
    char message[256];

    assert_non_null(world);
    world->config.result_bytes = 1 << 20;
    assert_int_equal(types_new(&world->config, &world->types, message, sizeof message), ERR_OK);
    world->presence = presence_new(lease_ms);
    struct worker_config worker = {.dir = "/tmp", .types = world->types, .name = OURS, .slots = 3, .lease_ms = lease_ms};
    assert_int_equal(worker_new(&worker, &world->worker), ERR_OK);
    atomic_store(&world->worker->load_works, true);
    struct heartbeat_config config = {.name = OURS, .url = "http://127.0.0.1:1", .lease_ms = lease_ms, .role_api = true,
                                      .slots = 3, .types = world->types, .worker = world->worker,
                                      .presence = world->presence, .state = our_state, .state_arg = world};
    assert_int_equal(heartbeat_new(&config, &world->heartbeat), ERR_OK);
    return world;
}

static int set_up(void **state)
{
    *state = make(LEASE_MS);
    return 0;
}

static int set_up_slow(void **state)
{
    *state = make(3600000);
    return 0;
}

static int set_up_fast(void **state)
{
    *state = make(60);
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    heartbeat_stop(world->heartbeat);
    heartbeat_free(world->heartbeat);
    worker_free(world->worker);
    presence_free(world->presence);
    types_free(world->types);
    free(world);
    return 0;
}

static void keep(void *arg, const struct beat *beat, int64_t last_seen_at)
{
    (void)last_seen_at;
    assert_int_equal(beat_copy(arg, beat), ERR_OK);
}

/* The one that is there, once it is and has said at least seq. */
static struct beat await(struct world *world, int64_t seq)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    struct beat beat = {0};

    for (int i = 0; i < 10000 && beat.seq < seq; i++) {
        presence_each(world->presence, clock_mono_ms(), keep, &beat);
        if (beat.seq < seq)
            nanosleep(&pause, NULL);
    }
    assert_true(beat.seq >= seq);
    return beat;
}

static void it_tells_who_we_are_and_that_we_leave(void **state)
{
    struct world *world = *state;
    struct beat beat;

    world->pos = 1025;
    world->hash = 0xabc;
    assert_int_equal(heartbeat_start(world->heartbeat), ERR_OK);
    beat = await(world, 1);
    assert_string_equal(beat.name, OURS);
    assert_string_equal(beat.host, "alpha");
    assert_string_equal(beat.url, "http://127.0.0.1:1");
    assert_string_equal(beat.version, BUZZER_VERSION);
    assert_string_equal(beat.state_hash, "0000000000000abc");
    assert_int_equal(beat.pos, 1025);
    assert_int_equal(beat.slots, 3);
    assert_int_equal(beat.n_types, types_count(world->types));
    assert_true(beat.role_api && beat.role_worker && !beat.draining && !beat.leaving);
    beat_clear(&beat);
    heartbeat_stop(world->heartbeat);
    presence_each(world->presence, clock_mono_ms(), keep, &beat);
    assert_string_equal(beat.name, "");
}

static void it_goes_on_beating(void **state)
{
    struct world *world = *state;

    assert_int_equal(heartbeat_start(world->heartbeat), ERR_OK);
    struct beat beat = await(world, 4);
    beat_clear(&beat);
}

/* With a lease this long, the next would be due in ten minutes. */
static void it_says_at_once_when_the_worker_begins_and_drains(void **state)
{
    struct world *world = *state;
    struct beat beat;

    atomic_store(&world->worker->load_works, false);
    assert_int_equal(heartbeat_start(world->heartbeat), ERR_OK);
    beat = await(world, 1);
    assert_false(beat.role_worker);
    beat_clear(&beat);
    atomic_store(&world->worker->load_works, true);
    beat = await(world, 2);
    assert_true(beat.role_worker && !beat.draining);
    beat_clear(&beat);
    atomic_store(&world->worker->load_drains, true);
    beat = await(world, 3);
    assert_true(beat.role_worker && beat.draining);
    beat_clear(&beat);
}

static struct beat other(const char *name, int64_t pos, const char *hash)
{
    struct beat beat = {.role_worker = true, .slots = 2, .pos = pos, .seq = 2};

    snprintf(beat.name, sizeof beat.name, "%s", name);
    snprintf(beat.state_hash, sizeof beat.state_hash, "%s", hash);
    return beat;
}

static void a_newcomer_is_answered_at_once(void **state)
{
    struct world *world = *state;
    struct beat first = other("beta.99999999-00000001", 0, ""), beat;

    assert_int_equal(heartbeat_start(world->heartbeat), ERR_OK);
    beat = await(world, 1);
    beat_clear(&beat);
    first.seq = 1;
    first.leaving = true;                    /* so that ours stays the only one in the table */
    heartbeat_take(world->heartbeat, &first, false, 1);
    beat = await(world, 2);
    assert_string_equal(beat.name, OURS);
    beat_clear(&beat);
}

static void it_ends_promptly(void **state)
{
    struct world *world = *state;
    int64_t start;

    assert_int_equal(heartbeat_start(world->heartbeat), ERR_OK);
    struct beat beat = await(world, 1);
    start = clock_mono_ms();
    heartbeat_stop(world->heartbeat);
    assert_true(clock_mono_ms() - start < LEASE_MS / 6 / 2);
    beat_clear(&beat);
}

/* Into the worker's mailbox, as it is once the worker works, and out again. */
static struct letters *letters_of(struct world *world)
{
    static struct letters letters;

    mailbox_take(&world->worker->box, &letters);
    return &letters;
}

static void the_worker_hears_when_the_one_that_came_back_was_sent(void **state)
{
    struct world *world = *state;
    struct beat beat = other(OURS, 0, "");

    mailbox_open(&world->worker->box);
    world->heartbeat->seq = 70;
    world->heartbeat->sent_ms[66 % HEARTBEAT_KEPT] = 1234;
    beat.seq = 66;
    heartbeat_take(world->heartbeat, &beat, true, 5000);
    struct letters *letters = letters_of(world);
    assert_non_null(letters->pulses);
    assert_null(letters->pulses->next);
    assert_int_equal(letters->pulses->sent_ms, 1234);
    assert_int_equal(letters->pulses->heard_ms, 5000);
    pulse_free(letters->pulses);
}

static void a_beat_that_we_never_sent_has_no_time(void **state)
{
    struct world *world = *state;
    static const int64_t seqs[] = {0, 6, 71, INT64_MAX};

    mailbox_open(&world->worker->box);
    world->heartbeat->seq = 70;
    for (unsigned i = 0; i < HEARTBEAT_KEPT; i++)
        world->heartbeat->sent_ms[i] = 1234;
    for (unsigned i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        struct beat beat = other(OURS, 0, "");
        beat.seq = seqs[i];
        heartbeat_take(world->heartbeat, &beat, true, 5000);
        struct letters *letters = letters_of(world);
        assert_int_equal(letters->pulses->sent_ms, 0);
        pulse_free(letters->pulses);
    }
}

static void an_unread_beat_is_replaced_by_a_newer_one(void **state)
{
    struct world *world = *state;
    struct beat one = other("beta.99999999-00000001", 0, ""), two = other("gamma.88888888-00000001", 0, "");

    mailbox_open(&world->worker->box);
    heartbeat_take(world->heartbeat, &one, false, 1);
    heartbeat_take(world->heartbeat, &two, false, 2);
    heartbeat_take(world->heartbeat, &one, false, 3);
    struct letters *letters = letters_of(world);
    struct pulse *first = letters->pulses, *second = first->next;
    assert_string_equal(first->beat.name, two.name);
    assert_string_equal(second->beat.name, one.name);
    assert_int_equal(second->heard_ms, 3);
    assert_null(second->next);
    pulse_free(first);
    pulse_free(second);
}

static void a_worker_that_does_not_work_yet_keeps_no_beats(void **state)
{
    struct world *world = *state;
    struct beat one = other("beta.99999999-00000001", 0, "");

    heartbeat_take(world->heartbeat, &one, false, 1);
    assert_null(letters_of(world)->pulses);
    struct beat seen = {0};
    presence_each(world->presence, 1, keep, &seen);
    assert_string_equal(seen.name, one.name);
    beat_clear(&seen);
}

static void nonsense_is_passed_over(void **state)
{
    struct world *world = *state;
    struct beat seen = {0};

    heartbeat_hear(world->heartbeat, SIDEBAND_BEAT, "{\"name\":7}", 10, false);
    heartbeat_hear(world->heartbeat, SIDEBAND_BEAT, "", 0, false);
    heartbeat_hear(world->heartbeat, SIDEBAND_PROGRESS, "{}", 2, false);
    presence_each(world->presence, clock_mono_ms(), keep, &seen);
    assert_string_equal(seen.name, "");
}

static void two_views_that_differ_at_one_position_are_told_of(void **state)
{
    struct world *world = *state;
    int64_t before = metric_get(METRIC_VIEWS_DIFFER_);
    struct beat same = other("beta.99999999-00000001", 10, "0000000000000001");
    struct beat wrong = other("beta.99999999-00000001", 10, "0000000000000002");
    struct beat ahead = other("beta.99999999-00000001", 11, "0000000000000003");
    struct beat empty = other("beta.99999999-00000001", 10, "");

    world->pos = 10;
    world->hash = 1;
    heartbeat_take(world->heartbeat, &same, false, 1);
    heartbeat_take(world->heartbeat, &ahead, false, 2);
    heartbeat_take(world->heartbeat, &empty, false, 3);
    assert_int_equal(metric_get(METRIC_VIEWS_DIFFER_), before);
    assert_false(world->heartbeat->told_views_differ);
    world->pos = 20;                         /* we have moved on, and remember */
    heartbeat_take(world->heartbeat, &wrong, false, 4);
    heartbeat_take(world->heartbeat, &wrong, false, 5);
    assert_int_equal(metric_get(METRIC_VIEWS_DIFFER_), before + 2);
    assert_true(world->heartbeat->told_views_differ);
}

static void old_states_make_room_for_new_ones(void **state)
{
    struct world *world = *state;
    struct own_state seen;
    int64_t before = metric_get(METRIC_VIEWS_DIFFER_);
    struct beat forgotten = other("beta.99999999-00000001", 1, "0000000000000009");

    for (world->pos = 1; world->pos <= HEARTBEAT_KEPT + 1; world->pos++)
        assert_true(heartbeat_note_state(world->heartbeat, &seen));
    heartbeat_take(world->heartbeat, &forgotten, false, 1);
    assert_int_equal(metric_get(METRIC_VIEWS_DIFFER_), before);
    forgotten.pos = 3;
    heartbeat_take(world->heartbeat, &forgotten, false, 2);
    assert_int_equal(metric_get(METRIC_VIEWS_DIFFER_), before + 1);
}

static void a_copied_folder_is_told_of_and_an_earlier_life_is_not(void **state)
{
    struct world *world = *state;
    struct beat earlier = other("alpha.0123abcd-0000000e", 0, ""), twin = other("beta.0123abcd-0000000f", 0, "");

    heartbeat_take(world->heartbeat, &earlier, false, 1000);
    heartbeat_take(world->heartbeat, &earlier, false, 1000 + LEASE_MS / 3 - 1);
    heartbeat_take(world->heartbeat, &twin, false, 50000);
    assert_false(world->heartbeat->told_copied);
    heartbeat_take(world->heartbeat, &twin, false, 50000 + LEASE_MS / 3);
    assert_true(world->heartbeat->told_copied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_tells_who_we_are_and_that_we_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_goes_on_beating, set_up_fast, tear_down),
        cmocka_unit_test_setup_teardown(it_says_at_once_when_the_worker_begins_and_drains, set_up_slow, tear_down),
        cmocka_unit_test_setup_teardown(a_newcomer_is_answered_at_once, set_up_slow, tear_down),
        cmocka_unit_test_setup_teardown(it_ends_promptly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_worker_hears_when_the_one_that_came_back_was_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_beat_that_we_never_sent_has_no_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unread_beat_is_replaced_by_a_newer_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_worker_that_does_not_work_yet_keeps_no_beats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_views_that_differ_at_one_position_are_told_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_states_make_room_for_new_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copied_folder_is_told_of_and_an_earlier_life_is_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
