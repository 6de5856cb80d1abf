// needs: notifier
/* A subscription between live and catching: one for each job and listener, and no gap and nothing twice
 * in every order of events, losses and returns that a seeded generator comes up with. */
#include "tests/unit/hub_world.h"

static void two_subscriptions_of_one_listener_are_one_event(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    subscriber_add_job(one, id, NULL, &answer);
    subscriber_add_job(one, id, NULL, &answer);
    subscriber_add_all(one, NULL, NULL, &answer);
    subscriber_add_all(one, NULL, NULL, &answer);
    assert_int_equal(one->n_subscriptions, 2);
    happens(world, EVENT_CANCEL, id, 0);
    assert_string_equal(told(one), "cancelled ");
    subscriber_free(one);
}

static void who_unsubscribes_hears_no_more(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    assert_int_equal(subscriber_remove_job(one, id), ERR_NOT_FOUND);
    assert_int_equal(subscriber_remove_all(one), ERR_NOT_FOUND);
    subscriber_add_job(one, id, NULL, &answer);
    subscriber_add_all(one, NULL, NULL, &answer);
    assert_int_equal(subscriber_remove_job(one, id), ERR_OK);
    assert_int_equal(subscriber_remove_all(one), ERR_OK);
    happens(world, EVENT_CANCEL, id, 0);
    assert_string_equal(told(one), "");
    assert_int_equal(world->hub->topics.n, 0);
    subscriber_free(one);
}

static void a_removed_job_takes_its_subscriptions_along(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world), *two = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    subscriber_add_job(one, id, NULL, &answer);
    subscriber_add_job(two, id, NULL, &answer);
    happens(world, EVENT_CANCEL, id, 0);
    happens(world, EVENT_REMOVED, id, 0);
    assert_int_equal(one->n_subscriptions, 0);
    assert_int_equal(world->hub->topics.n, 0);
    assert_string_equal(told(one), "cancelled "); /* what waited is still told */
    subscriber_free(one);
    subscriber_free(two);
}

static void jobs_that_have_ended_make_room_for_others(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char ids[SUBSCRIPTIONS_MAX + 2][ID_SIZE];

    for (unsigned i = 0; i < SUBSCRIPTIONS_MAX + 2; i++)
        submitted(world, "echo", ids[i]);
    for (unsigned i = 0; i < SUBSCRIPTIONS_MAX; i++)
        assert_int_equal(subscriber_add_job(one, ids[i], NULL, &answer), ERR_OK);
    assert_int_equal(subscriber_add_job(one, ids[SUBSCRIPTIONS_MAX], NULL, &answer), ERR_BUSY);
    assert_int_equal(subscriber_add_job(one, ids[0], NULL, &answer), ERR_OK); /* has one already */
    happens(world, EVENT_CANCEL, ids[7], 0);
    assert_int_equal(subscriber_add_job(one, ids[SUBSCRIPTIONS_MAX], NULL, &answer), ERR_OK);
    assert_int_equal(subscriber_add_job(one, ids[SUBSCRIPTIONS_MAX + 1], NULL, &answer), ERR_BUSY);
    assert_int_equal(subscriber_remove_job(one, ids[7]), ERR_NOT_FOUND);
    assert_string_equal(told(one), "cancelled ");
    subscriber_free(one);
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

static void a_tenant_hears_of_its_own_jobs_alone(void **state)
{
    struct world *world = *state;
    struct subscriber *mine = listener(world), *yours = listener(world), *before = listener(world), *any = listener(world);
    struct subscribed answer;
    char of_acme[ID_SIZE], of_default[ID_SIZE];
    int64_t pos = reader_last_pos(world->reader);

    subscriber_set_tenant(mine, "acme");
    subscriber_set_tenant(yours, "default");
    subscriber_set_tenant(before, "acme");
    assert_int_equal(subscriber_add_all(mine, NULL, NULL, &answer), ERR_OK);
    assert_int_equal(subscriber_add_all(yours, &(struct hub_filter){.type = "echo"}, NULL, &answer), ERR_OK);
    assert_int_equal(subscriber_add_all(any, NULL, NULL, &answer), ERR_OK);
    commit_submitted_by(world, "acme", "echo", "default", NULL, of_acme);
    commit_submitted_by(world, NULL, "echo", "default", NULL, of_default);
    deliver_mail(world);
    happens(world, EVENT_CANCEL, of_default, 0);
    assert_string_equal(told(mine), "queued ");
    assert_string_equal(told(yours), "queued cancelled ");
    assert_string_equal(told(any), "queued queued cancelled ");

    /* history as well */
    assert_int_equal(subscriber_add_all(before, NULL, cursor_at(world, pos), &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_string_equal(told(before), "queued ");
    subscriber_free(mine);
    subscriber_free(yours);
    subscriber_free(before);
    subscriber_free(any);
}

static void a_job_of_another_tenant_is_not_there(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char of_acme[ID_SIZE], of_default[ID_SIZE];

    commit_submitted_by(world, "acme", "echo", "default", NULL, of_acme);
    commit_submitted_by(world, NULL, "echo", "default", NULL, of_default);
    deliver_mail(world);
    subscriber_set_tenant(one, "acme");
    assert_int_equal(subscriber_add_job(one, of_default, NULL, &answer), ERR_NOT_FOUND);
    assert_int_equal(subscriber_add_job(one, of_default, cursor_at(world, 1), &answer), ERR_NOT_FOUND);
    assert_int_equal(subscriber_add_job(one, of_acme, NULL, &answer), ERR_OK);
    happens(world, EVENT_CANCEL, of_default, 0);
    happens(world, EVENT_CANCEL, of_acme, 0);
    assert_string_equal(told(one), "cancelled ");
    subscriber_free(one);
}

static void in_every_order_there_is_no_gap_and_nothing_twice(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_chaos(*state, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(two_subscriptions_of_one_listener_are_one_event),
        IN_A_WORLD(who_unsubscribes_hears_no_more),
        IN_A_WORLD(a_removed_job_takes_its_subscriptions_along),
        IN_A_WORLD(jobs_that_have_ended_make_room_for_others),
        IN_A_WORLD(a_tenant_hears_of_its_own_jobs_alone),
        IN_A_WORLD(a_job_of_another_tenant_is_not_there),
        IN_A_WORLD(in_every_order_there_is_no_gap_and_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
