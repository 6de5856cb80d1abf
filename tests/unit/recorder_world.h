/* recorder_world.h: a whole write path (log, recorder, view) in a folder of its own, with a listener
 * that can hold the recorder still, and appends one can wait for. The log is the embedded one, or with
 * a prefix for its topics one on Kafka. */
#ifndef BUZZER_TESTS_RECORDER_WORLD_H
#define BUZZER_TESTS_RECORDER_WORLD_H

#include "tests/unit/log_world.h"

#include <semaphore.h>

#include "jobs/eventlog_kafka.h"
#include "jobs/presence.h"
#include "jobs/recorder.h"

struct path {
    struct world world;
    char prefix[64]; /* "": embedded */
    unsigned n_lives;
    struct eventlog *log;
    struct recorder *recorder;
    sem_t held, go; /* a group was told; it may go on */
    atomic_bool hold;
    atomic_long n_told, n_groups, last_pos, largest;
};

static inline void path_listen(void *arg, struct changes *changes)
{
    struct path *path = arg;

    atomic_fetch_add(&path->n_groups, 1);
    atomic_fetch_add(&path->n_told, (long)changes->n);
    atomic_store(&path->last_pos, changes->last_pos);
    if ((long)changes->n > atomic_load(&path->largest))
        atomic_store(&path->largest, (long)changes->n);
    if (atomic_exchange(&path->hold, false)) {
        sem_post(&path->held);
        while (sem_wait(&path->go))
            ;
    }
}

static inline void path_open_kafka(struct path *path)
{
    struct eventlog_kafka_config config = {
        .brokers = getenv("KAFKA_BROKERS"), .prefix = path->prefix, .replicas = 1, .dir = path->world.dir};
    char message[256], name[PRESENCE_NAME_SIZE];

    if (view_open(path->world.dir, VIEW_OF_LOG, &path->world.view, message, sizeof message))
        fail_msg("%s", message);
    /* A life's name is its own: the folder's and a count. */
    snprintf(name, sizeof name, "host.%s-%u", path->world.dir + strlen(path->world.dir) - 6, ++path->n_lives);
    config.name = name;
    config.log_id = view_log_id(path->world.view);
    config.last_pos = view_last_pos(path->world.view, &config.last_seal);
    if (eventlog_kafka_open(&config, &path->log, message, sizeof message))
        fail_msg("%s", message);
}

static inline void path_catch_up(struct path *path)
{
    struct eventlog_state state = {0};

    while (!state.is_caught_up) {
        eventlog_state(path->log, &state);
        if (state.failed)
            fail_msg("%s", state.why);
        usleep(1000);
    }
}

static inline void path_start(struct path *path)
{
    if (path->prefix[0]) {
        path_open_kafka(path);
    } else {
        world_open(&path->world);
        assert_int_equal(eventlog_sqlite_open(view_next_pos(path->world.view), &path->log), ERR_OK);
    }
    assert_int_equal(recorder_new(path->world.dir, path->log, path->world.view, &path->recorder), ERR_OK);
    recorder_listen(path->recorder, path_listen, path);
    assert_int_equal(recorder_start(path->recorder), ERR_OK);
    path_catch_up(path);
}

static inline void path_stop(struct path *path)
{
    eventlog_stop(path->log);
    recorder_join(path->recorder);
    recorder_free(path->recorder);
    eventlog_close(path->log);
    view_close(path->world.view);
    path->world.view = NULL;
}

static inline struct path *path_new(const char *prefix)
{
    struct path *path = calloc(1, sizeof *path);

    assert_non_null(path);
    snprintf(path->prefix, sizeof path->prefix, "%s", prefix);
    folder_make(path->world.dir);
    sem_init(&path->held, 0, 0);
    sem_init(&path->go, 0, 0);
    path_start(path);
    return path;
}

static inline void path_free(struct path *path)
{
    if (path->world.view)
        path_stop(path);
    folder_remove(path->world.dir);
    sem_destroy(&path->held);
    sem_destroy(&path->go);
    free(path);
}

static inline int path_set_up(void **state)
{
    *state = path_new("");
    return 0;
}

static inline int path_tear_down(void **state)
{
    path_free(*state);
    return 0;
}

/* ---- appends one can wait for ---- */

struct waited {
    struct append *append;
    sem_t done;
    atomic_int n_done;
};

static inline void waited_done(struct append *append)
{
    struct waited *waited = append->owner;

    atomic_fetch_add(&waited->n_done, 1);
    sem_post(&waited->done);
}

static inline void waited_make(struct waited *waited, enum event_kind kind, unsigned number, int epoch,
                               int64_t at)
{
    struct append *append = calloc(1, sizeof *append);

    assert_non_null(append);
    append->event = event_of(kind, number, 0, at);
    append->event.epoch = epoch;
    if (kind == EVENT_CLAIMED)
        append->event.worker = strdup("host-1");
    append->done = waited_done;
    append->owner = waited;
    waited->append = append;
    atomic_store(&waited->n_done, 0);
    sem_init(&waited->done, 0, 0);
}

static inline void waited_wait(struct waited *waited)
{
    while (sem_wait(&waited->done))
        ;
}

static inline void waited_clear(struct waited *waited)
{
    append_free(waited->append);
    sem_destroy(&waited->done);
}

/* Appends one event, waits for it, and gives what came of it. */
static inline enum err path_tell(struct path *path, enum event_kind kind, unsigned number, int epoch,
                                 int64_t at, enum outcome *ret_outcome)
{
    struct waited waited;
    enum err err;

    waited_make(&waited, kind, number, epoch, at);
    assert_int_equal(eventlog_append(path->log, waited.append, kind != EVENT_SUBMITTED), ERR_OK);
    waited_wait(&waited);
    err = waited.append->err;
    *ret_outcome = waited.append->outcome;
    waited_clear(&waited);
    return err;
}

#define WITH_PATH(test) cmocka_unit_test_setup_teardown(test, path_set_up, path_tear_down)

#endif
