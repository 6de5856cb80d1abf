/* eventlog_kafka_send.c: the way into the log. A record is produced at once, on the thread of whoever
 * appends, and stands in a table by its number until it is both reported (it is in the log, on as many
 * machines as it should be) and read back and folded here; then its appends are done.
 *
 *   append ──> table[n] ──produce──> broker ──report──┐
 *                 │                    └──read back, folded──┴──> done
 *                 └── (bodies over 64 KiB first: eventlog_kafka_blob.c)
 *
 * Nothing is held twice: what has to be produced again, because a producer had to be replaced or a
 * broker refused it for now, is written again from the appends, which live until they are done. */
#include "jobs/eventlog_kafka_priv.h"

#include <stdlib.h>
#include <string.h>

#include "schema/clock.h"

static bool is_result(const struct event *event)
{
    return event->kind == EVENT_DONE || event->kind == EVENT_FAILED || event->kind == EVENT_CANCELLED ||
           event->kind == EVENT_RELEASED;
}

struct kafka_sending *kafka_send_find(struct kafka_log *log, uint64_t n)
{
    struct kafka_sending *sending = NULL;

    pthread_mutex_lock(&log->lock);
    if (n >= log->oldest_n && n < log->next_n)
        sending = *kafka_slot(log, n);
    pthread_mutex_unlock(&log->lock);
    return sending && sending->n == n ? sending : NULL;
}

/* ---- producing; all under the lock ---- */

static void encode(struct kafka_log *log, const struct kafka_sending *sending)
{
    const struct append *at = sending->first;

    text_reset(&log->scratch);
    for (unsigned i = 0; i < sending->n_events; i++, at = at->next)
        event_record_encode(&log->scratch, log->settings.name, sending->n, &at->event);
}

/* What the producer does not take now is tried again a second later. */
static void produce(struct kafka_log *log, struct kafka_sending *sending)
{
    const char *key = sending->first->event.job;
    rd_kafka_resp_err_t rc;

    encode(log, sending);
    if (log->scratch.failed)
        return;
    rc = rd_kafka_producev(log->producer, RD_KAFKA_V_TOPIC(log->settings.topics[KAFKA_TOPIC_LOG]),
                           RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                           RD_KAFKA_V_KEY(key[0] ? key : NULL, strlen(key)),
                           RD_KAFKA_V_VALUE(log->scratch.at, log->scratch.len),
                           RD_KAFKA_V_OPAQUE((void *)(uintptr_t)sending->n), RD_KAFKA_V_END);
    sending->is_produced = rc == RD_KAFKA_RESP_ERR_NO_ERROR;
    sending->is_too_large = rc == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
}

void kafka_send_now(struct kafka_log *log, struct kafka_sending *sending)
{
    if (!sending->n_blobs)
        produce(log, sending);
    else if (!sending->has_blobs_produced)
        sending->has_blobs_produced = kafka_blob_send(log, sending);
}

/* The genesis goes before all others: until it is read back the log is not open. */
void kafka_send_waiting(struct kafka_log *log)
{
    for (uint64_t n = log->oldest_n; n < log->next_n; n++) {
        struct kafka_sending *sending = *kafka_slot(log, n);
        if (sending && sending->first && !sending->is_produced && !sending->is_too_large &&
            (log->is_open || sending->first->event.kind == EVENT_GENESIS))
            kafka_send_now(log, sending);
    }
}

void kafka_send_open(struct kafka_log *log)
{
    pthread_mutex_lock(&log->lock);
    log->is_open = true;
    kafka_send_waiting(log);
    pthread_mutex_unlock(&log->lock);
}

/* ---- appending ---- */

static struct kafka_sending *sending_new(struct append *first, unsigned n_events, bool is_internal)
{
    struct kafka_sending *sending = calloc(1, sizeof *sending + n_events * sizeof sending->held[0]);
    struct append *at = first;

    if (!sending)
        return NULL;
    sending->first = first;
    sending->n_events = n_events;
    sending->is_internal = is_internal;
    sending->is_result = is_internal && is_result(&first->event);
    sending->since = clock_mono_ms();
    for (unsigned i = 0; i < n_events; i++, at = at->next)
        if (kafka_blob_is_apart(&at->event, n_events))
            sending->n_blobs++;
    return sending;
}

static enum err has_room(const struct kafka_log *log, unsigned n_events, bool is_internal)
{
    unsigned used = is_internal ? log->n_internal : log->n_external;
    unsigned max = is_internal ? EVENTLOG_INTERNAL_MAX : EVENTLOG_EXTERNAL_MAX;

