/* event_json.c: what an event says beside its place, time, kind and body, as one JSON object: in the
 * log it is one column. Whether an event makes sense is for the fold to say; here only what no event
 * could mean is refused. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "schema/event.h"
#include "schema/job_json.h"
#include "schema/media_type.h"
#include "schema/members_priv.h"

static void progress_encode(struct text *text, const struct progress *progress)
{
    text_char(text, '{');
    if (progress->percent >= 0)
        text_json_int(text, "percent", progress->percent);
    if (progress->message)
        text_json_str(text, "message", progress->message);
    text_char(text, '}');
}

static void blob_encode(struct text *text, const struct blob *blob)
{
    text_char(text, '{');
    text_json_int(text, "at", blob->at);
    text_json_int(text, "len", (int64_t)blob->len);
    text_json_str(text, "media", blob->media_type);
    text_char(text, '}');
}

void event_encode(struct text *text, const struct event *event)
{
    text_char(text, '{');
    if (event->log_id[0])
        text_json_str(text, "log_id", event->log_id);
    if (event->epoch)
        text_json_int(text, "epoch", event->epoch);
    if (event->worker)
        text_json_str(text, "worker", event->worker);
    if (event->spec) {
        text_json_key(text, "spec");
        spec_encode(text, event->spec);
    }
    if (event->error.code != JOB_ERROR_NONE) {
        text_json_key(text, "error");
        error_encode(text, &event->error);
    }
    if (event->retry_at)
        text_json_int(text, "retry_at", event->retry_at);
    if (event->progress.percent >= 0 || event->progress.message) {
        text_json_key(text, "progress");
        progress_encode(text, &event->progress);
    }
    if (event->blob.at) {
        text_json_key(text, "blob");
        blob_encode(text, &event->blob);
    }
    if (event->key) {
        text_json_key(text, "key");
        access_key_encode(text, event->key);
    }
    if (event->queue) {
        text_json_str(text, "queue", event->queue);
        text_json_bool(text, "paused", event->paused);
    }
    text_char(text, '}');
}

static enum err read_progress(const json_t *value, struct progress *progress)
{
    struct members members;

    if (!value)
        return ERR_OK;
    members_open(&members, value);
    progress->percent = (int)members_int(&members, "percent", 0, 100, -1);
    progress->message = members_copy(&members, "message");
    return members_close(&members);
}

/* Only genesis names the log, and it must. */
static enum err read_log_id(const char *log_id, struct event *event)
{
    if (!log_id)
        return event->kind == EVENT_GENESIS ? ERR_CORRUPT : ERR_OK;
    if (event->kind != EVENT_GENESIS || strlen(log_id) != LOG_ID_SIZE - 1 ||
        strspn(log_id, "0123456789abcdef") != LOG_ID_SIZE - 1)
        return ERR_CORRUPT;
    memcpy(event->log_id, log_id, LOG_ID_SIZE);
    return ERR_OK;
}

/* Only a submission has a spec, and it must. */
static enum err read_spec(const json_t *value, struct event *event)
{
    if (!value)
        return event->kind == EVENT_SUBMITTED ? ERR_CORRUPT : ERR_OK;
    if (event->kind != EVENT_SUBMITTED)
        return ERR_CORRUPT;
    return spec_read(value, event->job, &event->spec);
}

static enum err read_blob(const json_t *value, struct blob *blob)
{
    struct members members;
    const char *media;
    enum err err;

    if (!value)
        return ERR_OK;
    members_open(&members, value);
    blob->at = members_int(&members, "at", 1, INT64_MAX, 0);
    blob->len = (size_t)members_int(&members, "len", 0, INT64_MAX, 0);
    media = members_str(&members, "media");
    err = members_close(&members);
    if (!err && (!blob->at || !media || strlen(media) >= sizeof blob->media_type || !media_type_is_printable(media)))
        err = ERR_CORRUPT;
    if (!err)
        strcpy(blob->media_type, media);
    return err;
}

/* An event of the kind `key` has a key, no other has one; likewise `queue`. */
static enum err read_key(const json_t *value, struct event *event)
{
    if ((value != NULL) != (event->kind == EVENT_KEY))
        return ERR_CORRUPT;
    return value ? access_key_decode(value, &event->key) : ERR_OK;
}

