/* view_schema.c: the tables, and whether a file holds them. States and kinds of events are stored
 * as the numbers of their enums, so those lists only ever grow at the end; names of types and queues
 * as 32-bit hashes beside the full spec, which is stored once, in the `submitted` event: a row that
 * changes three times stays small, and no table of names has to be kept. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "jobs/view_priv.h"
#include "schema/clock.h"

#define APPLICATION_ID 1114990458 /* "Buzz" */
#define SCHEMA_VERSION 1

static_assert(JOB_SCHEDULED == 0 && JOB_QUEUED == 1 && JOB_RUNNING == 2 && JOB_RETRYING == 3 &&
                  JOB_SUCCEEDED == 4 && JOB_EXPIRED == 7,
              "states are stored as numbers");
static_assert(EVENT_GENESIS == 0 && EVENT_SUBMITTED == 1 && EVENT_DONE == 4 && EVENT_REMOVED == 12,
              "kinds are stored as numbers");
static_assert(INLINE_RESULT_MAX == 65536, "ROW_SELECT and EVENT_SELECT say it too");

static const char tables[] =
    /* log_id; last_pos where the newest events were ignored and left no row. */
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    /* The log. job: the id in a submission and a removal, the job's seq in everything else.
     * media NULL: application/json. */
    "CREATE TABLE events(pos INTEGER PRIMARY KEY, prev INTEGER, at INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " job, data TEXT, media TEXT, body BLOB);"
    "CREATE TABLE jobs(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type INTEGER NOT NULL,"
    " queue INTEGER NOT NULL, tags INTEGER NOT NULL, state INTEGER NOT NULL, pos INTEGER NOT NULL,"
    " ready_pos INTEGER, result_pos INTEGER, result_len INTEGER, run_at INTEGER, finished_at INTEGER,"
    " remove_at INTEGER, epoch INTEGER, attempts_used INTEGER, max_attempts INTEGER, losses INTEGER,"
    " cancel_requested INTEGER, percent INTEGER, message TEXT, error_code INTEGER, error_attempt INTEGER,"
    " error_retryable INTEGER, error_message TEXT, attempts TEXT);"
    "CREATE INDEX jobs_open ON jobs(seq) WHERE finished_at IS NULL;"
    "CREATE INDEX jobs_type ON jobs(type, seq);"
    "CREATE INDEX jobs_state ON jobs(state, seq) WHERE state NOT IN (1, 2, 4);"
    "CREATE INDEX jobs_remove ON jobs(remove_at) WHERE remove_at IS NOT NULL;"
    /* gone: position of the removal of the key's job. */
    "CREATE TABLE keys(hash INTEGER PRIMARY KEY, job TEXT NOT NULL, fingerprint INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL, gone INTEGER);"
    "CREATE INDEX keys_gone ON keys(expires_at) WHERE gone IS NOT NULL;"
    "CREATE TABLE swept(one INTEGER PRIMARY KEY, horizon INTEGER NOT NULL, at INTEGER NOT NULL,"
    " pos INTEGER NOT NULL, has_key INTEGER NOT NULL);"
    "INSERT INTO swept VALUES(1, 0, 0, 0, 0);";

enum err schema_make(struct db *db, const char *log_id)
{
    char sql[512];
    enum err err;

    snprintf(sql, sizeof sql,
             "PRAGMA application_id=%d; PRAGMA user_version=%d; INSERT INTO meta VALUES('log_id', '%s'), "
             "('last_pos', 1);"
             "INSERT INTO events(pos, at, kind, data) VALUES(1, %lld, %d, '{\"log_id\":\"%s\"}');",
             APPLICATION_ID, SCHEMA_VERSION, log_id, (long long)clock_wall_ms(), EVENT_GENESIS, log_id);
    err = db_run(db, "BEGIN IMMEDIATE");
    if (!err)
        err = db_run(db, tables);
    if (!err)
        err = db_run(db, sql);
    if (!err)
        err = db_run(db, "COMMIT");
    return err;
}

static enum err pragma_int(struct db *db, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return db_err(db, rc);
}

/* A file cut short while no write-ahead log stands beside it. SQLite itself would notice only when
 * it comes to read a page that is not there. */
static bool is_cut_short(struct db *db, const char *dir)
{
    char path[4096];
    struct stat file, wal;
    int64_t pages = 0, page_size = 0;

    snprintf(path, sizeof path, "%s/buzzer.db-wal", dir);
    if (stat(path, &wal) == 0 && wal.st_size > 0)
        return false;
    snprintf(path, sizeof path, "%s/buzzer.db", dir);
    return stat(path, &file) == 0 && !pragma_int(db, "PRAGMA page_count", &pages) &&
           !pragma_int(db, "PRAGMA page_size", &page_size) && file.st_size < pages * page_size;
}

enum err schema_check(struct db *db, const char *dir, bool *ret_is_new, char *message, size_t size)
{
    int64_t application = 0, version = 0, n_tables = 0;
    enum err err = pragma_int(db, "PRAGMA application_id", &application);

    if (!err)
        err = pragma_int(db, "PRAGMA user_version", &version);
    if (!err)
        err = pragma_int(db, "SELECT count(*) FROM sqlite_master", &n_tables);
    if (err == ERR_CORRUPT) {
        snprintf(message, size, "%s/buzzer.db is damaged or no database: %s", dir,
                 sqlite3_errmsg(db->sqlite));
    } else if (err) {
        snprintf(message, size, "%s/buzzer.db cannot be read: %s", dir, sqlite3_errmsg(db->sqlite));
    } else if (application == 0 && n_tables == 0) {
        *ret_is_new = true;
    } else if (application != APPLICATION_ID) {
        err = ERR_CORRUPT;
        snprintf(message, size, "%s/buzzer.db is a database of another program", dir);
    } else if (version != SCHEMA_VERSION) {
        err = ERR_CORRUPT;
        snprintf(message, size, "%s/buzzer.db has schema %lld; this program knows %d", dir,
                 (long long)version, SCHEMA_VERSION);
    } else if (is_cut_short(db, dir)) {
        err = ERR_CORRUPT;
        snprintf(message, size, "%s/buzzer.db is damaged: it was cut short", dir);
    } else {
        *ret_is_new = false;
    }
    return err;
}

enum err schema_log_id(struct db *db, char log_id[LOG_ID_SIZE])
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, "SELECT value FROM meta WHERE name = 'log_id'", -1, &stmt, NULL);
    enum err err = ERR_CORRUPT;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == LOG_ID_SIZE - 1 && column_str(stmt, 0)) {
        memcpy(log_id, column_str(stmt, 0), LOG_ID_SIZE);
        err = ERR_OK;
    } else if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        err = db_err(db, rc);
    }
    sqlite3_finalize(stmt);
    return err;
}
