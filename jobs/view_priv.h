/* view_priv.h: what the files of the view share: SQLite behind a few verbs of our own, the rows of
 * its tables, and the writer's state. No other folder or file includes it. */
#ifndef BUZZER_JOBS_VIEW_PRIV_H
#define BUZZER_JOBS_VIEW_PRIV_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "jobs/eventlog.h"
#include "jobs/fold.h"
#include "jobs/view.h"

/* ---- view_db.c: a connection with its prepared statements ---- */
#define DB_STATEMENTS_MAX 32
struct db {
    sqlite3 *sqlite;
    unsigned n;
    sqlite3_stmt *at[DB_STATEMENTS_MAX];
};

enum err db_open(struct db *db, const char *dir, int flags);
enum err db_prepare(struct db *db, const char *const *sql, unsigned n);
void db_close(struct db *db);
enum err db_err(const struct db *db, int rc);             /* what a code of SQLite means to us */
enum err db_run(struct db *db, const char *sql);          /* statements without rows, rarely run */
enum err db_step(const struct db *db, unsigned statement);        /* one that gives no row; then resets it */
enum err db_row(const struct db *db, unsigned statement, bool *ret_row);  /* is there another row? */
void db_reset(const struct db *db, unsigned statement);
void bind_int(sqlite3_stmt *stmt, int at, int64_t value);
void bind_int_or_null(sqlite3_stmt *stmt, int at, int64_t value);         /* 0 is NULL */
void bind_str(sqlite3_stmt *stmt, int at, const char *str);               /* NULL is NULL; not copied */
const char *column_str(sqlite3_stmt *stmt, int at);                       /* NULL is NULL */

/* ---- view_schema.c ---- */
enum schema_state {
    SCHEMA_NONE,              /* a new file */
    SCHEMA_OLD,               /* of a version we know how to bring up to ours */
    SCHEMA_OURS
};
/* All in one transaction: tables and first rows (genesis, where the view is the log). */
enum err schema_make(struct db *db, enum view_kind kind, const char *log_id);
enum err schema_migrate(struct db *db);
/* *kind: the one wanted; on ERR_OK the one the file is treated as. */
enum err schema_check(struct db *db, const char *dir, enum view_kind *kind, enum schema_state *ret_state,
                      char *message, size_t size);
enum err schema_log_id(struct db *db, char log_id[LOG_ID_SIZE]);   /* "": none yet */

/* ---- view_row.c: a job as a row ---- */
/* The columns row_load reads, and where they come from: the row that changes, the `submitted` event
 * with what was asked for, and the event with the result if that is small. */
#define ROW_SELECT                                                                                 \
    "SELECT j.seq, j.id, j.state, j.pos, j.ready_pos, j.result_pos, j.result_len, j.run_at, j.finished_at," \
    " j.epoch, j.attempts_used, j.max_attempts, j.losses, j.cancel_requested, j.percent, j.message," \
    " j.error_code, j.error_attempt, j.error_retryable, j.error_message, j.attempts, e.at, e.data," \
    " r.media, r.body FROM jobs j CROSS JOIN events e ON e.pos = j.seq"                            \
    " LEFT JOIN events r ON r.pos = j.result_pos AND j.result_len <= 65536 "
/* Neither queued, running nor succeeded. Not as a list: SQLite would make a table of it for each row
 * it writes, which costs more than the rest of the update. */
#define ROW_STATE_IS_RARE "state <> 1 AND state <> 2 AND state <> 4"
#define ROW_INSERT                                                                                 \
    "INSERT OR IGNORE INTO jobs(seq, id, type, queue, tags, state, pos, ready_pos, run_at, max_attempts, tenant)" \
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
#define ROW_UPDATE_OPEN /* a job that goes on: no index but the one by state may change */         \
    "UPDATE jobs SET state=?2, pos=?3, ready_pos=?4, run_at=?5, epoch=?6, attempts_used=?7, max_attempts=?8," \
    " losses=?9, cancel_requested=?10, percent=?11, message=?12, error_code=?13, error_attempt=?14," \
    " error_retryable=?15, error_message=?16, attempts=?17"
#define ROW_UPDATE_ENDS                                                                            \
    ROW_UPDATE_OPEN ", result_pos=?18, result_len=?19, finished_at=?20, remove_at=?21"
#define ROW_WHERE " WHERE seq=?1"

enum err row_load(sqlite3_stmt *stmt, struct job **ret_job);
void row_bind_insert(sqlite3_stmt *stmt, const struct job *job);
/* attempts: scratch that must live until the statement has run. */
enum err row_bind_update(sqlite3_stmt *stmt, const struct job *job, bool ends, struct text *attempts);
int64_t row_name_hash(const char *name);                  /* 32 bits: what an index by name holds */
int64_t row_tenant_hash(const char *tenant);              /* likewise; 0 for the default tenant or NULL */
int64_t row_tag_mask(const char *tag);                    /* one bit of 63; a row has those of its tags */

/* ---- view_event.c: an event as a row ---- */
#define EVENT_INSERT                                                                               \
    "INSERT INTO events(pos, prev, at, kind, job, data, media, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
/* Where the newest event is: of a log kept elsewhere, or in the file itself. */
#define LAST_POS_SELECT                                                                            \
    "SELECT coalesce((SELECT pos FROM place),"                                                     \
    " max((SELECT max(pos) FROM events), (SELECT value FROM meta WHERE name = 'last_pos')))"
/* Large bodies stay where they are; their length comes along. */
#define EVENT_SELECT                                                                               \
    "SELECT pos, prev, at, kind, job, data, media, length(body), "                                 \
    "CASE WHEN kind = 4 AND media IS NULL AND length(body) <= 65536 THEN body END FROM events "
