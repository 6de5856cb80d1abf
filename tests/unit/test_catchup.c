// needs: notifier
/* No gap and nothing twice: resuming from a cursor, final events that are past, batches that were
 * lost, and all of it at once in every order that a seeded generator comes up with. */
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

/* ---- every order ---- */

#define SEEDS 300
#define STEPS 300
#define JOBS 6
#define LISTENERS 5

/* What one listener has heard, against what it was to hear: all told events of its job (or of all)
 * after `from`, in the order of the log. */
struct heard {
    struct subscriber *subscriber;
    int job;           /* -1: all */
    int64_t last;      /* position up to which nothing more may come */
    bool is_loose;     /* was too slow or unsubscribed: checked, and to be connected again */
};

struct log_entry {
    int64_t pos;
    int job;
    bool told;
};

static uint64_t draw(uint64_t *random, unsigned n)
{
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    return (*random >> 33) % n;
}

struct chaos {
    struct world *world;
    uint64_t random, seed;
    char ids[JOBS][ID_SIZE];
    int epochs[JOBS];
    enum job_state states[JOBS];
    struct heard heard[LISTENERS];
    struct log_entry log[STEPS + JOBS + 8];
    unsigned n_log;
};

/* One event that fits the job's state; appends to the log kept beside it. */
static void something_happens(struct chaos *chaos, int job)
{
    struct world *world = chaos->world;
    const char *id = chaos->ids[job];
    enum event_kind kind = EVENT_CLAIMED;
    struct log_entry *entry = &chaos->log[chaos->n_log++];
    bool told = true;

    switch (chaos->states[job]) {
    case JOB_QUEUED:
        kind = draw(&chaos->random, 5) ? EVENT_CLAIMED : EVENT_CANCEL;
        break;
    case JOB_RUNNING:
        kind = draw(&chaos->random, 3) == 0 ? EVENT_RELEASED : draw(&chaos->random, 2) ? EVENT_DONE : EVENT_FAILED;
        if (draw(&chaos->random, 8) == 0) {
            kind = EVENT_CLAIMED; /* ignored: not waiting */
            told = false;
        }
        break;
    default:
        kind = EVENT_RETRIED;
        told = chaos->states[job] != JOB_SUCCEEDED;
    }
    if (kind == EVENT_CLAIMED && told)
        chaos->epochs[job]++;
    entry->pos = commit_kind(world, kind, id, chaos->epochs[job]);
    entry->job = job;
    entry->told = told;
    if (told)
        chaos->states[job] = kind == EVENT_CLAIMED    ? JOB_RUNNING
                             : kind == EVENT_DONE     ? JOB_SUCCEEDED
                             : kind == EVENT_FAILED   ? JOB_FAILED
                             : kind == EVENT_CANCEL   ? JOB_CANCELLED
                                                      : JOB_QUEUED;
}

/* The next position after `after` that a listener must hear; 0: none. */
static int64_t next_to_hear(const struct chaos *chaos, const struct heard *heard)
{
    for (unsigned i = 0; i < chaos->n_log; i++)
        if (chaos->log[i].pos > heard->last && chaos->log[i].told && (heard->job < 0 || chaos->log[i].job == heard->job))
            return chaos->log[i].pos;
    return 0;
}

static void listen_in(struct chaos *chaos, struct heard *heard, const char *cursor)
{
    struct subscribed answer;
    char log_id[LOG_ID_SIZE];

    if (!heard->subscriber)
        heard->subscriber = listener(chaos->world);
    if (heard->job < 0)
        assert_int_equal(subscriber_add_all(heard->subscriber, NULL, cursor, &answer), ERR_OK);
    else
        assert_int_equal(subscriber_add_job(heard->subscriber, chaos->ids[heard->job], cursor, &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_true(cursor_decode(answer.cursor, strlen(answer.cursor), log_id, &heard->last));
}

static void hear(struct chaos *chaos, struct heard *heard, unsigned max)
{
    struct frame *frame;

    while (max-- > 0 && (frame = subscriber_next(heard->subscriber))) {
        if (frame->pos != next_to_hear(chaos, heard))
            print_error("seed %llu: job %d heard %lld after %lld, not %lld\n", (unsigned long long)chaos->seed, heard->job,
                        (long long)frame->pos, (long long)heard->last, (long long)next_to_hear(chaos, heard));
        assert_int_equal(frame->pos, next_to_hear(chaos, heard));
        heard->last = frame->pos;
        frame_unref(frame);
    }
}

static void comes_back(struct chaos *chaos, struct heard *heard)
{
    char cursor[CURSOR_SIZE];

    subscriber_cursor(heard->subscriber, cursor);
    subscriber_free(heard->subscriber);
    heard->subscriber = NULL;
    listen_in(chaos, heard, cursor);
}

static void step(struct chaos *chaos)
{
    struct world *world = chaos->world;
    struct heard *heard = &chaos->heard[draw(&chaos->random, LISTENERS)];

    switch (draw(&chaos->random, 16)) {
    case 0:
        if (world->n_mail > 0 && draw(&chaos->random, 3) == 0) {
            lose_mail(world);
            hub_missed(world->hub);
        }
        break;
    case 1:
        comes_back(chaos, heard);
        break;
    case 2: /* once more without a cursor: only the end of a finished job may come again */
        if (heard->job < 0 || !job_state_is_final(chaos->states[heard->job])) {
            struct subscribed answer;

            if (heard->job < 0)
                assert_int_equal(subscriber_add_all(heard->subscriber, NULL, NULL, &answer), ERR_OK);
            else
                assert_int_equal(subscriber_add_job(heard->subscriber, chaos->ids[heard->job], NULL, &answer), ERR_OK);
        }
        break;
    case 3:
    case 4:
        subscriber_catch_up(heard->subscriber);
        break;
    case 5:
    case 6:
        hear(chaos, heard, (unsigned)draw(&chaos->random, 4));
        break;
    case 7:
    case 8:
    case 9:
        if (world->n_mail > 0)
            deliver_one_mail(world);
        break;
    default:
        something_happens(chaos, (int)draw(&chaos->random, JOBS));
    }
}

static void run_chaos(struct world *world, uint64_t seed)
{
    struct chaos chaos = {.world = world, .random = seed, .seed = seed};

    for (int i = 0; i < JOBS; i++) {
        int64_t pos = submitted(world, "echo", chaos.ids[i]);

        chaos.log[chaos.n_log++] = (struct log_entry){pos, i, true};
        chaos.states[i] = JOB_QUEUED;
    }
    for (int i = 0; i < LISTENERS; i++) {
        chaos.heard[i].job = i < 2 ? -1 : (int)draw(&chaos.random, JOBS);
        listen_in(&chaos, &chaos.heard[i], NULL);
    }
    for (unsigned i = 0; i < STEPS; i++)
        step(&chaos);
    deliver_mail(world);
    for (int i = 0; i < LISTENERS; i++) {
        struct heard *heard = &chaos.heard[i];

        do {
            subscriber_catch_up(heard->subscriber);
            assert_false(subscriber_too_slow(heard->subscriber));
            hear(&chaos, heard, UINT32_MAX);
        } while (!subscriber_is_empty(heard->subscriber));
        assert_int_equal(next_to_hear(&chaos, heard), 0);
        subscriber_free(heard->subscriber);
    }
}

static void in_every_order_there_is_no_gap_and_nothing_twice(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_chaos(*state, seed);
}

int main(void)
{
#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
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
        IN_A_WORLD(a_job_removed_during_catching_up_ends_its_subscription),
        IN_A_WORLD(in_every_order_there_is_no_gap_and_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
