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

#define SCHEMA_VERSION 2

static_assert(JOB_SCHEDULED == 0 && JOB_QUEUED == 1 && JOB_RUNNING == 2 && JOB_RETRYING == 3 &&
                  JOB_SUCCEEDED == 4 && JOB_EXPIRED == 7,
              "states are stored as numbers");
static_assert(EVENT_GENESIS == 0 && EVENT_SUBMITTED == 1 && EVENT_DONE == 4 && EVENT_REMOVED == 12 &&
                  EVENT_QUEUE == 15,
              "kinds are stored as numbers");
static_assert(INLINE_RESULT_MAX == 65536, "ROW_SELECT and EVENT_SELECT say it too");

static const char tables[] =
    /* log_id; last_pos where the newest events were ignored and left no row (of VIEW_IS_LOG). */
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    /* The log. job: the id in a submission and a removal, the job's seq in everything else about one.
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
    "CREATE INDEX jobs_remove ON jobs(remove_at) WHERE remove_at IS NOT NULL;"
    /* gone: position of the removal of the key's job. */
    "CREATE TABLE keys(hash INTEGER PRIMARY KEY, job TEXT NOT NULL, fingerprint INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL, gone INTEGER);"
    "CREATE INDEX keys_gone ON keys(expires_at) WHERE gone IS NOT NULL;"
    "CREATE TABLE swept(one INTEGER PRIMARY KEY, horizon INTEGER NOT NULL, at INTEGER NOT NULL,"
    " pos INTEGER NOT NULL, has_key INTEGER NOT NULL);"
    "INSERT INTO swept VALUES(1, 0, 0, 0, 0);";

/* What the second schema has more than the first. */
static const char tables_of_2[] =
    "ALTER TABLE jobs ADD COLUMN tenant INTEGER NOT NULL DEFAULT 0;" /* a hash; 0: the default tenant */
    "CREATE INDEX jobs_tenant ON jobs(tenant, seq);"
    "CREATE INDEX jobs_state ON jobs(state, seq) WHERE " ROW_STATE_IS_RARE ";"
    /* made, gone: positions of its making and of its revocation. */
    "CREATE TABLE access_keys(id TEXT PRIMARY KEY, hash BLOB NOT NULL, scopes INTEGER NOT NULL,"
    " tenant TEXT NOT NULL, name TEXT, created_at INTEGER NOT NULL, expires_at INTEGER, made INTEGER NOT NULL,"
    " gone INTEGER) WITHOUT ROWID;"
    "CREATE TABLE paused_queues(name TEXT PRIMARY KEY) WITHOUT ROWID;"
    /* Where in a log kept elsewhere the view stands, in one row; none: the events table is the log. */
    "CREATE TABLE place(one INTEGER PRIMARY KEY, kind INTEGER NOT NULL, pos INTEGER NOT NULL,"
    " seal INTEGER NOT NULL, hash INTEGER NOT NULL);";

static void first_rows(enum view_kind kind, const char *log_id, char *sql, size_t size)
{
    if (kind == VIEW_IS_LOG)
        snprintf(sql, size,
                 "INSERT INTO meta VALUES('log_id', '%s'), ('last_pos', 1);"
                 "INSERT INTO events(pos, at, kind, data) VALUES(1, %lld, %d, '{\"log_id\":\"%s\"}');",
                 log_id, (long long)clock_wall_ms(), EVENT_GENESIS, log_id);
    else
        snprintf(sql, size, "INSERT INTO place VALUES(1, %d, 0, 0, 0);", (int)kind);
}

static enum err in_one_transaction(struct db *db, const char *const *sql, unsigned n)
{
    enum err err = db_run(db, "BEGIN IMMEDIATE");

    for (unsigned i = 0; i < n && !err; i++)
        err = db_run(db, sql[i]);
    return err ? err : db_run(db, "COMMIT");
}

enum err schema_make(struct db *db, enum view_kind kind, const char *log_id)
{
    char rows[512], stamp[96];
    const char *const all[] = {tables, tables_of_2, rows, stamp};

    first_rows(kind, log_id, rows, sizeof rows);
    snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d", VIEW_APPLICATION_ID,
             SCHEMA_VERSION);
    return in_one_transaction(db, all, sizeof all / sizeof *all);
}

enum err schema_migrate(struct db *db)
{
    char stamp[48];
    const char *const all[] = {"DROP INDEX jobs_state", tables_of_2, stamp};

    snprintf(stamp, sizeof stamp, "PRAGMA user_version=%d", SCHEMA_VERSION);
    return in_one_transaction(db, all, sizeof all / sizeof *all);
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

#define OTHER_LOG "%s/buzzer.db is a log of its own; with Kafka the service needs another data folder"

/* Of what kind the file is, and whether that is the one wanted. A whole view serves a worker as well. */
static enum err check_kind(struct db *db, const char *dir, enum view_kind *kind, char *message, size_t size)
{
    enum view_kind wanted = *kind;
    int64_t found = VIEW_IS_LOG;
    enum err err = pragma_int(db, "SELECT kind FROM place", &found);

    if (err)
        return err;
    if (found == wanted || (found == VIEW_OF_LOG && wanted == VIEW_OF_LOG_TO_WORK)) {
        *kind = (enum view_kind)found;
        return ERR_OK;
    }
    snprintf(message, size,
             found == VIEW_IS_LOG    ? OTHER_LOG
             : wanted == VIEW_IS_LOG ? "%s/buzzer.db is a copy of a log in Kafka, and no Kafka is given"
                                     : "%s/buzzer.db holds what a worker needs and no history; who answers clients "
                                       "needs another data folder",
             dir);
    return ERR_CONFIG;
}

enum err schema_check(struct db *db, const char *dir, enum view_kind *kind, enum schema_state *ret_state,
                      char *message, size_t size)
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
        *ret_state = SCHEMA_NONE;
    } else if (application != VIEW_APPLICATION_ID) {
        err = ERR_CORRUPT;
        snprintf(message, size, "%s/buzzer.db is a database of another program", dir);
    } else if (version < 1 || version > SCHEMA_VERSION) {
        err = ERR_CORRUPT;
        snprintf(message, size, "%s/buzzer.db has schema %lld; this program knows %d", dir,
                 (long long)version, SCHEMA_VERSION);
    } else if (is_cut_short(db, dir)) {
        err = ERR_CORRUPT;
        snprintf(message, size, "%s/buzzer.db is damaged: it was cut short", dir);
    } else if (version < SCHEMA_VERSION) {
        *ret_state = SCHEMA_OLD;
        if (*kind != VIEW_IS_LOG) {
            err = ERR_CONFIG;
            snprintf(message, size, OTHER_LOG, dir);
        }
    } else {
        *ret_state = SCHEMA_OURS;
        err = check_kind(db, dir, kind, message, size);
    }
    return err;
}

enum err schema_log_id(struct db *db, char log_id[LOG_ID_SIZE])
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, "SELECT value FROM meta WHERE name = 'log_id'", -1, &stmt, NULL);
    enum err err = ERR_OK;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) {
        log_id[0] = '\0';
    } else if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == LOG_ID_SIZE - 1 && column_str(stmt, 0)) {
        memcpy(log_id, column_str(stmt, 0), LOG_ID_SIZE);
    } else {
        err = rc == SQLITE_ROW ? ERR_CORRUPT : db_err(db, rc);
    }
    sqlite3_finalize(stmt);
    return err;
}
