/* view.c: the writer's frame: opening and making the database, transactions, and the counts that
 * other threads see. What an event does is in view_apply.c. */
#include <stdio.h>
#include <stdlib.h>

#include "jobs/view_priv.h"
#include "schema/metric.h"

#define CHECKPOINT_PAGES 2000

static const char *const statements[W_COUNT] = {
    [W_BEGIN] = "BEGIN IMMEDIATE",
    [W_COMMIT] = "COMMIT",
    [W_JOB_BY_ID] = ROW_SELECT "WHERE j.id = ?1",
    [W_INSERT] = ROW_INSERT,
    [W_UPDATE_OPEN] = ROW_UPDATE_OPEN ROW_WHERE,
    [W_UPDATE_ENDS] = ROW_UPDATE_ENDS ROW_WHERE,
    [W_EVENT] = EVENT_INSERT,
    [W_EVENT_PREV] = "SELECT prev FROM events WHERE pos = ?1",
    [W_EVENT_DELETE] = "DELETE FROM events WHERE pos = ?1",
    [W_JOB_DELETE] = "DELETE FROM jobs WHERE seq = ?1",
    [W_ID_BY_SEQ] = "SELECT id FROM jobs WHERE seq = ?1",
    [W_LAST_POS] = "UPDATE meta SET value = ?1 WHERE name = 'last_pos'",
    [W_PLACE] = "UPDATE place SET pos = ?1, seal = ?2, hash = ?3",
    [W_LOG_ID] = "INSERT INTO meta VALUES('log_id', ?1)",
    [W_SWEPT] = "UPDATE swept SET horizon = ?1, at = ?2, pos = ?3, has_key = ?4",
    [W_KEY_FIND] = "SELECT hash, fingerprint, expires_at, gone, job FROM keys WHERE hash = ?1",
    [W_KEY_INSERT] = "INSERT INTO keys(hash, fingerprint, expires_at, gone, job) VALUES(?1, ?2, ?3, ?4, ?5)",
    [W_KEY_GONE] = "UPDATE keys SET gone = ?2 WHERE hash = ?1",
    [W_KEY_DELETE] = "DELETE FROM keys WHERE hash = ?1",
    [W_KEY_EXPIRED] = ("SELECT hash, fingerprint, expires_at, gone, job FROM keys"
                       " WHERE gone IS NOT NULL AND expires_at <= ?1 ORDER BY expires_at LIMIT 1"),
};

static const struct {
    enum job_state state;
    enum metric metric;
} gauges[] = {
    {JOB_SCHEDULED, METRIC_JOBS_SCHEDULED_NOW_},
    {JOB_QUEUED, METRIC_JOBS_QUEUED_NOW_},
    {JOB_RUNNING, METRIC_JOBS_RUNNING_NOW_},
    {JOB_RETRYING, METRIC_JOBS_RETRYING_NOW_},
};

/* The sum of what is committed becomes what other threads see. */
static void publish(struct view *view)
{
    view->committed = view->sum;
    for (unsigned i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        int64_t n = view->sum.by_state[gauges[i].state];
        atomic_store_explicit(&view->by_state[gauges[i].state], n, memory_order_relaxed);
        metric_set(gauges[i].metric, n);
    }
    state_publish(view);
}

static int on_commit(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
    struct view *view = arg;

    (void)sqlite;
    (void)name;
    view->wal_pages = pages;
    return SQLITE_OK;
}

static enum err query(struct view *view, const char *sql,
                      void (*each)(struct view_sum *sum, sqlite3_stmt *stmt))
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(view->db.sqlite, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
            each(&view->sum, stmt);
    }
    sqlite3_finalize(stmt);
    return db_err(&view->db, rc);
}

static void read_last(struct view_sum *sum, sqlite3_stmt *stmt)
{
    sum->last_pos = sum->stored_pos = sqlite3_column_int64(stmt, 0);
}

static void read_place(struct view_sum *sum, sqlite3_stmt *stmt)
{
    sum->last_seal = (uint64_t)sqlite3_column_int64(stmt, 0);
    sum->hash = (uint64_t)sqlite3_column_int64(stmt, 1);
}

static void read_swept(struct view_sum *sum, sqlite3_stmt *stmt)
{
    sum->swept = (struct swept){.horizon = sqlite3_column_int64(stmt, 0),
                                .at = sqlite3_column_int64(stmt, 1),
                                .pos = sqlite3_column_int64(stmt, 2),
                                .has_key = sqlite3_column_int(stmt, 3) != 0};
}

static void read_count(struct view_sum *sum, sqlite3_stmt *stmt)
{
    int64_t state = sqlite3_column_int64(stmt, 0);

    if (state >= 0 && state < JOB_STATE_COUNT)
        sum->by_state[state]++;
}

static enum err load_sum(struct view *view)
{
    enum err err = query(view, LAST_POS_SELECT, read_last);

