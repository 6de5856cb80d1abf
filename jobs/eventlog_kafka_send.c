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
#include "schema/log.h"
#include "schema/metric.h"

#define RESEND_MS 1000

static bool is_result(const struct event *event)
{
    return event->kind == EVENT_DONE || event->kind == EVENT_FAILED || event->kind == EVENT_CANCELLED ||
           event->kind == EVENT_RELEASED;
}

static struct kafka_sending **slot(struct kafka_log *log, uint64_t n)
{
    return &log->table[n % KAFKA_TABLE_SIZE];
}

/* The record n, if it is still on its way. Only the recorder takes one out, so on its thread what is
 * found stays. */
static struct kafka_sending *find(struct kafka_log *log, uint64_t n)
{
    struct kafka_sending *sending = NULL;

    pthread_mutex_lock(&log->lock);
    if (n >= log->oldest_n && n < log->next_n)
        sending = *slot(log, n);
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

static void send_now(struct kafka_log *log, struct kafka_sending *sending)
{
    if (!sending->n_blobs)
        produce(log, sending);
    else if (!sending->has_blobs_produced)
        sending->has_blobs_produced = kafka_blob_send(log, sending);
}

static void send_waiting(struct kafka_log *log)
{
    for (uint64_t n = log->oldest_n; n < log->next_n; n++) {
        struct kafka_sending *sending = *slot(log, n);
        if (sending && sending->first && !sending->is_produced && !sending->is_too_large)
            send_now(log, sending);
    }
}

void kafka_send_open(struct kafka_log *log)
{
    pthread_mutex_lock(&log->lock);
    log->is_open = true;
    send_waiting(log);
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
    *slot(log, sending->n) = sending;
    if (sending->is_internal)
        log->n_internal += sending->n_events;
    else
        log->n_external += sending->n_events;
    atomic_fetch_add(&log->n_waiting, sending->n_events);
    if (log->is_open)
        send_now(log, sending);
}

static void leave(struct kafka_log *log, struct kafka_sending *sending)
{
    pthread_mutex_lock(&log->lock);
    *slot(log, sending->n) = NULL;
    while (log->oldest_n < log->next_n && !*slot(log, log->oldest_n))
        log->oldest_n++;
    if (sending->is_internal)
        log->n_internal -= sending->n_events;
    else
        log->n_external -= sending->n_events;
    pthread_mutex_unlock(&log->lock);
    atomic_fetch_sub(&log->n_waiting, sending->n_events);
    free(sending);
}

/* A list of clients' events is one record; the service's own are one each. The records are chained
 * through `chain` until they are in the table. */
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
    }
    return ERR_OK;
}

static enum err count_list(struct append *first, unsigned *ret_n)
{
    unsigned n = 0;

    for (struct append *at = first; at; at = at->next, n++) {
        at->err = ERR_OK;
        at->ends_list = !at->next;
        if (at->event.body && at->event.body->len > KAFKA_BLOB_MAX)
            return ERR_TOO_LARGE;
    }
    *ret_n = n;
    return ERR_OK;
}

enum err kafka_append(struct kafka_log *log, struct append *first, bool is_internal)
{
    struct kafka_sending *chain = NULL;
    unsigned n = 0;
    enum err err = count_list(first, &n);

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

/* ---- done ---- */

static void finish(struct append *append)
{
    if (append->done)
        append->done(append);
    else
        append_free(append);
}

static void leave_if_over(struct kafka_log *log, struct kafka_sending *sending)
{
    if (sending->is_reported && sending->is_read && !sending->n_held)
        leave(log, sending);
}

/* In place of an append's own done, on the recorder's thread: it is folded. */
static void on_folded(struct append *append)
{
    struct kafka_held *held = append->owner;
    struct kafka_sending *sending = held->sending;
    struct kafka_log *log = held->log;

    append->done = held->done;
    append->owner = held->owner;
    if (!sending->is_reported) {
        held->append = append;
        return;
    }
    sending->n_held--;
    finish(append);
    leave_if_over(log, sending);
}

static void on_reported(struct kafka_log *log, struct kafka_sending *sending)
{
    sending->is_reported = true;
    for (unsigned i = 0; i < sending->n_events && sending->is_read; i++) {
        struct append *append = sending->held[i].append;
        if (!append)
            continue;
        sending->held[i].append = NULL;
        sending->n_held--;
        finish(append);
    }
    leave_if_over(log, sending);
}

/* It never comes in, or nobody will know: tells its appends so. */
static void abandon(struct kafka_log *log, struct kafka_sending *sending, enum err err)
{
    struct append *first = sending->first;
    unsigned n = sending->n_events;

    leave(log, sending);
    for (struct append *next; n; n--, first = next) {
        next = first->next;
        first->err = err;
        finish(first);
    }
}

struct append *kafka_send_read_back(struct kafka_log *log, uint64_t n)
{
    struct kafka_sending *sending = find(log, n);
    struct append *first, *at;

