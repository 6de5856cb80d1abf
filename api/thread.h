/* thread.h: one HTTP thread and what the routes running on it may use. Everything here is touched by
 * that thread alone, except where a verb says otherwise. No route ever waits: it answers, or it asks
 * for something (an append, a job's change, a time) and answers when that comes. */
#ifndef BUZZER_API_THREAD_H
#define BUZZER_API_THREAD_H

#include "api/auth.h"
#include "api/server.h"
#include "jobs/eventlog.h"
#include "jobs/view.h"
#include "notifier/hub.h"

struct thread {
    struct server *server;
    const struct server_config *setup;   /* config, types, log, view, recorder */
    unsigned number;
    struct reader *reader;
    struct hub *hub;
    struct auth *auth;                   /* the keys as this thread knows them */
    struct thread_priv *priv;            /* loop, context, inbox: thread.c */
};

/* The owner of every hub subscriber starts with one: a socket, a stream, a waiting request. */
struct wakeable {
    void (*wake)(struct wakeable *self, struct subscriber *subscriber);
};

/* Appends and comes back: fn is called on this thread, once, when all n of the list are durable and
 * folded (or failed: look at append->err). The list stays owned by the pending and is freed after fn;
 * fn may take a job reference out of an append by setting it to NULL. An owner that goes away before
 * calls pending_forget: the appends still happen, fn does not. On an error the list is still yours.
 *
 * Where the log is kept elsewhere fn does not wait for it longer than five seconds: then it is called
 * with a single append that says ERR_LOG_AWAY and nothing else, and what was appended may still happen. */
struct pending;
typedef void pending_fn(void *owner, struct append *first, unsigned n);
enum err thread_append(struct thread *thread, struct append *first, unsigned n, pending_fn *fn, void *owner,
                       struct pending **ret_pending);
void pending_forget(struct pending *pending);

/* Calls fn(arg) on this thread after ms (resolution about 1 ms up to a second, 100 ms beyond). */
struct timer;
struct timer *timer_start(struct thread *thread, int64_t ms, void (*fn)(void *arg), void *arg);   /* NULL: no memory */
void timer_stop(struct timer *timer);    /* before it fires; it frees itself when it has */

/* Any thread: runs fn(arg) on this thread soon. False: stopping, fn will not run. */
bool thread_post(struct thread *thread, void (*fn)(void *arg), void *arg);

bool thread_is_draining(const struct thread *thread);
int64_t thread_now_ms(const struct thread *thread);     /* wall time of this turn of the loop */

#endif
