/* thread_priv.h: inside an HTTP thread; for thread.c, pending.c, await.c, listener.c, request.c and reply.c only. */
#ifndef BUZZER_API_THREAD_PRIV_H
#define BUZZER_API_THREAD_PRIV_H

#include <ev.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "api/thread.h"

#define OUT_SIZE (128 * 1024)      /* one answer, head and body, in one write */
#define BATCHES 1024               /* of changes that may wait for this thread */
#define SWEEP_MS 250

struct request;
struct inbox_item {
    struct changes *changes;
    bool is_progress;
    bool after_gap;                /* batches were left out right before it */
};

struct thread_priv {
    struct ev_loop *loop;
    struct ev_async wake;
    struct ev_prepare turn;
    struct ev_timer sweep;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws *listener;          /* NULL once closed */
    int listen_fd;
    bool listener_paused;          /* no descriptors left: accept again at the next sweep */
    pthread_t id;
    bool started, stopping;
    int64_t stop_at_ms;            /* monotonic: past it the loop ends whoever is still there */

    pthread_mutex_t lock;          /* guards what follows up to `posts`; never held while calling out */
    struct pending *done_head, *done_tail;
    struct inbox_item batch[BATCHES];
    unsigned batch_head, n_batches;
    bool missed;                   /* batches were left out since the last one in it: nobody listened, or the ring was full */
    struct post *post_head, *post_tail;
    bool closed;                   /* posts are refused from here on */

    atomic_bool listening;         /* somebody here wants changes: wake for them */
    atomic_bool awaiting;          /* ... or only to know how far the log is read */
    atomic_bool must_stop;
    TAILQ_HEAD(, pending) unanswered;   /* those with a deadline, the nearest first */
    LIST_HEAD(, await) awaits;
    unsigned n_awaits;
    unsigned n_connections;
    struct request *reading;       /* requests whose body is still coming in */
    unsigned n_open;               /* requests not answered yet */
    int64_t now_ms;                /* wall, of this turn */
    int64_t date_s;                /* which second `date` is of */
    char date[64];
    unsigned char *out;            /* LWS_PRE, then OUT_SIZE */
};

enum err thread_open(struct thread *thread);       /* main thread: loop, context, reader, hub */
enum err thread_run(struct thread *thread);        /* starts the pthread */
void thread_close(struct thread *thread);          /* after the join */
void thread_deliver(struct thread *thread, struct changes *changes, bool is_progress);   /* any thread */
void thread_wake(struct thread *thread);           /* any thread */
void thread_feed(struct thread *thread, int fd, int events);  /* as if fd had become ready */

/* pending.c */
void pending_finish(struct thread *thread);        /* answers those whose appends are done */
void pending_sweep(struct thread *thread, int64_t mono_ms);   /* ... and those who have waited long enough */
void pending_close(struct thread *thread);

/* await.c */
void await_look(struct thread *thread);            /* calls back those whose position is reached */

/* listener.c */
enum err listener_open(struct thread *thread, const char *host, int *port);  /* *port 0: any; set to what it is */
enum err listener_listen(struct thread *thread);   /* before the thread runs: from here on nobody is refused */
enum err listener_attach(struct thread *thread);   /* on the thread: start accepting */
void listener_close(struct thread *thread);
extern const struct lws_protocols listener_protocols[];
extern const struct lws_http_mount listener_mount;

/* handshake.c: who wants a WebSocket; a reference. Errors as auth_check. */
enum err handshake_identify(struct thread *thread, struct lws *wsi, struct principal **ret_principal);

/* request.c: called by listener.c */
struct connection {                /* lws's per-connection user data */
    struct request *request;
    struct socket *socket;
};
int request_begin(struct thread *thread, struct lws *wsi, struct connection *connection);
int request_on_body(struct connection *connection, const void *bytes, size_t len);
int request_on_body_end(struct connection *connection);
int request_on_writable(struct lws *wsi, struct connection *connection);
void request_drop(struct connection *connection);
void request_sweep(struct thread *thread, int64_t mono_ms);

#endif
