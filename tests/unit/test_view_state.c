// needs: jobs
/* A view of a log kept elsewhere: where it stands, what it holds and which files it refuses. */
#include "tests/unit/log_world.h"

#define LOG_ID "1f00a2c4"

static void a_copy_is_empty_until_the_genesis_is_folded(void **state)
{
    struct world world = {0};
    struct event event;
    struct reader *reader;
    uint64_t seal;

    (void)state;
    world_make_of(&world, VIEW_OF_LOG);
    assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
    assert_string_equal(view_log_id(world.view), "");
    assert_string_equal(reader_log_id(reader), "");
    assert_int_equal(view_last_pos(world.view, &seal), 0);
    assert_int_equal(reader_last_pos(reader), 0);
    world_genesis(&world, LOG_ID, 77);
    assert_string_equal(view_log_id(world.view), LOG_ID);
    assert_string_equal(reader_log_id(reader), LOG_ID);
    assert_int_equal(view_last_pos(world.view, &seal), 1);
    assert_int_equal(seal, 77);

    event_init(&event, EVENT_GENESIS, NULL, T0);
    event.pos = 1025;
    strcpy(event.log_id, "00000000");
    assert_int_equal(world_apply_at(&world, &event, NULL), OUTCOME_IGNORED);
    view_close(world.view);
    world_open(&world);
    assert_string_equal(view_log_id(world.view), LOG_ID);
    assert_int_equal(view_last_pos(world.view, &seal), 1025);
    assert_int_equal(reader_last_pos(reader), 1025);
    reader_close(reader);
    world_end(&world);
}

static void a_rollback_goes_back_to_the_place_before(void **state)
{
    struct world world = {0};
    struct view_step step;
    struct event genesis, event = event_of(EVENT_SUBMITTED, 1, 1025, T0);
    uint64_t seal;
    int64_t pos;

    (void)state;
    world_make_of(&world, VIEW_OF_LOG);
    event_init(&genesis, EVENT_GENESIS, NULL, T0);
    genesis.pos = 1;
    strcpy(genesis.log_id, LOG_ID);
    assert_int_equal(view_begin(world.view), ERR_OK);
    assert_int_equal(view_apply(world.view, &genesis, &step), ERR_OK);
    view_rollback(world.view);
    assert_string_equal(view_log_id(world.view), "");
    assert_int_equal(view_last_pos(world.view, &seal), 0);
    assert_int_equal(view_state_hash(world.view, &pos), 0);
    assert_int_equal(pos, 0);

    world_genesis(&world, LOG_ID, 5);
    uint64_t hash = view_state_hash(world.view, &pos);
    assert_int_equal(pos, 1);
    event.seal = 6;
    assert_int_equal(view_begin(world.view), ERR_OK);
    assert_int_equal(view_apply(world.view, &event, &step), ERR_OK);
    assert_int_equal(view_state_hash(world.view, &pos), hash); /* told once it is committed */
    job_unref(step.job);
    view_rollback(world.view);
    assert_int_equal(view_last_pos(world.view, &seal), 1);
    assert_int_equal(seal, 5);
    assert_int_equal(world_apply_at(&world, &event, NULL), OUTCOME_ACCEPTED);
    assert_true(view_state_hash(world.view, &pos) != hash);
    assert_int_equal(pos, 1025);
    hash = view_state_hash(world.view, &pos);
    event_clear(&event);
    view_close(world.view);
    world_open(&world);
    assert_true(view_state_hash(world.view, &pos) == hash);
    assert_int_equal(pos, 1025);
    world_end(&world);
}

static void refuses(const char *dir, enum view_kind kind, const char *why)
{
    struct view *view;
    char message[256];

    assert_int_equal(view_open(dir, kind, &view, message, sizeof message), ERR_CONFIG);
    assert_non_null(strstr(message, why));
}

static void a_file_of_another_kind_is_refused(void **state)
{
    struct world log = {0}, copy = {0}, work = {0};

    (void)state;
    world_make(&log);
    view_close(log.view);
    refuses(log.dir, VIEW_OF_LOG, "a log of its own");
    refuses(log.dir, VIEW_OF_LOG_TO_WORK, "a log of its own");
    world_open(&log);
    world_end(&log);

    world_make_of(&copy, VIEW_OF_LOG);
    view_close(copy.view);
    refuses(copy.dir, VIEW_IS_LOG, "a copy of a log");
    copy.kind = VIEW_OF_LOG_TO_WORK; /* has all a worker needs, and stays whole */
    world_open(&copy);
    view_close(copy.view);
    copy.kind = VIEW_OF_LOG;
    world_open(&copy);
    world_end(&copy);

    world_make_of(&work, VIEW_OF_LOG_TO_WORK);
    view_close(work.view);
    refuses(work.dir, VIEW_OF_LOG, "no history");
    refuses(work.dir, VIEW_IS_LOG, "a copy of a log");
    world_open(&work);
    world_end(&work);
}

