// needs: api
/* test_auth.c: the keys as one thread knows them: open, closed, revoked, over, and who is told so. */
#include "tests/unit/hub_world.h"

#include "api/auth.h"

struct watcher {
    struct auth_watch watch;
    struct watcher *frees;       /* another that goes when this one is told */
    unsigned n_told;
};

static atomic_uint version;
static atomic_bool may_be_open;

static struct auth *auth_of(struct world *world, bool is_local)
{
    struct auth *auth = NULL;

    may_be_open = is_local;
    assert_int_equal(auth_new(world->reader, &version, &may_be_open, &auth), ERR_OK);
    return auth;
}

/* Puts a key into the log, and tells of it as the recorder does. */
static void make_key(struct world *world, const char *tenant, unsigned scopes, int64_t expires_at,
                     char ret_header[ACCESS_KEY_TEXT_SIZE + 8], char ret_id[ACCESS_KEY_ID_SIZE])
{
    char text[ACCESS_KEY_TEXT_SIZE];
    struct event event;

    event_init(&event, EVENT_KEY, NULL, world->now_ms);
    assert_int_equal(access_key_new(tenant, NULL, scopes, world->now_ms, expires_at, &event.key, text), ERR_OK);
    memcpy(ret_id, event.key->id, ACCESS_KEY_ID_SIZE);
    sprintf(ret_header, "Bearer %s", text);
    world_commit(world, &event);
    lose_mail(world);
    version++;
}

static void revoke_key(struct world *world, const char *id)
{
    struct event event;

    event_init(&event, EVENT_KEY, NULL, world->now_ms);
    event.key = calloc(1, sizeof *event.key);
    assert_non_null(event.key);
    memcpy(event.key->id, id, ACCESS_KEY_ID_SIZE);
    event.key->is_revoked = true;
    world_commit(world, &event);
    lose_mail(world);
    version++;
}

struct keys {
    char boss[ACCESS_KEY_TEXT_SIZE + 8], boss_id[ACCESS_KEY_ID_SIZE];
    char reader[ACCESS_KEY_TEXT_SIZE + 8], reader_id[ACCESS_KEY_ID_SIZE];
};

static void make_keys(struct world *world, struct keys *keys)
{
    make_key(world, "default", SCOPE_ADMIN, 0, keys->boss, keys->boss_id);
    make_key(world, "acme", SCOPE_READ, world->now_ms + 1000, keys->reader, keys->reader_id);
}

static enum err check(struct auth *auth, const char *header, int64_t now_ms)
{
    struct principal *principal = NULL;
    enum err err = auth_check(auth, header, now_ms, &principal);

    assert_true(!err == !!principal);
    principal_unref(principal);
    return err;
}

static void without_a_key_everybody_may_everything(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, true);
    struct principal *principal = NULL;

    assert_true(auth_is_open(auth));
    assert_int_equal(auth_check(auth, NULL, 1, &principal), ERR_OK);
    assert_true(principal_may(principal, SCOPE_ADMIN) && principal_may(principal, SCOPE_READ));
    assert_null(principal_tenant(principal));
    assert_string_equal(principal_key_id(principal), "");
    principal_unref(principal);
    assert_int_equal(check(auth, "Bearer nonsense", 1), ERR_OK);
    auth_free(auth);
}

static void off_loopback_nobody_gets_in_before_there_is_a_key(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, false);
    struct keys keys;

    assert_false(auth_is_open(auth));
    assert_int_equal(check(auth, NULL, 1), ERR_BEHIND);
    make_keys(world, &keys);
    assert_int_equal(check(auth, NULL, 1), ERR_NO_KEY);
    assert_int_equal(check(auth, keys.boss, 1), ERR_OK);
    auth_free(auth);
}

static void before_the_log_is_read_nobody_gets_in_either(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, false);
    struct principal *principal = NULL;

    assert_int_equal(check(auth, "Bearer nonsense", 1), ERR_BEHIND);
    assert_int_equal(auth_check_id(auth, "", 1, &principal), ERR_BEHIND);
    may_be_open = true;
    assert_true(auth_is_open(auth));
    assert_int_equal(check(auth, NULL, 1), ERR_OK);
    auth_free(auth);
}

