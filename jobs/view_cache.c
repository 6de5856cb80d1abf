/* view_cache.c: unfinished jobs the writer touched lately, so that the claim and the end of a job
 * need no SELECT. Sets of four, no lists, no resizing: 65,536 jobs at most, whatever happens.
 *
 * Who stays when a set is full: a running job before a queued one (its end comes next), an older
 * queued job before a newer one (it is claimed first), and anything before what waits for its time.
 *
 * The writer takes a job out while it changes it, so that nobody else holding it means no copy. */
#include <stdlib.h>
#include <string.h>

#include "jobs/view_priv.h"
#include "schema/hash.h"

#define CACHE_SETS 16384
#define CACHE_WAYS 4

/* A set is one line of the processor's cache; the hash spares a look at the job. */
struct slot {
    uint64_t hash;
    struct job *job;
};

struct cache {
    struct slot at[CACHE_SETS][CACHE_WAYS];
};

struct cache *cache_new(void)
{
    return calloc(1, sizeof(struct cache));
}

void cache_clear(struct cache *cache)
{
    for (unsigned set = 0; set < CACHE_SETS; set++)
        for (unsigned way = 0; way < CACHE_WAYS; way++) {
            job_unref(cache->at[set][way].job);
            cache->at[set][way].job = NULL;
        }
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    cache_clear(cache);
    free(cache);
}

static uint64_t hash_of(const char *id)
{
    uint64_t hash = hash_bytes(HASH_START, id, strlen(id));

    return hash ^ (hash >> 32);
}

struct job *cache_take(struct cache *cache, const char *id)
{
    uint64_t hash = hash_of(id);
    struct slot *set = cache->at[hash % CACHE_SETS];

    for (unsigned way = 0; way < CACHE_WAYS; way++) {
        struct job *job = set[way].job;
        if (job && set[way].hash == hash && strcmp(job->spec->id, id) == 0) {
            set[way].job = NULL;
            return job;
        }
    }
    return NULL;
}

/* Lower goes first. */
static int64_t worth(const struct job *job)
{
    if (job->state == JOB_RUNNING)
        return INT64_MAX;
    return job->state == JOB_QUEUED ? INT64_MAX - job->ready_pos : 0;
}

void cache_put(struct cache *cache, struct job *job)
{
    uint64_t hash = hash_of(job->spec->id);
    struct slot *set = cache->at[hash % CACHE_SETS], *slot = &set[0];

    for (unsigned way = 0; way < CACHE_WAYS && slot->job; way++)
        if (!set[way].job || worth(set[way].job) < worth(slot->job))
            slot = &set[way];
    if (slot->job && worth(slot->job) >= worth(job) && job->state != JOB_RUNNING)
        return;
    job_unref(slot->job);
    *slot = (struct slot){.hash = hash, .job = job_ref(job)};
}
