/* routes_queues.c: what waits in each queue, and queues that are held back. A pause is an event like
 * any other, so it survives restarts and holds on every node; what runs already runs on. */
#include <stdlib.h>
#include <string.h>

#include "api/job_reply.h"
#include "api/order.h"
#include "api/query.h"
#include "api/router.h"

#define PAUSED_MAX 10000     /* as many as the fold takes */
#define QUEUE_DEFAULT "default"

static const struct query_name no_query[] = {{NULL, 0}};

struct row {
    struct queue_count count;
    bool paused;
};

/* Every queue there is something to say of. */
struct table {
    struct row *row;
    unsigned n, cap;
    unsigned n_paused;
    bool failed;             /* no memory */
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->count.name, ((const struct row *)b)->count.name);
}

static struct row *table_add(struct table *table, const char *name)
{
    struct row *row;

    if (table->n == table->cap) {
        unsigned cap = table->cap ? table->cap * 2 : 16;
        struct row *grown = realloc(table->row, cap * sizeof *grown);
        if (!grown) {
            table->failed = true;
            return NULL;
        }
        table->row = grown;
        table->cap = cap;
    }
    row = &table->row[table->n++];
    *row = (struct row){.paused = false};
    strncpy(row->count.name, name, NAME_MAX_LEN);
    return row;
}

static struct row *table_find(const struct table *table, unsigned n_sorted, const char *name)
{
    struct row key = {.paused = false};

    strncpy(key.count.name, name, NAME_MAX_LEN);
    return n_sorted ? bsearch(&key, table->row, n_sorted, sizeof key, compare) : NULL;
}

/* Those with jobs come first and sorted; a paused one is among them, or a row of its own behind them. */
struct marking {
    struct table *table;
    unsigned n_sorted;
};

static void mark_paused(void *arg, const char *queue)
{
    struct marking *marking = arg;
    struct row *row = table_find(marking->table, marking->n_sorted, queue);

    if (!row)
        row = table_add(marking->table, queue);
    if (row)
        row->paused = true;
    marking->table->n_paused++;
}

static enum err table_fill(struct thread *thread, struct table *table)
{
    struct queue_count *counts = NULL;
    unsigned n = 0;
    struct marking marking = {.table = table};
    enum err err = ranks_queues(thread->setup->ranks, &counts, &n);

    for (unsigned i = 0; i < n && !err; i++) {
        struct row *row = table_add(table, counts[i].name);
        if (row)
            row->count = counts[i];
    }
    free(counts);
    if (err)
        return err;
    if (table->n)
        qsort(table->row, table->n, sizeof *table->row, compare);
    if (!table_find(table, table->n, QUEUE_DEFAULT)) {
        table_add(table, QUEUE_DEFAULT);
        if (table->n)
            qsort(table->row, table->n, sizeof *table->row, compare);
    }
    marking.n_sorted = table->n;
    err = reader_paused(thread->reader, mark_paused, &marking);
    if (!err && table->n)
        qsort(table->row, table->n, sizeof *table->row, compare);
    return err ? err : table->failed ? ERR_NOMEM : ERR_OK;
}

/* False: the request has been answered. */
static bool request_table(struct request *request, struct table *table)
{
    enum err err = table_fill(request_thread(request), table);

    if (err == ERR_AGAIN)
        reply_problem(request, ERR_BUSY, "The jobs of before the start are still being counted.", NULL);
    else if (err)
        reply_problem(request, err, NULL, NULL);
    return !err;
}

static void row_encode(struct text *text, struct thread *thread, const struct row *row)
{
    int64_t at = 0, waited;

    text_char(text, '{');
    text_json_str(text, "name", row->count.name);
    text_json_int(text, "waiting", row->count.waiting);
    text_json_int(text, "scheduled", row->count.scheduled);
    text_json_int(text, "running", row->count.running);
    text_json_bool(text, "paused", row->paused);
    /* It may have been claimed, ended and removed since it was counted. */
    if (row->count.oldest_pos && reader_event_at(thread->reader, row->count.oldest_pos, &at) == ERR_OK) {
        waited = thread_now_ms(thread) - at;
        text_json_int(text, "oldest_waiting_ms", waited > 0 ? waited : 0);
    } else {
        text_json_key(text, "oldest_waiting_ms");
        text_str(text, "null");
    }
    text_char(text, '}');
}

void route_queues(struct request *request)
{
    struct table table = {0};
    struct text text = {0};

    if (request_knows(request, no_query) && request_table(request, &table)) {
        text_str(&text, "{\"queues\":[");
        for (unsigned i = 0; i < table.n; i++) {
            if (i)
                text_char(&text, ',');
            row_encode(&text, request_thread(request), &table.row[i]);
        }
        text_str(&text, "]}");
        reply_json(request, 200, &text);
    }
    text_clear(&text);
    free(table.row);
}

/* ---- pause and resume ---- */

/* The queue of the request, as it is now. */
static void reply_queue(struct request *request)
{
    struct table table = {0};
    struct text text = {0};
    const char *name = request_id(request);

    if (request_table(request, &table)) {
        const struct row *row = table_find(&table, table.n, name);
        if (!row)
            row = table_add(&table, name); /* nothing waits, and it is not paused: a queue like any other */
        if (row)
            row_encode(&text, request_thread(request), row);
        text.failed = text.failed || !row;
        reply_json(request, 200, &text);
    }
    text_clear(&text);
    free(table.row);
}

/* What was so already is ignored by the fold, and is as it was asked for all the same. */
static void answer_ordered(struct request *request, const struct append *append)
{
    (void)append;
    reply_queue(request);
}

static void give_order(struct request *request, bool paused)
{
    struct append *append = append_new(EVENT_QUEUE, NULL, thread_now_ms(request_thread(request)));

    if (append && !(append->event.queue = strdup(request_id(request)))) {
        append_free(append);
        append = NULL;
    }
    if (append)
        append->event.paused = paused;
    order_give(request, append, answer_ordered);
}

static void set_paused(struct request *request, bool paused)
{
    const char *name = request_id(request);
    struct table table = {0};
    const struct row *row;

    if (!request_knows(request, no_query))
        return;
    if (!name || !name_is_valid(name, strlen(name))) {
        reply_problem(request, ERR_NOT_FOUND, "A queue has a name of 1 to 64 characters.", NULL);
        return;
    }
    if (!request_table(request, &table)) {
        free(table.row);
        return;
    }
    row = table_find(&table, table.n, name);
    if ((row && row->paused) == paused)
        reply_queue(request); /* nothing to write */
    else if (paused && table.n_paused >= PAUSED_MAX)
        reply_problem(request, ERR_BUSY, "As many queues are paused as can be.", NULL);
    else
        give_order(request, paused);
    free(table.row);
}

void route_pause(struct request *request)
{
    set_paused(request, true);
}

void route_resume(struct request *request)
{
    set_paused(request, false);
}
