/* ranks.c: a status is asked far more often than it changes, and a table scan to count who goes first
 * would make each answer as slow as the queue is long. So the unfinished jobs of each queue are
 * followed as sets of positions (pos_set.h): the queued ones of each priority by the position that
 * queued them, in the order in which they go; the others by that of their submission, to be counted. */
#include "jobs/ranks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/name_table.h"
#include "jobs/pos_set.h"
#include "jobs/view.h"
#include "schema/clock.h"
#include "schema/log.h"

#define PACE_SECONDS 60
#define LOAD_AGAIN_MS 1000

struct pace {
    int64_t second[PACE_SECONDS];
    unsigned started[PACE_SECONDS];
};

/* Made for its first job and gone with its last, so there are never more than jobs. Its pace goes with it:
 * who comes next has nobody to wait for. */
struct rank_queue {
    struct named named;         /* first */
    struct pos_set lane[PRIORITY_MAX + 1];
    struct pos_set scheduled, running;
    struct pace *pace;          /* from the first start on */
    char name[NAME_MAX_LEN + 1];
};

struct ranks {
    pthread_mutex_t lock;       /* guards all of it; a leaf */
    struct name_table queues;
    bool is_loading, must_end;
    pthread_cond_t ending;
    struct pos_set told;        /* while loading: who has changed meanwhile, by seq */
    char *dir;
    pthread_t loader;
    bool has_loader;
};

struct ranks *ranks_new(void)
{
    struct ranks *ranks = calloc(1, sizeof *ranks);
    pthread_condattr_t attr;

    if (!ranks)
        return NULL;
    pthread_mutex_init(&ranks->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ranks->ending, &attr);
    pthread_condattr_destroy(&attr);
    return ranks;
}

static void queue_free(struct rank_queue *queue)
{
    for (int priority = 0; priority <= PRIORITY_MAX; priority++)
        pos_set_clear(&queue->lane[priority]);
    pos_set_clear(&queue->scheduled);
    pos_set_clear(&queue->running);
    free(queue->pace);
    free(queue);
}

void ranks_free(struct ranks *ranks)
{
    struct named *queue, *next;

    if (!ranks)
        return;
    pthread_mutex_lock(&ranks->lock);
    ranks->must_end = true;
    pthread_cond_signal(&ranks->ending);
    pthread_mutex_unlock(&ranks->lock);
    if (ranks->has_loader)
        pthread_join(ranks->loader, NULL);
    for (queue = name_table_next(&ranks->queues, NULL); queue; queue = next) {
        next = name_table_next(&ranks->queues, queue);
        queue_free((struct rank_queue *)queue);
    }
    name_table_clear(&ranks->queues);
    pos_set_clear(&ranks->told);
    free(ranks->dir);
    pthread_cond_destroy(&ranks->ending);
    pthread_mutex_destroy(&ranks->lock);
    free(ranks);
}

static struct rank_queue *queue_find(const struct ranks *ranks, const char *name)
{
    return (struct rank_queue *)name_table_find(&ranks->queues, name);
}

static int64_t queue_waiting(const struct rank_queue *queue)
{
    int64_t waiting = 0;

    for (int priority = 0; priority <= PRIORITY_MAX; priority++)
        waiting += queue->lane[priority].count;
    return waiting;
}

static bool queue_is_empty(const struct rank_queue *queue)
{
    return queue_waiting(queue) + queue->scheduled.count + queue->running.count == 0;
}

static struct rank_queue *queue_make(struct ranks *ranks, const char *name)
{
    struct rank_queue *queue = queue_find(ranks, name);

    if (queue)
        return queue;
    queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    strncpy(queue->name, name, NAME_MAX_LEN);
    queue->named.name = queue->name;
    if (name_table_add(&ranks->queues, &queue->named)) {
        free(queue);
        return NULL;
    }
    return queue;
}

