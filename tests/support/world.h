/* world.h: a whole service without its front: types, view, log, recorder and a worker with real
 * executors, in a folder of its own. The test program is its own executor: main starts with
 * WORLD_MAIN. Waiting is for conditions, with a bound that fails the test, never for time. */
#ifndef BUZZER_TESTS_WORLD_H
#define BUZZER_TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "jobs/eventlog.h"
#include "jobs/recorder.h"
#include "jobs/types.h"
#include "jobs/view.h"
#include "jobs/worker.h"
#include "schema/clock.h"
#include "schema/config.h"

#define WORLD_TYPES 48
#define WORLD_JOBS 4096
#define WORLD_WAIT_MS 30000

#define WORLD_MAIN(argc, argv)                                                                     \
    if ((argc) > 1 && strcmp((argv)[1], "executor") == 0)                                          \
    return executor_main(argc, argv)

struct world {
    char dir[64];
    struct config config;
    struct config_type entries[WORLD_TYPES];
    struct types *types;
    struct view *view;
    struct eventlog *log;
    struct eventlog *(*wrap)(struct world *world, struct eventlog *log);   /* or NULL; makes the log that is used */
    struct recorder *recorder;
    struct worker *worker;
    char name[PRESENCE_NAME_SIZE];
    struct reader *reader;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *jobs[WORLD_JOBS];        /* as last told */
    unsigned n_jobs, n_progress, n_final;
    int last_percent;
};

/* What an entry of `types:` says when it says nothing. */
static inline struct config_type *world_type(struct world *world, const char *name)
{
    struct config_type *entry = &world->entries[world->config.n_types++];
    *entry = (struct config_type){.name = (char *)(uintptr_t)name, .timeout_ms = -1, .kill_grace_ms = -1,
                                  .backoff_ms = 1, .backoff_max_ms = 1, .memory_bytes = -1, .output_bytes = -1,
                                  .keep_ms = -1, .max_attempts = 1, .max_losses = -1, .concurrency = -1, .network = -1};
    world->config.types = world->entries;
    return entry;
}

static inline void world_on_changes(void *arg, struct changes *changes)
{
    struct world *world = arg;

    pthread_mutex_lock(&world->lock);
    for (unsigned i = 0; i < changes->n; i++) {
        struct job *job = changes->at[i].job;
        unsigned at = 0;
        if (changes->at[i].kind == CHANGE_PROGRESS) {
            world->n_progress++;
            world->last_percent = job->progress.percent;
            continue;
        }
        world->n_final += job_state_is_final(job->state);
        while (at < world->n_jobs && strcmp(world->jobs[at]->spec->id, job->spec->id) != 0)
            at++;
        if (at == WORLD_JOBS)
            continue;
        if (at < world->n_jobs)
            job_unref(world->jobs[at]);
        else
            world->n_jobs++;
        world->jobs[at] = job_ref(job);
    }
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static inline void world_start_worker(struct world *world, int slots)
{
    struct worker_config config = {.dir = world->dir, .types = world->types, .log = world->log,
                                   .name = world->name, .slots = slots,
                                   .drain_ms = 10000, .on_progress = world_on_changes, .on_progress_arg = world};
    assert_int_equal(node_name(world->dir, world->name), ERR_OK);
    assert_int_equal(worker_new(&config, &world->worker), ERR_OK);
}

static inline struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    strcpy(world->dir, "/tmp/buzzer-test-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->config.result_bytes = 16 << 20;
    pthread_mutex_init(&world->lock, NULL);
    pthread_cond_init(&world->changed, NULL);
    return world;
}

static inline void world_open(struct world *world, int slots)
{
    char message[256] = "";

    if (types_new(&world->config, &world->types, message, sizeof message) ||
        view_open(world->dir, VIEW_IS_LOG, &world->view, message, sizeof message))
        fail_msg("%s", message);
    assert_int_equal(eventlog_sqlite_open(view_next_pos(world->view), &world->log), ERR_OK);
    if (world->wrap)
        world->log = world->wrap(world, world->log);
    assert_int_equal(recorder_new(world->dir, world->log, world->view, &world->recorder), ERR_OK);
    world_start_worker(world, slots);
    recorder_listen(world->recorder, world_on_changes, world);
    recorder_listen(world->recorder, worker_on_changes, world->worker);
    assert_int_equal(recorder_start(world->recorder), ERR_OK);
    assert_int_equal(worker_start(world->worker), ERR_OK);
    assert_int_equal(reader_open(world->dir, &world->reader), ERR_OK);
}

static inline void world_stop(struct world *world)
{
    if (world->worker) {
        worker_stop_now(world->worker);
        worker_join(world->worker);
    }
    eventlog_stop(world->log);
    recorder_join(world->recorder);
    recorder_free(world->recorder);
    eventlog_close(world->log);
    worker_free(world->worker);
    reader_close(world->reader);
    view_close(world->view);
    types_free(world->types);
    world->worker = NULL;
    world->reader = NULL;
}

static inline void world_free(struct world *world)
{
    char command[128];

    world_stop(world);
    for (unsigned i = 0; i < world->n_jobs; i++)
        job_unref(world->jobs[i]);
    snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
    assert_int_equal(system(command), 0);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->changed);
    free(world);
}

