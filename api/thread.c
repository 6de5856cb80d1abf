/* thread.c: one HTTP thread: its loop, its clock, and the mailbox through which the recorder, the
 * worker and the article's pools reach it. Everything else here runs on the loop. */
#include <stdlib.h>
#include <string.h>

#include "api/server_priv.h"
#include "api/socket.h"
#include "api/thread_priv.h"
#include "schema/clock.h"
#include "schema/log.h"

struct post {
    void (*fn)(void *arg);
    void *arg;
    struct post *next;
};

struct timer {
    struct ev_timer ev;
    struct thread *thread;
    void (*fn)(void *arg);
    void *arg;
};

/* ---- timers ---- */

static void timer_fires(struct ev_loop *loop, struct ev_timer *ev, int events)
{
    struct timer *timer = ev->data;
    void (*fn)(void *arg) = timer->fn;
    void *arg = timer->arg;

    (void)loop;
    (void)events;
    free(timer);
    fn(arg);
}

struct timer *timer_start(struct thread *thread, int64_t ms, void (*fn)(void *arg), void *arg)
{
    struct timer *timer = calloc(1, sizeof *timer);

    if (!timer)
        return NULL;
    timer->thread = thread;
    timer->fn = fn;
    timer->arg = arg;
    ev_timer_init(&timer->ev, timer_fires, (double)ms / 1e3, 0.);
    timer->ev.data = timer;
    ev_timer_start(thread->priv->loop, &timer->ev);
    return timer;
}

void timer_stop(struct timer *timer)
{
    if (!timer)
        return;
    ev_timer_stop(timer->thread->priv->loop, &timer->ev);
    free(timer);
}

/* ---- the mailbox ---- */

void thread_wake(struct thread *thread)
{
    ev_async_send(thread->priv->loop, &thread->priv->wake);
}

bool thread_post(struct thread *thread, void (*fn)(void *arg), void *arg)
{
    struct thread_priv *priv = thread->priv;
    struct post *post = calloc(1, sizeof *post);
    bool closed;

    if (!post)
        return false;
    post->fn = fn;
    post->arg = arg;
    pthread_mutex_lock(&priv->lock);
    closed = priv->closed;
    if (!closed) {
        if (priv->post_tail)
            priv->post_tail->next = post;
        else
            priv->post_head = post;
        priv->post_tail = post;
    }
    pthread_mutex_unlock(&priv->lock);
    if (closed)
        free(post);
    else
        thread_wake(thread);
    return !closed;
}

void thread_deliver(struct thread *thread, struct changes *changes, bool is_progress)
{
    struct thread_priv *priv = thread->priv;
    bool wanted;

    /* Within the lock: who says later that it listens finds what was left out before (on_turn). */
    pthread_mutex_lock(&priv->lock);
    wanted = is_progress || atomic_load(&priv->listening);
    if (wanted && priv->n_batches < BATCHES) {
        struct inbox_item *item = &priv->batch[(priv->batch_head + priv->n_batches++) % BATCHES];
        item->changes = changes_ref(changes);
        item->is_progress = is_progress;
        item->after_gap = priv->missed;
        priv->missed = false;
    } else if (!is_progress) {
        priv->missed = true;       /* read from the log instead; progress may be lost */
    }
    pthread_mutex_unlock(&priv->lock);
    if (wanted || atomic_load(&priv->awaiting))
        thread_wake(thread);
}

static void deliver_batches(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;
    struct inbox_item items[64];
    unsigned n;
    bool missed;

    do {
        pthread_mutex_lock(&priv->lock);
        for (n = 0; n < 64 && priv->n_batches; n++, priv->n_batches--) {
            items[n] = priv->batch[priv->batch_head];
            priv->batch_head = (priv->batch_head + 1) % BATCHES;
        }
        missed = priv->missed && priv->n_batches == 0 && hub_is_watching(thread->hub);
        if (missed)
            priv->missed = false;
        pthread_mutex_unlock(&priv->lock);
        for (unsigned i = 0; i < n; i++) {
            if (items[i].after_gap && hub_is_watching(thread->hub))
                hub_missed(thread->hub);
            if (items[i].is_progress)
                hub_progress(thread->hub, items[i].changes);
            else
                hub_deliver(thread->hub, items[i].changes);
            changes_unref(items[i].changes);
        }
        if (missed)
            hub_missed(thread->hub);
    } while (n == 64);
}