/* ---- the same log, two nodes ---- */


/* A random event; the same seed gives the same one. */
static struct event random_event(unsigned *seed, int64_t pos, int64_t at)
{
    static const enum event_kind kinds[] = {
        EVENT_SUBMITTED, EVENT_SUBMITTED, EVENT_DUE,    EVENT_CLAIMED,   EVENT_CLAIMED, EVENT_DONE,
        EVENT_FAILED,    EVENT_RELEASED,  EVENT_LOST,   EVENT_CANCEL,    EVENT_CANCELLED, EVENT_EXPIRED,
        EVENT_RETRIED,   EVENT_REMOVED,   EVENT_REMOVED, EVENT_NOOP};
    enum event_kind kind = kinds[(unsigned)rand_r(seed) % (sizeof kinds / sizeof *kinds)];
    struct event event = event_of(kind, (unsigned)rand_r(seed) % 40, pos, at);
    char text[40];

    event.epoch = rand_r(seed) % 3 + 1;
    event.seal = (uint64_t)rand_r(seed);
    if (kind == EVENT_NOOP)
        event.job[0] = '\0';
    if (kind == EVENT_SUBMITTED) {
        event.epoch = 0;
        event.spec->keep_ms = rand_r(seed) % 2000;
        if (rand_r(seed) % 3 == 0)
            event.spec->run_at = at + rand_r(seed) % 2000;
        snprintf(text, sizeof text, "key-%d", rand_r(seed) % 30);
        event.spec->idempotency_key = strdup(text);
        if (rand_r(seed) % 2)
            event.spec->tenant = strdup("acme");
    }
    if (kind == EVENT_CLAIMED)
        event.worker = strdup("host-1");
    if (kind == EVENT_DONE && rand_r(seed) % 3 == 0)
        event.blob = (struct blob){.at = 9, .len = 70000, .media_type = "application/json"};
    else if (kind == EVENT_DONE)
        event.body = body_new("application/json", "7", 1);
    if (kind == EVENT_FAILED)
        event_fails(&event, rand_r(seed) % 2 ? at + rand_r(seed) % 1000 : 0);
    return event;
}

static char *jobs_of(const char *dir)
{
    char *dump = dump_of(dir), *swept = strstr(dump, "swept|");

    assert_non_null(swept); /* what follows is about history, which not every kind keeps */
    *swept = '\0';
    return dump;
}

static void a_worker_comes_to_the_same_jobs_as_a_whole_node(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct world whole = {0}, work = {0};
        unsigned random = seed;
        int64_t pos = 1, at = T0, told[2];
        world_make_of(&whole, VIEW_OF_LOG);
        world_make_of(&work, VIEW_OF_LOG_TO_WORK);
        world_genesis(&whole, LOG_ID, 1);
        world_genesis(&work, LOG_ID, 1);
        for (int i = 0; i < 6000; i++) {
            struct event event;
            pos += rand_r(&random) % 3 ? 1 : 1024;
            at += rand_r(&random) % 400 == 0 ? DAY / 3 : rand_r(&random) % 100;
            event = random_event(&random, pos, at);
            assert_int_equal(world_apply_at(&whole, &event, NULL), world_apply_at(&work, &event, NULL));
            event_clear(&event);
            assert_true(view_state_hash(whole.view, &told[0]) == view_state_hash(work.view, &told[1]));
            assert_int_equal(told[0], told[1]);
            if (i % 1500 == 700) {
                view_close(work.view);
                world_open(&work);
            }
            if (i % 1500 == 1499) {
                char *a = jobs_of(whole.dir), *b = jobs_of(work.dir);
                assert_string_equal(a, b);
                free(a);
                free(b);
            }
        }
        assert_replays(whole.dir);
        world_end(&whole);
        world_end(&work);
    }
}

