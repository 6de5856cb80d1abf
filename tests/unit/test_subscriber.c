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

static void ends_with(struct world *world, const char *id, size_t result_len)
{
    struct event event;

    happens(world, EVENT_CLAIMED, id, 1);
    event_init(&event, EVENT_DONE, id, world->now_ms);
    event.epoch = 1;
    event.body = body_new("application/json", NULL, result_len);
    memset(event.body->bytes, '1', result_len);
    world_commit(world, &event);
    deliver_mail(world);
}

/* A job from its submission to a result of that size; how many events that is. */
static unsigned whole_life(struct world *world, size_t result_len)
{
    char id[ID_SIZE];

    submitted(world, "echo", id);
    ends_with(world, id, result_len);
    return 3;
}

static void too_slow_a_listener_loses_its_queue_and_nobody_else_does(void **state)
{
    struct world *world = *state;
    struct subscriber *slow = listener(world), *quick = listener(world);
    struct subscribed answer;
    char id[ID_SIZE], cursor[CURSOR_SIZE];
    int64_t seen = submitted(world, "echo", id);
    const size_t result_len = 50000;
    unsigned n = 0, n_when_full = 0;

    subscriber_add_all(slow, NULL, NULL, &answer);
    subscriber_add_all(quick, NULL, NULL, &answer);
    for (unsigned i = 0; i < 5; i++)
        seen = submitted(world, "echo", id);
    assert_string_equal(taken(slow), "queued queued queued queued queued ");
    taken(quick);
    while (!subscriber_too_slow(slow)) {
        n += whole_life(world, result_len);
        assert_string_equal(taken(quick), "queued running succeeded ");
        if (slow->n_catching == 0)
            n_when_full = n;
        assert_true(n < 1000);
    }
    assert_in_range(n_when_full / 3, SENDQ_BYTES / result_len - 1, SENDQ_BYTES / result_len);
    assert_in_range((n - n_when_full) / 3, BEHIND_BYTES / result_len - 5, BEHIND_BYTES / result_len + 2);
    assert_false(subscriber_too_slow(quick));
    assert_int_equal(quick->n_catching, 0);
    assert_true(subscriber_is_empty(slow));
    assert_string_equal(taken(slow), "");
    subscriber_cursor(slow, cursor);
    assert_string_equal(cursor, cursor_at(world, seen));
    subscriber_free(slow);

    slow = listener(world); /* and comes back */
    assert_int_equal(subscriber_add_all(slow, NULL, cursor, &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_int_equal(strlen(told(slow)), n / 3 * strlen("queued running succeeded "));
    subscriber_free(slow);
    subscriber_free(quick);
}

/* A subscription that has told its end makes room for others; one that fell behind before has not told it. */
static void an_end_that_had_no_room_is_not_taken_for_told(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char ids[20][ID_SIZE];
    unsigned n_ended = 0;

    for (unsigned i = 0; i < 20; i++) {
        submitted(world, "echo", ids[i]);
        assert_int_equal(subscriber_add_job(one, ids[i], NULL, &answer), ERR_OK);
    }
    for (unsigned i = 0; i < 20; i++)
        ends_with(world, ids[i], 50000);
    for (const struct subscription *s = one->subscriptions; s; s = s->next)
        n_ended += s->ended;
    assert_int_equal(n_ended, SENDQ_BYTES / 50000);
    told(one);
    n_ended = 0;
    for (const struct subscription *s = one->subscriptions; s; s = s->next)
        n_ended += s->ended;
    assert_int_equal(n_ended, 20);
    subscriber_free(one);
}

/* n submissions, committed together and delivered as one. */
static struct changes *burst_of(struct world *world, unsigned n)
{
    struct changes *batch = changes_new(n);
    char id[ID_SIZE];

    while (batch->n < n) {
        batch->last_pos = commit_submitted(world, "echo", "default", NULL, id);
        batch->at[batch->n] = world->mail[0]->at[0];
        job_ref(batch->at[batch->n++].job);
        lose_mail(world);
    }
    return batch;
}

static void a_burst_larger_than_a_queue_is_told_whole(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    struct changes *batch;
    char id[ID_SIZE];

    subscriber_add_all(one, NULL, NULL, &answer);
    batch = burst_of(world, 2000);
    hub_deliver(world->hub, batch);
    assert_true(one->queue.bytes <= SENDQ_BYTES);
    assert_int_equal(one->n_catching, 1);
    assert_int_equal(strlen(told(one)), 2000 * strlen("queued "));
    assert_int_equal(one->n_catching, 0);
    assert_int_equal(one->behind_bytes, 0);
    submitted(world, "echo", id);
    assert_string_equal(taken(one), "queued "); /* live again */
    changes_unref(batch);
    subscriber_free(one);
}

/* ---- an owner that takes as soon as it is woken ---- */

static struct {
    unsigned n, n_wakes;
    int64_t last;
} eager;

static void take_all(struct subscriber *subscriber, void *owner)
{
    struct frame *frame;

    (void)owner;
    eager.n_wakes++;
    subscriber_catch_up(subscriber);
    assert_int_equal(subscriber->n_catching, 0);
    for (; (frame = subscriber_next(subscriber)); eager.n++) {
        assert_int_equal(frame->pos, eager.last + 1);
        eager.last = frame->pos;
        frame_unref(frame);
    }
}

static void who_takes_as_soon_as_woken_never_falls_behind(void **state)
{
    struct world *world = *state;
    struct changes *batch;
    struct subscriber *stalled = NULL, *one = NULL;
    struct hub *hub = NULL;
    struct subscribed answer;

    assert_int_equal(hub_new(world->reader, take_all, &hub), ERR_OK);
    eager.last = hub->last_pos;
    assert_int_equal(subscriber_new(hub, NULL, &stalled), ERR_OK);
    assert_int_equal(subscriber_new(hub, NULL, &one), ERR_OK);
    stalled->is_awake = true; /* woken long ago */
    subscriber_add_all(stalled, NULL, NULL, &answer);
    subscriber_add_all(one, NULL, NULL, &answer);
    batch = burst_of(world, 2000);
    hub_deliver(hub, batch);
    assert_int_equal(eager.n, 2000);
    assert_in_range(eager.n_wakes, 2, 16); /* a few frames at a time would cost a write each */
    assert_int_equal(stalled->n_catching, 1);
    subscriber_free(stalled);
    subscriber_free(one);
    hub_free(hub);
    changes_unref(batch);
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
        IN_A_WORLD(an_end_that_had_no_room_is_not_taken_for_told),
        IN_A_WORLD(a_burst_larger_than_a_queue_is_told_whole),
        IN_A_WORLD(who_takes_as_soon_as_woken_never_falls_behind),
        IN_A_WORLD(the_cursor_is_right_before_what_still_waits),
        IN_A_WORLD(frames_are_taken_whole_and_as_many_as_fit),
        IN_A_WORLD(an_answer_that_could_not_be_made_ends_the_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
