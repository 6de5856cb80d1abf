// needs: notifier
/* Who is told of what: the live half of the hub. */
#include "tests/unit/hub_world.h"

static void a_listener_hears_of_its_job_and_of_no_other(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char mine[ID_SIZE], other[ID_SIZE];
    int64_t pos = submitted(world, "echo", mine);

    assert_int_equal(subscriber_add_job(one, mine, NULL, &answer), ERR_OK);
    assert_true(answer.recovered);
    assert_string_equal(answer.cursor, cursor_at(world, pos));
    submitted(world, "echo", other);
    happens(world, EVENT_CLAIMED, other, 1);
    assert_string_equal(told(one), "");
    happens(world, EVENT_CLAIMED, mine, 1);
    happens(world, EVENT_DONE, mine, 1);
    assert_string_equal(told(one), "running succeeded ");
    subscriber_free(one);
}

static void an_unknown_job_cannot_be_listened_to(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;

    assert_int_equal(subscriber_add_job(one, "01k9zzzzzz0123456789abcdef", NULL, &answer), ERR_NOT_FOUND);
    assert_int_equal(subscriber_add_job(one, "no id", NULL, &answer), ERR_NOT_FOUND);
    assert_int_equal(subscriber_add_job(one, "", NULL, &answer), ERR_NOT_FOUND);
    assert_int_equal(world->hub->topics.n, 0);
    subscriber_free(one);
}

static void a_listener_to_all_hears_of_all(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char a[ID_SIZE], b[ID_SIZE];

    assert_int_equal(subscriber_add_all(one, NULL, NULL, &answer), ERR_OK);
    submitted(world, "echo", a);
    submitted(world, "echo", b);
    happens(world, EVENT_CANCEL, b, 0);
    assert_string_equal(told(one), "queued queued cancelled ");
    subscriber_free(one);
}

static void a_filter_lets_through_what_it_names(void **state)
{
    struct world *world = *state;
    struct hub_filter by_type = {.type = "ocr"}, by_queue = {.queue = "fast"}, by_tag = {.tag = "blue"};
    struct hub_filter by_event = {.events = 1U << CHANGE_CANCELLED};
    struct hub_filter by_both = {.type = "ocr", .queue = "fast"}, any = {.events = 0};
    const struct hub_filter *filters[] = {&by_type, &by_queue, &by_tag, &by_event, &by_both, &any};
    const char *expected[] = {"queued queued cancelled ", "queued queued cancelled ", "queued ", "cancelled ",
                              "queued cancelled ",        "queued queued queued queued cancelled "};
    struct subscriber *listeners[6];
    struct subscribed answer;
    char id[ID_SIZE], last[ID_SIZE];

    for (unsigned i = 0; i < 6; i++) {
        listeners[i] = listener(world);
        assert_int_equal(subscriber_add_all(listeners[i], filters[i], NULL, &answer), ERR_OK);
    }
    commit_submitted(world, "echo", "default", "blue", id);
    commit_submitted(world, "ocr", "default", "red", id);
    commit_submitted(world, "echo", "fast", NULL, id);
    commit_submitted(world, "ocr", "fast", NULL, last);
    commit_kind(world, EVENT_CANCEL, last, 0);
    deliver_mail(world);
    for (unsigned i = 0; i < 6; i++) {
        assert_string_equal(told(listeners[i]), expected[i]);
        subscriber_free(listeners[i]);
    }
}

static void a_wish_to_cancel_is_not_told(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    subscriber_add_job(one, id, NULL, &answer);
    happens(world, EVENT_CLAIMED, id, 1);
    happens(world, EVENT_CANCEL, id, 0);
    assert_string_equal(told(one), "running ");
    happens(world, EVENT_CANCELLED, id, 1);
    assert_string_equal(told(one), "cancelled ");
    subscriber_free(one);
}

static void one_frame_serves_everybody(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world), *two = listener(world);
    struct subscribed answer;
    struct frame *a, *b;
    char id[ID_SIZE];

    subscriber_add_all(one, NULL, NULL, &answer);
    subscriber_add_all(two, NULL, NULL, &answer);
    submitted(world, "echo", id);
    a = subscriber_next(one);
    b = subscriber_next(two);
    assert_non_null(a);
    assert_ptr_equal(a, b);
    assert_int_equal(a->refs, 2);
    frame_unref(a);
    frame_unref(b);
    subscriber_free(one);
    subscriber_free(two);
}

static void a_job_that_is_retried_goes_on_telling(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    subscriber_add_job(one, id, NULL, &answer);
    happens(world, EVENT_CANCEL, id, 0);
    happens(world, EVENT_RETRIED, id, 0);
    assert_string_equal(told(one), "cancelled queued ");
    subscriber_free(one);
}

static struct changes *progress_of(struct world *world, const char *id, int percent)
{
    struct changes *changes = changes_new(1);
    struct job *job = NULL;

    assert_int_equal(reader_job(world->reader, id, &job), ERR_OK);
    assert_int_equal(job_own(&job), ERR_OK);
    job->progress.percent = percent;
    changes->at[changes->n++] = (struct change){CHANGE_PROGRESS, job->pos, world->now_ms, job};
    return changes;
}

static void progresses(struct world *world, const char *id, int percent)
{
    struct changes *changes = progress_of(world, id, percent);

    hub_progress(world->hub, changes);
    changes_unref(changes);
}

