/* routes_workers.c: the processes that run jobs, as their heartbeats tell. */
#include <stdlib.h>
#include <string.h>

#include "api/job_reply.h"
#include "api/query.h"
#include "api/router.h"
#include "api/server_priv.h"
#include "schema/clock.h"

struct row {
    char name[PRESENCE_NAME_SIZE];
    struct text json;
};

struct rows {
    struct row *at;
    unsigned n, cap;
    bool failed;
};

static void encode(struct text *text, const struct beat *beat, int64_t last_seen_at)
{
    text_char(text, '{');
    text_json_str(text, "id", beat->name);
    text_json_str(text, "host", beat->host);
    text_json_int(text, "pid", beat->pid);
    text_json_str(text, "version", beat->version);
    text_json_time(text, "started_at", beat->started_at);
    text_json_time(text, "last_seen_at", last_seen_at);
    text_json_int(text, "slots", beat->slots);
    text_json_int(text, "running", beat->running);
    text_json_strs(text, "types", beat->types, beat->n_types);
    text_json_bool(text, "draining", beat->draining);
    text_char(text, '}');
}

/* Under the table's lock: written down here, put in order and sent later. */
static void add_row(void *arg, const struct beat *beat, int64_t last_seen_at)
{
    struct rows *rows = arg;

    if (!beat->role_worker || rows->failed)
        return;
    if (rows->n == rows->cap) {
        unsigned cap = rows->cap ? rows->cap * 2 : 16;
        struct row *at = realloc(rows->at, cap * sizeof *at);
        if (!at) {
            rows->failed = true;
            return;
        }
        rows->at = at;
        rows->cap = cap;
    }
    struct row *row = &rows->at[rows->n++];
    *row = (struct row){0};
    memcpy(row->name, beat->name, sizeof row->name);
    encode(&row->json, beat, last_seen_at);
    rows->failed = row->json.failed;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

void route_workers(struct request *request)
{
    static const struct query_name nothing[] = {{NULL, 0}};
    const struct thread *thread = request_thread(request);
    struct rows rows = {0};
    struct text text = {0};

    if (!request_knows(request, nothing))
        return;
    presence_each(thread->setup->presence, clock_mono_ms(), add_row, &rows);
    if (rows.n > 1)
        qsort(rows.at, rows.n, sizeof *rows.at, by_name);
    text_str(&text, "{\"workers\":[");
    for (unsigned i = 0; i < rows.n; i++) {
        if (i)
            text_char(&text, ',');
        text_add(&text, rows.at[i].json.at, rows.at[i].json.len);
        text_clear(&rows.at[i].json);
    }
    text_str(&text, "]}");
    free(rows.at);
    if (rows.failed)
        reply_problem(request, ERR_NOMEM, NULL, NULL);
    else
        reply_json(request, 200, &text);
    text_clear(&text);
}