static void run_posts(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;
    struct post *post, *next;

    pthread_mutex_lock(&priv->lock);
    post = priv->post_head;
    priv->post_head = priv->post_tail = NULL;
    pthread_mutex_unlock(&priv->lock);
    for (; post; post = next) {
        next = post->next;
        post->fn(post->arg);
        free(post);
    }
}

/* Changes first, then answers: who is told of a job by its 202 may already be told of its progress,
 * never the other way round. */
static void drain_inbox(struct thread *thread)
{
    deliver_batches(thread);
    pending_finish(thread);
    run_posts(thread);
    await_look(thread);
    atomic_store(&thread->priv->listening, hub_is_watching(thread->hub));
}

/* ---- the loop ---- */

static void on_wake(struct ev_loop *loop, struct ev_async *wake, int events)
{
    struct thread *thread = wake->data;

    (void)loop;
    (void)events;
    thread->priv->now_ms = clock_wall_ms();
    drain_inbox(thread);
}

/* Before the loop goes to sleep: a subscriber added in this turn is announced (listening), and what
 * was left in the mailbox without a wake-up because nobody listened is seen to. */
static void on_turn(struct ev_loop *loop, struct ev_prepare *turn, int events)
{
    struct thread *thread = turn->data;
    bool listening = hub_is_watching(thread->hub);

    (void)loop;
    (void)events;
    thread->priv->now_ms = 0;
    if (listening != atomic_load(&thread->priv->listening)) {
        atomic_store(&thread->priv->listening, listening);
        drain_inbox(thread);
    }
}

static void stop_if_empty(struct thread *thread, int64_t mono_ms)
{
    struct thread_priv *priv = thread->priv;

    if (!priv->stopping)
        return;
    if ((priv->n_open == 0 && socket_count(thread) == 0) || mono_ms >= priv->stop_at_ms)
        ev_break(priv->loop, EVBREAK_ALL);
}

static void on_sweep(struct ev_loop *loop, struct ev_timer *sweep, int events)
{
    struct thread *thread = sweep->data;
    struct thread_priv *priv = thread->priv;
    int64_t mono_ms = clock_mono_ms();

    (void)loop;
    (void)events;
    if (priv->listener && priv->listener_paused) {
        priv->listener_paused = false;
        lws_rx_flow_control(priv->listener, 1);
    }
    if (atomic_load(&priv->must_stop) && !priv->stopping) {
        listener_close(thread);
        socket_leave_all(thread);
        priv->stopping = true;
        priv->stop_at_ms = mono_ms + 2000;
    }
    auth_sweep(thread->auth, thread_now_ms(thread));
    request_sweep(thread, mono_ms);
    pending_sweep(thread, mono_ms);
    socket_sweep(thread, mono_ms);
    stop_if_empty(thread, mono_ms);
}

int64_t thread_now_ms(const struct thread *thread)
{
    if (thread->priv->now_ms == 0)
        thread->priv->now_ms = clock_wall_ms();
    return thread->priv->now_ms;
}

bool thread_is_draining(const struct thread *thread)
{
    return atomic_load(&thread->server->draining);
}

void thread_feed(struct thread *thread, int fd, int events)
{
    ev_feed_fd_event(thread->priv->loop, fd, events);
}

static void wake_subscriber(struct subscriber *subscriber, void *owner)
{
    struct wakeable *wakeable = owner;
    wakeable->wake(wakeable, subscriber);
}

