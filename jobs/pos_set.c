/* pos_set.c: sorted chunks of up to 512 positions, each four bytes beside the chunk's base: ten million
 * waiting jobs are 40 MB, and a count is a sum over chunks and one search. A log of many machines
 * leaves a thousand positions between two events, which rules out a bit for each. */
#include "jobs/pos_set.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN 8
#define CHUNK_MAX 512

struct pos_chunk {
    int64_t base;              /* none of it stands before, all of the chunk after it stand behind */
    unsigned n, cap;
    uint32_t at[];             /* beyond base, rising */
};

void pos_set_clear(struct pos_set *set)
{
    for (size_t i = set->first; i < set->n; i++)
        free(set->chunk[i]);
    free(set->chunk);
    *set = (struct pos_set){0};
}

/* The first chunk whose base lies beyond pos; the one before it is where pos belongs. */
static size_t place_after(const struct pos_set *set, int64_t pos)
{
    size_t low = set->first, high = set->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->chunk[middle]->base <= pos)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many of the chunk stand before pos. */
static unsigned rank_in(const struct pos_chunk *chunk, int64_t pos)
{
    unsigned low = 0, high = chunk->n;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (chunk->base + chunk->at[middle] < pos)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool chunk_has(const struct pos_chunk *chunk, unsigned rank, int64_t pos)
{
    return rank < chunk->n && chunk->base + chunk->at[rank] == pos;
}

static struct pos_chunk *chunk_resize(struct pos_chunk *chunk, unsigned cap)
{
    struct pos_chunk *grown = realloc(chunk, sizeof *chunk + cap * sizeof chunk->at[0]);

    if (grown)
        grown->cap = cap;
    return grown;
}

/* An empty chunk at that place of the list; NULL: no memory. *place follows if the list closes up. */
static struct pos_chunk *chunk_insert(struct pos_set *set, size_t *place, int64_t base, unsigned cap)
{
    struct pos_chunk *chunk;

    if (set->first > 64 && set->first > set->n / 2) { /* room at the front */
        memmove(set->chunk, set->chunk + set->first, (set->n - set->first) * sizeof(struct pos_chunk *));
        *place -= set->first;
        set->n -= set->first;
        set->first = 0;
    }
    if (set->n == set->cap) {
        size_t more = set->cap ? set->cap * 2 : 4;
        struct pos_chunk **grown = realloc(set->chunk, more * sizeof(struct pos_chunk *));
        if (!grown)
            return NULL;
        set->chunk = grown;
        set->cap = more;
    }
    chunk = chunk_resize(NULL, cap);
    if (!chunk)
        return NULL;
    chunk->base = base;
    chunk->n = 0;
    memmove(set->chunk + *place + 1, set->chunk + *place, (set->n - *place) * sizeof(struct pos_chunk *));
    set->chunk[*place] = chunk;
    set->n++;
    return chunk;
}

/* The upper half of a full chunk becomes one of its own. */
static bool chunk_split(struct pos_set *set, size_t place)
{
    struct pos_chunk *chunk = set->chunk[place], *upper;
    unsigned kept = chunk->n / 2;
    size_t next = place + 1;

    upper = chunk_insert(set, &next, chunk->base + chunk->at[kept], chunk->cap);
    if (!upper)
        return false;
    for (unsigned i = kept; i < chunk->n; i++)
        upper->at[upper->n++] = chunk->at[i] - chunk->at[kept];
    chunk->n = kept;
    return true;
}

static bool insert(struct pos_set *set, size_t place, int64_t pos)
{
    struct pos_chunk *chunk = set->chunk[place];
    unsigned rank = rank_in(chunk, pos);

    if (chunk_has(chunk, rank, pos))
        return true;
    if (chunk->n == chunk->cap) {
        chunk = chunk_resize(chunk, chunk->cap * 2);
        if (!chunk)
            return false;
        set->chunk[place] = chunk;
    }
    memmove(chunk->at + rank + 1, chunk->at + rank, (chunk->n - rank) * sizeof chunk->at[0]);
    chunk->at[rank] = (uint32_t)(pos - chunk->base);
    chunk->n++;
    set->count++;
    return true;
}

bool pos_set_add(struct pos_set *set, int64_t pos)
{
    size_t after = place_after(set, pos);
    struct pos_chunk *chunk = after > set->first ? set->chunk[after - 1] : NULL;
    bool is_behind = !chunk || rank_in(chunk, pos) == chunk->n;

    if (!chunk || (is_behind && (chunk->n == CHUNK_MAX || pos - chunk->base > UINT32_MAX)))
        return chunk_insert(set, &after, pos, CHUNK_MIN) && insert(set, after, pos);
    if (chunk->n < CHUNK_MAX)
        return insert(set, after - 1, pos);
    if (chunk_has(chunk, rank_in(chunk, pos), pos))
        return true;
    return chunk_split(set, after - 1) && pos_set_add(set, pos);
}

void pos_set_remove(struct pos_set *set, int64_t pos)
{
    size_t after = place_after(set, pos);
    struct pos_chunk *chunk = after > set->first ? set->chunk[after - 1] : NULL;
    unsigned rank = chunk ? rank_in(chunk, pos) : 0;

    if (!chunk || !chunk_has(chunk, rank, pos))
        return;
    chunk->n--;
    set->count--;
    memmove(chunk->at + rank, chunk->at + rank + 1, (chunk->n - rank) * sizeof chunk->at[0]);
    if (chunk->n)
        return;
    free(chunk);
    if (after - 1 == set->first) {
        set->first++;
    } else {
        memmove(set->chunk + after - 1, set->chunk + after, (set->n - after) * sizeof(struct pos_chunk *));
        set->n--;
    }
    if (set->first == set->n)
        set->first = set->n = 0;
}

bool pos_set_has(const struct pos_set *set, int64_t pos)
{
    size_t after = place_after(set, pos);
    const struct pos_chunk *chunk = after > set->first ? set->chunk[after - 1] : NULL;

    return chunk && chunk_has(chunk, rank_in(chunk, pos), pos);
}

int64_t pos_set_before(const struct pos_set *set, int64_t pos, int64_t max)
{
    size_t after = place_after(set, pos);
    int64_t count = 0;

    if (after == set->first)
        return 0;
    for (size_t i = set->first; i + 1 < after && count < max; i++)
        count += set->chunk[i]->n;
    return count < max ? count + rank_in(set->chunk[after - 1], pos) : count;
}

int64_t pos_set_oldest(const struct pos_set *set)
{
    const struct pos_chunk *chunk = set->first < set->n ? set->chunk[set->first] : NULL;

    return chunk ? chunk->base + chunk->at[0] : 0;
}