static void a_key_closes_the_service_and_opens_it_for_its_holder(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, true);
    struct principal *open = NULL, *principal = NULL;
    struct keys keys;

    assert_int_equal(auth_check(auth, NULL, 1, &open), ERR_OK);
    make_keys(world, &keys);
    assert_false(auth_is_open(auth));
    assert_false(principal_is_valid(auth, open, 1));
    principal_unref(open);
    assert_int_equal(check(auth, NULL, 1), ERR_NO_KEY);
    for (int i = 0; i < 3; i++) { /* the hash, and then what is remembered of it */
        assert_int_equal(auth_check(auth, keys.reader, world->now_ms, &principal), ERR_OK);
        assert_string_equal(principal_tenant(principal), "acme");
        assert_true(principal_may(principal, SCOPE_READ) && principal_may(principal, 0));
        assert_false(principal_may(principal, SCOPE_SUBMIT | SCOPE_CANCEL));
        principal_unref(principal);
        keys.reader[40] ^= 1;
        assert_int_equal(check(auth, keys.reader, world->now_ms), ERR_NO_KEY);
        keys.reader[40] ^= 1;
    }
    keys.reader[strlen(keys.reader) - 1] = '\0';
    assert_int_equal(check(auth, keys.reader, world->now_ms), ERR_NO_KEY);
    assert_int_equal(check(auth, strstr(keys.boss, "bz_"), world->now_ms), ERR_NO_KEY);
    auth_free(auth);
}

static void a_key_ends_when_it_is_revoked_or_over(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, true);
    struct principal *reader = NULL, *boss = NULL;
    struct keys keys;

    make_keys(world, &keys);
    assert_int_equal(auth_check(auth, keys.reader, world->now_ms, &reader), ERR_OK);
    assert_int_equal(check(auth, keys.reader, world->now_ms + 999), ERR_OK);
    assert_int_equal(check(auth, keys.reader, world->now_ms + 1000), ERR_NO_KEY);
    assert_true(principal_is_valid(auth, reader, world->now_ms + 999));
    assert_false(principal_is_valid(auth, reader, world->now_ms + 1000));

    assert_int_equal(auth_check(auth, keys.boss, world->now_ms, &boss), ERR_OK);
    revoke_key(world, keys.reader_id);
    assert_false(principal_is_valid(auth, reader, world->now_ms));
    assert_true(principal_is_valid(auth, boss, world->now_ms));
    assert_int_equal(check(auth, keys.reader, world->now_ms), ERR_NO_KEY);
    assert_int_equal(check(auth, keys.boss, world->now_ms), ERR_OK);
    principal_unref(reader);
    principal_unref(boss);
    auth_free(auth);
}

static void an_id_that_was_proven_stands_for_its_key(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, true);
    struct principal *principal = NULL;
    struct keys keys;

    assert_int_equal(auth_check_id(auth, "", 1, &principal), ERR_OK);
    principal_unref(principal);
    make_keys(world, &keys);
    assert_int_equal(auth_check_id(auth, "", 1, &principal), ERR_NO_KEY);
    assert_int_equal(auth_check_id(auth, keys.reader_id, world->now_ms, &principal), ERR_OK);
    principal_unref(principal);
    assert_int_equal(auth_check_id(auth, keys.reader_id, world->now_ms + 1000, &principal), ERR_NO_KEY);
    revoke_key(world, keys.reader_id);
    assert_int_equal(auth_check_id(auth, keys.reader_id, world->now_ms, &principal), ERR_NO_KEY);
    auth_free(auth);
}

static void on_ended(struct auth_watch *watch)
{
    struct watcher *watcher = (struct watcher *)watch;

    watcher->n_told++;
    auth_unwatch(watch);
    if (watcher->frees)
        auth_unwatch(&watcher->frees->watch);
}

static void watch_with(struct auth *auth, struct watcher *watcher, const char *header, int64_t now_ms)
{
    struct principal *principal = NULL;

    assert_int_equal(auth_check(auth, header, now_ms, &principal), ERR_OK);
    auth_watch(auth, &watcher->watch, principal, on_ended);
    principal_unref(principal);
}