static void put(struct pos_set *set, int64_t pos, bool is_in)
{
    if (is_in)
        pos_set_add(set, pos);
    else
        pos_set_remove(set, pos);
}

/* Where the job stands now. Twice the same is as good as once, so nobody has to know where it stood
 * before. No memory: the job has no rank, and those behind it one that is too low by one. NULL: nothing is
 * left of its queue. */
static struct rank_queue *follow(struct ranks *ranks, const struct job *job)
{
    bool is_final = job_state_is_final(job->state);
    struct rank_queue *queue = is_final ? queue_find(ranks, job->spec->queue) : queue_make(ranks, job->spec->queue);

    if (!queue)
        return NULL;
    if (job->ready_pos)
        put(&queue->lane[job->spec->priority], job->ready_pos, job->state == JOB_QUEUED);
    put(&queue->scheduled, job->seq, job->state == JOB_SCHEDULED || job->state == JOB_RETRYING);
    put(&queue->running, job->seq, job->state == JOB_RUNNING);
    if (!queue_is_empty(queue))
        return queue;
    name_table_remove(&ranks->queues, &queue->named);
    queue_free(queue);
    return NULL;
}

static void count_start(struct rank_queue *queue, int64_t now_s)
{
    unsigned slot = (unsigned)(now_s % PACE_SECONDS);

    if (!queue->pace)
        queue->pace = calloc(1, sizeof *queue->pace);
    if (!queue->pace)
        return;
    if (queue->pace->second[slot] != now_s)
        queue->pace->started[slot] = 0;
    queue->pace->second[slot] = now_s;
    queue->pace->started[slot]++;
}

void ranks_on_changes(void *arg, struct changes *changes)
{
    struct ranks *ranks = arg;

    pthread_mutex_lock(&ranks->lock);
    for (unsigned i = 0; i < changes->n; i++) {
        const struct change *change = &changes->at[i];
        struct rank_queue *queue = follow(ranks, change->job);
        if (ranks->is_loading)
            pos_set_add(&ranks->told, change->job->seq);
        if (queue && change->kind == CHANGE_RUNNING)
            count_start(queue, change->at / 1000);
    }
    pthread_mutex_unlock(&ranks->lock);
}

/* ---- the jobs of before ---- */

/* What was told meanwhile is newer than the picture of the view that the job comes from. */
static bool load_one(void *arg, struct job *job)
{
    struct ranks *ranks = arg;
    bool must_end;

    pthread_mutex_lock(&ranks->lock);
    must_end = ranks->must_end;
    if (!must_end && !pos_set_has(&ranks->told, job->seq))
        follow(ranks, job);
    pthread_mutex_unlock(&ranks->lock);
    return !must_end;
}

static enum err load_all(struct ranks *ranks)
{
    struct reader *reader = NULL;
    enum err err;

    pthread_mutex_lock(&ranks->lock);
    pos_set_clear(&ranks->told);           /* of an earlier try: all that is in the picture of this one */
    pthread_mutex_unlock(&ranks->lock);
    err = reader_open(ranks->dir, &reader);
    if (!err)
        err = reader_unfinished(reader, load_one, ranks);
    reader_close(reader);
    return err;
}

/* False when it is to end. */
static bool wait_to_load_again(struct ranks *ranks)
{
    struct timespec until = clock_mono_after(LOAD_AGAIN_MS);
    bool must_end;

    pthread_mutex_lock(&ranks->lock);
    while (!ranks->must_end && pthread_cond_timedwait(&ranks->ending, &ranks->lock, &until) != ETIMEDOUT)
        ;
    must_end = ranks->must_end;
    pthread_mutex_unlock(&ranks->lock);
    return !must_end;
}

static void *load(void *arg)
{
    struct ranks *ranks = arg;
    enum err err;

    log_set_component("ranks");
    err = load_all(ranks);
    if (err)
        log_warn("positions are not told before the queued jobs can be read; trying again each second: %s",
                 err_sentence(err));
    while (err && wait_to_load_again(ranks))
        err = load_all(ranks);
    pthread_mutex_lock(&ranks->lock);
    ranks->is_loading = err != ERR_OK;
    pos_set_clear(&ranks->told);
    pthread_mutex_unlock(&ranks->lock);
    return NULL;
}

