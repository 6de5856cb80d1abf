// needs: notifier
/* No gap and nothing twice: resuming from a cursor, final events that are past, batches that were lost. */
#include "tests/unit/hub_world.h"

static void a_finished_job_tells_its_end_at_once(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    happens(world, EVENT_CLAIMED, id, 1);
    happens(world, EVENT_DONE, id, 1);
    assert_int_equal(subscriber_add_job(one, id, NULL, &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_false(subscriber_is_empty(one));
    assert_string_equal(told(one), "succeeded ");
    assert_string_equal(told(one), "");
    assert_int_equal(subscriber_add_job(one, id, NULL, &answer), ERR_OK);
    assert_string_equal(told(one), "succeeded ");
    happens(world, EVENT_REMOVED, id, 0);
    subscriber_free(one);
}

static void the_answer_goes_before_the_history(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    happens(world, EVENT_CANCEL, id, 0);
    subscriber_add_job(one, id, NULL, &answer);
    assert_int_equal(world->n_wakes, 0);
    subscriber_push(one, frame_new("{}", 2));
    assert_int_equal(world->n_wakes, 1);
    assert_string_equal(told(one), "answer cancelled ");
    subscriber_free(one);
}

static void a_cursor_replays_what_came_after_it(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE], other[ID_SIZE];
    int64_t first = submitted(world, "echo", id), last;

    submitted(world, "echo", other);
    happens(world, EVENT_CLAIMED, id, 1);
    happens(world, EVENT_CANCEL, other, 0);
    last = happens(world, EVENT_DONE, id, 1);
    assert_int_equal(subscriber_add_job(one, id, cursor_at(world, first), &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_string_equal(answer.cursor, cursor_at(world, first));
    assert_string_equal(told(one), "running succeeded ");
    assert_int_equal(subscriber_add_job(one, id, cursor_at(world, 0), &answer), ERR_OK);
    assert_string_equal(told(one), "queued running succeeded ");
    assert_int_equal(subscriber_add_job(one, id, cursor_at(world, last), &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_string_equal(told(one), "");
    assert_int_equal(subscriber_add_all(one, NULL, cursor_at(world, first), &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_string_equal(told(one), "queued running cancelled succeeded ");
    subscriber_free(one);
}

static void a_filter_holds_for_history_too(void **state)
{
    struct world *world = *state;
    struct hub_filter filter = {.type = "ocr", .events = 1U << CHANGE_QUEUED};
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    int64_t start = submitted(world, "ocr", id);

    submitted(world, "echo", id);
    submitted(world, "ocr", id);
    happens(world, EVENT_CANCEL, id, 0);
    assert_int_equal(subscriber_add_all(one, &filter, cursor_at(world, start), &answer), ERR_OK);
    assert_string_equal(told(one), "queued ");
    subscriber_free(one);
}

static void what_is_no_cursor_is_refused(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    assert_int_equal(subscriber_add_job(one, id, "yesterday", &answer), ERR_BAD_CURSOR);
    assert_int_equal(subscriber_add_all(one, NULL, "-5", &answer), ERR_BAD_CURSOR);
    assert_int_equal(one->n_subscriptions, 0);
    assert_int_equal(world->hub->topics.n, 0);
    subscriber_free(one);
}

static void a_cursor_of_another_log_gets_the_present_state(void **state)
{
    struct world *world = *state;
    const char *log_id = reader_log_id(world->reader);
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE], cursor[CURSOR_SIZE];

    submitted(world, "echo", id);
    happens(world, EVENT_CLAIMED, id, 1);
    cursor_encode(strcmp(log_id, "00000000") == 0 ? "00000001" : "00000000", 2, cursor);
    assert_int_equal(subscriber_add_job(one, id, cursor, &answer), ERR_OK);
    assert_false(answer.recovered);
    assert_string_equal(told(one), "running ");
    assert_int_equal(subscriber_add_all(one, NULL, cursor, &answer), ERR_OK);
    assert_false(answer.recovered);
    happens(world, EVENT_DONE, id, 1);
    assert_string_equal(told(one), "succeeded ");
    subscriber_free(one);
}

static void a_cursor_beyond_the_end_gets_the_present_state(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    int64_t end = submitted(world, "echo", id);

    assert_int_equal(subscriber_add_job(one, id, cursor_at(world, end + 1), &answer), ERR_OK);
    assert_false(answer.recovered);
    assert_string_equal(told(one), "queued ");
    assert_int_equal(subscriber_add_all(one, NULL, cursor_at(world, end + 1), &answer), ERR_OK);
    assert_false(answer.recovered);
    assert_string_equal(told(one), "");
    subscriber_free(one);
}

static void the_present_state_is_told_even_if_the_last_event_was_a_wish(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    int64_t end;

    submitted(world, "echo", id);
    happens(world, EVENT_CLAIMED, id, 1);
    end = commit_kind(world, EVENT_CANCEL, id, 0); /* its batch is still on the way */
    assert_int_equal(subscriber_add_job(one, id, cursor_at(world, end + 100), &answer), ERR_OK);
    assert_false(answer.recovered);
    assert_string_equal(told(one), "running ");
    deliver_mail(world);
    assert_string_equal(told(one), "");
    happens(world, EVENT_CANCELLED, id, 1);
    assert_string_equal(told(one), "cancelled ");
    subscriber_free(one);
}

static void a_cursor_from_before_a_removal_is_too_old_for_all(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char gone[ID_SIZE], id[ID_SIZE];
    int64_t start = submitted(world, "echo", gone);

    happens(world, EVENT_CANCEL, gone, 0);
    submitted(world, "echo", id);
    happens(world, EVENT_REMOVED, gone, 0);
    assert_int_equal(subscriber_add_all(one, NULL, cursor_at(world, start), &answer), ERR_OK);
    assert_false(answer.recovered);
    assert_string_equal(told(one), "");
    assert_int_equal(subscriber_add_job(one, id, cursor_at(world, start), &answer), ERR_OK);
    assert_true(answer.recovered); /* the history of this one is whole */
    assert_string_equal(told(one), "queued ");
    assert_int_equal(subscriber_add_job(one, gone, NULL, &answer), ERR_NOT_FOUND);
    subscriber_free(one);
}

/* Committed, and its batch still on the way: the reader is ahead of the hub. */
static void an_event_on_its_way_is_told_once(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world), *two = listener(world), *three = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    int64_t end;

    submitted(world, "echo", id);
    subscriber_add_all(three, NULL, NULL, &answer);
    commit_kind(world, EVENT_CLAIMED, id, 1);
    end = commit_kind(world, EVENT_DONE, id, 1);
    assert_int_equal(subscriber_add_job(one, id, NULL, &answer), ERR_OK);
    assert_int_equal(subscriber_add_job(two, id, cursor_at(world, end), &answer), ERR_OK);
    assert_true(answer.recovered);
    deliver_mail(world);
    assert_string_equal(told(one), "running succeeded ");
    assert_string_equal(told(two), "");
    assert_string_equal(told(three), "running succeeded ");
    subscriber_free(one);
    subscriber_free(two);
    subscriber_free(three);
}

static void what_happens_during_catching_up_comes_after_it(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    int64_t start = submitted(world, "echo", id);

    happens(world, EVENT_CLAIMED, id, 1);
    subscriber_add_job(one, id, cursor_at(world, start), &answer);
    happens(world, EVENT_DONE, id, 1);
    assert_string_equal(taken(one), "");
    assert_string_equal(told(one), "running succeeded ");
    subscriber_free(one);
}

static void lost_batches_are_read_from_the_log(void **state)
{
    struct world *world = *state;
    struct subscriber *job = listener(world), *all = listener(world);
    struct subscribed answer;
    const struct progress *progress;
    struct changes *changes = changes_new(1);
    char id[ID_SIZE];

    submitted(world, "echo", id);
    subscriber_add_job(job, id, NULL, &answer);
    subscriber_add_all(all, NULL, NULL, &answer);
    commit_kind(world, EVENT_CLAIMED, id, 1);
    assert_int_equal(reader_job(world->reader, id, &changes->at[0].job), ERR_OK);
    changes->at[0].kind = CHANGE_PROGRESS;
    changes->at[0].pos = changes->at[0].job->pos;
    changes->n = 1;
    hub_progress(world->hub, changes);
    changes_unref(changes);
    frame_unref(subscriber_next(job));
    frame_unref(subscriber_next(all));
    commit_kind(world, EVENT_DONE, id, 1);
    lose_mail(world);
    world->n_wakes = 0;
    hub_missed(world->hub);
    assert_int_equal(world->n_wakes, 2);
    assert_string_equal(told(job), "running succeeded ");
    assert_string_equal(told(all), "running succeeded ");
    assert_false(hub_latest_progress(world->hub, id, &progress));
    happens(world, EVENT_REMOVED, id, 0);
    subscriber_free(job);
    subscriber_free(all);
}

static void a_long_history_comes_in_pieces(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    unsigned n = 0, n_most = 0;

    for (unsigned i = 0; i < 2000; i++)
        submitted(world, "echo", id);
    subscriber_add_all(one, NULL, cursor_at(world, 1), &answer);
    assert_true(answer.recovered);
    for (unsigned i = 0; i < 200; i++) { /* nobody takes: it stops by itself */
        subscriber_catch_up(one);
        assert_false(subscriber_too_slow(one));
    }
    assert_true(one->queue.len <= SENDQ_FRAMES);
    assert_true(one->queue.bytes <= SENDQ_BYTES);
    while (!subscriber_is_empty(one)) {
        unsigned before = one->queue.len;
        struct frame *frame;

        subscriber_catch_up(one);
        if (one->queue.len - before > n_most)
            n_most = one->queue.len - before;
        for (unsigned i = 0; i < 100 && (frame = subscriber_next(one)); i++, n++)
            frame_unref(frame);
    }
    assert_int_equal(n, 2000);
    assert_in_range(n_most, 1, 100);
    subscriber_free(one);
}

/* Takes what there is, one by one: every position is beyond the one before. Returns how many. */
static unsigned in_order(struct subscriber *one, int64_t *last)
{
    struct frame *frame;
    unsigned n = 0;

    do {
        subscriber_catch_up(one);
        for (; (frame = subscriber_next(one)); n++) {
            assert_true(frame->pos > *last);
            *last = frame->pos;
            frame_unref(frame);
        }
        assert_false(subscriber_too_slow(one));
    } while (!subscriber_is_empty(one));
    return n;
}

/* Or the cursor of the event that came last would leave out what another job's events have yet to tell. */
static void several_jobs_catch_up_in_the_order_of_the_log(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char ids[3][ID_SIZE], late[ID_SIZE], cursor[CURSOR_SIZE];
    int64_t start = 0, last;

    for (unsigned i = 0; i < 3; i++)
        start = submitted(world, "echo", ids[i]);
    for (int epoch = 1; epoch <= 40; epoch++)
        for (unsigned i = 0; i < 3; i++) {
            happens(world, EVENT_CLAIMED, ids[i], epoch);
            happens(world, EVENT_RELEASED, ids[i], epoch);
        }
    last = start;
    subscriber_add_job(one, ids[2], cursor_at(world, start), &answer);
    subscriber_add_job(one, ids[0], cursor_at(world, start), &answer);
    assert_int_equal(in_order(one, &last), 160);

    /* a live one waits for another's past */
    submitted(world, "echo", late);
    happens(world, EVENT_CLAIMED, ids[0], 41);
    assert_int_equal(in_order(one, &last), 1);
    last = start;
    subscriber_add_job(one, ids[1], cursor_at(world, start), &answer);
    assert_int_equal(one->n_catching, 3);
    happens(world, EVENT_RELEASED, ids[0], 41);
    assert_int_equal(in_order(one, &last), 81);
    assert_int_equal(one->n_catching, 0);
    happens(world, EVENT_CLAIMED, ids[2], 41);
    assert_int_equal(one->queue.len, 1);
    assert_int_equal(in_order(one, &last), 1);
    subscriber_cursor(one, cursor);
    assert_string_equal(cursor, cursor_at(world, last));
    subscriber_free(one);
}

/* Committed, and the batch still on the way: a present state is told ahead of the hub, and before it what others
 * have yet to hear. */
static void the_present_of_one_job_does_not_overtake_another(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char live[ID_SIZE], ended[ID_SIZE];
    int64_t last = submitted(world, "echo", live);

    submitted(world, "echo", ended);
    subscriber_add_job(one, live, NULL, &answer);
    commit_kind(world, EVENT_CLAIMED, live, 1);
    commit_kind(world, EVENT_CANCEL, ended, 0);
    subscriber_add_job(one, ended, cursor_at(world, last + 100), &answer);
    assert_false(answer.recovered);
    assert_int_equal(in_order(one, &last), 2);
    deliver_mail(world);
    assert_int_equal(in_order(one, &last), 0);
    happens(world, EVENT_DONE, live, 1);
    assert_int_equal(in_order(one, &last), 1);
    subscriber_free(one);
}

static void what_two_subscriptions_want_of_the_past_is_told_once(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE], other[ID_SIZE];
    int64_t start = submitted(world, "echo", id), last = start;

    submitted(world, "echo", other);
    happens(world, EVENT_CLAIMED, id, 1);
    happens(world, EVENT_DONE, id, 1);
    subscriber_add_job(one, id, cursor_at(world, start), &answer);
    subscriber_add_all(one, NULL, cursor_at(world, start), &answer);
    assert_int_equal(in_order(one, &last), 3);
    happens(world, EVENT_CANCEL, other, 0);
    assert_int_equal(in_order(one, &last), 1);
    subscriber_free(one);
}

static void a_job_removed_during_catching_up_ends_its_subscription(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world), *all = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    int64_t start = submitted(world, "echo", id);

    happens(world, EVENT_CANCEL, id, 0);
    subscriber_add_job(one, id, cursor_at(world, start), &answer);
    subscriber_add_all(all, NULL, cursor_at(world, start), &answer);
    assert_true(answer.recovered);
    commit_kind(world, EVENT_REMOVED, id, 0); /* gone from the view; the hub has not heard of it */
    assert_string_equal(told(one), "");
    assert_int_equal(one->n_subscriptions, 0);
    subscriber_catch_up(all); /* was promised the whole: resuming will say it cannot be had */
    assert_true(subscriber_too_slow(all));
    subscriber_free(one);
    subscriber_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_finished_job_tells_its_end_at_once),
        IN_A_WORLD(the_answer_goes_before_the_history),
        IN_A_WORLD(a_cursor_replays_what_came_after_it),
        IN_A_WORLD(a_filter_holds_for_history_too),
        IN_A_WORLD(what_is_no_cursor_is_refused),
        IN_A_WORLD(a_cursor_of_another_log_gets_the_present_state),
        IN_A_WORLD(a_cursor_beyond_the_end_gets_the_present_state),
        IN_A_WORLD(the_present_state_is_told_even_if_the_last_event_was_a_wish),
        IN_A_WORLD(a_cursor_from_before_a_removal_is_too_old_for_all),
        IN_A_WORLD(an_event_on_its_way_is_told_once),
        IN_A_WORLD(what_happens_during_catching_up_comes_after_it),
        IN_A_WORLD(lost_batches_are_read_from_the_log),
        IN_A_WORLD(a_long_history_comes_in_pieces),
        IN_A_WORLD(several_jobs_catch_up_in_the_order_of_the_log),
        IN_A_WORLD(the_present_of_one_job_does_not_overtake_another),
        IN_A_WORLD(what_two_subscriptions_want_of_the_past_is_told_once),
        IN_A_WORLD(a_job_removed_during_catching_up_ends_its_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
