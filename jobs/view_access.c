/* view_access.c: access keys and paused queues: what of the log is about no job. Both change rarely,
 * so their statements are made when they are needed.
 *
 * A revoked key leaves its id behind, so that its making, told twice, does not bring it back; of
 * these no more are kept than of living ones. */
#include <string.h>

#include "jobs/view_priv.h"

#define PAUSED_MAX 10000 /* queues paused at once */

#define KEY_COLUMNS "id, hash, scopes, tenant, name, created_at, expires_at"
#define IS_ADMIN_AT " gone IS NULL AND (scopes & ?1) AND (expires_at IS NULL OR expires_at > ?2)"

/* One number of a query with up to two numbers given. */
static enum err ask(struct view *view, const char *sql, int64_t first, int64_t second, int64_t *ret_value)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(view->db.sqlite, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK) {
        bind_int(stmt, 1, first);
        bind_int(stmt, 2, second);
        rc = sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return db_err(&view->db, rc);
}

/* A statement about one name; were rows changed? */
static enum err change(struct view *view, const char *sql, const char *name, int64_t number, bool *ret_changed)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(view->db.sqlite, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK) {
        bind_str(stmt, 1, name);
        bind_int(stmt, 2, number);
        rc = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    *ret_changed = rc == SQLITE_DONE && sqlite3_changes(view->db.sqlite) > 0;
    return db_err(&view->db, rc);
}

static enum err count_admins(struct view *view, int64_t at, int64_t *ret_n)
{
    return ask(view, "SELECT count(*) FROM access_keys WHERE" IS_ADMIN_AT, SCOPE_ADMIN, at, ret_n);
}

/* Who makes keys is an administrator, so where there is none the next key must be one's. */
static bool may_be_made(const struct access_key *key, int64_t at, int64_t n_keys, int64_t n_admins)
{
    bool is_admin = (key->scopes & SCOPE_ADMIN) && (!key->expires_at || key->expires_at > at);

    return n_keys < ACCESS_KEYS_MAX && (n_admins || is_admin);
}

static enum err insert_key(struct view *view, const struct event *event, bool *ret_is_new)
{
    const struct access_key *key = event->key;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(view->db.sqlite,
                                "INSERT OR IGNORE INTO access_keys(" KEY_COLUMNS ", made)"
                                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                                -1, &stmt, NULL);

    if (rc == SQLITE_OK) {
        bind_str(stmt, 1, key->id);
        sqlite3_bind_blob(stmt, 2, key->hash, sizeof key->hash, SQLITE_STATIC);
        bind_int(stmt, 3, key->scopes);
        bind_str(stmt, 4, key->tenant ? key->tenant : TENANT_DEFAULT);
        bind_str(stmt, 5, key->name);
        bind_int(stmt, 6, key->created_at);
        bind_int_or_null(stmt, 7, key->expires_at);
        bind_int(stmt, 8, event->pos);
        rc = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    *ret_is_new = rc == SQLITE_DONE && sqlite3_changes(view->db.sqlite) > 0;
    return db_err(&view->db, rc);
}

static enum err make_key(struct view *view, const struct event *event, bool *ret_done)
{
    int64_t n_keys = 0, n_admins = 0;
    enum err err = ask(view, "SELECT count(*) FROM access_keys WHERE gone IS NULL", 0, 0, &n_keys);

    if (!err)
        err = count_admins(view, event->at, &n_admins);
    if (!err && may_be_made(event->key, event->at, n_keys, n_admins))
        err = insert_key(view, event, ret_done);
    return err;
}

/* The last administrator stays: there would be nobody left to make another. */
static enum err is_last_admin(struct view *view, const struct event *event, bool *ret_is)
{
    int64_t n_admins = 0;
    bool is_one = false;
    sqlite3_stmt *stmt = NULL;
    enum err err = count_admins(view, event->at, &n_admins);
    int rc;

