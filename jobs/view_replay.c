/* view_replay.c: is the view what the log comes to? Replaying the log into an empty view and
 * comparing what both print answers it. Numbers that only serve the writer are not printed. */
#include <stdio.h>
#include <string.h>

#include "jobs/view_priv.h"

#define EVENTS_A_COMMIT 10000

static enum err id_of(struct view *view, int64_t seq, char id[ID_SIZE])
{
    bool found = false;
    const char *text;
    enum err err;

    bind_int(view->db.at[W_ID_BY_SEQ], 1, seq);
    err = db_row(&view->db, W_ID_BY_SEQ, &found);
    text = !err && found ? column_str(view->db.at[W_ID_BY_SEQ], 0) : NULL;
    if (text && strlen(text) == ID_LEN)
        memcpy(id, text, ID_SIZE);
    else if (!err)
        err = ERR_CORRUPT;
    db_reset(&view->db, W_ID_BY_SEQ);
    return err;
}

static enum err replay_event(struct view *view, sqlite3_stmt *row)
{
    struct view_step step = {0};
    struct event event;
    int64_t seq;
    enum err err = event_load(row, &event, &seq);

    if (err)
        return err;
    if (event.kind != EVENT_SUBMITTED && seq)
        err = id_of(view, seq, event.job);
    if (!err)
        err = view_apply(view, &event, &step);
    if (!err && step.outcome != OUTCOME_ACCEPTED)
        err = ERR_CORRUPT; /* it is in the log, so it was accepted once */
    job_unref(step.job);
    event_clear(&event);
    return err;
}

static enum err replay_row(struct view *view, sqlite3_stmt *row)
{
    const char *id = column_str(row, 4), *data = column_str(row, 5);

    switch (sqlite3_column_int(row, 3)) {
    case EVENT_GENESIS:
        return ERR_OK; /* view_create has made it */
    case EVENT_REMOVED:
        return id && data
                   ? remove_replay(view, sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 2), id, data)
                   : ERR_CORRUPT;
    default:
        return replay_event(view, row);
    }
}

static enum err replay_rows(struct db *from, struct view *view)
{
    static const char *const sql[] = {EVENT_SELECT_WHOLE "ORDER BY pos"};
    bool found = true;
    enum err err = db_prepare(from, sql, 1);

    if (!err)
        err = view_begin(view);
    for (unsigned n = 1; !err; n++) {
        err = db_row(from, 0, &found);
        if (err || !found)
            break;
        err = replay_row(view, from->at[0]);
        if (!err && n % EVENTS_A_COMMIT == 0) {
            err = view_commit(view);
            if (!err)
                err = view_begin(view);
        }
    }
    return err ? err : view_commit(view);
}

enum err view_replay(const char *dir, const char *to_dir, char *message, size_t size)
{
    struct db from = {0};
    struct view *view = NULL;
    char log_id[LOG_ID_SIZE];
    enum err err = db_open(&from, dir, SQLITE_OPEN_READONLY);

    message[0] = '\0';
    if (!err)
        err = schema_log_id(&from, log_id);
    if (!err)
        err = view_create(to_dir, VIEW_IS_LOG, log_id, &view, message, size);
    if (!err && view_next_pos(view) != 2) {
        err = ERR_INVALID;
        snprintf(message, size, "%s is not empty", to_dir);
    }
    if (!err)
        err = replay_rows(&from, view);
    if (err && !message[0])
        snprintf(message, size, "%s cannot be replayed: %s", dir, err_sentence(err));
    view_close(view);
    db_close(&from);
    return err;
}

/* Every column of every row, `|` between them; "" for NULL. */
static enum err dump_rows(struct db *db, unsigned statement,
                          void (*line)(void *arg, const char *text, size_t len), void *arg)
{
    sqlite3_stmt *stmt = db->at[statement];
    struct text text = {0};
    bool found = true;
    enum err err = ERR_OK;

    while (!err) {
        err = db_row(db, statement, &found);
        if (err || !found)
            break;
        text_reset(&text);
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *str = column_str(stmt, i);
            if (i)
                text_char(&text, '|');
            text_add(&text, str ? str : "", (size_t)sqlite3_column_bytes(stmt, i));
        }
        if (text.failed)
            err = ERR_NOMEM;
        else
            line(arg, text.at, text.len);
    }
    text_clear(&text);
    return err;
}

enum err view_dump(const char *dir, void (*line)(void *arg, const char *text, size_t len), void *arg)
{
    static const char *const sql[] = {
        "SELECT 'log', value FROM meta WHERE name = 'log_id'",
        "SELECT 'job', * FROM jobs ORDER BY seq",
        /* Keys that are over count as none, whether they were swept away or not. */
        "SELECT 'key', keys.* FROM keys, swept WHERE gone IS NULL OR expires_at > swept.at ORDER BY hash",
        "SELECT 'swept', horizon, at, pos FROM swept",
        "SELECT 'access', id, hex(hash), scopes, tenant, name, created_at, expires_at, made, gone FROM access_keys"
        " ORDER BY id",
        "SELECT 'paused', name FROM paused_queues ORDER BY name",
    };
    struct db db = {0};
    enum err err = db_open(&db, dir, SQLITE_OPEN_READONLY);

    if (!err)
        err = db_prepare(&db, sql, sizeof sql / sizeof *sql);
    for (unsigned i = 0; i < db.n && !err; i++)
        err = dump_rows(&db, i, line, arg);
    db_close(&db);
    return err;
}
