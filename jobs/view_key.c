/* view_key.c: idempotency keys. A key is kept as 63 bits of hash: at ten million keys the odds that
 * any two meet are one in a hundred thousand. It lives as long as its job is kept and at least a
 * day; when the job goes first, the event of its removal carries the key (view_remove.c) until the
 * day is over. Whether it is over is asked of log time, so every node answers the same; when its row
 * goes does not matter, since one that is over counts as none. */
#include <string.h>

#include "jobs/view_priv.h"
#include "schema/access_key.h"
#include "schema/hash.h"

#define SWEEP_MAX 20 /* a removal that sweeps away two others for each one gets through any backlog */

int64_t key_hash(const struct spec *spec)
{
    uint64_t hash = HASH_START;

    if (spec->tenant && strcmp(spec->tenant, TENANT_DEFAULT) != 0) /* with its NUL, so that no two pairs of tenant and key run into one text */
        hash = hash_bytes(hash, spec->tenant, strlen(spec->tenant) + 1);
    hash = hash_bytes(hash, spec->idempotency_key, strlen(spec->idempotency_key));
    /* The end of MurmurHash3 mixes it. */
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (int64_t)((hash ^ (hash >> 33)) >> 1);
}

static enum err load(struct view *view, unsigned statement, struct key *ret_key, bool *ret_found)
{
    sqlite3_stmt *stmt = view->db.at[statement];
    const char *job;
    enum err err = db_row(&view->db, statement, ret_found);

    if (!err && *ret_found) {
        *ret_key = (struct key){.hash = sqlite3_column_int64(stmt, 0),
                                .fingerprint = sqlite3_column_int64(stmt, 1),
                                .expires_at = sqlite3_column_int64(stmt, 2),
                                .gone = sqlite3_column_int64(stmt, 3)};
        job = column_str(stmt, 4);
        if (job && strlen(job) == ID_LEN)
            memcpy(ret_key->job, job, ID_SIZE);
        else
            err = ERR_CORRUPT;
    }
    db_reset(&view->db, statement);
    return err;
}

enum err key_find(struct view *view, int64_t hash, int64_t at, struct key *ret_key, bool *ret_found)
{
    enum err err;

    bind_int(view->db.at[W_KEY_FIND], 1, hash);
    err = load(view, W_KEY_FIND, ret_key, ret_found);
    if (!err && *ret_found && ret_key->gone && ret_key->expires_at <= at) {
        *ret_found = false;
        err = key_drop(view, ret_key);
    }
    return err;
}

enum err key_add(struct view *view, const struct key *key)
{
    sqlite3_stmt *stmt = view->db.at[W_KEY_INSERT];

    bind_int(stmt, 1, key->hash);
    bind_int(stmt, 2, key->fingerprint);
    bind_int(stmt, 3, key->expires_at);
    bind_int_or_null(stmt, 4, key->gone);
    sqlite3_bind_text(stmt, 5, key->job, ID_LEN, SQLITE_STATIC);
    return db_step(&view->db, W_KEY_INSERT);
}

enum err key_leave(struct view *view, int64_t hash, int64_t removed_pos)
{
    bind_int(view->db.at[W_KEY_GONE], 1, hash);
    bind_int(view->db.at[W_KEY_GONE], 2, removed_pos);
    return db_step(&view->db, W_KEY_GONE);
}

enum err key_drop(struct view *view, const struct key *key)
{
    enum err err;

    bind_int(view->db.at[W_KEY_DELETE], 1, key->hash);
    err = db_step(&view->db, W_KEY_DELETE);
    if (err || !key->gone || view->kind == VIEW_OF_LOG_TO_WORK)
        return err;
    if (key->gone == view->sum.swept.pos) {
        /* The newest removal stays for its horizon, until the next one. */
        view->sum.swept.has_key = false;
        return remove_write(view);
    }
    bind_int(view->db.at[W_EVENT_DELETE], 1, key->gone);
    return db_step(&view->db, W_EVENT_DELETE);
}

enum err key_sweep(struct view *view, int64_t at)
{
    struct key key;
    bool found = true;
    enum err err = ERR_OK;

    for (unsigned i = 0; i < SWEEP_MAX && found && !err; i++) {
        bind_int(view->db.at[W_KEY_EXPIRED], 1, at);
        err = load(view, W_KEY_EXPIRED, &key, &found);
        if (!err && found)
            err = key_drop(view, &key);
    }
    return err;
}
