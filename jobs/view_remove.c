/* view_remove.c: the end of a job: its row and its events go, and what must be known afterwards
 * stays in the event of its removal: how far back the log is not whole any more (the horizon) and,
 * if the job had one that is still to be answered for, its idempotency key. So the log without the
 * removed events still leads to the same view.
 *
 * Of these events only the newest and those with a key are kept: the newest has the highest horizon. */
#include <stdio.h>

#include "jobs/view_priv.h"

/* {"horizon":12} or {"horizon":12,"key":[hash,fingerprint,expires_at]} */
#define DATA_HORIZON "{\"horizon\":%lld"
#define DATA_KEY     ",\"key\":[%lld,%lld,%lld]"

enum err remove_write(struct view *view)
{
    sqlite3_stmt *stmt = view->db.at[W_SWEPT];

    bind_int(stmt, 1, view->sum.swept.horizon);
    bind_int(stmt, 2, view->sum.swept.at);
    bind_int(stmt, 3, view->sum.swept.pos);
    bind_int(stmt, 4, view->sum.swept.has_key);
    return db_step(&view->db, W_SWEPT);
}

static enum err delete_row(struct view *view, unsigned statement, int64_t at)
{
    bind_int(view->db.at[statement], 1, at);
    return db_step(&view->db, statement);
}

static enum err delete_events(struct view *view, int64_t pos)
{
    enum err err = ERR_OK;
    bool found = true;

    while (pos && !err) {
        int64_t prev = 0;
        bind_int(view->db.at[W_EVENT_PREV], 1, pos);
        err = db_row(&view->db, W_EVENT_PREV, &found);
        if (!err && found)
            prev = sqlite3_column_int64(view->db.at[W_EVENT_PREV], 0);
        db_reset(&view->db, W_EVENT_PREV);
        if (!err)
            err = delete_row(view, W_EVENT_DELETE, pos);
        pos = prev;
    }
    return err;
}

/* key: NULL for none to keep. */
static enum err write_removal(struct view *view, int64_t pos, int64_t at, const char *id,
                              const struct key *key)
{
    sqlite3_stmt *stmt = view->db.at[W_EVENT];
    char data[160];
    int len = snprintf(data, sizeof data, DATA_HORIZON, (long long)view->sum.swept.horizon);
    enum err err = ERR_OK;

    if (view->sum.swept.pos && !view->sum.swept.has_key)
        err = delete_row(view, W_EVENT_DELETE, view->sum.swept.pos);
    if (err)
        return err;
    if (key)
        len += snprintf(data + len, sizeof data - (size_t)len, DATA_KEY, (long long)key->hash,
                        (long long)key->fingerprint, (long long)key->expires_at);
    snprintf(data + len, sizeof data - (size_t)len, "}");

    bind_int(stmt, 1, pos);
    sqlite3_bind_null(stmt, 2);
    bind_int(stmt, 3, at);
    bind_int(stmt, 4, EVENT_REMOVED);
    bind_str(stmt, 5, id);
    bind_str(stmt, 6, data);
    sqlite3_bind_null(stmt, 7);
    sqlite3_bind_null(stmt, 8);
    err = db_step(&view->db, W_EVENT);
    if (err)
        return err;
    view->sum.stored_pos = pos;
    view->sum.swept.at = at;
    view->sum.swept.pos = pos;
    view->sum.swept.has_key = key != NULL;
    err = remove_write(view);
    return err ? err : key_sweep(view, at);
}

/* Sorts out the key of a job that goes: *ret_keep when it outlives it. */
static enum err leave_key(struct view *view, const struct job *job, const struct event *event,
                          struct key *ret_key, bool *ret_keep)
{
    int64_t hash = key_hash(job->spec);
    bool found;
    enum err err = key_find(view, hash, event->at, ret_key, &found);

    *ret_keep = false;
    if (err || !found)
        return err;
    if (ret_key->expires_at <= event->at)
        return key_drop(view, ret_key);
    *ret_keep = true;
    return key_leave(view, hash, event->pos);
}

enum err remove_job(struct view *view, const struct job *job, const struct event *event)
{
    struct key key;
    bool keep = false;
    bool only_submitted = view->kind == VIEW_OF_LOG_TO_WORK;
    enum err err = only_submitted ? delete_row(view, W_EVENT_DELETE, job->seq) : delete_events(view, job->pos);

    if (!err)
        err = delete_row(view, W_JOB_DELETE, job->seq);
    if (!err && job->spec->idempotency_key)
        err = leave_key(view, job, event, &key, &keep);
    if (err)
        return err;
    if (only_submitted) /* keeps no history that could miss something */
        return key_sweep(view, event->at);
    if (job->pos > view->sum.swept.horizon)
        view->sum.swept.horizon = job->pos;
    return write_removal(view, event->pos, event->at, event->job, keep ? &key : NULL);
}

enum err remove_replay(struct view *view, int64_t pos, int64_t at, const char *id, const char *data)
{
    long long horizon = 0, hash = 0, fingerprint = 0, expires_at = 0;
    int n = sscanf(data, DATA_HORIZON DATA_KEY, &horizon, &hash, &fingerprint, &expires_at);
    struct key key = {.hash = hash, .fingerprint = fingerprint, .expires_at = expires_at, .gone = pos}, old;
    bool found;
    enum err err = ERR_OK;

    if ((n != 1 && n != 4) || snprintf(key.job, sizeof key.job, "%s", id) != ID_LEN)
        return ERR_CORRUPT;
    if (n == 4) {
        err = key_find(view, hash, at, &old, &found); /* one that is over makes room */
        if (!err && found)
            err = ERR_CORRUPT;
        if (!err)
            err = key_add(view, &key);
    }
    if (err)
        return err;
    view->sum.swept.horizon = horizon;
    view->sum.last_pos = pos;
    return write_removal(view, pos, at, id, n == 4 ? &key : NULL);
}