static enum err read_queue(const char *name, bool paused, struct event *event)
{
    if ((name != NULL) != (event->kind == EVENT_QUEUE) || (paused && !name))
        return ERR_CORRUPT;
    if (!name)
        return ERR_OK;
    if (!name_is_valid(name, strlen(name)))
        return ERR_CORRUPT;
    event->paused = paused;
    event->queue = strdup(name);
    return event->queue ? ERR_OK : ERR_NOMEM;
}

/* ---- the short way ----
 *
 * Most events say their epoch and perhaps their worker. These are read as event_encode writes them,
 * without building a tree: every node reads every event. One other byte, and the long way decides. */

struct place {
    const char *at, *end;
};

static bool skip(struct place *place, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(place->end - place->at) < len || memcmp(place->at, text, len) != 0)
        return false;
    place->at += len;
    return true;
}

#define EPOCH_DIGITS 9 /* what surely is an int */

static bool read_epoch(struct place *place, int *ret_epoch)
{
    const char *first = place->at;
    int epoch = 0;

    for (; place->at < place->end && *place->at >= '0' && *place->at <= '9'; place->at++) {
        if (place->at - first == EPOCH_DIGITS)
            return false;
        epoch = epoch * 10 + (*place->at - '0');
    }
    *ret_epoch = epoch;
    return place->at > first && *first != '0';
}

/* The length of a string without anything escaped, up to its quote. */
static size_t plain_len(const struct place *place)
{
    const char *at = place->at;

    while (at < place->end && *at >= ' ' && *at <= '~' && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - place->at);
}

static bool may_be_short(enum event_kind kind)
{
    return kind != EVENT_GENESIS && kind != EVENT_SUBMITTED && kind != EVENT_KEY && kind != EVENT_QUEUE;
}

/* False: read it the long way. */
static bool decode_short(const char *json, size_t len, struct event *event, enum err *ret_err)
{
    struct place place = {json, json + len}, worker = {NULL, NULL};
    int epoch;

    if (!may_be_short(event->kind) || !skip(&place, "{\"epoch\":") || !read_epoch(&place, &epoch))
        return false;
    if (skip(&place, ",\"worker\":\"")) {
        worker = (struct place){place.at, place.at + plain_len(&place)};
        place.at = worker.end;
        if (!skip(&place, "\""))
            return false;
    }
    if (!skip(&place, "}") || place.at != place.end)
        return false;
    event->epoch = epoch;
    event->worker = worker.at ? strndup(worker.at, (size_t)(worker.end - worker.at)) : NULL;
    *ret_err = worker.at && !event->worker ? ERR_NOMEM : ERR_OK;
    return true;
}

static enum err decode_long(const char *json, size_t len, struct event *event)
{
    json_t *root = members_parse(json, len);
    struct members members;
    enum err err;

    members_open(&members, root);
    event->epoch = (int)members_int(&members, "epoch", 0, INT_MAX, 0);
    event->retry_at = members_int(&members, "retry_at", 0, INT64_MAX, 0);
    event->worker = members_copy(&members, "worker");
    err = members.err;
    if (!err)
        err = read_log_id(members_str(&members, "log_id"), event);
    if (!err)
        err = read_spec(members_get(&members, "spec"), event);
    if (!err)
        err = error_decode(members_get(&members, "error"), &event->error);
    if (!err)
        err = read_progress(members_get(&members, "progress"), &event->progress);
    if (!err)
        err = read_blob(members_get(&members, "blob"), &event->blob);
    if (!err)
        err = read_key(members_get(&members, "key"), event);
    if (!err)
        err = read_queue(members_str(&members, "queue"), members_bool(&members, "paused"), event);
    if (!err)
        err = members_close(&members);
    if (err) {
        struct body *body = event->body; /* set by the caller, and still theirs */
        event->body = NULL;
        event_clear(event);
        event->body = body;
    }
    json_decref(root);
    return err;
}

enum err event_decode(const char *json, size_t len, struct event *event)
{
    enum err err = ERR_OK;

    return decode_short(json, len, event, &err) ? err : decode_long(json, len, event);
}
