/* event_json.c: what an event says beside its place, time, kind and body, as one JSON object: in the
 * log it is one column. Whether an event makes sense is for the fold to say; here only what no event
 * could mean is refused. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "schema/event.h"
#include "schema/job_json.h"
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

enum err event_decode(const char *json, size_t len, struct event *event)
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
