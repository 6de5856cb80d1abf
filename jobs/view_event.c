/* view_event.c: an event as a row of the log. */
#include <limits.h>
#include <string.h>

#include "jobs/view_priv.h"

enum column { C_POS, C_PREV, C_AT, C_KIND, C_JOB, C_DATA, C_MEDIA, C_LEN, C_BODY };

static const char json_type[] = "application/json";

enum err event_bind(sqlite3_stmt *stmt, const struct event *event, int64_t seq, struct text *data)
{
    const struct body *body = event->blob.at ? NULL : event->body; /* what is kept apart is only named */

    text_reset(data);
    event_encode(data, event);
    if (data->failed) {
        text_clear(data);
        return ERR_NOMEM;
    }
    bind_int(stmt, 1, event->pos);
    bind_int_or_null(stmt, 2, event->prev);
    bind_int(stmt, 3, event->at);
    bind_int(stmt, 4, event->kind);
    if (event->kind == EVENT_SUBMITTED)
        sqlite3_bind_text(stmt, 5, event->job, ID_LEN, SQLITE_STATIC);
    else
        bind_int_or_null(stmt, 5, seq);
    if (data->len > 2)
        sqlite3_bind_text(stmt, 6, data->at, (int)data->len, SQLITE_STATIC);
    else
        sqlite3_bind_null(stmt, 6); /* "{}": nothing to say */
    if (body && strcmp(body->media_type, json_type) != 0)
        bind_str(stmt, 7, body->media_type);
    else
        sqlite3_bind_null(stmt, 7);
    if (body)
        sqlite3_bind_blob64(stmt, 8, body->bytes, body->len, SQLITE_STATIC);
    else
        sqlite3_bind_null(stmt, 8);
    return ERR_OK;
}

enum err body_load(sqlite3_stmt *stmt, int media, int bytes, struct body **ret_body)
{
    const char *media_type = column_str(stmt, media);
    const void *at = sqlite3_column_blob(stmt, bytes);
    int len = sqlite3_column_bytes(stmt, bytes);
    struct body *body = body_new(media_type ? media_type : json_type, at, (size_t)len);

    if (!body)
        return ERR_NOMEM;
    *ret_body = body;
    return ERR_OK;
}

/* A body whose bytes were not asked for: the fold needs its length and kind alone. */
static enum err husk_load(sqlite3_stmt *stmt, struct body **ret_body)
{
    const char *media_type = column_str(stmt, C_MEDIA);
    struct body *body = body_new(media_type ? media_type : json_type, NULL, 0);

    if (!body)
        return ERR_NOMEM;
    body->len = (size_t)sqlite3_column_int64(stmt, C_LEN);
    *ret_body = body;
    return ERR_OK;
}

enum err event_load(sqlite3_stmt *stmt, struct event *ret_event, int64_t *ret_seq)
{
    int64_t kind = sqlite3_column_int64(stmt, C_KIND);
    const char *data = column_str(stmt, C_DATA), *id;
    struct event event;
    enum err err = ERR_OK;

    if (kind < 0 || kind >= EVENT_KIND_COUNT)
        return ERR_CORRUPT;
    event_init(&event, (enum event_kind)kind, NULL, sqlite3_column_int64(stmt, C_AT));
    event.pos = sqlite3_column_int64(stmt, C_POS);
    event.prev = sqlite3_column_int64(stmt, C_PREV);
    if (event.kind == EVENT_SUBMITTED) {
        id = column_str(stmt, C_JOB);
        if (!id || strlen(id) != ID_LEN)
            return ERR_CORRUPT;
        memcpy(event.job, id, ID_SIZE);
    }
    if (data)
        err = event_decode(data, (size_t)sqlite3_column_bytes(stmt, C_DATA), &event);
    if (!err && sqlite3_column_type(stmt, C_BODY) != SQLITE_NULL)
        err = body_load(stmt, C_MEDIA, C_BODY, &event.body);
    else if (!err && sqlite3_column_type(stmt, C_LEN) != SQLITE_NULL)
        err = husk_load(stmt, &event.body);
    if (err) {
        event_clear(&event);
        return err;
    }
    *ret_seq = event.kind == EVENT_SUBMITTED ? event.pos : sqlite3_column_int64(stmt, C_JOB);
    *ret_event = event;
    return ERR_OK;
}
