// needs: notifier
/* One listener and its queue: when it is woken, what it takes, where it would resume, and how it is lost. */
#include "tests/unit/hub_world.h"

static void a_batch_wakes_once_until_something_is_taken(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    struct changes *batch;
    char a[ID_SIZE], b[ID_SIZE];

    subscriber_add_all(one, NULL, NULL, &answer);
    commit_submitted(world, "echo", "default", NULL, a);
    commit_submitted(world, "echo", "default", NULL, b);
    batch = changes_new(2);
    for (unsigned i = 0; i < 2; i++) {
        batch->at[batch->n] = world->mail[i]->at[0];
        job_ref(batch->at[batch->n++].job);
    }
    batch->last_pos = world->mail[1]->last_pos;
    lose_mail(world);
    hub_deliver(world->hub, batch);
    changes_unref(batch);
    assert_int_equal(world->n_wakes, 1);
    happens(world, EVENT_CANCEL, a, 0);
    assert_int_equal(world->n_wakes, 1);
    assert_string_equal(taken(one), "queued queued cancelled ");
    happens(world, EVENT_CANCEL, b, 0);
    assert_int_equal(world->n_wakes, 2);
    subscriber_free(one);
}

static void too_slow_a_listener_loses_its_queue_and_nobody_else_does(void **state)
{
    struct world *world = *state;
    struct subscriber *slow = listener(world), *quick = listener(world);
    struct subscribed answer;
    char id[ID_SIZE], cursor[CURSOR_SIZE];
    int64_t seen = 0;

    subscriber_add_all(slow, NULL, NULL, &answer);
    subscriber_add_all(quick, NULL, NULL, &answer);
    for (unsigned i = 0; i < SENDQ_FRAMES + 10; i++) {
        int64_t pos = submitted(world, "echo", id);

        assert_string_equal(taken(quick), "queued ");
        if (i < 5) {
            assert_string_equal(taken(slow), "queued ");
            seen = pos;
        }
    }
    assert_true(subscriber_too_slow(slow));
    assert_false(subscriber_too_slow(quick));
    assert_true(subscriber_is_empty(slow));
    assert_string_equal(taken(slow), "");
    subscriber_cursor(slow, cursor);
    assert_string_equal(cursor, cursor_at(world, seen));
    subscriber_free(slow);

    slow = listener(world); /* and comes back */
    assert_int_equal(subscriber_add_all(slow, NULL, cursor, &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_int_equal(strlen(told(slow)), (SENDQ_FRAMES + 5) * strlen("queued "));
    subscriber_free(slow);
    subscriber_free(quick);
}

static void the_cursor_is_right_before_what_still_waits(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE], cursor[CURSOR_SIZE];
    int64_t first, second;

    subscriber_add_all(one, NULL, NULL, &answer);
    first = submitted(world, "echo", id);
    second = submitted(world, "echo", id);
    subscriber_cursor(one, cursor);
    assert_string_equal(cursor, cursor_at(world, first - 1));
    frame_unref(subscriber_next(one));
    subscriber_cursor(one, cursor);
    assert_string_equal(cursor, cursor_at(world, first));
    frame_unref(subscriber_next(one));
    subscriber_cursor(one, cursor);
    assert_string_equal(cursor, cursor_at(world, second));
    subscriber_free(one);
}

static void frames_are_taken_whole_and_as_many_as_fit(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    unsigned char out[20];
    struct frame *big = NULL;
    char text[40];

    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < 3; i++)
        subscriber_push(one, frame_new(text, 6));
    subscriber_push(one, frame_new(text, 40));
    assert_int_equal(world->n_wakes, 1);
    assert_int_equal(subscriber_take(one, out, sizeof out, &big), 16);
    assert_memory_equal(out, "\x81\x06xxxxxx\x81\x06xxxxxx", 16);
    assert_null(big);
    assert_int_equal(subscriber_take(one, out, sizeof out, &big), 8);
    assert_null(big);
    assert_false(subscriber_is_empty(one));
    assert_int_equal(subscriber_take(one, out, sizeof out, &big), 0);
    assert_non_null(big);
    assert_int_equal(big->len, 42);
    frame_unref(big);
    assert_int_equal(subscriber_take(one, out, sizeof out, &big), 0);
    assert_null(big);
    assert_true(subscriber_is_empty(one));
    subscriber_free(one);
}

static void an_answer_that_could_not_be_made_ends_the_listener(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);

    subscriber_push(one, NULL);
    assert_true(subscriber_too_slow(one));
    assert_int_equal(world->n_wakes, 1);
    subscriber_free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_batch_wakes_once_until_something_is_taken),
        IN_A_WORLD(too_slow_a_listener_loses_its_queue_and_nobody_else_does),
        IN_A_WORLD(the_cursor_is_right_before_what_still_waits),
        IN_A_WORLD(frames_are_taken_whole_and_as_many_as_fit),
        IN_A_WORLD(an_answer_that_could_not_be_made_ends_the_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
