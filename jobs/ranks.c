/* ranks.c: a status is asked far more often than it changes, and a table scan to count who goes first
 * would make each answer as slow as the queue is long. Bits in chunks answer in microseconds: jobs
 * are queued in rising order, so a chunk is only ever added at the end. */
#include "jobs/ranks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/view.h"
#include "schema/log.h"

#define CHUNK_BITS 4096
#define QUEUES_MAX 4096         /* past it ranks are not told */
#define PACE_SECONDS 60

struct chunk {
    int64_t base;               /* position of its first bit */
    unsigned count;
    uint64_t bit[CHUNK_BITS / 64];
};

struct lane {
    struct chunk **chunk;       /* rising bases */
    size_t first, n, cap;       /* chunks in use: [first, n) */
    int64_t count;
};

struct pace {
    int64_t second[PACE_SECONDS];
    unsigned started[PACE_SECONDS];
};

struct rank_queue {
    char name[NAME_MAX_LEN + 1];
    struct lane lane[PRIORITY_MAX + 1];
    struct pace pace;
};

struct ranks {
    pthread_mutex_t lock;       /* guards all of it; a leaf */
    struct rank_queue **queue;  /* few: a linear look is the fastest */
    unsigned n_queues;
    bool is_loading, must_end;
    int64_t *left;              /* while loading: who has left the queue meanwhile, by ready_pos */
    size_t n_left, n_sorted, left_cap;
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

static void queue_free(struct rank_queue *queue)
{
    for (int priority = 0; priority <= PRIORITY_MAX; priority++) {
        struct lane *lane = &queue->lane[priority];
        for (size_t i = lane->first; i < lane->n; i++)
            free(lane->chunk[i]);
        free(lane->chunk);
    }
    free(queue);
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
    for (unsigned i = 0; i < ranks->n_queues; i++)
        queue_free(ranks->queue[i]);
    free(ranks->queue);
    free(ranks->left);
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

static struct rank_queue *queue_make(struct ranks *ranks, const char *name)
{
    struct rank_queue **grown, *queue = queue_find(ranks, name);

    if (queue)
        return queue;
    if (ranks->n_queues == QUEUES_MAX)
        return NULL;
    grown = realloc(ranks->queue, (ranks->n_queues + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    ranks->queue = grown;
    queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    strncpy(queue->name, name, NAME_MAX_LEN);
    ranks->queue[ranks->n_queues++] = queue;
    return queue;
}

/* The place of the chunk that would hold pos: the first whose end lies past it. */
static size_t chunk_place(const struct lane *lane, int64_t pos)
{
    size_t low = lane->first, high = lane->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lane->chunk[middle]->base + CHUNK_BITS <= pos)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct chunk *chunk_of(const struct lane *lane, int64_t pos)
{
    size_t place = chunk_place(lane, pos);

    return place < lane->n && lane->chunk[place]->base <= pos ? lane->chunk[place] : NULL;
}

static struct chunk *chunk_make(struct lane *lane, int64_t pos)
{
    size_t place = chunk_place(lane, pos);
    struct chunk *chunk = chunk_of(lane, pos);

    if (chunk)
        return chunk;
    if (lane->first > 64 && lane->first > lane->n / 2) {       /* room at the front: close up */
        memmove(lane->chunk, lane->chunk + lane->first, (lane->n - lane->first) * sizeof *lane->chunk);
        place -= lane->first;
        lane->n -= lane->first;
        lane->first = 0;
    }
    if (lane->n == lane->cap) {
        size_t cap = lane->cap ? lane->cap * 2 : 8;
        struct chunk **grown = realloc(lane->chunk, cap * sizeof *grown);
        if (!grown)
            return NULL;
        lane->chunk = grown;
        lane->cap = cap;
    }
    chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        return NULL;
    chunk->base = pos - pos % CHUNK_BITS;
    memmove(lane->chunk + place + 1, lane->chunk + place, (lane->n - place) * sizeof *lane->chunk);
    lane->chunk[place] = chunk;
    lane->n++;
    return chunk;
}

/* No memory: the job has no rank, and those behind it one that is too low by one. */
static void add(struct ranks *ranks, const struct job *job)
{
    struct rank_queue *queue = queue_make(ranks, job->spec->queue);
    int64_t pos = job->ready_pos;
    uint64_t bit = 1ULL << (pos % 64);
    struct chunk *chunk = queue ? chunk_make(&queue->lane[job->spec->priority], pos) : NULL;

    if (!chunk || chunk->bit[pos % CHUNK_BITS / 64] & bit)
        return;
    chunk->bit[pos % CHUNK_BITS / 64] |= bit;
    chunk->count++;
    queue->lane[job->spec->priority].count++;
}

static void take_out(struct ranks *ranks, const struct job *job)
{
    struct rank_queue *queue = queue_find(ranks, job->spec->queue);
    struct lane *lane = queue ? &queue->lane[job->spec->priority] : NULL;
    int64_t pos = job->ready_pos;
    uint64_t bit = 1ULL << (pos % 64);
    struct chunk *chunk = lane ? chunk_of(lane, pos) : NULL;

    if (!chunk || !(chunk->bit[pos % CHUNK_BITS / 64] & bit))
        return;
    chunk->bit[pos % CHUNK_BITS / 64] &= ~bit;
    chunk->count--;
    lane->count--;
    while (lane->first < lane->n && lane->chunk[lane->first]->count == 0)
        free(lane->chunk[lane->first++]);
    if (lane->first == lane->n)
        lane->first = lane->n = 0;
}

static void count_start(struct ranks *ranks, const struct job *job, int64_t now_s)
{
    struct rank_queue *queue = queue_find(ranks, job->spec->queue);
    unsigned slot = (unsigned)(now_s % PACE_SECONDS);

    if (!queue)
        return;
    if (queue->pace.second[slot] != now_s)
        queue->pace.started[slot] = 0;
    queue->pace.second[slot] = now_s;
    queue->pace.started[slot]++;
}

/* What has left must not come back when the loader finds it in its older picture of the view. */
static void remember_left(struct ranks *ranks, int64_t pos)
{
    if (ranks->n_left == ranks->left_cap) {
        size_t cap = ranks->left_cap ? ranks->left_cap * 2 : 256;
        int64_t *grown = realloc(ranks->left, cap * sizeof *grown);
        if (!grown)
            return;
        ranks->left = grown;
        ranks->left_cap = cap;
    }
    ranks->left[ranks->n_left++] = pos;
}

void ranks_on_changes(void *arg, struct changes *changes)
{
    struct ranks *ranks = arg;

    pthread_mutex_lock(&ranks->lock);
    for (unsigned i = 0; i < changes->n; i++) {
        const struct change *change = &changes->at[i];
        if (change->job->state == JOB_QUEUED) {
            add(ranks, change->job);
            continue;
        }
        if (!change->job->ready_pos)
            continue;
        take_out(ranks, change->job);
        if (ranks->is_loading)
            remember_left(ranks, change->job->ready_pos);
        if (change->kind == CHANGE_RUNNING)
            count_start(ranks, change->job, change->at / 1000);
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
    if (job->state == JOB_QUEUED && !must_end) {
        if (ranks->n_sorted != ranks->n_left)
            qsort(ranks->left, ranks->n_left, sizeof *ranks->left, compare);
        ranks->n_sorted = ranks->n_left;
        if (!ranks->n_left || !bsearch(&job->ready_pos, ranks->left, ranks->n_left, sizeof *ranks->left, compare))
            add(ranks, job);
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
    free(ranks->left);
    ranks->left = NULL;
    ranks->n_left = ranks->n_sorted = ranks->left_cap = 0;
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

static int64_t lane_before(const struct lane *lane, int64_t pos)
{
    size_t place = chunk_place(lane, pos);
    int64_t count = 0;

    for (size_t i = lane->first; i < place && count < RANKS_MAX; i++)
        count += lane->chunk[i]->count;
    if (place < lane->n && count < RANKS_MAX) {
        const struct chunk *chunk = lane->chunk[place];
        unsigned word = (unsigned)(pos % CHUNK_BITS / 64);
        for (unsigned i = 0; i < word; i++)
            count += __builtin_popcountll(chunk->bit[i]);
        count += __builtin_popcountll(chunk->bit[word] & ((1ULL << (pos % 64)) - 1));
    }
    return count;
}

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
    const struct chunk *chunk;
    const struct lane *lane;

    *ret_start_at = 0;
    if (job->state != JOB_QUEUED)
        return -1;
    pthread_mutex_lock(&ranks->lock);
    queue = ranks->is_loading ? NULL : queue_find(ranks, job->spec->queue);
    lane = queue ? &queue->lane[job->spec->priority] : NULL;
    chunk = lane ? chunk_of(lane, pos) : NULL;
    if (chunk && chunk->bit[pos % CHUNK_BITS / 64] & 1ULL << (pos % 64)) {
        position = 0;
        for (int higher = PRIORITY_MAX; higher > job->spec->priority; higher--)
            position += queue->lane[higher].count;
        if (position < RANKS_MAX)
            position += lane_before(lane, pos);
        if (position > RANKS_MAX)
            position = RANKS_MAX;
        started = pace_of(&queue->pace, now_ms / 1000, &seconds);
        if (started >= RANKS_PACE_MIN && position < RANKS_MAX)
            *ret_start_at = now_ms + position * seconds * 1000 / started;
    }
    pthread_mutex_unlock(&ranks->lock);
    return position;
}