static void another_history_gives_another_hash(void **state)
{
    struct world a = {0}, b = {0};
    struct event event = event_of(EVENT_SUBMITTED, 1, 1025, T0), other = event_of(EVENT_SUBMITTED, 2, 1025, T0);
    int64_t pos;

    (void)state;
    world_make_of(&a, VIEW_OF_LOG);
    world_make_of(&b, VIEW_OF_LOG);
    world_genesis(&a, LOG_ID, 1);
    world_genesis(&b, LOG_ID, 1);
    assert_true(view_state_hash(a.view, &pos) == view_state_hash(b.view, &pos));
    world_apply_at(&a, &event, NULL);
    world_apply_at(&b, &other, NULL);
    assert_true(view_state_hash(a.view, &pos) != view_state_hash(b.view, &pos));
    event_clear(&event);
    event_clear(&other);
    world_end(&a);
    world_end(&b);
}

static void a_worker_keeps_the_input_for_a_retry_and_nothing_of_the_rest(void **state)
{
    struct world world = {0};
    struct reader *reader;
    struct body *body;
    struct blob blob;
    struct job *job;
    char id[ID_SIZE];

    (void)state;
    id_of(1, id);
    world_make_of(&world, VIEW_OF_LOG_TO_WORK);
    world_genesis(&world, LOG_ID, 1);
    world_tell(&world, EVENT_SUBMITTED, 1, 0, T0);
    world_tell(&world, EVENT_CLAIMED, 1, 1, T0);
    world_tell(&world, EVENT_DONE, 1, 1, T0);
    assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
    assert_int_equal(reader_job(reader, id, &job), ERR_OK);
    assert_int_equal(job->state, JOB_SUCCEEDED);
    assert_int_equal(reader_body(reader, job->input_pos, &body, &blob), ERR_OK);
    assert_string_equal(body->bytes, "{\"below\":10}");
    assert_int_equal(job->result_len, 11);
    body_unref(body);
    assert_null(job->result);
    assert_int_equal(reader_body(reader, job->result_pos, &body, &blob), ERR_NOT_FOUND);
    assert_int_equal(world_tell(&world, EVENT_REMOVED, 1, 0, T0 + DAY), OUTCOME_ACCEPTED);
    assert_int_equal(reader_body(reader, job->input_pos, &body, &blob), ERR_NOT_FOUND);
    job_unref(job);
    reader_close(reader);
    world_end(&world);
}

static void what_is_kept_apart_is_named_and_never_inline(void **state)
{
    struct world world = {0};
    struct reader *reader;
    struct body *body;
    struct changes *changes;
    struct blob blob;
    struct view_step step;
    struct event event = event_of(EVENT_SUBMITTED, 1, 0, T0);

    (void)state;
    world_make_of(&world, VIEW_OF_LOG);
    world_genesis(&world, LOG_ID, 1);
    event.blob = (struct blob){.at = 4, .len = 100000, .media_type = "image/png"};
    world_apply(&world, &event, NULL);
    world_tell(&world, EVENT_CLAIMED, 1, 1, T0);
    event = event_of(EVENT_DONE, 1, 0, T0);
    event.epoch = 1;
    event.blob = (struct blob){.at = 5, .len = 3, .media_type = "application/json"};
    event.body = body_new("application/json", "123", 3); /* whoever made it has the bytes; nobody else does */
    assert_int_equal(world_apply(&world, &event, &step), OUTCOME_ACCEPTED);
    assert_null(step.job->result);
    assert_int_equal(step.job->result_len, 3);

    assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
    assert_int_equal(reader_body(reader, step.job->input_pos, &body, &blob), ERR_OK);
    assert_null(body);
    assert_int_equal(blob.at, 4);
    assert_int_equal(blob.len, 100000);
    assert_string_equal(blob.media_type, "image/png");
    assert_int_equal(reader_body(reader, step.job->result_pos, &body, &blob), ERR_OK);
    assert_null(body);
    assert_int_equal(blob.at, 5);
    assert_int_equal(reader_changes(reader, step.job->spec->id, 0, INT64_MAX, 10, &changes), ERR_OK);
    assert_int_equal(changes->n, 3);
    assert_int_equal(changes->at[2].job->result_len, 3);
    assert_null(changes->at[2].job->result);
    changes_unref(changes);
    job_unref(step.job);
    reader_close(reader);
    assert_replays(world.dir);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_empty_until_the_genesis_is_folded),
        cmocka_unit_test(a_rollback_goes_back_to_the_place_before),
        cmocka_unit_test(a_file_of_another_kind_is_refused),
        cmocka_unit_test(a_worker_comes_to_the_same_jobs_as_a_whole_node),
        cmocka_unit_test(another_history_gives_another_hash),
        cmocka_unit_test(a_worker_keeps_the_input_for_a_retry_and_nothing_of_the_rest),
        cmocka_unit_test(what_is_kept_apart_is_named_and_never_inline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