static void who_watches_a_key_is_told_of_its_end_once(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, true);
    struct watcher watchers[4] = {0}, open = {0};
    struct keys keys;

    watch_with(auth, &open, NULL, 1);
    auth_sweep(auth, world->now_ms);
    assert_int_equal(open.n_told, 0);
    make_keys(world, &keys);
    auth_sweep(auth, world->now_ms);
    assert_int_equal(open.n_told, 1);

    watch_with(auth, &watchers[0], keys.boss, world->now_ms);
    watch_with(auth, &watchers[1], keys.reader, world->now_ms);
    watch_with(auth, &watchers[2], keys.reader, world->now_ms);
    watch_with(auth, &watchers[3], keys.reader, world->now_ms);
    watchers[2].frees = &watchers[1];
    watchers[1].frees = &watchers[2];
    auth_unwatch(&watchers[3].watch);
    auth_sweep(auth, world->now_ms + 999);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(watchers[i].n_told, 0);
    for (int i = 0; i < 2; i++)
        auth_sweep(auth, world->now_ms + 1000);
    assert_int_equal(watchers[1].n_told + watchers[2].n_told, 1); /* the one who was told freed the other */
    assert_int_equal(watchers[0].n_told + watchers[3].n_told, 0);
    auth_unwatch(&watchers[0].watch);
    auth_unwatch(&watchers[0].watch);
    auth_free(auth);
}

static void a_key_owns_the_jobs_of_its_tenant_alone(void **state)
{
    struct world *world = *state;
    struct auth *auth = auth_of(world, true);
    struct principal *boss = NULL, *reader = NULL, *open = NULL;
    struct append *append = append_new(EVENT_SUBMITTED, NULL, 1);
    struct job *job;
    struct keys keys;

    assert_int_equal(auth_check(auth, NULL, 1, &open), ERR_OK);
    make_keys(world, &keys);
    assert_int_equal(auth_check(auth, keys.boss, world->now_ms, &boss), ERR_OK);
    assert_int_equal(auth_check(auth, keys.reader, world->now_ms, &reader), ERR_OK);
    append->event.spec = spec_new();
    job = job_new(append->event.spec);
    assert_non_null(job);
    assert_int_equal(principal_sign(open, append), ERR_OK);
    assert_int_equal(principal_sign(boss, append), ERR_OK);
    assert_null(append->event.spec->tenant); /* the default tenant goes without saying */
    assert_true(principal_owns(boss, job) && principal_owns(open, job) && !principal_owns(reader, job));
    assert_int_equal(principal_sign(reader, append), ERR_OK);
    assert_string_equal(append->event.spec->tenant, "acme");
    assert_true(principal_owns(reader, job) && !principal_owns(boss, job));
    job_unref(job);
    append_free(append);
    principal_unref(open);
    principal_unref(boss);
    principal_unref(reader);
    auth_free(auth);
}

static void many_keys_are_each_found(void **state)
{
    enum { N = 300 };
    static char headers[N][ACCESS_KEY_TEXT_SIZE + 8];
    struct world *world = *state;
    struct auth *auth = auth_of(world, true);
    char ids[N][ACCESS_KEY_ID_SIZE];

    for (unsigned i = 0; i < N; i++)
        make_key(world, "default", SCOPE_ADMIN, 0, headers[i], ids[i]);
    for (unsigned i = 0; i < N; i += 2)
        revoke_key(world, ids[i]);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(check(auth, headers[i], 1), i % 2 ? ERR_OK : ERR_NO_KEY);
    auth_free(auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(without_a_key_everybody_may_everything),
        IN_A_WORLD(off_loopback_nobody_gets_in_before_there_is_a_key),
        IN_A_WORLD(before_the_log_is_read_nobody_gets_in_either),
        IN_A_WORLD(a_key_closes_the_service_and_opens_it_for_its_holder),
        IN_A_WORLD(a_key_ends_when_it_is_revoked_or_over),
        IN_A_WORLD(an_id_that_was_proven_stands_for_its_key),
        IN_A_WORLD(who_watches_a_key_is_told_of_its_end_once),
        IN_A_WORLD(a_key_owns_the_jobs_of_its_tenant_alone),
        IN_A_WORLD(many_keys_are_each_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
