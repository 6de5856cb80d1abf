// needs: jobs
/* A copy of a view, made while it is written to, is a view of its own that goes on from its place. */
#include <pthread.h>
#include <sys/stat.h>

#include "tests/unit/log_world.h"

#define SNAPSHOTS 5

/* What the writer knows to be so after each event. */
struct writer {
    struct world world;
    pthread_t thread;
    atomic_bool stop;
    atomic_uint n;
    uint64_t hashes[200000];
};

static int64_t pos_of(unsigned n)
{
    return (int64_t)n * 1024 + 1;
}

static struct event nth(unsigned n)
{
    static const enum event_kind lives[] = {EVENT_SUBMITTED, EVENT_CLAIMED, EVENT_DONE};
    struct event event = event_of(lives[n % 3], n / 3, pos_of(n), T0);

    event.seal = n + 1000;
    if (event.kind == EVENT_CLAIMED)
        event.worker = strdup("host-1");
    event.epoch = event.kind != EVENT_SUBMITTED;
    return event;
}

static void *write_on(void *arg)
{
    struct writer *writer = arg;

    for (unsigned n = 1; !atomic_load(&writer->stop) && n + 3 < sizeof writer->hashes / sizeof *writer->hashes; n++) {
        struct event event = nth(n + 2);
        struct view_step step;
        int64_t pos;
        if (view_begin(writer->world.view) || view_apply(writer->world.view, &event, &step) ||
            view_commit(writer->world.view) || step.outcome != OUTCOME_ACCEPTED)
            abort();
        job_unref(step.job);
        event_clear(&event);
        writer->hashes[n + 2] = view_state_hash(writer->world.view, &pos);
        atomic_store(&writer->n, n);
        view_tidy(writer->world.view);
    }
    return NULL;
}

static void check(const struct writer *writer, struct world *copy)
{
    uint64_t seal;
    int64_t pos, last;
    struct event event;
    unsigned n;

    world_open(copy);
    last = view_last_pos(copy->view, &seal);
    n = (unsigned)(last / 1024);
    assert_int_equal(last, pos_of(n));
    assert_int_equal(seal, n + 1000);
    assert_true(view_state_hash(copy->view, &pos) == writer->hashes[n]);
    assert_int_equal(pos, last);
    assert_string_equal(view_log_id(copy->view), "1f00a2c4");
    assert_replays(copy->dir);
    event = nth(n + 1);
    assert_int_equal(world_apply_at(copy, &event, NULL), OUTCOME_ACCEPTED);
    event_clear(&event);
}

static void a_copy_made_under_way_goes_on_from_its_place(void **state)
{
    static struct writer writer;
    struct world copies[SNAPSHOTS];
    char path[128];

    (void)state;
    world_make_of(&writer.world, VIEW_OF_LOG);
    world_genesis(&writer.world, "1f00a2c4", 1);
    assert_int_equal(pthread_create(&writer.thread, NULL, write_on, &writer), 0);
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        unsigned before = atomic_load(&writer.n);
        while (atomic_load(&writer.n) < before + 300)
            ; /* so that each holds more than the one before */
        folder_make(copies[i].dir);
        copies[i].kind = VIEW_OF_LOG;
        snprintf(path, sizeof path, "%.63s/buzzer.db", copies[i].dir);
        assert_int_equal(view_snapshot(writer.world.dir, path), ERR_OK);
    }
    atomic_store(&writer.stop, true);
    pthread_join(writer.thread, NULL);
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        check(&writer, &copies[i]);
        world_end(&copies[i]);
    }
    world_end(&writer.world);
}

static void a_copy_is_its_owners_and_overwrites_nothing(void **state)
{
    struct world world;
    struct stat file;
    char path[128], there[128];

    (void)state;
    world_make(&world);
    world_tell(&world, EVENT_SUBMITTED, 1, 0, T0);
    snprintf(path, sizeof path, "%s/copy", world.dir);
    assert_int_equal(view_snapshot(world.dir, path), ERR_OK);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(view_snapshot(world.dir, path), ERR_IO);
    snprintf(there, sizeof there, "%s/no/copy", world.dir);
    assert_int_equal(view_snapshot(world.dir, there), ERR_IO);
    snprintf(there, sizeof there, "%s/second", world.dir);
    assert_int_not_equal(view_snapshot("/nowhere/at/all", there), ERR_OK);
    assert_int_not_equal(access(there, F_OK), 0); /* nothing half made is left */
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_made_under_way_goes_on_from_its_place),
        cmocka_unit_test(a_copy_is_its_owners_and_overwrites_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
