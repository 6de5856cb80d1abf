/* view_db.c: a connection to DIR/buzzer.db and its prepared statements: what the rest of the view
 * needs of SQLite, in our own verbs and errors. A connection belongs to one thread. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "jobs/view_priv.h"

#define BUSY_MS 5000 /* only recovery after a crash ever makes another connection wait */

enum err db_err(const struct db *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_FULL:
        return ERR_STORAGE_FULL;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR: /* a table or column is not there: not our schema */
        return ERR_CORRUPT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: {
        int cause = db->sqlite ? sqlite3_system_errno(db->sqlite) : 0;
        return cause == ENOSPC || cause == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
    }
    default:
        return ERR_IO;
    }
}

/* SQLite counts its memory under one lock for all threads unless told not to. That nobody has used it
 * before is no matter of correctness: then the call does nothing. */
static void set_up_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err db_open(struct db *db, const char *dir, int flags)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char path[4096];
    int rc;

    pthread_once(&once, set_up_library);
    *db = (struct db){0};
    if ((size_t)snprintf(path, sizeof path, "%s/buzzer.db", dir) >= sizeof path)
        return ERR_IO;
    rc = sqlite3_open_v2(path, &db->sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    return db_err(db, rc);
}

enum err db_prepare(struct db *db, const char *const *sql, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int rc = sqlite3_prepare_v3(db->sqlite, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->at[i], NULL);
        if (rc != SQLITE_OK)
            return db_err(db, rc);
        db->n = i + 1;
    }
    return ERR_OK;
}

void db_close(struct db *db)
{
    for (unsigned i = 0; i < db->n; i++)
        sqlite3_finalize(db->at[i]);
    sqlite3_close(db->sqlite);
    *db = (struct db){0};
}

enum err db_run(struct db *db, const char *sql)
{
    return db_err(db, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

enum err db_step(const struct db *db, unsigned statement)
{
    enum err err = db_err(db, sqlite3_step(db->at[statement]));

    sqlite3_reset(db->at[statement]);
    return err;
}

enum err db_row(const struct db *db, unsigned statement, bool *ret_row)
{
    int rc = sqlite3_step(db->at[statement]);

    *ret_row = rc == SQLITE_ROW;
    return db_err(db, rc);
}

void db_reset(const struct db *db, unsigned statement)
{
    sqlite3_reset(db->at[statement]);
}

void bind_int(sqlite3_stmt *stmt, int at, int64_t value)
{
    sqlite3_bind_int64(stmt, at, value);
}

void bind_int_or_null(sqlite3_stmt *stmt, int at, int64_t value)
{
    if (value)
        sqlite3_bind_int64(stmt, at, value);
    else
        sqlite3_bind_null(stmt, at);
}

void bind_str(sqlite3_stmt *stmt, int at, const char *str)
{
    if (str)
        sqlite3_bind_text(stmt, at, str, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(stmt, at);
}

const char *column_str(sqlite3_stmt *stmt, int at)
{
    return (const char *)sqlite3_column_text(stmt, at);
}