    if (log->is_stopped)
        return ERR_DRAINING;
    if (atomic_load(&log->failed))
        return ERR_LOG_AWAY;
    if (n_events > max - used || log->next_n + n_events - log->oldest_n > KAFKA_TABLE_SIZE)
        return ERR_BUSY;
    return ERR_OK;
}

static void enter(struct kafka_log *log, struct kafka_sending *sending)
{
    sending->n = log->next_n++;
    *kafka_slot(log, sending->n) = sending;
    if (sending->is_internal)
        log->n_internal += sending->n_events;
    else
        log->n_external += sending->n_events;
    atomic_fetch_add(&log->n_waiting, sending->n_events);
    if (log->is_open && !sending->is_too_large)
        kafka_send_now(log, sending);
}

void kafka_send_leave(struct kafka_log *log, struct kafka_sending *sending)
{
    pthread_mutex_lock(&log->lock);
    *kafka_slot(log, sending->n) = NULL;
    while (log->oldest_n < log->next_n && !*kafka_slot(log, log->oldest_n))
        log->oldest_n++;
    if (sending->is_internal)
        log->n_internal -= sending->n_events;
    else
        log->n_external -= sending->n_events;
    pthread_mutex_unlock(&log->lock);
    atomic_fetch_sub(&log->n_waiting, sending->n_events);
    free(sending);
}

static bool is_too_large(const struct append *append)
{
    return append->event.body && append->event.body->len > KAFKA_BLOB_MAX;
}

/* A list of clients' events is one record; the service's own are one each, and one that is too large
 * is told so by itself. The records are chained through `chain` until they are in the table. */
static enum err make_records(struct append *first, unsigned n, bool is_internal, struct kafka_sending **ret_chain)
{
    struct kafka_sending **end = ret_chain;

    if (!is_internal) {
        *end = sending_new(first, n, false);
        return *end ? ERR_OK : ERR_NOMEM;
    }
    for (; first; first = first->next, end = &(*end)->chain) {
        *end = sending_new(first, 1, true);
        if (!*end)
            return ERR_NOMEM;
        (*end)->is_too_large = is_too_large(first);
    }
    return ERR_OK;
}

static enum err count_list(struct append *first, bool is_internal, unsigned *ret_n)
{
    unsigned n = 0;

    for (struct append *at = first; at; at = at->next, n++) {
        at->err = ERR_OK;
        at->ends_list = !at->next;
        if (!is_internal && is_too_large(at))
            return ERR_TOO_LARGE;
    }
    *ret_n = n;
    return ERR_OK;
}

enum err kafka_append(struct kafka_log *log, struct append *first, bool is_internal)
{
    struct kafka_sending *chain = NULL;
    unsigned n = 0;
    enum err err = count_list(first, is_internal, &n);

    if (!err && !is_internal && n > EVENT_RECORD_EVENTS_MAX)
        err = ERR_TOO_LARGE;
    if (!err)
        err = make_records(first, n, is_internal, &chain);
    if (!err) {
        pthread_mutex_lock(&log->lock);
        err = has_room(log, n, is_internal);
        for (struct kafka_sending *next; chain && !err; chain = next) {
            next = chain->chain;
            enter(log, chain);
        }
        pthread_mutex_unlock(&log->lock);
    }
    for (struct kafka_sending *next; chain; chain = next) {
        next = chain->chain;
        free(chain);
    }
    return err;
}

enum err kafka_append_kept(struct kafka_log *log, struct append *append)
{
    struct kafka_sending *sending = sending_new(append, 1, true);
    enum err err = sending ? ERR_OK : ERR_NOMEM;

    if (err)
        return err;
    sending->is_kept = true;
    pthread_mutex_lock(&log->lock);
    err = has_room(log, 1, true);
    if (!err)
        enter(log, sending);
    pthread_mutex_unlock(&log->lock);
    if (err)
        free(sending);
    return err;
}

/* The one record that goes in before the log is open. */
enum err kafka_append_genesis(struct kafka_log *log)
{
    struct append *append = append_new(EVENT_GENESIS, NULL, clock_wall_ms());
    struct kafka_sending *sending = append ? sending_new(append, 1, true) : NULL;

    if (!sending) {
        append_free(append);
        return ERR_NOMEM;
    }
    id_random_hex(append->event.log_id, (LOG_ID_SIZE - 1) / 2);
    pthread_mutex_lock(&log->lock);
    enter(log, sending);
    produce(log, sending);
    pthread_mutex_unlock(&log->lock);
    return ERR_OK;
}
