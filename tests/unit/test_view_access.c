// needs: jobs
/* Access keys and paused queues, as the log comes to them. */
#include "tests/unit/log_world.h"

static struct access_key *key_of(unsigned number, unsigned scopes, int64_t expires_at)
{
    struct access_key *key = calloc(1, sizeof *key);

    assert_non_null(key);
    snprintf(key->id, sizeof key->id, "%012x", number);
    memset(key->hash, (int)number, sizeof key->hash);
    key->scopes = scopes;
    key->created_at = T0;
    key->expires_at = expires_at;
    key->tenant = strdup("acme");
    key->name = strdup("for \"tests\"");
    return key;
}

static enum outcome make_key(struct world *world, unsigned number, unsigned scopes, int64_t expires_at, int64_t at)
{
    struct event event;

    event_init(&event, EVENT_KEY, NULL, at);
    event.key = key_of(number, scopes, expires_at);
    return world_apply(world, &event, NULL);
}

static enum outcome take_back(struct world *world, unsigned number, int64_t at)
{
    struct event event;

    event_init(&event, EVENT_KEY, NULL, at);
    event.key = key_of(number, 0, 0);
    event.key->is_revoked = true;
    return world_apply(world, &event, NULL);
}

static enum outcome set_queue(struct world *world, const char *name, bool paused)
{
    struct event event;

    event_init(&event, EVENT_QUEUE, NULL, T0);
    event.queue = strdup(name);
    event.paused = paused;
    return world_apply(world, &event, NULL);
}

static void add_key(void *arg, const struct access_key *key)
{
    text_printf(arg, "%s,%x,%s,%s,%lld,%lld,%02x ", key->id + 8, key->scopes, key->tenant, key->name,
                (long long)(key->created_at - T0), (long long)key->expires_at, key->hash[31]);
}

static void add_queue(void *arg, const char *queue)
{
    text_printf(arg, "%s ", queue);
}

static void assert_keys(const struct world *world, const char *expected)
{
    struct reader *reader;
    struct text text = {0};

    assert_int_equal(reader_open(world->dir, &reader), ERR_OK);
    assert_int_equal(reader_keys(reader, add_key, &text), ERR_OK);
    assert_string_equal(text.at ? text.at : "", expected);
    text_clear(&text);
    reader_close(reader);
}

static void assert_paused(const struct world *world, const char *expected)
{
    struct reader *reader;
    struct text text = {0};

    assert_int_equal(reader_open(world->dir, &reader), ERR_OK);
    assert_int_equal(reader_paused(reader, add_queue, &text), ERR_OK);
    assert_string_equal(text.at ? text.at : "", expected);
    text_clear(&text);
    reader_close(reader);
}

static void the_first_key_is_an_administrators(void **state)
{
    struct world world;

    (void)state;
    world_make(&world);
    assert_int_equal(make_key(&world, 1, SCOPE_SUBMIT, 0, T0), OUTCOME_IGNORED);
    assert_int_equal(make_key(&world, 1, SCOPE_ADMIN, T0, T0), OUTCOME_IGNORED); /* over already */
    assert_keys(&world, "");
    assert_int_equal(make_key(&world, 1, SCOPE_ADMIN, T0 + 1, T0), OUTCOME_ACCEPTED);
    assert_int_equal(make_key(&world, 2, SCOPE_SUBMIT | SCOPE_READ, 0, T0), OUTCOME_ACCEPTED);
    assert_int_equal(make_key(&world, 2, SCOPE_ADMIN, 0, T0), OUTCOME_IGNORED); /* the id is known */
    assert_keys(&world, "0001,8,acme,for \"tests\",0,1763805600001,01 0002,3,acme,for \"tests\",0,0,02 ");
    assert_replays(world.dir);
    world_end(&world);
}

static void the_last_administrator_stays(void **state)
{
    struct world world;

    (void)state;
    world_make(&world);
    make_key(&world, 1, SCOPE_ADMIN, 0, T0);
    make_key(&world, 2, SCOPE_READ, 0, T0);
    make_key(&world, 3, SCOPE_ADMIN, T0 + 100, T0);
    assert_int_equal(take_back(&world, 1, T0 + 100), OUTCOME_IGNORED); /* the other one is over by then */
    assert_int_equal(take_back(&world, 1, T0 + 99), OUTCOME_ACCEPTED);
    assert_int_equal(take_back(&world, 1, T0 + 99), OUTCOME_IGNORED);
    assert_int_equal(take_back(&world, 3, T0 + 99), OUTCOME_IGNORED);
    assert_int_equal(take_back(&world, 2, T0 + 99), OUTCOME_ACCEPTED);
    assert_int_equal(take_back(&world, 9, T0 + 99), OUTCOME_IGNORED);
    assert_keys(&world, "0003,8,acme,for \"tests\",0,1763805600100,03 ");
    assert_replays(world.dir);
    world_end(&world);
}