    if (!err)
        err = query(view, "SELECT seal, hash FROM place", read_place);
    if (!err)
        err = query(view, "SELECT horizon, at, pos, has_key FROM swept", read_swept);
    if (!err)
        err =
            query(view, "SELECT state FROM jobs INDEXED BY jobs_open WHERE finished_at IS NULL", read_count);
    if (!err && view->kind == VIEW_IS_LOG && (view->sum.last_pos < 1 || !view->sum.log_id[0]))
        err = ERR_CORRUPT;
    return err;
}

static enum err set_up(struct view *view, const char *log_id, enum schema_state state)
{
    enum err err = db_run(&view->db, "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-65536;"
                                     "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864");

    if (!err) /* a copy goes back to an earlier place as a whole and reads on from there */
        err = db_run(&view->db,
                     view->kind == VIEW_IS_LOG ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    if (!err)
        err = db_run(&view->db, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL");
    if (!err && state == SCHEMA_NONE)
        err = schema_make(&view->db, view->kind, log_id);
    if (!err && state == SCHEMA_OLD)
        err = schema_migrate(&view->db);
    if (!err)
        err = schema_log_id(&view->db, view->sum.log_id);
    if (!err)
        err = db_prepare(&view->db, statements, W_COUNT);
    if (!err)
        err = load_sum(view);
    return err;
}

enum err view_create(const char *dir, enum view_kind kind, const char *log_id, struct view **ret_view, char *message,
                     size_t size)
{
    struct view *view = calloc(1, sizeof *view);
    enum schema_state state = SCHEMA_NONE;
    enum err err = ERR_NOMEM;

    message[0] = '\0';
    if (!view)
        goto out;
    pthread_mutex_init(&view->lock, NULL);
    view->kind = kind;
    if (!(view->cache = cache_new()))
        goto out;
    err = db_open(&view->db, dir, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!err)
        err = schema_check(&view->db, dir, &view->kind, &state, message, size);
    if (!err)
        err = set_up(view, log_id, state);
    if (err)
        goto out;
    sqlite3_wal_hook(view->db.sqlite, on_commit, view);
    publish(view);
    *ret_view = view;
    view = NULL;
out:
    if (err && !message[0])
        snprintf(message, size, "%s/buzzer.db cannot be opened: %s", dir,
                 view && view->db.sqlite ? sqlite3_errmsg(view->db.sqlite) : err_sentence(err));
    view_close(view);
    return err;
}

enum err view_record(struct view *view, const struct event *event, int64_t seq)
{
    enum err err;

    if (view->kind == VIEW_OF_LOG_TO_WORK && event->kind != EVENT_SUBMITTED)
        return ERR_OK;
    err = event_bind(view->db.at[W_EVENT], event, seq, &view->data);
    if (!err)
        err = db_step(&view->db, W_EVENT);
    if (!err)
        view->sum.stored_pos = event->pos;
    return err;
}

enum err view_open(const char *dir, enum view_kind kind, struct view **ret_view, char *message, size_t size)
{
    char log_id[LOG_ID_SIZE];

    id_random_hex(log_id, (LOG_ID_SIZE - 1) / 2);
    return view_create(dir, kind, log_id, ret_view, message, size);
}

void view_close(struct view *view)
{
    if (!view)
        return;
    cache_free(view->cache);
    text_clear(&view->data);
    text_clear(&view->attempts);
    db_close(&view->db);
    pthread_mutex_destroy(&view->lock);
    free(view);
}

const char *view_log_id(const struct view *view)
{
    return view->committed.log_id;
}

int64_t view_next_pos(const struct view *view)
{
    return view->committed.last_pos + 1;
}

void view_counts(const struct view *view, struct view_counts *ret_counts)
{
    for (unsigned i = 0; i < JOB_STATE_COUNT; i++)
        ret_counts->by_state[i] = atomic_load_explicit(&view->by_state[i], memory_order_relaxed);
}

/* ---- transactions ---- */

enum err view_begin(struct view *view)
{
    return db_step(&view->db, W_BEGIN);
}

enum err view_commit(struct view *view)
{
    enum err err = state_store(view);

    if (!err)
        err = db_step(&view->db, W_COMMIT);
    if (!err)
        publish(view);
    return err;
}

void view_rollback(struct view *view)
{
    if (!sqlite3_get_autocommit(view->db.sqlite))
        db_run(&view->db, "ROLLBACK"); /* an error here means that SQLite has rolled back by itself */
    cache_clear(view->cache);
    view->sum = view->committed;
}

enum err view_tidy(struct view *view)
{
    int rc;

    if (view->wal_pages < CHECKPOINT_PAGES)
        return ERR_OK;
    view->wal_pages = 0;
    rc = sqlite3_wal_checkpoint_v2(view->db.sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return (rc & 0xff) == SQLITE_BUSY ? ERR_OK : db_err(&view->db, rc);
}
