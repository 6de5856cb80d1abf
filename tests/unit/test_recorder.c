// needs: jobs
/* The recorder: who is told what and when, and a disk that is full or broken. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#include "jobs/eventlog_priv.h"
#include "tests/unit/recorder_world.h"

struct order {
    struct path *path;
    struct waited waited;
    long told_before_done;
};

static void note_order(struct append *append)
{
    struct order *order = append->owner;

    order->told_before_done = atomic_load(&order->path->n_told);
    sem_post(&order->waited.done);
}

static void listeners_hear_before_the_one_who_asked(void **state)
{
    struct path *path = *state;
    struct order order = {.path = path};

    waited_make(&order.waited, EVENT_SUBMITTED, 1, 0, T0);
    order.waited.append->done = note_order;
    order.waited.append->owner = &order;
    assert_int_equal(eventlog_append(path->log, order.waited.append, false), ERR_OK);
    waited_wait(&order.waited);
    assert_int_equal(order.told_before_done, 1);
    waited_clear(&order.waited);
}

static void when_done_is_called_any_reader_sees_it(void **state)
{
    struct path *path = *state;
    struct reader *reader;
    struct job *job;
    enum outcome outcome;
    char id[ID_SIZE];

    assert_int_equal(reader_open(path->world.dir, &reader), ERR_OK);
    for (unsigned i = 1; i <= 200; i++) {
        assert_int_equal(path_tell(path, EVENT_SUBMITTED, i, 0, T0, &outcome), ERR_OK);
        id_of(i, id);
        assert_int_equal(reader_job(reader, id, &job), ERR_OK);
        job_unref(job);
    }
    reader_close(reader);
}

static void what_nobody_waits_for_is_freed_and_told_all_the_same(void **state)
{
    struct path *path = *state;
    struct append *append;
    enum outcome outcome;

    path_tell(path, EVENT_SUBMITTED, 1, 0, T0, &outcome);
    append = append_new(EVENT_CANCEL, "01kb0000000000000000000001", T0);
    assert_non_null(append);
    assert_int_equal(eventlog_append(path->log, append, true), ERR_OK);
    path_tell(path, EVENT_REMOVED, 1, 0, T0 + 5000, &outcome);
    assert_int_equal(outcome, OUTCOME_ACCEPTED);
    assert_int_equal(atomic_load(&path->n_told), 3);
}

static void a_broken_disk_fails_the_group_and_all_after_it(void **state)
{
    struct path *path = *state;
    struct rlimit before, none;
    enum outcome outcome;

    assert_int_equal(path_tell(path, EVENT_SUBMITTED, 1, 0, T0, &outcome), ERR_OK);
    /* No file may grow: writes fail with EFBIG, which is not a full disk. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum err err = path_tell(path, EVENT_SUBMITTED, 2, 0, T0, &outcome);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(err, ERR_IO);
    assert_true(recorder_has_failed(path->recorder));
    assert_false(recorder_is_full(path->recorder));
    /* Even though the disk would take it now: what the file holds is unknown until it is opened anew. */
    assert_int_equal(path_tell(path, EVENT_SUBMITTED, 3, 0, T0, &outcome), ERR_IO);
    path_stop(path);
    path_start(path);
    assert_int_equal(path_tell(path, EVENT_SUBMITTED, 1, 0, T0, &outcome), ERR_OK);
    assert_int_equal(outcome, OUTCOME_IGNORED); /* the first is there */
    assert_int_equal(path_tell(path, EVENT_SUBMITTED, 2, 0, T0, &outcome), ERR_OK);
    assert_int_equal(outcome, OUTCOME_ACCEPTED); /* the second never was */
}

/* A small disk of our own, seen by this process alone; false where that is not allowed. */
static bool mount_small_disk(const char *dir)
{
    if (unshare(CLONE_NEWNS) != 0)
        return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, "size=48m") == 0;
}

static void fill_disk(const char *dir)
{
    static const char zeros[65536];
    char path[128];
    int fd;
    size_t piece = sizeof zeros;

    snprintf(path, sizeof path, "%s/filler", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (piece) {
        if (write(fd, zeros, piece) <= 0)
            piece /= 2;
    }
    close(fd);
}

static void wait_until_not_full(struct path *path)
{
    struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; i < 20000 && recorder_is_full(path->recorder); i++)
        nanosleep(&pause, NULL); /* it looks once a second by itself */
    assert_false(recorder_is_full(path->recorder));
}