static void a_revoked_key_does_not_come_back(void **state)
{
    struct world world;

    (void)state;
    world_make(&world);
    make_key(&world, 1, SCOPE_ADMIN, 0, T0);
    make_key(&world, 2, SCOPE_READ, 0, T0);
    take_back(&world, 2, T0);
    assert_int_equal(make_key(&world, 2, SCOPE_READ, 0, T0), OUTCOME_IGNORED);
    view_close(world.view);
    world_open(&world);
    assert_int_equal(make_key(&world, 2, SCOPE_READ, 0, T0), OUTCOME_IGNORED);
    assert_keys(&world, "0001,8,acme,for \"tests\",0,0,01 ");
    world_end(&world);
}

static void there_is_an_end_to_keys(void **state)
{
    struct world world;
    struct view_step step;
    struct event event;

    (void)state;
    world_make(&world);
    assert_int_equal(make_key(&world, 0, SCOPE_ADMIN, 0, T0), OUTCOME_ACCEPTED);
    assert_int_equal(view_begin(world.view), ERR_OK);
    for (unsigned i = 1; i <= ACCESS_KEYS_MAX; i++) {
        event_init(&event, EVENT_KEY, NULL, T0);
        event.pos = i + 10;
        event.key = key_of(i, SCOPE_READ, 0);
        assert_int_equal(view_apply(world.view, &event, &step), ERR_OK);
        assert_int_equal(step.outcome, i < ACCESS_KEYS_MAX ? OUTCOME_ACCEPTED : OUTCOME_IGNORED);
        assert_null(step.job);
        assert_false(step.changed);
        event_clear(&event);
    }
    assert_int_equal(view_commit(world.view), ERR_OK);
    world_end(&world);
}

static void a_queue_is_paused_and_goes_on(void **state)
{
    struct world world;
    struct reader *reader;
    struct changes *changes;

    (void)state;
    world_make(&world);
    assert_int_equal(set_queue(&world, "b", false), OUTCOME_IGNORED);
    assert_int_equal(set_queue(&world, "b", true), OUTCOME_ACCEPTED);
    assert_int_equal(set_queue(&world, "b", true), OUTCOME_IGNORED);
    assert_int_equal(set_queue(&world, "a", true), OUTCOME_ACCEPTED);
    assert_paused(&world, "a b ");
    assert_replays(world.dir);
    world_tell(&world, EVENT_SUBMITTED, 1, 0, T0);
    assert_int_equal(set_queue(&world, "b", false), OUTCOME_ACCEPTED);
    assert_paused(&world, "a ");

    /* They are in the log, and no reader of jobs hears of them. */
    assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
    assert_int_equal(reader_changes(reader, NULL, 0, INT64_MAX, 10, &changes), ERR_OK);
    assert_int_equal(changes->n, 1);
    assert_int_equal(changes->last_pos, reader_last_pos(reader));
    changes_unref(changes);
    reader_close(reader);
    assert_replays(world.dir);
    world_end(&world);
}

static void a_rollback_takes_keys_and_pauses_back(void **state)
{
    struct world world;
    struct view_step step;
    struct event key, queue;

    (void)state;
    world_make(&world);
    event_init(&key, EVENT_KEY, NULL, T0);
    key.key = key_of(1, SCOPE_ADMIN, 0);
    key.pos = 2;
    event_init(&queue, EVENT_QUEUE, NULL, T0);
    queue.queue = strdup("a");
    queue.paused = true;
    queue.pos = 3;
    assert_int_equal(view_begin(world.view), ERR_OK);
    assert_int_equal(view_apply(world.view, &key, &step), ERR_OK);
    assert_int_equal(view_apply(world.view, &queue, &step), ERR_OK);
    view_rollback(world.view);
    assert_keys(&world, "");
    assert_paused(&world, "");
    assert_int_equal(world_apply(&world, &key, NULL), OUTCOME_ACCEPTED);
    assert_int_equal(world_apply(&world, &queue, NULL), OUTCOME_ACCEPTED);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_key_is_an_administrators),
        cmocka_unit_test(the_last_administrator_stays),
        cmocka_unit_test(a_revoked_key_does_not_come_back),
        cmocka_unit_test(there_is_an_end_to_keys),
        cmocka_unit_test(a_queue_is_paused_and_goes_on),
        cmocka_unit_test(a_rollback_takes_keys_and_pauses_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
