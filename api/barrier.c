/* barrier.c: however many ask for jobs this node has not heard of, the log carries one event for them
 * at a time. The mutex is held while the next one is appended, which never waits; it comes before the
 * log's own. One that fails passes nobody: those who wait for it run out of time, and the next who
 * asks starts another, which passes them as well if they are still there. */
#include "api/barrier.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct barrier {
    struct eventlog *log;
    void (*passed)(void *arg);
    void *arg;
    pthread_mutex_t lock;
    uint64_t started;          /* lock: the number of the newest one */
    bool is_under_way;         /* lock */
    bool is_wanted;            /* lock: another one right after it */
    _Atomic uint64_t done;     /* the number of the newest that has come back */
};

enum err barrier_new(struct eventlog *log, void (*passed)(void *arg), void *arg, struct barrier **ret_barrier)
{
    struct barrier *barrier = calloc(1, sizeof *barrier);

    if (!barrier)
        return ERR_NOMEM;
    barrier->log = log;
    barrier->passed = passed;
    barrier->arg = arg;
    pthread_mutex_init(&barrier->lock, NULL);
    *ret_barrier = barrier;
    return ERR_OK;
}

void barrier_free(struct barrier *barrier)
{
    if (!barrier)
        return;
    pthread_mutex_destroy(&barrier->lock);
    free(barrier);
}

static void on_done(struct append *append);

/* With the lock held. */
static enum err start(struct barrier *barrier, int64_t at)
{
    struct append *append = append_new(EVENT_NOOP, NULL, at);
    enum err err = ERR_NOMEM;

    if (!append)
        return err;
    append->done = on_done;
    append->owner = barrier;
    err = eventlog_append(barrier->log, append, false);
    if (err) {
        append_free(append);
        return err;
    }
    barrier->started++;
    barrier->is_under_way = true;
    return ERR_OK;
}

/* The recorder's thread. */
static void on_done(struct append *append)
{
    struct barrier *barrier = append->owner;

    pthread_mutex_lock(&barrier->lock);
    barrier->is_under_way = false;
    if (!append->err)
        atomic_store(&barrier->done, barrier->started);
    if (barrier->is_wanted)
        start(barrier, append->event.at); /* if it cannot be, who waits for it runs out of time */
    barrier->is_wanted = false;
    pthread_mutex_unlock(&barrier->lock);
    append_free(append);
    barrier->passed(barrier->arg);
}

enum err barrier_ask(struct barrier *barrier, int64_t at, uint64_t *ret_number)
{
    enum err err = ERR_OK;

    pthread_mutex_lock(&barrier->lock);
    if (barrier->is_under_way)
        barrier->is_wanted = true;
    else
        err = start(barrier, at);
    if (!err)
        *ret_number = barrier->started + barrier->is_wanted;
    pthread_mutex_unlock(&barrier->lock);
    return err;
}

bool barrier_is_passed(const struct barrier *barrier, uint64_t number)
{
    return atomic_load(&barrier->done) >= number;
}