static inline int world_tear_down(void **state)
{
    world_free(*state);
    return 0;
}

static inline struct append *world_submission(struct world *world, const char *type, const char *media_type,
                                              const void *input, size_t len)
{
    const struct job_type *known = types_find(world->types, type);
    struct spec *spec = spec_new();
    char id[ID_SIZE];

    assert_non_null(known);
    id_make(clock_wall_ms(), id);
    memcpy(spec->id, id, ID_SIZE);
    spec->priority = PRIORITY_DEFAULT;
    spec->created_at = clock_wall_ms();
    spec->keep_ms = known->keep_ms;
    spec->timeout_ms = known->timeout_ms;
    spec->max_attempts = known->max_attempts;
    spec->max_losses = known->max_losses;
    spec->type = strdup(type);
    spec->queue = strdup("default");
    struct append *append = append_new(EVENT_SUBMITTED, id, spec->created_at);
    append->event.spec = spec;
    append->event.body = body_new(media_type, input, len);
    return append;
}

static inline void world_submit_bytes(struct world *world, const char *type, const char *media_type,
                                      const void *input, size_t len, char id[ID_SIZE])
{
    struct append *append = world_submission(world, type, media_type, input, len);
    memcpy(id, append->event.job, ID_SIZE);
    assert_int_equal(eventlog_append(world->log, append, false), ERR_OK);
}

static inline void world_submit(struct world *world, const char *type, const char *json, char id[ID_SIZE])
{
    world_submit_bytes(world, type, "application/json", json, strlen(json), id);
}

static inline void world_cancel(struct world *world, const char *id)
{
    assert_int_equal(eventlog_append(world->log, append_new(EVENT_CANCEL, id, clock_wall_ms()), false), ERR_OK);
}

static inline struct job *world_find(struct world *world, const char *id)
{
    for (unsigned i = 0; i < world->n_jobs; i++)
        if (strcmp(world->jobs[i]->spec->id, id) == 0)
            return world->jobs[i];
    return NULL;
}

/* Waits on the lock for something to change; false when the bound is reached. */
static inline bool world_wait(struct world *world, const struct timespec *until)
{
    return pthread_cond_timedwait(&world->changed, &world->lock, until) != ETIMEDOUT;
}

static inline struct timespec world_deadline(int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    return until;
}

/* A reference to the job once it is in the state. */
static inline struct job *world_await(struct world *world, const char *id, enum job_state state)
{
    struct timespec until = world_deadline(WORLD_WAIT_MS);
    struct job *job;

    pthread_mutex_lock(&world->lock);
    for (;;) {
        job = world_find(world, id);
        if (job && job->state == state)
            break;
        if ((job && job_state_is_final(job->state)) || !world_wait(world, &until)) {
            pthread_mutex_unlock(&world->lock);
            fail_msg("the job is %s, not %s: %s", job ? job_state_word(job->state) : "unknown", job_state_word(state),
                     job && job->error.message ? job->error.message : "");
        }
    }
    job = job_ref(job);
    pthread_mutex_unlock(&world->lock);
    return job;
}

static inline struct job *world_run(struct world *world, const char *type, const char *input,
                                    enum job_state state)
{
    char id[ID_SIZE];

    world_submit(world, type, input, id);
    return world_await(world, id, state);
}

/* The job fails with this code, and its message has this part. */
static inline void world_expect_failure(struct world *world, const char *type, enum job_error_code code,
                                        const char *part)
{
    struct job *job = world_run(world, type, "{}", JOB_FAILED);

    assert_string_equal(job_error_word(job->error.code), job_error_word(code));
    if (!job->error.message || !strstr(job->error.message, part))
        fail_msg("%s does not say %s", job->error.message ? job->error.message : "nothing", part);
    job_unref(job);
}

static inline void world_await_final(struct world *world, unsigned n)
{
    struct timespec until = world_deadline(WORLD_WAIT_MS);

    pthread_mutex_lock(&world->lock);
    while (world->n_final < n)
        if (!world_wait(world, &until))
            break;
    unsigned reached = world->n_final;
    pthread_mutex_unlock(&world->lock);
    assert_true(reached >= n);
}

static inline void world_await_progress(struct world *world)
{
    struct timespec until = world_deadline(WORLD_WAIT_MS);

    pthread_mutex_lock(&world->lock);
    while (world->n_progress == 0)
        if (!world_wait(world, &until))
            break;
    unsigned reached = world->n_progress;
    pthread_mutex_unlock(&world->lock);
    assert_true(reached > 0);
}

#endif
