/* sleep_pool.c: a queue and threads that take from it. A sleep is a wait for the end of the pool that
 * nobody else signals: as blocking as nanosleep for the thread, but a shutdown need not sit it out. */
#include "api/sleep_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "schema/clock.h"

#define STACK_BYTES (128 * 1024)

struct task {
    int64_t ms;
    sleep_ended_fn *ended;
    void *arg;
    struct task *next;
};

struct sleep_pool {
    pthread_mutex_t lock;          /* guards all that follows */
    pthread_cond_t has_task;
    pthread_cond_t has_stopped;
    bool stopping;
    struct task *head, **tail;
    unsigned n_waiting, max_waiting;
    unsigned n_idle, n_threads, max_threads;
    pthread_t threads[];
};

static void task_end(struct task *task, bool has_slept)
{
    if (task->ended)
        task->ended(task->arg, has_slept);
    free(task);
}

static void sleep_until_stopped(struct sleep_pool *pool, int64_t ms)
{
    struct timespec until = clock_mono_after(ms);

    while (!pool->stopping && pthread_cond_timedwait(&pool->has_stopped, &pool->lock, &until) == 0)
        continue;
}

static void *sleep_and_tell(void *arg)
{
    struct sleep_pool *pool = arg;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        struct task *task = pool->head;
        if (!task) {
            pool->n_idle++;
            pthread_cond_wait(&pool->has_task, &pool->lock);
            pool->n_idle--;
            continue;
        }
        pool->head = task->next;
        if (!pool->head)
            pool->tail = &pool->head;
        pool->n_waiting--;
        sleep_until_stopped(pool, task->ms);
        bool has_slept = !pool->stopping;
        pthread_mutex_unlock(&pool->lock);
        task_end(task, has_slept);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* With the lock held. */
static void start_thread(struct sleep_pool *pool)
{
    pthread_attr_t attr;

    if (pthread_attr_init(&attr))
        return;
    if (pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 &&
        pthread_create(&pool->threads[pool->n_threads], &attr, sleep_and_tell, pool) == 0)
        pool->n_threads++;
    pthread_attr_destroy(&attr);
}

enum err sleep_pool_new(unsigned n_threads, unsigned max_waiting, struct sleep_pool **ret_pool)
{
    struct sleep_pool *pool = calloc(1, sizeof *pool + n_threads * sizeof pool->threads[0]);
    pthread_condattr_t monotonic;

    if (!pool)
        return ERR_NOMEM;
    pool->tail = &pool->head;
    pool->max_threads = n_threads;
    pool->max_waiting = max_waiting;
    /* None of these can fail on Linux. */
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_task, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->has_stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret_pool = pool;
    return ERR_OK;
}

enum err sleep_pool_add(struct sleep_pool *pool, int64_t ms, sleep_ended_fn *ended, void *arg)
{
    struct task *task = malloc(sizeof *task);
    enum err err = ERR_OK;

    if (!task)
        return ERR_NOMEM;
    *task = (struct task){.ms = ms, .ended = ended, .arg = arg};
    pthread_mutex_lock(&pool->lock);
    if (pool->n_waiting >= pool->n_idle && pool->n_threads < pool->max_threads)
        start_thread(pool);
    if (pool->n_threads == 0) {
        err = ERR_NOMEM;
    } else if (pool->n_waiting >= pool->max_waiting) {
        err = ERR_BUSY;
    } else {
        *pool->tail = task;
        pool->tail = &task->next;
        pool->n_waiting++;
        task = NULL;
        pthread_cond_signal(&pool->has_task);
    }
    pthread_mutex_unlock(&pool->lock);
    free(task);
    return err;
}

void sleep_pool_free(struct sleep_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->has_task);
    pthread_cond_broadcast(&pool->has_stopped);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    for (struct task *task = pool->head, *next; task; task = next) {
        next = task->next;
        task_end(task, false);
    }
    pthread_cond_destroy(&pool->has_stopped);
    pthread_cond_destroy(&pool->has_task);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
