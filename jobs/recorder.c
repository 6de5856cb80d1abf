/* recorder.c: take, fold, commit, tell: the loop of the one thread that writes.
 *
 * After a failed write nothing of the group has happened and everybody in it is told so. A full disk
 * is the one failure that is waited out; after any other the state of the file is unknown, so
 * nothing more is written through this connection and the program is to stop and recover.
 *
 * What a log kept elsewhere gives has happened already and nobody can be told otherwise: its groups
 * are tried until they are written. If the program is to end first, they are read again next time. */
#include "jobs/recorder.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jobs/ballast.h"
#include "schema/clock.h"
#include "schema/log.h"
#include "schema/metric.h"

#define LISTENERS_MAX 8
#define FULL_RETRY_MS 1000
#define NOMEM_RETRY_MS 100
#define LOOK_MS 50 /* how long an end of the program may wait for a pause to be noticed */

struct listener {
    recorder_listener_fn *fn;
    void *arg;
};

struct recorder {
    char *dir;
    struct eventlog *log;
    struct view *view;
    struct listener listeners[LISTENERS_MAX];
    unsigned n_listeners;
    pthread_t thread;
    bool started;
    int64_t full_tried_at; /* recorder's thread: when the ballast was last tried */
    atomic_bool is_full, has_failed;
    atomic_bool is_ending; /* recorder_join waits */
};

static void set_full(struct recorder *recorder, bool is_full)
{
    recorder->full_tried_at = clock_mono_ms();
    atomic_store(&recorder->is_full, is_full);
    METRIC_SET(STORAGE_FULL, is_full);
}

enum err recorder_new(const char *dir, struct eventlog *log, struct view *view,
                      struct recorder **ret_recorder)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    enum err err;

    if (!recorder || !(recorder->dir = strdup(dir))) {
        free(recorder);
        return ERR_NOMEM;
    }
    recorder->log = log;
    recorder->view = view;
    err = ballast_lay(dir);
    if (err && err != ERR_STORAGE_FULL) {
        recorder_free(recorder);
        return err;
    }
    if (err)
        log_error("the disk of %s is full: new jobs are refused until there is room", dir);
    set_full(recorder, err != ERR_OK);
    *ret_recorder = recorder;
    return ERR_OK;
}

void recorder_listen(struct recorder *recorder, recorder_listener_fn *fn, void *arg)
{
    assert(!recorder->started && recorder->n_listeners < LISTENERS_MAX);
    recorder->listeners[recorder->n_listeners++] = (struct listener){fn, arg};
}

bool recorder_is_full(const struct recorder *recorder)
{
    return atomic_load(&recorder->is_full);
}

bool recorder_has_failed(const struct recorder *recorder)
{
    return atomic_load(&recorder->has_failed);
}

/* ---- the figures ---- */

/* Between two machines' clocks a span may come out below nothing. */
static int64_t span_us(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? (to_ms - from_ms) * 1000 : 0;
}

static void count_end(const struct event *event, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_SUCCEEDED:
        METRIC_INC(JOBS_SUCCEEDED);
        break;
    case CHANGE_FAILED:
        METRIC_INC(JOBS_FAILED);
        break;
    case CHANGE_CANCELLED:
        METRIC_INC(JOBS_CANCELLED);
        break;
    case CHANGE_EXPIRED:
        METRIC_INC(JOBS_EXPIRED);
        break;
    default:
        break;
    }
    if (event->kind == EVENT_FAILED)
        METRIC_INC(ATTEMPTS_FAILED);
    if (event->kind == EVENT_LOST)
        METRIC_INC(ATTEMPTS_LOST);
    if (event->kind == EVENT_DONE || event->kind == EVENT_FAILED || event->kind == EVENT_CANCELLED)
        METRIC_US(RUN_US, span_us(change->job->started_at, event->at));
}

static void count_change(const struct event *event, const struct change *change)
{
    const struct job *job = change->job;

    if (event->kind == EVENT_SUBMITTED) {
        METRIC_INC(JOBS_SUBMITTED);
    } else if (event->kind == EVENT_CLAIMED && job->n_attempts == 1) {
        int64_t ready = job->spec->run_at > job->spec->created_at ? job->spec->run_at : job->spec->created_at;
        METRIC_US(WAIT_US, span_us(ready, event->at));
    } else {
        count_end(event, change);
    }
}

