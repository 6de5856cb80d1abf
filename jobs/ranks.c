/* ranks.c: a status is asked far more often than it changes, and a table scan to count who goes first
 * would make each answer as slow as the queue is long. Bits in chunks answer in microseconds: jobs
 * are queued in rising order, so a chunk is only ever added at the end. */
#include "jobs/ranks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "schema/job.h"

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
    uint32_t name;
    struct lane lane[PRIORITY_MAX + 1];
    struct pace pace;
};

struct ranks {
    pthread_mutex_t lock;       /* guards all of it; a leaf */
    struct rank_queue **queue;  /* few: a linear look is the fastest */
    unsigned n_queues;
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

void ranks_clear(struct ranks *ranks)
{
    pthread_mutex_lock(&ranks->lock);
    for (unsigned i = 0; i < ranks->n_queues; i++)
        queue_free(ranks->queue[i]);
    free(ranks->queue);
    ranks->queue = NULL;
    ranks->n_queues = 0;
    pthread_mutex_unlock(&ranks->lock);
}

void ranks_free(struct ranks *ranks)
{
    if (!ranks)
        return;
    ranks_clear(ranks);
    pthread_mutex_destroy(&ranks->lock);
    free(ranks);
}

static struct rank_queue *queue_find(const struct ranks *ranks, uint32_t name)
{
    for (unsigned i = 0; i < ranks->n_queues; i++)
        if (ranks->queue[i]->name == name)
            return ranks->queue[i];
    return NULL;
}

static struct rank_queue *queue_make(struct ranks *ranks, uint32_t name)
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
    queue->name = name;
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

bool ranks_add(struct ranks *ranks, uint32_t name, int priority, int64_t pos)
{
    struct rank_queue *queue;
    struct chunk *chunk = NULL;
    uint64_t bit = 1ULL << (pos % 64);

    pthread_mutex_lock(&ranks->lock);
    queue = queue_make(ranks, name);
    if (queue)
        chunk = chunk_make(&queue->lane[priority], pos);
    if (chunk && !(chunk->bit[pos % CHUNK_BITS / 64] & bit)) {
        chunk->bit[pos % CHUNK_BITS / 64] |= bit;
        chunk->count++;
        queue->lane[priority].count++;
    }
    pthread_mutex_unlock(&ranks->lock);
    return chunk != NULL;
}

void ranks_remove(struct ranks *ranks, uint32_t name, int priority, int64_t pos)
{
    struct rank_queue *queue;
    struct chunk *chunk = NULL;
    uint64_t bit = 1ULL << (pos % 64);

    pthread_mutex_lock(&ranks->lock);
    queue = queue_find(ranks, name);
    if (queue)
        chunk = chunk_of(&queue->lane[priority], pos);
    if (chunk && chunk->bit[pos % CHUNK_BITS / 64] & bit) {
        struct lane *lane = &queue->lane[priority];
        chunk->bit[pos % CHUNK_BITS / 64] &= ~bit;
        chunk->count--;
        lane->count--;
        while (lane->first < lane->n && lane->chunk[lane->first]->count == 0)
            free(lane->chunk[lane->first++]);
        if (lane->first == lane->n)
            lane->first = lane->n = 0;
    }
    pthread_mutex_unlock(&ranks->lock);
}

void ranks_started(struct ranks *ranks, uint32_t name, int64_t now_s)
{
    struct rank_queue *queue;

    pthread_mutex_lock(&ranks->lock);
    queue = queue_find(ranks, name);
    if (queue) {
        unsigned slot = (unsigned)(now_s % PACE_SECONDS);
        if (queue->pace.second[slot] != now_s)
            queue->pace.started[slot] = 0;
        queue->pace.second[slot] = now_s;
        queue->pace.started[slot]++;
    }
    pthread_mutex_unlock(&ranks->lock);
}

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

int64_t ranks_position(struct ranks *ranks, uint32_t name, int priority, int64_t pos, int64_t now_s, int64_t *ret_start_s)
{
    const struct rank_queue *queue;
    const struct chunk *chunk = NULL;
    int64_t position = -1, started, seconds;

    *ret_start_s = 0;
    pthread_mutex_lock(&ranks->lock);
    queue = queue_find(ranks, name);
    if (queue)
        chunk = chunk_of(&queue->lane[priority], pos);
    if (chunk && chunk->bit[pos % CHUNK_BITS / 64] & 1ULL << (pos % 64)) {
        position = 0;
        for (int higher = PRIORITY_MAX; higher > priority; higher--)
            position += queue->lane[higher].count;
        if (position < RANKS_MAX)
            position += lane_before(&queue->lane[priority], pos);
        if (position > RANKS_MAX)
            position = RANKS_MAX;
        started = pace_of(&queue->pace, now_s, &seconds);
        if (started >= RANKS_PACE_MIN && position < RANKS_MAX)
            *ret_start_s = now_s + position * seconds / started;
    }
    pthread_mutex_unlock(&ranks->lock);
    return position;
}
