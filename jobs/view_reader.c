/* view_reader.c: a read-only connection of one thread. Each question is one statement or one short
 * read transaction, over before it returns: a reader that stays would keep the write-ahead log from
 * being used again. */
#include <stdlib.h>
#include <string.h>

#include "jobs/view_priv.h"

#define SCAN "SELECT seq, state, type, queue, tags, tenant FROM jobs "

static const char *const statements[R_COUNT] = {
    [R_BEGIN] = "BEGIN",
    [R_END] = "COMMIT",
    [R_HORIZON] = "SELECT horizon FROM swept",
    [R_LAST] = LAST_POS_SELECT,
    [R_JOB_BY_ID] = ROW_SELECT "WHERE j.id = ?1",
    [R_JOB_BY_SEQ] = ROW_SELECT "WHERE j.seq = ?1",
    [R_BODY] = "SELECT media, body FROM events WHERE pos = ?1 AND body IS NOT NULL",
    [R_UNFINISHED] = "SELECT seq FROM jobs INDEXED BY jobs_open WHERE finished_at IS NULL ORDER BY seq",
    [R_REMOVABLE] =
        "SELECT id FROM jobs INDEXED BY jobs_remove WHERE remove_at IS NOT NULL AND remove_at <= ?1"
        " ORDER BY remove_at LIMIT ?2",
    [R_SCAN_ALL] = SCAN "WHERE seq < ?1 ORDER BY seq DESC",
    [R_SCAN_TYPE] = SCAN "INDEXED BY jobs_type WHERE type = ?2 AND seq < ?1 ORDER BY seq DESC",
    [R_SCAN_TENANT] = SCAN "INDEXED BY jobs_tenant WHERE tenant = ?2 AND seq < ?1 ORDER BY seq DESC",
    [R_SCAN_STATE] = SCAN "INDEXED BY jobs_state WHERE state = ?2 AND " ROW_STATE_IS_RARE " AND seq < ?1"
                          " ORDER BY seq DESC",
    [R_SCAN_OPEN] = SCAN "INDEXED BY jobs_open WHERE finished_at IS NULL AND seq < ?1 ORDER BY seq DESC",
    [R_EVENT] = EVENT_SELECT "WHERE pos = ?1",
    [R_EVENTS] = EVENT_SELECT "WHERE pos > ?1 AND pos <= ?2 ORDER BY pos",
    [R_EVENT_PREV] = "SELECT prev FROM events WHERE pos = ?1",
    [R_EVENT_AT] = "SELECT at FROM events WHERE pos = ?1",
};

enum err reader_open(const char *dir, struct reader **ret_reader)
{
    struct reader *reader = calloc(1, sizeof *reader);
    enum err err = reader ? db_open(&reader->db, dir, SQLITE_OPEN_READONLY) : ERR_NOMEM;

    if (!err)
        err = db_run(&reader->db, "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY");
    if (!err)
        err = schema_log_id(&reader->db, reader->log_id);
    if (!err)
        err = db_prepare(&reader->db, statements, R_COUNT);
    if (err) {
        reader_close(reader);
        return err;
    }
    *ret_reader = reader;
    return ERR_OK;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    db_close(&reader->db);
    free(reader);
}

const char *reader_log_id(struct reader *reader)
{
    if (!reader->log_id[0] && schema_log_id(&reader->db, reader->log_id))
        reader->log_id[0] = '\0';
    return reader->log_id;
}

enum err reader_one(struct reader *reader, unsigned statement, struct job **ret_job)
{
    bool found = false;
    enum err err = db_row(&reader->db, statement, &found);

    if (!err)
        err = found ? row_load(reader->db.at[statement], ret_job) : ERR_NOT_FOUND;
    db_reset(&reader->db, statement);
    return err;
}

enum err reader_int(struct reader *reader, unsigned statement, int64_t *ret_value)
{
    bool found = false;
    enum err err = db_row(&reader->db, statement, &found);

    if (!err && found)
        *ret_value = sqlite3_column_int64(reader->db.at[statement], 0);
    else if (!err)
        err = ERR_NOT_FOUND;
    db_reset(&reader->db, statement);
    return err;
}

enum err reader_job(struct reader *reader, const char *id, struct job **ret_job)
{
    bind_str(reader->db.at[R_JOB_BY_ID], 1, id);
    return reader_one(reader, R_JOB_BY_ID, ret_job);
}

/* An event without a body of its own may name one that is kept apart. */
static enum err read_blob(struct reader *reader, int64_t pos, struct body **ret_body, struct blob *ret_blob)
{
    struct event event;
    bool found = false;
    int64_t seq;
    enum err err;

    bind_int(reader->db.at[R_EVENT], 1, pos);
    err = db_row(&reader->db, R_EVENT, &found);
    if (!err)
        err = found ? event_load(reader->db.at[R_EVENT], &event, &seq) : ERR_NOT_FOUND;
    db_reset(&reader->db, R_EVENT);
    if (err)
        return err;
    if (event.blob.at) {
        *ret_body = NULL;
        *ret_blob = event.blob;
    } else {
        err = ERR_NOT_FOUND;
    }
    event_clear(&event);
    return err;
}

enum err reader_body(struct reader *reader, int64_t pos, struct body **ret_body, struct blob *ret_blob)
{
    bool found = false;
    enum err err;

    ret_blob->at = 0;
    bind_int(reader->db.at[R_BODY], 1, pos);
    err = db_row(&reader->db, R_BODY, &found);
    if (!err && found)
        err = body_load(reader->db.at[R_BODY], 0, 1, ret_body);
    db_reset(&reader->db, R_BODY);
    return err || found ? err : read_blob(reader, pos, ret_body, ret_blob);
}

int64_t reader_last_pos(struct reader *reader)
{
    int64_t pos = 0;

    return reader_int(reader, R_LAST, &pos) ? 0 : pos;
}

enum err reader_event_at(struct reader *reader, int64_t pos, int64_t *ret_at)
{
    bind_int(reader->db.at[R_EVENT_AT], 1, pos);
    return reader_int(reader, R_EVENT_AT, ret_at);
}

enum err reader_removable(struct reader *reader, int64_t now_ms, unsigned max, char (*ret_ids)[ID_SIZE],
                          unsigned *ret_n)
{
    sqlite3_stmt *stmt = reader->db.at[R_REMOVABLE];
    bool found = true;
    unsigned n = 0;
    enum err err = ERR_OK;

    bind_int(stmt, 1, now_ms);
    bind_int(stmt, 2, max);
    while (!err && n < max) {
        const char *id;
        err = db_row(&reader->db, R_REMOVABLE, &found);
        if (err || !found)
            break;
        id = column_str(stmt, 0);
        if (id && strlen(id) == ID_LEN)
            memcpy(ret_ids[n++], id, ID_SIZE);
        else
            err = ERR_CORRUPT;
    }
    db_reset(&reader->db, R_REMOVABLE);
    if (!err)
        *ret_n = n;
    return err;
}