/* What was committed: each change stands for one event of the group, in its order; an event about no
 * job stands for none. */
static void count(const struct append *group, const struct changes *changes)
{
    int64_t folded = 0, ignored = 0;
    unsigned n = 0;

    for (; group; group = group->next, folded++) {
        if (n < changes->n && changes->at[n].pos == group->event.pos)
            count_change(&group->event, &changes->at[n++]);
        if (group->outcome != OUTCOME_ACCEPTED)
            ignored++;
    }
    METRIC_ADD(EVENTS_FOLDED, folded);
    METRIC_ADD(EVENTS_IGNORED, ignored);
}

/* ---- a group ---- */

static void finish(struct append *append, enum err err)
{
    if (err) {
        job_unref(append->job);
        append->job = NULL;
    }
    append->err = err;
    if (append->done)
        append->done(append);
    else
        append_free(append);
}

static void finish_all(struct append *group, enum err err)
{
    for (struct append *next; group; group = next) {
        next = group->next;
        finish(group, err);
    }
}

static enum err apply(struct recorder *recorder, struct append *append, struct changes *changes)
{
    struct view_step step;
    enum err err = view_apply(recorder->view, &append->event, &step);

    if (err)
        return err;
    append->outcome = (enum outcome)step.outcome;
    append->job = step.job;
    if (step.changed) {
        changes->at[changes->n++] = (struct change){
            .kind = step.told, .pos = append->event.pos, .at = append->event.at, .job = job_ref(step.job)};
        if (step.told == CHANGE_REMOVED) {
            job_unref(append->job);
            append->job = NULL;
        }
    }
    if (step.outcome == OUTCOME_ACCEPTED) {
        changes->keys_changed |= append->event.kind == EVENT_KEY;
        changes->queues_changed |= append->event.kind == EVENT_QUEUE;
    }
    changes->last_pos = append->event.pos;
    return ERR_OK;
}

static void forget(struct append *group)
{
    for (; group; group = group->next) {
        job_unref(group->job);
        group->job = NULL;
    }
}

static enum err commit(struct recorder *recorder)
{
    int64_t before = clock_mono_us();
    enum err err = view_commit(recorder->view);

    METRIC_INC(COMMITS);
    METRIC_US(COMMIT_US, clock_mono_us() - before);
    return err;
}

/* All of the group, durable, or nothing of it. */
static enum err write_group(struct recorder *recorder, struct append *group, struct changes **ret_changes)
{
    struct changes *changes;
    unsigned n = 0;
    enum err err;

    for (struct append *at = group; at; at = at->next)
        n++;
    changes = changes_new(n);
    if (!changes)
        return ERR_NOMEM;
    err = view_begin(recorder->view);
    for (struct append *at = group; at && !err; at = at->next)
        err = apply(recorder, at, changes);
    if (!err)
        err = commit(recorder);
    if (err) {
        METRIC_INC(COMMIT_FAILURES);
        view_rollback(recorder->view);
        forget(group);
        changes_unref(changes);
        return err;
    }
    count(group, changes);
    *ret_changes = changes;
    return ERR_OK;
}

/* Refuses the submissions of a group; what is left belongs to jobs already accepted. */
static struct append *refuse_submissions(struct append *group)
{
    struct append *rest = NULL, **end = &rest;

    for (struct append *next; group; group = next) {
        next = group->next;
        if (group->event.kind == EVENT_SUBMITTED) {
            finish(group, ERR_STORAGE_FULL);
        } else {
            *end = group;
            end = &group->next;
        }
    }
    *end = NULL;
    return rest;
}

static void give_up_ballast(struct recorder *recorder)
{
    if (!recorder_is_full(recorder))
        log_error("the disk of %s is full: new jobs are refused until there is room", recorder->dir);
    set_full(recorder, true);
    ballast_drop(recorder->dir);
}

