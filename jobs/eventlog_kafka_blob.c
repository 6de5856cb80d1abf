/* eventlog_kafka_blob.c: large bodies on their way. They go into a topic of their own, before the event
 * that names them and through a producer of their own, so that no event waits behind megabytes; a
 * reader of the log gets them only if it asks (eventlog_kafka_fetch.c). A body that is produced twice
 * is there twice and named once: no harm. */
#include "jobs/eventlog_kafka_priv.h"

#include <stdlib.h>
#include <string.h>

/* What comes back with the report. */
struct sent_blob {
    uint64_t n;
    unsigned index;
    struct body *body; /* a reference: the producer reads the bytes in place */
};

/* A list keeps its bodies apart sooner than a single event, so that no record grows past its bound. */
bool kafka_blob_is_apart(const struct event *event, unsigned n_events)
{
    size_t share = KAFKA_RECORD_WANT / n_events;

    return event->body && event->body->len > (share < KAFKA_INLINE_MAX ? share : KAFKA_INLINE_MAX);
}

static bool send_one(struct kafka_log *log, struct kafka_sending *sending, unsigned index,
                     const struct event *event)
{
    struct sent_blob *sent = malloc(sizeof *sent);
    rd_kafka_resp_err_t rc;

    if (!sent)
        return false;
    *sent = (struct sent_blob){sending->n, index, body_ref(event->body)};
    rc = rd_kafka_producev(log->blobs, RD_KAFKA_V_TOPIC(log->settings.topics[KAFKA_TOPIC_BLOB]),
                           RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY(event->job, strlen(event->job)),
                           RD_KAFKA_V_VALUE(sent->body->bytes, sent->body->len), RD_KAFKA_V_OPAQUE(sent),
                           RD_KAFKA_V_END);
    if (rc) {
        body_unref(sent->body);
        free(sent);
    }
    sending->is_too_large = rc == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR; // NOLINT(clang-analyzer-unix.Malloc): the message has it
}

bool kafka_blob_send(struct kafka_log *log, struct kafka_sending *sending)
{
    const struct append *at = sending->first;
    bool all = true;

    for (unsigned i = 0; i < sending->n_events && all; i++, at = at->next)
        if (!at->event.blob.at && kafka_blob_is_apart(&at->event, sending->n_events))
            all = send_one(log, sending, i, &at->event);
    return all;
}

void kafka_blob_place(struct event *event, int64_t offset)
{
    event->blob.at = offset + 1;
    event->blob.len = event->body->len;
    memcpy(event->blob.media_type, event->body->media_type, sizeof event->blob.media_type);
}

static void on_report(struct kafka_log *log, const rd_kafka_message_t *message)
{
    struct sent_blob *sent = message->_private;
    enum err err = ERR_OK;

    if (message->err)
        err = message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? ERR_TOO_LARGE : ERR_AGAIN;
    kafka_send_blob_done(log, sent->n, sent->index, message->offset, err);
    body_unref(sent->body);
    free(sent);
}

void kafka_blob_serve(struct kafka_log *log)
{
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(log->blobs_queue, 0))) {
        const rd_kafka_message_t *message;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            while ((message = rd_kafka_event_message_next(event)))
                on_report(log, message);
        rd_kafka_event_destroy(event);
    }
}