static void of_progress_the_newest_is_told(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    struct frame *frame;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    subscriber_add_job(one, id, NULL, &answer);
    happens(world, EVENT_CLAIMED, id, 1);
    for (int percent = 0; percent < 50; percent++)
        progresses(world, id, percent);
    frame_unref(subscriber_next(one)); /* running */
    frame = subscriber_next(one);
    assert_int_equal(frame->kind, CHANGE_PROGRESS);
    assert_non_null(memmem(frame->bytes, frame->len, "\"percent\":49", 12));
    frame_unref(frame);
    assert_string_equal(told(one), "");
    subscriber_free(one);
}

static void the_newest_progress_is_kept_until_the_state_changes(void **state)
{
    struct world *world = *state;
    const struct progress *progress = NULL;
    char id[ID_SIZE];

    submitted(world, "echo", id);
    happens(world, EVENT_CLAIMED, id, 1);
    assert_false(hub_latest_progress(world->hub, id, &progress));
    progresses(world, id, 10);
    progresses(world, id, 20);
    assert_true(hub_latest_progress(world->hub, id, &progress));
    assert_int_equal(progress->percent, 20);
    happens(world, EVENT_CANCEL, id, 0); /* only a wish */
    assert_true(hub_latest_progress(world->hub, id, &progress));
    happens(world, EVENT_CANCELLED, id, 1);
    assert_false(hub_latest_progress(world->hub, id, &progress));
    assert_int_equal(world->hub->topics.n, 0);
}

static void the_progress_longest_untold_is_forgotten_first(void **state)
{
    struct world *world = *state;
    const struct progress *progress = NULL;
    struct changes *changes = NULL;
    char id[ID_SIZE], first[ID_SIZE], second[ID_SIZE];

    submitted(world, "echo", first);
    submitted(world, "echo", second);
    progresses(world, first, 1);
    progresses(world, second, 1);
    progresses(world, first, 2);
    changes = progress_of(world, first, 3);
    for (unsigned i = 0; i < PROGRESS_MAX - 1; i++) { /* made-up jobs: only their ids matter here */
        struct spec *spec = spec_new();
        struct changes *one = changes_new(1);

        id_make(world->now_ms, id);
        memcpy(spec->id, id, ID_SIZE);
        spec->type = strdup("echo");
        spec->queue = strdup("default");
        one->at[one->n++] = (struct change){CHANGE_PROGRESS, 1, world->now_ms, job_new(spec)};
        spec_unref(spec);
        hub_progress(world->hub, one);
        changes_unref(one);
    }
    assert_int_equal(world->hub->topics.n_progress, PROGRESS_MAX);
    assert_true(hub_latest_progress(world->hub, first, &progress));
    assert_false(hub_latest_progress(world->hub, second, &progress));
    assert_true(hub_latest_progress(world->hub, id, &progress));
    changes_unref(changes);
}

/* With nobody there, threads leave batches out altogether. */
static void the_first_listener_begins_with_the_present(void **state)
{
    struct world *world = *state;
    struct subscriber *one = listener(world);
    struct subscribed answer;
    char id[ID_SIZE];
    int64_t pos = 0;

    for (unsigned i = 0; i < 10; i++)
        pos = commit_submitted(world, "echo", "default", NULL, id);
    lose_mail(world);
    subscriber_add_all(one, NULL, NULL, &answer);
    assert_string_equal(answer.cursor, cursor_at(world, pos));
    hub_missed(world->hub);
    assert_string_equal(told(one), "");
    submitted(world, "echo", id);
    assert_string_equal(told(one), "queued ");
    subscriber_free(one);
}

/* ---- an owner that lets go of its listeners as soon as they are woken ---- */

static struct subscriber *doomed[3];

static void free_all(struct subscriber *subscriber, void *owner)
{
    (void)subscriber;
    ++*(unsigned *)owner;
    for (unsigned i = 0; i < 3; i++) {
        subscriber_free(doomed[i]);
        doomed[i] = NULL;
    }
}

static void an_owner_may_free_any_listener_when_woken(void **state)
{
    struct world *world = *state;
    struct hub *hub = NULL;
    struct subscribed answer;
    unsigned n_wakes = 0;
    char id[ID_SIZE];

    assert_int_equal(hub_new(world->reader, free_all, &hub), ERR_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(subscriber_new(hub, &n_wakes, &doomed[i]), ERR_OK);
        subscriber_add_all(doomed[i], NULL, NULL, &answer);
    }
    commit_submitted(world, "echo", "default", NULL, id);
    hub_deliver(hub, world->mail[0]);
    assert_int_equal(n_wakes, 1);
    assert_int_equal(subscriber_count(hub), 0);
    hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_listener_hears_of_its_job_and_of_no_other),
        IN_A_WORLD(an_unknown_job_cannot_be_listened_to),
        IN_A_WORLD(a_listener_to_all_hears_of_all),
        IN_A_WORLD(a_filter_lets_through_what_it_names),
        IN_A_WORLD(a_wish_to_cancel_is_not_told),
        IN_A_WORLD(one_frame_serves_everybody),
        IN_A_WORLD(a_job_that_is_retried_goes_on_telling),
        IN_A_WORLD(of_progress_the_newest_is_told),
        IN_A_WORLD(the_newest_progress_is_kept_until_the_state_changes),
        IN_A_WORLD(the_progress_longest_untold_is_forgotten_first),
        IN_A_WORLD(the_first_listener_begins_with_the_present),
        IN_A_WORLD(an_owner_may_free_any_listener_when_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
