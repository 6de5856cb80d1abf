/* pending.c: appends of a route on their way through the log and back. A log kept elsewhere may keep
 * them waiting for a broker as long as it likes; who asked is answered after ANSWER_MS in any case.
 * Those with such a deadline stand in the order of it, so the thread's sweep looks at the first alone
 * and nobody pays for a timer; the embedded log keeps nobody waiting and has none of it. */
#include <assert.h>
#include <stdlib.h>

#include "api/thread_priv.h"
#include "schema/clock.h"

#define ANSWER_MS 5000

struct pending {
    struct thread *thread;
    pending_fn *fn;                /* NULL: forgotten, or answered */
    void *owner;
    struct pending *next;
    TAILQ_ENTRY(pending) beside;   /* in the thread's `unanswered` while it has a deadline */
    int64_t deadline_ms;           /* monotonic; 0: none (any more) */
    unsigned n, n_left;            /* n_left: the recorder's, until it is 0 */
    struct append *append[];       /* the log uses their links for lists of its own */
};

static void pending_free(struct pending *pending)
{
    for (unsigned i = 0; i < pending->n; i++)
        append_free(pending->append[i]);
    free(pending);
}

/* The recorder's thread. */
static void append_is_done(struct append *append)
{
    struct pending *pending = append->owner;
    struct thread_priv *priv = pending->thread->priv;
    bool was_empty = false;

    if (--pending->n_left)
        return;
    pthread_mutex_lock(&priv->lock);
    was_empty = !priv->done_head;
    if (was_empty)
        priv->done_head = pending;
    else
        priv->done_tail->next = pending;
    priv->done_tail = pending;
    pthread_mutex_unlock(&priv->lock);
    if (was_empty)
        ev_async_send(priv->loop, &priv->wake);
}

enum err thread_append(struct thread *thread, struct append *first, unsigned n, pending_fn *fn, void *owner,
                       struct pending **ret_pending)
{
    struct pending *pending = malloc(sizeof *pending + n * sizeof pending->append[0]);
    enum err err = ERR_NOMEM;

    assert(first);
    if (!pending)
        return err;
    *pending = (struct pending){.thread = thread, .n = 0, .n_left = n, .fn = fn, .owner = owner};
    for (struct append *append = first; append; append = append->next) {
        append->done = append_is_done;
        append->owner = pending;
        pending->append[pending->n++] = append;
    }
    err = eventlog_append(thread->setup->log, first, false);
    if (err) {
        free(pending);
        return err;
    }
    if (!eventlog_can_refuse(thread->setup->log)) {
        pending->deadline_ms = clock_mono_ms() + ANSWER_MS;
        TAILQ_INSERT_TAIL(&thread->priv->unanswered, pending, beside);
    }
    if (ret_pending)
        *ret_pending = pending;
    return ERR_OK;
}

void pending_forget(struct pending *pending)
{
    if (pending)
        pending->fn = NULL;
}

static void drop_deadline(struct pending *pending)
{
    if (pending->deadline_ms)
        TAILQ_REMOVE(&pending->thread->priv->unanswered, pending, beside);
    pending->deadline_ms = 0;
}

/* The appends themselves are still the log's: what the owner sees is one that says so. */
static void answer_late(struct pending *pending)
{
    struct append late = {.err = ERR_LOG_AWAY};
    pending_fn *fn = pending->fn;

    drop_deadline(pending);
    pending->fn = NULL;
    if (!fn)
        return;
    event_init(&late.event, EVENT_NOOP, NULL, 0);
    fn(pending->owner, &late, 1);
}

void pending_sweep(struct thread *thread, int64_t mono_ms)
{
    struct pending *first;

    while ((first = TAILQ_FIRST(&thread->priv->unanswered)) && mono_ms >= first->deadline_ms)
        answer_late(first);
}

void pending_finish(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;
    struct pending *pending, *next;

    pthread_mutex_lock(&priv->lock);
    pending = priv->done_head;
    priv->done_head = priv->done_tail = NULL;
    pthread_mutex_unlock(&priv->lock);
    for (; pending; pending = next) {
        next = pending->next;
        drop_deadline(pending);
        for (unsigned i = 0; i < pending->n; i++)
            pending->append[i]->next = i + 1 < pending->n ? pending->append[i + 1] : NULL;
        if (pending->fn)
            pending->fn(pending->owner, pending->append[0], pending->n);
        pending_free(pending);
    }
}

void pending_close(struct thread *thread)
{
    for (struct pending *pending = thread->priv->done_head, *next; pending; pending = next) {
        next = pending->next;
        pending_free(pending);
    }
}
