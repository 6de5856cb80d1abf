/* eventlog_sqlite.c: the embedded log's way in. The log itself is the events table, written by the
 * view in the same transaction as the rows it leads to; what is left for this file is the order: a
 * mailbox in two parts, drained by the recorder, that hands out positions.
 *
 *   clients' events ───> external ─┐
 *                                  ├──> take: internal first, then external, whole lists only
 *   the worker's   ───> internal ──┘
 *
 * A thread that appends signals only when the recorder sleeps: under load it never does, and the
 * next group forms itself while the last one is written. */
#include "jobs/eventlog_priv.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "schema/clock.h"

#define TAKE_MAX 500 /* of each part; larger groups hold the answers back for little more rate */

struct queue {
    struct append *first, **end;
    unsigned n, max;
};

struct embedded {
    struct eventlog base;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue external, internal; /* lock */
    bool sleeping, stopped;          /* lock */
    int64_t next_pos;                /* recorder */
};

static void queue_init(struct queue *queue, unsigned max)
{
    queue->first = NULL;
    queue->end = &queue->first;
    queue->n = 0;
    queue->max = max;
}

static struct embedded *embedded_of(struct eventlog *log)
{
    return (struct embedded *)log; /* its first member */
}

/* Moves whole lists to *end until there are TAKE_MAX or none left. */
static struct append **queue_take(struct queue *queue, struct append **end)
{
    struct append *last = NULL;
    unsigned n = 0;

    for (struct append *at = queue->first; at; at = at->next) {
        last = at;
        n++;
        if (n >= TAKE_MAX && at->ends_list)
            break;
    }
    if (!last)
        return end;
    *end = queue->first;
    queue->first = last->next;
    if (!queue->first)
        queue->end = &queue->first;
    queue->n -= n;
    last->next = NULL;
    return &last->next;
}

static enum err embedded_append(struct eventlog *base, struct append *first, bool is_internal)
{
    struct embedded *log = embedded_of(base);
    struct queue *queue = is_internal ? &log->internal : &log->external;
    struct append *last = NULL;
    enum err err = ERR_OK;
    bool wake = false;
    unsigned n = 0;

    for (struct append *at = first; at; at = at->next) {
        at->ends_list = !at->next;
        at->err = ERR_OK;
        last = at;
        n++;
    }
    assert(last);

    pthread_mutex_lock(&log->lock);
    if (log->stopped)
        err = ERR_DRAINING;
    else if (n > queue->max - queue->n)
        err = ERR_BUSY;
    else {
        *queue->end = first;
        queue->end = &last->next;
        queue->n += n;
        wake = log->sleeping;
        log->sleeping = false;
    }
    pthread_mutex_unlock(&log->lock);
    if (wake)
        pthread_cond_signal(&log->wake);
    return err;
}

static void embedded_stop(struct eventlog *base)
{
    struct embedded *log = embedded_of(base);

    pthread_mutex_lock(&log->lock);
    log->stopped = true;
    pthread_mutex_unlock(&log->lock);
    pthread_cond_signal(&log->wake);
}

static void embedded_close(struct eventlog *base)
{
    struct embedded *log = embedded_of(base);

    assert(!log->external.first && !log->internal.first);
    pthread_cond_destroy(&log->wake);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static bool embedded_take(struct eventlog *base, int wait_ms, struct append **ret_batch)
{
    struct embedded *log = embedded_of(base);
    struct append *batch = NULL, **end = &batch;
    struct timespec deadline = {0};
    bool ended = false, late = false;

    if (wait_ms >= 0)
        deadline = clock_mono_after(wait_ms);
    pthread_mutex_lock(&log->lock);
    while (!log->external.first && !log->internal.first && !log->stopped && !late) {
        log->sleeping = true;
        if (wait_ms < 0)
            pthread_cond_wait(&log->wake, &log->lock);
        else
            late = pthread_cond_timedwait(&log->wake, &log->lock, &deadline) == ETIMEDOUT;
    }
    log->sleeping = false;
    end = queue_take(&log->internal, end);
    queue_take(&log->external, end);
    ended = !batch && log->stopped;
    pthread_mutex_unlock(&log->lock);

    for (struct append *at = batch; at; at = at->next)
        at->event.pos = log->next_pos++;
    *ret_batch = batch;
    return !ended;
}

/* Its keeper is this very process, and what was appended is not in it before it is taken. */
static void embedded_state(struct eventlog *base, struct eventlog_state *ret_state)
{
    struct embedded *log = embedded_of(base);

    pthread_mutex_lock(&log->lock);
    *ret_state = (struct eventlog_state){
        .is_up = true, .is_caught_up = true, .waiting = log->external.n + log->internal.n};
    pthread_mutex_unlock(&log->lock);
}

/* All bodies stand in the events table. */
static enum err embedded_fetch(struct eventlog *log, const struct blob *blob, eventlog_body_fn *fn, void *arg)
{
    (void)log, (void)blob, (void)fn, (void)arg;
    return ERR_NOT_FOUND;
}

static const struct eventlog_ops embedded_ops = {
    .append = embedded_append,
    .take = embedded_take,
    .stop = embedded_stop,
    .close = embedded_close,
    .state = embedded_state,
    .fetch = embedded_fetch,
    .can_refuse = true,
};

enum err eventlog_sqlite_open(int64_t next_pos, struct eventlog **ret_log)
{
    struct embedded *log = calloc(1, sizeof(*log));
    pthread_condattr_t attr;

    if (!log)
        return ERR_NOMEM;
    log->base.ops = &embedded_ops;
    queue_init(&log->external, EVENTLOG_EXTERNAL_MAX);
    queue_init(&log->internal, EVENTLOG_INTERNAL_MAX);
    log->next_pos = next_pos;
    pthread_mutex_init(&log->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&log->wake, &attr);
    pthread_condattr_destroy(&attr);
    *ret_log = &log->base;
    return ERR_OK;
}