enum err thread_open(struct thread *thread)
{
    static const lws_retry_bo_t no_pings = {0};      /* pings come from the sweep, not from a timer each */
    struct thread_priv *priv = calloc(1, sizeof *priv);
    struct lws_context_creation_info info = {0};
    void *loops[1];
    enum err err = ERR_NOMEM;

    thread->priv = priv;
    if (!priv)
        return ERR_NOMEM;
    pthread_mutex_init(&priv->lock, NULL);
    TAILQ_INIT(&priv->unanswered);
    LIST_INIT(&priv->awaits);
    priv->listen_fd = -1;
    priv->out = malloc(LWS_PRE + OUT_SIZE);
    priv->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!priv->out || !priv->loop)
        return ERR_NOMEM;
    err = reader_open(thread->setup->config->data, &thread->reader);
    if (!err)
        err = hub_new(thread->reader, wake_subscriber, &thread->hub);
    if (!err)
        err = auth_new(thread->reader, &thread->server->keys_version, &thread->server->may_be_open, &thread->auth);
    if (err)
        return err;

    loops[0] = priv->loop;
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
                   LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_VALIDATE_UTF8;
    info.foreign_loops = loops;
    info.user = thread;
    info.max_http_header_data = 40960;               /* above the gate's limits, so that it is the gate that answers */
    info.pt_serv_buf_size = 32768;
    info.timeout_secs = 15;
    info.timeout_secs_ah_idle = 10;
    info.keepalive_timeout = 30;
    info.retry_and_idle_policy = &no_pings;
    info.protocols = listener_protocols;
    info.mounts = &listener_mount;
    info.vhost_name = "buzzer";
    priv->context = lws_create_context(&info);
    if (!priv->context)
        return ERR_IO;
    priv->vhost = lws_create_vhost(priv->context, &info);
    if (!priv->vhost)
        return ERR_IO;
    ev_async_init(&priv->wake, on_wake);
    priv->wake.data = thread;
    ev_async_start(priv->loop, &priv->wake);
    ev_prepare_init(&priv->turn, on_turn);
    priv->turn.data = thread;
    ev_prepare_start(priv->loop, &priv->turn);
    ev_timer_init(&priv->sweep, on_sweep, SWEEP_MS / 1e3, SWEEP_MS / 1e3);
    priv->sweep.data = thread;
    ev_timer_start(priv->loop, &priv->sweep);
    return ERR_OK;
}

static void *thread_main(void *arg)
{
    struct thread *thread = arg;

    log_set_component("http");
    if (listener_attach(thread))
        log_error("cannot accept on this thread");
    ev_run(thread->priv->loop, 0);
    return NULL;
}

enum err thread_run(struct thread *thread)
{
    if (listener_listen(thread))
        return ERR_IO;
    if (pthread_create(&thread->priv->id, NULL, thread_main, thread))
        return ERR_IO;
    thread->priv->started = true;
    return ERR_OK;
}

/* What is still in the mailbox has nobody left to go to. */
static void inbox_close(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;

    for (unsigned i = 0; i < priv->n_batches; i++)
        changes_unref(priv->batch[(priv->batch_head + i) % BATCHES].changes);
    pending_close(thread);
    for (struct post *post = priv->post_head, *next; post; post = next) {
        next = post->next;
        post->fn(post->arg);
        free(post);
    }
}

void thread_close(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;

    if (!priv)
        return;
    if (priv->context) {
        ev_timer_stop(priv->loop, &priv->sweep);
        ev_prepare_stop(priv->loop, &priv->turn);
        ev_async_stop(priv->loop, &priv->wake);
        lws_context_destroy(priv->context);
    }
    pthread_mutex_lock(&priv->lock);
    priv->closed = true;
    pthread_mutex_unlock(&priv->lock);
    inbox_close(thread);
    auth_free(thread->auth);
    hub_free(thread->hub);
    reader_close(thread->reader);
    if (priv->loop)
        ev_loop_destroy(priv->loop);
    pthread_mutex_destroy(&priv->lock);
    free(priv->out);
    free(priv);
    thread->priv = NULL;
}
