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

#define CACHE_SETS 16384
#define CACHE_WAYS 4

struct cache {
    struct job *at[CACHE_SETS][CACHE_WAYS];
};

struct cache *cache_new(void)
{
    return calloc(1, sizeof(struct cache));
}

void cache_clear(struct cache *cache)
{
    for (unsigned set = 0; set < CACHE_SETS; set++)
        for (unsigned way = 0; way < CACHE_WAYS; way++) {
            job_unref(cache->at[set][way]);
            cache->at[set][way] = NULL;
        }
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    cache_clear(cache);
    free(cache);
}

static unsigned set_of(const char *id)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(1099511628211);
    return (unsigned)((hash ^ (hash >> 32)) % CACHE_SETS);
}

static struct job **find(const struct cache *cache, const char *id)
{
    struct job *const *set = cache->at[set_of(id)];

    for (unsigned way = 0; way < CACHE_WAYS; way++)
        if (set[way] && memcmp(set[way]->spec->id, id, ID_LEN) == 0)
            return (struct job **)&set[way];
    return NULL;
}

struct job *cache_take(struct cache *cache, const char *id)
{
    struct job **slot = find(cache, id), *job = slot ? *slot : NULL;

    if (slot)
        *slot = NULL;
    return job;
}

bool cache_has(const struct cache *cache, const char *id)
{
    return find(cache, id) != NULL;
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
    struct job **set = cache->at[set_of(job->spec->id)], **slot = &set[0];

    for (unsigned way = 0; way < CACHE_WAYS; way++) {
        if (!set[way]) {
            slot = &set[way];
            break;
        }
        if (worth(set[way]) < worth(*slot))
            slot = &set[way];
    }
    if (*slot && worth(*slot) >= worth(job) && job->state != JOB_RUNNING)
        return;
    job_unref(*slot);
    *slot = job_ref(job);
}
