/* article.c: the one handler loop of the article, rebuilt: it takes requests one after the other, and
 * a handler that blocks holds up all that come after it, timers included.
 *
 *   article_start ──> [ requests ] ──> loop: slowest     ── sleeps 5 s right here
 *                                            async_sleep ── timer of 1 s, fires on the loop
 *                                            event_loop  ── a sleep to the executor pool, not waited for
 *                 └─> sync: the pool of 40
 *
 * All timers are of one length, so they fire in the order they were set: a queue is all they need. */
#include "api/article.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/sleep_pool.h"
#include "schema/clock.h"

#define WAITING_MAX 10000
#define SLOWEST_MS 5000
#define SLEEP_MS 1000
#define SYNC_THREADS 40
#define EXECUTOR_THREADS_MAX 32    /* and no more than the cores and four */

struct call {
    enum article_kind kind;
    article_ended_fn *ended;
    void *arg;
    int64_t due_ms;                /* of its timer; monotonic */
    struct call *next;
};

struct calls {
    struct call *head, **tail;
};

struct article {
    double scale;
    struct sleep_pool *sync, *executor;
    pthread_t loop;
    bool has_loop;

    pthread_mutex_t lock;          /* guards what follows; `timers` is the loop's alone */
    pthread_cond_t changed;        /* a request came, or the end */
    bool stopping;
    struct calls requests;
    unsigned n_calls;              /* waiting requests and timers */
    struct calls timers;
};

static void calls_init(struct calls *calls)
{
    calls->head = NULL;
    calls->tail = &calls->head;
}

static void calls_add(struct calls *calls, struct call *call)
{
    call->next = NULL;
    *calls->tail = call;
    calls->tail = &call->next;
}

static struct call *calls_take(struct calls *calls)
{
    struct call *call = calls->head;

    if (call) {
        calls->head = call->next;
        if (!calls->head)
            calls->tail = &calls->head;
    }
    return call;
}

static void calls_drop(struct calls *calls)
{
    struct call *call;

    while ((call = calls_take(calls)) != NULL) {
        call->ended(call->arg, ERR_DRAINING);
        free(call);
    }
}

static int64_t scaled(const struct article *article, int64_t ms)
{
    return (int64_t)((double)ms * article->scale);
}

/* With the lock held: until then, the end of the article, or (if a request may wake it) a request. */
static void wait_until(struct article *article, int64_t mono_ms, bool may_be_woken)
{
    struct timespec until = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};

    while (!article->stopping && !(may_be_woken && article->requests.head) &&
           pthread_cond_timedwait(&article->changed, &article->lock, &until) == 0)
        continue;
}

/* With the lock held; lets go of it to tell. */
static void call_end(struct article *article, struct call *call, enum err err)
{
    article->n_calls--;
    if (article->stopping)
        err = ERR_DRAINING;
    pthread_mutex_unlock(&article->lock);
    call->ended(call->arg, err);
    pthread_mutex_lock(&article->lock);
    free(call);
}

static void handle(struct article *article, struct call *call)
{
    switch (call->kind) {
    case ARTICLE_SLOWEST:
        wait_until(article, clock_mono_ms() + scaled(article, SLOWEST_MS), false);
        call_end(article, call, ERR_OK);
        break;
    case ARTICLE_EVENT_LOOP:
        call_end(article, call, sleep_pool_add(article->executor, scaled(article, SLEEP_MS), NULL, NULL));
        break;
    case ARTICLE_ASYNC_SLEEP:
        call->due_ms = clock_mono_ms() + scaled(article, SLEEP_MS);
        calls_add(&article->timers, call);
        break;
    case ARTICLE_SYNC:
        break; /* never comes to the loop */
    }
}

static void *loop(void *arg)
{
    struct article *article = arg;
    struct call *call;

    pthread_mutex_lock(&article->lock);
    while (!article->stopping) {
        call = article->timers.head;
        if (call && call->due_ms <= clock_mono_ms()) {
            call_end(article, calls_take(&article->timers), ERR_OK);
            continue;
        }
        if (article->requests.head)
            handle(article, calls_take(&article->requests));
        else if (call)
            wait_until(article, call->due_ms, true);
        else
            pthread_cond_wait(&article->changed, &article->lock);
    }
    pthread_mutex_unlock(&article->lock);
    return NULL;
}

static unsigned executor_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 5 : cores + 4 > EXECUTOR_THREADS_MAX ? EXECUTOR_THREADS_MAX : (unsigned)cores + 4;
}

enum err article_new(double scale, struct article **ret_article)
{
    struct article *article = calloc(1, sizeof *article);
    pthread_condattr_t monotonic;
    enum err err;

    if (!article)
        return ERR_NOMEM;
    article->scale = scale;
    calls_init(&article->requests);
    calls_init(&article->timers);
    /* None of these can fail on Linux. */
    pthread_mutex_init(&article->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&article->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    err = sleep_pool_new(SYNC_THREADS, WAITING_MAX, &article->sync);
    if (!err)
        err = sleep_pool_new(executor_threads(), WAITING_MAX, &article->executor);
    if (!err && pthread_create(&article->loop, NULL, loop, article))
        err = ERR_NOMEM;
    if (err) {
        article_free(article);
        return err;
    }
    article->has_loop = true;
    *ret_article = article;
    return ERR_OK;
}

/* A call of /sync is over: the pool knows only sleeps, so what it ends is told from here. */
static void on_slept(void *arg, bool has_slept)
{
    struct call *call = arg;

    call->ended(call->arg, has_slept ? ERR_OK : ERR_DRAINING);
    free(call);
}

enum err article_start(struct article *article, enum article_kind kind, article_ended_fn *ended, void *arg)
{
    struct call *call = malloc(sizeof *call);
    enum err err = ERR_OK;

    if (!call)
        return ERR_NOMEM;
    *call = (struct call){.kind = kind, .ended = ended, .arg = arg};
    if (kind == ARTICLE_SYNC) {
        err = sleep_pool_add(article->sync, scaled(article, SLEEP_MS), on_slept, call);
        if (err)
            free(call);
        return err;
    }
    pthread_mutex_lock(&article->lock);
    if (article->n_calls >= WAITING_MAX) {
        err = ERR_BUSY;
    } else {
        article->n_calls++;
        calls_add(&article->requests, call);
        call = NULL;
        pthread_cond_signal(&article->changed);
    }
    pthread_mutex_unlock(&article->lock);
    free(call);
    return err;
}

void article_free(struct article *article)
{
    if (!article)
        return;
    if (article->has_loop) {
        pthread_mutex_lock(&article->lock);
        article->stopping = true;
        pthread_cond_signal(&article->changed);
        pthread_mutex_unlock(&article->lock);
        pthread_join(article->loop, NULL);
    }
    sleep_pool_free(article->sync);
    sleep_pool_free(article->executor);
    calls_drop(&article->requests);
    calls_drop(&article->timers);
    pthread_cond_destroy(&article->changed);
    pthread_mutex_destroy(&article->lock);
    free(article);
}