static void a_full_disk_refuses_new_work_and_ends_the_old(void **state)
{
    struct path path = {0};
    enum outcome outcome;
    unsigned number = 0;
    char filler[128];
    enum err err;

    (void)state;
    folder_make(path.world.dir);
    if (!mount_small_disk(path.world.dir)) {
        rmdir(path.world.dir);
        skip();
    }
    sem_init(&path.held, 0, 0);
    sem_init(&path.go, 0, 0);
    path_start(&path);
    assert_int_equal(path_tell(&path, EVENT_SUBMITTED, ++number, 0, T0, &outcome), ERR_OK);
    assert_false(recorder_is_full(path.recorder));
    fill_disk(path.world.dir);
    do
        err = path_tell(&path, EVENT_SUBMITTED, ++number, 0, T0, &outcome);
    while (!err && number < 10000);
    assert_int_equal(err, ERR_STORAGE_FULL);
    assert_true(recorder_is_full(path.recorder));
    assert_false(recorder_has_failed(path.recorder));
    for (unsigned i = 1; i < number; i++) {
        assert_int_equal(path_tell(&path, EVENT_CLAIMED, i, 1, T0, &outcome), ERR_OK);
        assert_int_equal(outcome, OUTCOME_ACCEPTED);
        assert_int_equal(path_tell(&path, EVENT_SUBMITTED, number, 0, T0, &outcome), ERR_STORAGE_FULL);
    }
    snprintf(filler, sizeof filler, "%s/filler", path.world.dir);
    assert_int_equal(unlink(filler), 0);
    wait_until_not_full(&path);
    assert_int_equal(path_tell(&path, EVENT_SUBMITTED, number, 0, T0, &outcome), ERR_OK);
    assert_int_equal(outcome, OUTCOME_ACCEPTED);
    path_stop(&path);
    assert_replays(path.world.dir);
    assert_int_equal(umount(path.world.dir), 0);
    assert_int_equal(rmdir(path.world.dir), 0);
    sem_destroy(&path.held);
    sem_destroy(&path.go);
}

/* ---- a log that has happened already ---- */

#define LARGE (1 << 20)

/* The embedded log's queue in front of a view that is only a copy: what it gives cannot be refused. */
static void start_copy(struct path *path, struct eventlog_ops *ops)
{
    world_open(&path->world);
    world_genesis(&path->world, "1f00a2c4", 1);
    assert_int_equal(eventlog_sqlite_open(view_next_pos(path->world.view), &path->log), ERR_OK);
    *ops = *path->log->ops;
    ops->can_refuse = false;
    path->log->ops = ops;
    assert_int_equal(recorder_new(path->world.dir, path->log, path->world.view, &path->recorder), ERR_OK);
    recorder_listen(path->recorder, path_listen, path);
    assert_int_equal(recorder_start(path->recorder), ERR_OK);
}

static bool is_done_soon(struct waited *waited)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    return sem_timedwait(&waited->done, &until) == 0;
}

/* Submits until one is stuck, which is left in *waited; each before it was taken. */
static void submit_until_stuck(struct path *path, unsigned *number, struct waited *waited)
{
    for (unsigned i = 0; i < 200; i++) {
        waited_make(waited, EVENT_SUBMITTED, ++*number, 0, T0);
        body_unref(waited->append->event.body);
        waited->append->event.body = body_new("text/plain", NULL, LARGE);
        assert_non_null(waited->append->event.body);
        memset(waited->append->event.body->bytes, 'x', LARGE);
        assert_int_equal(eventlog_append(path->log, waited->append, false), ERR_OK);
        if (!is_done_soon(waited))
            return;
        assert_int_equal(waited->append->err, ERR_OK);
        assert_int_equal(waited->append->outcome, OUTCOME_ACCEPTED);
        waited_clear(waited);
    }
    fail_msg("the disk is never full");
}

static void what_cannot_be_refused_waits_for_room(void **state)
{
    struct path path = {0};
    struct eventlog_ops ops;
    struct waited waited;
    unsigned number = 0;
    char filler[128];

    (void)state;
    folder_make(path.world.dir);
    if (!mount_small_disk(path.world.dir)) {
        rmdir(path.world.dir);
        skip();
    }
    path.world.kind = VIEW_OF_LOG;
    snprintf(filler, sizeof filler, "%s/filler", path.world.dir);
    start_copy(&path, &ops);
    fill_disk(path.world.dir);
    submit_until_stuck(&path, &number, &waited);
    assert_true(recorder_is_full(path.recorder));
    assert_false(recorder_has_failed(path.recorder));
    assert_int_equal(unlink(filler), 0);
    waited_wait(&waited);
    assert_int_equal(waited.append->err, ERR_OK);
    assert_int_equal(waited.append->outcome, OUTCOME_ACCEPTED);
    assert_int_equal(atomic_load(&waited.n_done), 1);
    waited_clear(&waited);
    assert_int_equal(atomic_load(&path.n_told), number);

    /* An end of the program does not wait for room: what is stuck is read again next time. */
    fill_disk(path.world.dir);
    submit_until_stuck(&path, &number, &waited);
    path_stop(&path);
    waited_wait(&waited);
    assert_int_equal(waited.append->err, ERR_IO);
    waited_clear(&waited);
    assert_int_equal(umount(path.world.dir), 0);
    assert_int_equal(rmdir(path.world.dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PATH(listeners_hear_before_the_one_who_asked),
        WITH_PATH(when_done_is_called_any_reader_sees_it),
        WITH_PATH(what_nobody_waits_for_is_freed_and_told_all_the_same),
        WITH_PATH(a_broken_disk_fails_the_group_and_all_after_it),
        cmocka_unit_test(a_full_disk_refuses_new_work_and_ends_the_old),
        cmocka_unit_test(what_cannot_be_refused_waits_for_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