enum err ranks_load(struct ranks *ranks, const char *dir)
{
    ranks->dir = strdup(dir);
    if (!ranks->dir)
        return ERR_NOMEM;
    ranks->is_loading = true;
    if (pthread_create(&ranks->loader, NULL, load, ranks))
        return ERR_IO;
    ranks->has_loader = true;
    return ERR_OK;
}

/* ---- asking ---- */

/* Starts in the minute before now_s, and over how many seconds they came. NULL: none. */
static int64_t pace_of(const struct pace *pace, int64_t now_s, int64_t *ret_seconds)
{
    int64_t started = 0, oldest = now_s;

    for (unsigned i = 0; pace && i < PACE_SECONDS; i++) {
        if (pace->second[i] == 0 || pace->second[i] <= now_s - PACE_SECONDS || pace->second[i] > now_s)
            continue;
        started += pace->started[i];
        if (pace->second[i] < oldest)
            oldest = pace->second[i];
    }
    *ret_seconds = now_s - oldest + 1;
    return started;
}

int64_t ranks_position(struct ranks *ranks, const struct job *job, int64_t now_ms, int64_t *ret_start_at)
{
    int64_t pos = job->ready_pos, position = -1, started, seconds;
    const struct rank_queue *queue;
    const struct pos_set *lane;

    *ret_start_at = 0;
    if (job->state != JOB_QUEUED)
        return -1;
    pthread_mutex_lock(&ranks->lock);
    queue = ranks->is_loading ? NULL : queue_find(ranks, job->spec->queue);
    lane = queue ? &queue->lane[job->spec->priority] : NULL;
    if (lane && pos_set_has(lane, pos)) {
        position = 0;
        for (int higher = PRIORITY_MAX; higher > job->spec->priority; higher--)
            position += queue->lane[higher].count;
        if (position < RANKS_MAX)
            position += pos_set_before(lane, pos, RANKS_MAX);
        if (position > RANKS_MAX)
            position = RANKS_MAX;
        started = pace_of(queue->pace, now_ms / 1000, &seconds);
        if (started >= RANKS_PACE_MIN && position < RANKS_MAX)
            *ret_start_at = now_ms + position * seconds * 1000 / started;
    }
    pthread_mutex_unlock(&ranks->lock);
    return position;
}

static void count_queue(const struct rank_queue *queue, struct queue_count *count)
{
    *count = (struct queue_count){.waiting = queue_waiting(queue),
                                  .scheduled = queue->scheduled.count,
                                  .running = queue->running.count};
    memcpy(count->name, queue->name, sizeof count->name);
    for (int priority = 0; priority <= PRIORITY_MAX; priority++) {
        int64_t oldest = pos_set_oldest(&queue->lane[priority]);
        if (oldest && (!count->oldest_pos || oldest < count->oldest_pos))
            count->oldest_pos = oldest;
    }
}

enum err ranks_queues(struct ranks *ranks, struct queue_count **ret_counts, unsigned *ret_n)
{
    struct queue_count *counts = NULL;
    const struct named *queue = NULL;
    enum err err = ERR_NOMEM;
    unsigned n = 0;

    pthread_mutex_lock(&ranks->lock);
    if (ranks->is_loading) {
        err = ERR_AGAIN;
        goto out;
    }
    counts = malloc((ranks->queues.n + 1) * sizeof *counts);
    if (!counts)
        goto out;
    while ((queue = name_table_next(&ranks->queues, queue)))
        count_queue((const struct rank_queue *)queue, &counts[n++]);
    *ret_counts = counts;
    *ret_n = n;
    err = ERR_OK;
out:
    pthread_mutex_unlock(&ranks->lock);
    return err;
}