    if (!sending || sending->is_read)
        return NULL;
    pthread_mutex_lock(&log->lock);
    first = at = sending->first;
    sending->first = NULL;
    pthread_mutex_unlock(&log->lock);
    sending->is_read = true;
    sending->n_held = sending->n_events;
    for (unsigned i = 0; i < sending->n_events; i++, at = at->next) {
        struct kafka_held *held = &sending->held[i];
        *held = (struct kafka_held){.log = log, .sending = sending, .done = at->done, .owner = at->owner};
        at->done = on_folded;
        at->owner = held;
        if (i + 1 == sending->n_events)
            at->next = NULL; /* records are taken one by one */
        if (at->event.blob.at) { /* as every other node sees it */
            body_unref(at->event.body);
            at->event.body = NULL;
        }
    }
    return first;
}

void kafka_send_blob_done(struct kafka_log *log, uint64_t n, unsigned index, int64_t offset, enum err err)
{
    struct kafka_sending *sending = find(log, n);
    struct append *at;

    if (!sending || !sending->first)
        return;
    if (err == ERR_TOO_LARGE) {
        abandon(log, sending, err);
        return;
    }
    pthread_mutex_lock(&log->lock);
    at = sending->first;
    for (unsigned i = 0; i < index; i++)
        at = at->next;
    if (err) {
        sending->has_blobs_produced = false; /* again a second later */
    } else if (!at->event.blob.at) {
        kafka_blob_place(&at->event, offset);
        if (--sending->n_blobs == 0 && log->is_open)
            produce(log, sending);
    }
    pthread_mutex_unlock(&log->lock);
}

/* ---- reports ---- */

static void on_report(struct kafka_log *log, const rd_kafka_message_t *message)
{
    struct kafka_sending *sending = find(log, (uint64_t)(uintptr_t)message->_private);

    if (!sending || sending->is_reported)
        return;
    if (!message->err) {
        log->is_down = false;
        on_reported(log, sending);
        return;
    }
    METRIC_INC(LOG_DELIVERY_FAILURES);
    if (rd_kafka_fatal_error(log->producer, NULL, 0)) {
        log->must_rebuild = true;
        return;
    }
    log_debug("record %llu was not taken: %s", (unsigned long long)sending->n, rd_kafka_err2str(message->err));
    pthread_mutex_lock(&log->lock);
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        sending->is_too_large = true;
    else
        sending->is_produced = false; /* again a second later */
    pthread_mutex_unlock(&log->lock);
}

void kafka_send_serve(struct kafka_log *log)
{
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(log->producer_queue, 0))) {
        const rd_kafka_message_t *message;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            while ((message = rd_kafka_event_message_next(event)))
                on_report(log, message);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            kafka_trouble(log, event);
        rd_kafka_event_destroy(event);
    }
}

/* ---- from time to time ---- */

static struct kafka_sending *oldest(struct kafka_log *log)
{
    struct kafka_sending *sending = NULL;

    pthread_mutex_lock(&log->lock);
    for (uint64_t n = log->oldest_n; n < log->next_n && !sending; n++)
        if (*slot(log, n) && !(*slot(log, n))->is_reported)
            sending = *slot(log, n);
    pthread_mutex_unlock(&log->lock);
    return sending;
}

void kafka_send_tick(struct kafka_log *log, int64_t mono_ms)
{
    struct kafka_sending *first = oldest(log);
    int64_t age = first ? mono_ms - first->since : 0;

    atomic_store(&log->up, log->stage == KAFKA_READY && !log->is_down && age < KAFKA_SLOW_MS);
    if (first && first->is_too_large && first->first)
        abandon(log, first, ERR_TOO_LARGE);
    if (log->stage == KAFKA_READY && mono_ms - log->resend_at >= RESEND_MS && age >= RESEND_MS) {
        log->resend_at = mono_ms;
        pthread_mutex_lock(&log->lock);
        send_waiting(log);
        pthread_mutex_unlock(&log->lock);
    }
}

bool kafka_send_is_idle(struct kafka_log *log)
{
    return atomic_load(&log->n_waiting) == 0;
}

void kafka_send_give_up(struct kafka_log *log)
{
    for (uint64_t n = log->oldest_n; n < log->next_n; n++) {
        struct kafka_sending *sending = find(log, n);
        if (!sending)
            continue;
        if (sending->first)
            abandon(log, sending, ERR_IO);
        else
            on_reported(log, sending); /* it was read back: it is in the log */
    }
}
