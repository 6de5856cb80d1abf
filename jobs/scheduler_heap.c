/* A heap of entries by a 64-bit key. Each entry knows its place, so a job that is cancelled leaves
 * the middle of the queue at once. */
#include <stdlib.h>

#include "jobs/scheduler_priv.h"

#define CHILDREN 4u

void heap_clear(struct heap *heap)
{
    free(heap->at);
    heap->at = NULL;
    heap->n = heap->cap = 0;
}

enum err heap_reserve(struct heap *heap, uint32_t n)
{
    if (n <= heap->cap)
        return ERR_OK;
    uint32_t cap = heap->cap ? heap->cap : 64;
    while (cap < n)
        cap += cap / 2;
    struct heap_node *at = realloc(heap->at, cap * sizeof *at);
    if (!at)
        return ERR_NOMEM;
    heap->at = at;
    heap->cap = cap;
    return ERR_OK;
}

static void put(struct heap *heap, struct store *store, uint32_t place, struct heap_node node)
{
    heap->at[place] = node;
    store_at(store, node.entry)->place[heap->kind] = place;
}

static void rise(struct heap *heap, struct store *store, uint32_t place, struct heap_node node)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / CHILDREN;
        if (heap->at[parent].key <= node.key)
            break;
        put(heap, store, place, heap->at[parent]);
        place = parent;
    }
    put(heap, store, place, node);
}

static void sink(struct heap *heap, struct store *store, uint32_t place, struct heap_node node)
{
    for (;;) {
        uint32_t first = place * CHILDREN + 1, least = first;
        if (first >= heap->n)
            break;
        for (uint32_t child = first + 1; child < first + CHILDREN && child < heap->n; child++)
            if (heap->at[child].key < heap->at[least].key)
                least = child;
        if (heap->at[least].key >= node.key)
            break;
        put(heap, store, place, heap->at[least]);
        place = least;
    }
    put(heap, store, place, node);
}

void heap_push(struct heap *heap, struct store *store, uint32_t entry, int64_t key)
{
    rise(heap, store, heap->n++, (struct heap_node){.key = key, .entry = entry});
}

void heap_remove(struct heap *heap, struct store *store, uint32_t entry)
{
    uint32_t place = store_at(store, entry)->place[heap->kind];
    if (place == ENTRY_NONE)
        return;
    struct heap_node last = heap->at[--heap->n];
    store_at(store, entry)->place[heap->kind] = ENTRY_NONE;
    if (place == heap->n)
        return;
    if (place > 0 && heap->at[(place - 1) / CHILDREN].key > last.key)
        rise(heap, store, place, last);
    else
        sink(heap, store, place, last);
}

void heap_rebuild(struct heap *heap, struct store *store)
{
    for (uint32_t place = heap->n; place-- > 0;)
        sink(heap, store, place, heap->at[place]);
}
