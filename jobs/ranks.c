/* ranks.c: a status is asked far more often than it changes, and a table scan to count who goes first
 * would make each answer as slow as the queue is long. So the unfinished jobs of each queue are
 * followed as sets of positions (pos_set.h): the queued ones of each priority by the position that
 * queued them, in the order in which they go; the others by that of their submission, to be counted. */
#include "jobs/ranks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/pos_set.h"
#include "jobs/view.h"
#include "schema/log.h"

#define QUEUES_MAX 4096         /* past it ranks are not told */
#define PACE_SECONDS 60

struct pace {
    int64_t second[PACE_SECONDS];
    unsigned started[PACE_SECONDS];
};

struct rank_queue {
    char name[NAME_MAX_LEN + 1];
    struct pos_set lane[PRIORITY_MAX + 1];
    struct pos_set scheduled, running;
    struct pace pace;
};

struct ranks {
    pthread_mutex_t lock;       /* guards all of it; a leaf */
    struct rank_queue **queue;  /* few: a linear look is the fastest */
    unsigned n_queues;
    bool is_loading, must_end;
    int64_t *told;              /* while loading: who has changed meanwhile, by seq */
    size_t n_told, n_sorted, told_cap;
    char *dir;
    pthread_t loader;
    bool has_loader;
};

struct ranks *ranks_new(void)
{
    struct ranks *ranks = calloc(1, sizeof *ranks);

    if (ranks)
        pthread_mutex_init(&ranks->lock, NULL);
    return ranks;
}

static void queue_clear(struct rank_queue *queue)
{
    for (int priority = 0; priority <= PRIORITY_MAX; priority++)
        pos_set_clear(&queue->lane[priority]);
    pos_set_clear(&queue->scheduled);
    pos_set_clear(&queue->running);
}

void ranks_free(struct ranks *ranks)
{
    if (!ranks)
        return;
    pthread_mutex_lock(&ranks->lock);
    ranks->must_end = true;
    pthread_mutex_unlock(&ranks->lock);
    if (ranks->has_loader)
        pthread_join(ranks->loader, NULL);
    for (unsigned i = 0; i < ranks->n_queues; i++) {
        queue_clear(ranks->queue[i]);
        free(ranks->queue[i]);
    }
    free(ranks->queue);
    free(ranks->told);
    free(ranks->dir);
    pthread_mutex_destroy(&ranks->lock);
    free(ranks);
}

static struct rank_queue *queue_find(const struct ranks *ranks, const char *name)
{
    for (unsigned i = 0; i < ranks->n_queues; i++)
        if (strcmp(ranks->queue[i]->name, name) == 0)
            return ranks->queue[i];
    return NULL;
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

/* One that nothing is left of makes room for a new name. */
static struct rank_queue *queue_take_over(struct ranks *ranks)
{
    for (unsigned i = 0; i < ranks->n_queues; i++) {
        struct rank_queue *queue = ranks->queue[i];
        if (queue_is_empty(queue)) {
            queue_clear(queue);
            memset(queue, 0, sizeof *queue);
            return queue;
        }
    }
    return NULL;
}

static struct rank_queue *queue_add(struct ranks *ranks)
{
    struct rank_queue **grown;