    if (err)
        return err;
    rc = sqlite3_prepare_v2(view->db.sqlite, "SELECT 1 FROM access_keys WHERE id = ?3 AND" IS_ADMIN_AT, -1, &stmt,
                            NULL);
    if (rc == SQLITE_OK) {
        bind_int(stmt, 1, SCOPE_ADMIN);
        bind_int(stmt, 2, event->at);
        bind_str(stmt, 3, event->key->id);
        rc = sqlite3_step(stmt);
        is_one = rc == SQLITE_ROW;
    }
    sqlite3_finalize(stmt);
    *ret_is = is_one && n_admins == 1;
    return db_err(&view->db, rc);
}

/* Of the ids of revoked keys the oldest goes when there are too many. */
static enum err forget_oldest(struct view *view)
{
    bool changed;
    int64_t n_gone = 0;
    enum err err = ask(view, "SELECT count(*) FROM access_keys WHERE gone IS NOT NULL", 0, 0, &n_gone);

    if (err || n_gone <= ACCESS_KEYS_MAX)
        return err;
    return change(view, "DELETE FROM access_keys WHERE gone = (SELECT min(gone) FROM access_keys)", NULL, 0,
                  &changed);
}

static enum err revoke_key(struct view *view, const struct event *event, bool *ret_done)
{
    bool is_last = false;
    enum err err = is_last_admin(view, event, &is_last);

    if (!err && !is_last)
        err = change(view, "UPDATE access_keys SET gone = ?2 WHERE id = ?1 AND gone IS NULL", event->key->id,
                     event->pos, ret_done);
    return err || !*ret_done ? err : forget_oldest(view);
}

static enum err settle(struct view *view, const struct event *event, bool done, struct view_step *step)
{
    step->outcome = done ? OUTCOME_ACCEPTED : OUTCOME_IGNORED;
    return done ? view_record(view, event, 0) : ERR_OK;
}

enum err apply_key(struct view *view, const struct event *event, struct view_step *step)
{
    bool done = false;
    enum err err = !event->key              ? ERR_OK
                   : event->key->is_revoked ? revoke_key(view, event, &done)
                                            : make_key(view, event, &done);

    return err ? err : settle(view, event, done, step);
}

enum err apply_queue(struct view *view, const struct event *event, struct view_step *step)
{
    bool done = false;
    enum err err = ERR_OK;

    if (event->queue && event->paused)
        err = change(view,
                     "INSERT OR IGNORE INTO paused_queues SELECT ?1"
                     " WHERE (SELECT count(*) FROM paused_queues) < ?2",
                     event->queue, PAUSED_MAX, &done);
    else if (event->queue)
        err = change(view, "DELETE FROM paused_queues WHERE name = ?1", event->queue, 0, &done);
    return err ? err : settle(view, event, done, step);
}

/* ---- readers ---- */

static enum err key_load(sqlite3_stmt *row, struct access_key *key)
{
    const char *id = column_str(row, 0);
    const void *hash = sqlite3_column_blob(row, 1);

    if (!id || strlen(id) != ACCESS_KEY_ID_LEN || sqlite3_column_bytes(row, 1) != sizeof key->hash)
        return ERR_CORRUPT;
    memcpy(key->id, id, ACCESS_KEY_ID_SIZE);
    memcpy(key->hash, hash, sizeof key->hash);
    key->scopes = (unsigned)sqlite3_column_int(row, 2);
    key->tenant = (char *)column_str(row, 3); /* the row's, while fn looks at it */
    key->name = (char *)column_str(row, 4);
    key->created_at = sqlite3_column_int64(row, 5);
    key->expires_at = sqlite3_column_int64(row, 6);
    return ERR_OK;
}

enum err reader_keys(struct reader *reader, void (*fn)(void *arg, const struct access_key *key), void *arg)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(reader->db.sqlite,
                                "SELECT " KEY_COLUMNS " FROM access_keys WHERE gone IS NULL ORDER BY made", -1, &row,
                                NULL);
    enum err err = db_err(&reader->db, rc);

    while (!err && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct access_key key = {0};
        err = key_load(row, &key);
        if (!err)
            fn(arg, &key);
    }
    sqlite3_finalize(row);
    return err ? err : db_err(&reader->db, rc);
}

enum err reader_paused(struct reader *reader, void (*fn)(void *arg, const char *queue), void *arg)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(reader->db.sqlite, "SELECT name FROM paused_queues ORDER BY name", -1, &row, NULL);
    enum err err = db_err(&reader->db, rc);

    while (!err && (rc = sqlite3_step(row)) == SQLITE_ROW)
        fn(arg, column_str(row, 0));
    sqlite3_finalize(row);
    return err ? err : db_err(&reader->db, rc);
}