#define EVENT_SELECT_WHOLE "SELECT pos, prev, at, kind, job, data, media, length(body), body FROM events "

/* seq: of the job, 0 where there is none, for every event but its `submitted`, which has the id. */
enum err event_bind(sqlite3_stmt *stmt, const struct event *event, int64_t seq, struct text *data);
/* *ret_seq: of the job (a `submitted`: its own position); the event's job is set only by `submitted`. */
enum err event_load(sqlite3_stmt *stmt, struct event *ret_event, int64_t *ret_seq);
enum err body_load(sqlite3_stmt *stmt, int media, int bytes, struct body **ret_body);

/* ---- view_cache.c: unfinished jobs the writer touched lately ---- */
struct cache;
struct cache *cache_new(void);
void cache_free(struct cache *cache);
void cache_clear(struct cache *cache);
struct job *cache_take(struct cache *cache, const char *id);    /* out of it, the reference is yours */
void cache_put(struct cache *cache, struct job *job);           /* takes a reference of its own, or not */

/* ---- view.c: the writer ---- */
enum writer_statement {
    W_BEGIN, W_COMMIT, W_JOB_BY_ID, W_INSERT, W_UPDATE_OPEN, W_UPDATE_ENDS, W_EVENT, W_EVENT_PREV,
    W_EVENT_DELETE, W_JOB_DELETE, W_ID_BY_SEQ, W_LAST_POS, W_PLACE, W_LOG_ID, W_SWEPT, W_KEY_FIND, W_KEY_INSERT, W_KEY_GONE, W_KEY_DELETE,
    W_KEY_EXPIRED, W_COUNT
};

/* What removals leave behind, in a table of one row. */
struct swept {
    int64_t horizon;          /* the highest position among events that are gone */
    int64_t at, pos;          /* log time and position of the newest removal */
    bool has_key;             /* ... whose event also keeps an idempotency key */
};

/* What a transaction may change besides rows; put back on rollback. */
struct view_sum {
    char log_id[LOG_ID_SIZE]; /* "" until the genesis of a log kept elsewhere was applied */
    uint64_t last_seal;       /* of the event at last_pos */
    uint64_t hash;            /* view_state_hash */
    int64_t last_pos;         /* of the log: the last position applied */
    int64_t stored_pos;       /* what the file would say: its last event, or meta's last_pos */
    struct swept swept;
    int64_t by_state[JOB_STATE_COUNT];
};

struct view {
    struct db db;
    enum view_kind kind;
    struct cache *cache;
    struct view_sum sum, committed;
    int64_t wal_pages;
    struct text data, attempts;                      /* scratch */
    _Atomic int64_t by_state[JOB_STATE_COUNT];       /* of what is committed */
    pthread_mutex_t lock;                            /* of the next two: what is committed, for other threads */
    uint64_t told_hash;
    int64_t told_pos;
};

/* log_id: of a log that is to begin here. */
enum err view_create(const char *dir, enum view_kind kind, const char *log_id, struct view **ret_view, char *message,
                     size_t size);
/* Writes the event's row, where this kind of view keeps it. */
enum err view_record(struct view *view, const struct event *event, int64_t seq);

/* ---- view_state.c: where the view stands ---- */
void state_step(struct view *view, const struct event *event, int outcome, const struct job *job);
enum err state_store(struct view *view);                  /* before a commit */
void state_publish(struct view *view);                    /* after it */

/* ---- view_access.c: access keys and paused queues ---- */
enum err apply_key(struct view *view, const struct event *event, struct view_step *step);
enum err apply_queue(struct view *view, const struct event *event, struct view_step *step);

/* ---- view_key.c: idempotency keys ---- */
struct key {
    int64_t hash, fingerprint, expires_at;
    int64_t gone;             /* position of the removal of its job; 0 while that is kept */
    char job[ID_SIZE];
};
int64_t key_hash(const struct spec *spec);                /* of its idempotency key, in its tenant */
enum err key_find(struct view *view, int64_t hash, int64_t at, struct key *ret_key, bool *ret_found);
enum err key_add(struct view *view, const struct key *key);
enum err key_leave(struct view *view, int64_t hash, int64_t removed_pos); /* its job is gone */
enum err key_drop(struct view *view, const struct key *key);    /* with the removal that kept it */
enum err key_sweep(struct view *view, int64_t at);              /* some of those that are over */

/* ---- view_remove.c: the end of a job ---- */
enum err remove_job(struct view *view, const struct job *job, const struct event *event);
/* The same for a removal read back from the log, whose job's events are gone with it. */
enum err remove_replay(struct view *view, int64_t pos, int64_t at, const char *id, const char *data);
enum err remove_write(struct view *view);                 /* sum.swept into its row */

/* ---- view_reader.c ---- */
enum reader_statement {
    R_BEGIN, R_END, R_HORIZON, R_LAST, R_JOB_BY_ID, R_JOB_BY_SEQ, R_BODY, R_UNFINISHED, R_REMOVABLE, R_SCAN_ALL,
    R_SCAN_TYPE, R_SCAN_TENANT, R_SCAN_STATE, R_SCAN_OPEN, R_EVENT, R_EVENTS, R_EVENT_PREV, R_EVENT_AT,
    R_COUNT
};
struct reader {
    struct db db;
    char log_id[LOG_ID_SIZE];
};
enum err reader_int(struct reader *reader, unsigned statement, int64_t *ret_value);  /* its one number */
/* One row of a statement already bound; NOT_FOUND when there is none. Resets it. */
enum err reader_one(struct reader *reader, unsigned statement, struct job **ret_job);

#endif