static enum err write_what_may_be(struct recorder *recorder, struct append **group, struct changes **ret_changes)
{
    enum err err = write_group(recorder, *group, ret_changes);

    if (err != ERR_STORAGE_FULL)
        return err;
    give_up_ballast(recorder);
    *group = refuse_submissions(*group);
    return *group ? write_group(recorder, *group, ret_changes) : ERR_OK;
}

/* False when the program is to end. */
static bool pause_for(const struct recorder *recorder, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;

    while (clock_mono_ms() < until && !atomic_load(&recorder->is_ending)) {
        struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &look, NULL);
    }
    return !atomic_load(&recorder->is_ending);
}

static enum err write_until_written(struct recorder *recorder, struct append *group, struct changes **ret_changes)
{
    for (;;) {
        bool was_full = recorder_is_full(recorder);
        enum err err = write_group(recorder, group, ret_changes);
        if (err != ERR_STORAGE_FULL && err != ERR_NOMEM)
            return err;
        if (err == ERR_STORAGE_FULL)
            give_up_ballast(recorder);
        if (err == ERR_STORAGE_FULL && !was_full)
            continue; /* now there is room for a while */
        if (!pause_for(recorder, err == ERR_NOMEM ? NOMEM_RETRY_MS : FULL_RETRY_MS))
            return err;
    }
}

static void fail(struct recorder *recorder, enum err err)
{
    log_error("writing %s/buzzer.db failed: %s", recorder->dir, err_sentence(err));
    atomic_store(&recorder->has_failed, true);
}

static void record(struct recorder *recorder, struct append *group)
{
    struct changes *changes = NULL;
    bool can_refuse = eventlog_can_refuse(recorder->log);
    enum err err = can_refuse ? write_what_may_be(recorder, &group, &changes)
                              : write_until_written(recorder, group, &changes);

    /* What could be neither written nor refused leaves a hole that nothing may be folded behind. */
    if (err && (!can_refuse || (err != ERR_STORAGE_FULL && err != ERR_NOMEM))) {
        fail(recorder, err);
        err = ERR_IO;
    }
    for (unsigned i = 0; changes && i < recorder->n_listeners; i++)
        recorder->listeners[i].fn(recorder->listeners[i].arg, changes);
    changes_unref(changes);
    finish_all(group, err);
}

static void try_ballast(struct recorder *recorder)
{
    if (!recorder_is_full(recorder) || clock_mono_ms() - recorder->full_tried_at < FULL_RETRY_MS)
        return;
    if (ballast_lay(recorder->dir)) {
        recorder->full_tried_at = clock_mono_ms();
        return;
    }
    set_full(recorder, false);
    log_info("the disk of %s has room again", recorder->dir);
}

static void *run(void *arg)
{
    struct recorder *recorder = arg;
    struct append *group;

    log_set_component("recorder");
    while (eventlog_take(recorder->log, recorder_is_full(recorder) ? FULL_RETRY_MS : -1, &group)) {
        enum err err;
        if (recorder_has_failed(recorder)) {
            finish_all(group, ERR_IO);
            continue;
        }
        try_ballast(recorder);
        if (recorder_is_full(recorder) && eventlog_can_refuse(recorder->log))
            group = refuse_submissions(group);
        if (!group)
            continue;
        record(recorder, group);
        err = recorder_has_failed(recorder) ? ERR_OK : view_tidy(recorder->view);
        if (err && err != ERR_STORAGE_FULL && err != ERR_NOMEM)
            fail(recorder, err);
    }
    return NULL;
}

enum err recorder_start(struct recorder *recorder)
{
    recorder->started = pthread_create(&recorder->thread, NULL, run, recorder) == 0;
    return recorder->started ? ERR_OK : ERR_NOMEM;
}

void recorder_join(struct recorder *recorder)
{
    if (!recorder->started)
        return;
    atomic_store(&recorder->is_ending, true);
    pthread_join(recorder->thread, NULL);
    recorder->started = false;
}

void recorder_free(struct recorder *recorder)
{
    if (!recorder)
        return;
    free(recorder->dir);
    free(recorder);
}