    if (ranks->n_queues == QUEUES_MAX)
        return queue_take_over(ranks);
    grown = realloc(ranks->queue, (ranks->n_queues + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    ranks->queue = grown;
    grown[ranks->n_queues] = calloc(1, sizeof **grown);
    return grown[ranks->n_queues] ? grown[ranks->n_queues++] : NULL;
}

static struct rank_queue *queue_make(struct ranks *ranks, const char *name)
{
    struct rank_queue *queue = queue_find(ranks, name);

    if (queue)
        return queue;
    queue = queue_add(ranks);
    if (queue)
        strncpy(queue->name, name, NAME_MAX_LEN);
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
 * before. No memory: the job has no rank, and those behind it one that is too low by one. */
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
    return queue;
}

static void count_start(struct rank_queue *queue, int64_t now_s)
{
    unsigned slot = (unsigned)(now_s % PACE_SECONDS);

    if (queue->pace.second[slot] != now_s)
        queue->pace.started[slot] = 0;
    queue->pace.second[slot] = now_s;
    queue->pace.started[slot]++;
}

/* What the loader finds in its older picture of the view does not count any more. */
static void remember_told(struct ranks *ranks, int64_t seq)
{
    if (ranks->n_told == ranks->told_cap) {
        size_t cap = ranks->told_cap ? ranks->told_cap * 2 : 256;
        int64_t *grown = realloc(ranks->told, cap * sizeof *grown);
        if (!grown)
            return;
        ranks->told = grown;
        ranks->told_cap = cap;
    }
    ranks->told[ranks->n_told++] = seq;
}

void ranks_on_changes(void *arg, struct changes *changes)
{
    struct ranks *ranks = arg;

    pthread_mutex_lock(&ranks->lock);
    for (unsigned i = 0; i < changes->n; i++) {
        const struct change *change = &changes->at[i];
        struct rank_queue *queue = follow(ranks, change->job);
        if (ranks->is_loading)
            remember_told(ranks, change->job->seq);
        if (queue && change->kind == CHANGE_RUNNING)
            count_start(queue, change->at / 1000);
    }
    pthread_mutex_unlock(&ranks->lock);
}

/* ---- the jobs of before ---- */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool load_one(void *arg, struct job *job)
{
    struct ranks *ranks = arg;
    bool must_end;

    pthread_mutex_lock(&ranks->lock);
    must_end = ranks->must_end;
    if (!must_end) {
        if (ranks->n_sorted != ranks->n_told)
            qsort(ranks->told, ranks->n_told, sizeof *ranks->told, compare);
        ranks->n_sorted = ranks->n_told;
        if (!ranks->n_told || !bsearch(&job->seq, ranks->told, ranks->n_told, sizeof *ranks->told, compare))
            follow(ranks, job);
    }
    pthread_mutex_unlock(&ranks->lock);
    return !must_end;
}

static void *load(void *arg)
{
    struct ranks *ranks = arg;
    struct reader *reader = NULL;
    enum err err = reader_open(ranks->dir, &reader);

    log_set_component("ranks");
    if (!err)
        err = reader_unfinished(reader, load_one, ranks);
    reader_close(reader);
    if (err)
        log_warn("positions of jobs queued before the start are not told: %s", err_sentence(err));
    pthread_mutex_lock(&ranks->lock);
    ranks->is_loading = err != ERR_OK;
    free(ranks->told);
    ranks->told = NULL;
    ranks->n_told = ranks->n_sorted = ranks->told_cap = 0;
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

/* Starts in the minute before now_s, and over how many seconds they came. */
static int64_t pace_of(const struct pace *pace, int64_t now_s, int64_t *ret_seconds)
{
    int64_t started = 0, oldest = now_s;

    for (unsigned i = 0; i < PACE_SECONDS; i++) {
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
        started = pace_of(&queue->pace, now_ms / 1000, &seconds);
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
    enum err err = ERR_NOMEM;
    unsigned n = 0;

    pthread_mutex_lock(&ranks->lock);
    if (ranks->is_loading) {
        err = ERR_AGAIN;
        goto out;
    }
    counts = malloc((ranks->n_queues + 1) * sizeof *counts);
    if (!counts)
        goto out;
    for (unsigned i = 0; i < ranks->n_queues; i++)
        if (!queue_is_empty(ranks->queue[i]))
            count_queue(ranks->queue[i], &counts[n++]);
    *ret_counts = counts;
    *ret_n = n;
    err = ERR_OK;
out:
    pthread_mutex_unlock(&ranks->lock);
    return err;
}
