/* The queues jobs wait in, each known once by its name, so that a job's entry can point to it; and
 * which of them are paused. Pausing moves what waits in them out of the line in one pass over the
 * heaps, and resuming moves it back into its old order: a million waiting jobs take milliseconds,
 * and nothing looks at them in between. */
#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"

struct queue *queue_take(struct queues *queues, const char *name)
{
    size_t size = strlen(name) + 1;
    struct queue *queue = (struct queue *)name_table_find(&queues->names, name);

    if (queue) {
        queue->n_refs++;
        return queue;
    }
    queue = malloc(sizeof *queue + size);
    if (!queue)
        return NULL;
    *queue = (struct queue){.named.name = queue->name, .n_refs = 1};
    memcpy(queue->name, name, size);
    if (name_table_add(&queues->names, &queue->named)) {
        free(queue);
        return NULL;
    }
    return queue;
}

void queue_drop(struct queues *queues, struct queue *queue)
{
    if (!queue || --queue->n_refs > 0)
        return;
    name_table_remove(&queues->names, &queue->named);
    free(queue);
}

void queues_clear(struct queues *queues)
{
    struct named *queue = name_table_next(&queues->names, NULL), *next;

    for (; queue; queue = next) {
        next = name_table_next(&queues->names, queue);
        free(queue);
    }
    name_table_clear(&queues->names);
    free(queues->paused);
    *queues = (struct queues){0};
}

/* What stands in one line and belongs in the other. */
static void sift(struct scheduler *s, struct heap *from, struct heap *to, enum entry_line line)
{
    uint32_t kept = 0, had = to->n;

    for (uint32_t i = 0; i < from->n; i++) {
        struct heap_node node = from->at[i];
        struct entry *entry = store_at(&s->store, node.entry);

        if (entry->queue->is_paused == (line == LINE_PAUSED)) {
            to->at[to->n++] = node;
            entry->line = line;
        } else {
            from->at[kept++] = node;
        }
    }
    from->n = kept;
    if (to->n == had)
        return;
    heap_rebuild(from, &s->store);
    heap_rebuild(to, &s->store);
}

static void line_up_anew(struct scheduler *s)
{
    s->n_ready = 0;
    for (unsigned i = 0; i < s->n_types; i++) {
        struct type_stat *stat = &s->stats[i];

        sift(s, &stat->ready, &stat->paused, LINE_PAUSED);
        sift(s, &stat->paused, &stat->ready, LINE_READY);
        s->n_ready += stat->ready.n;
    }
}

/* What was claimed ahead and has not begun waits like the others; what has a slot of its own begins. */
static void give_back_paused(struct scheduler *s)
{
    struct claim *claim, *next;

    for (claim = TAILQ_FIRST(&s->all); claim; claim = next) {
        next = TAILQ_NEXT(claim, in_all);
        if (claim->entry != ENTRY_NONE && store_at(&s->store, claim->entry)->queue->is_paused)
            claim_give_back(s, claim);
    }
}

enum err scheduler_set_paused(struct scheduler *s, const char *const *names, unsigned n)
{
    enum err err = ERR_NOMEM;
    struct queues *queues = &s->queues;
    struct queue **paused = calloc(n ? n : 1, sizeof *paused);
    unsigned taken = 0;

    if (!paused)
        return ERR_NOMEM;
    for (unsigned i = 0; n && i < s->n_types; i++)
        if (heap_reserve(&s->stats[i].paused, s->stats[i].n_entries))
            goto out;
    for (; taken < n; taken++)
        if (!(paused[taken] = queue_take(queues, names[taken])))
            goto out;
    for (unsigned i = 0; i < queues->n_paused; i++)
        queues->paused[i]->is_paused = false;
    for (unsigned i = 0; i < n; i++)
        paused[i]->is_paused = true;

    struct queue **before = queues->paused;
    taken = queues->n_paused;
    queues->paused = paused;
    queues->n_paused = n;
    paused = before;
    line_up_anew(s);
    give_back_paused(s);
    err = ERR_OK;
out:
    while (taken > 0)
        queue_drop(queues, paused[--taken]); // NOLINT(clang-analyzer-unix.Malloc): it does not follow LIST_REMOVE
    free(paused);
    return err;
}
