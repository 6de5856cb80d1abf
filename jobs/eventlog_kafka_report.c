/* eventlog_kafka_report.c: what becomes of a record on its way: its bodies are there, it is reported,
 * read back, folded, not taken for now, or never. All on the recorder's thread. */
#include "jobs/eventlog_kafka_priv.h"

#include "schema/clock.h"
#include "schema/log.h"
#include "schema/metric.h"

#define RESEND_MS 1000
#define KEEP_MS 1000 /* a result that waits for longer goes into the outbox */

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
        kafka_send_leave(log, sending);
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

void kafka_send_reported(struct kafka_log *log, struct kafka_sending *sending)
{
    sending->is_reported = true;
    if (sending->is_kept) {
        sending->is_kept = false;
        kafka_outbox_forget(log);
    }
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

    kafka_send_leave(log, sending);
    for (struct append *next; n; n--, first = next) {
        next = first->next;
        first->err = err;
        finish(first);
    }
}

/* It never comes in, not in a later life either. */
static void refuse(struct kafka_log *log, struct kafka_sending *sending)
{
    if (sending->is_kept)
        kafka_outbox_forget(log);
    abandon(log, sending, ERR_TOO_LARGE);
}

struct append *kafka_send_read_back(struct kafka_log *log, uint64_t n)
{
    struct kafka_sending *sending = kafka_send_find(log, n);
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
    struct kafka_sending *sending = kafka_send_find(log, n);
    struct append *at;

    if (!sending || !sending->first)
        return;
    if (err == ERR_TOO_LARGE) {
        refuse(log, sending);
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
            kafka_send_now(log, sending);
    }
    pthread_mutex_unlock(&log->lock);
}

/* ---- reports ---- */

static void on_report(struct kafka_log *log, const rd_kafka_message_t *message)
{
    struct kafka_sending *sending = kafka_send_find(log, (uint64_t)(uintptr_t)message->_private);

    if (!sending || sending->is_reported)
        return;
    if (!message->err) {
        kafka_answers(log);
        kafka_send_reported(log, sending);
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
        if (*kafka_slot(log, n) && !(*kafka_slot(log, n))->is_reported)
            sending = *kafka_slot(log, n);
    pthread_mutex_unlock(&log->lock);
    return sending;
}

void kafka_send_tick(struct kafka_log *log, int64_t mono_ms)
{
    struct kafka_sending *first;
    int64_t age;

    if (log->must_rebuild)
        kafka_send_rebuild(log);
    first = oldest(log);
    age = first ? mono_ms - first->since : 0;

    if (age >= KEEP_MS)
        kafka_outbox_keep(log, mono_ms, KEEP_MS);
    atomic_store(&log->up, log->stage == KAFKA_READY && !log->is_down && age < KAFKA_SLOW_MS);
    if (first && first->is_too_large && first->first)
        refuse(log, first);
    if (mono_ms - log->resend_at >= RESEND_MS && age >= RESEND_MS) {
        log->resend_at = mono_ms;
        pthread_mutex_lock(&log->lock);
        kafka_send_waiting(log);
        pthread_mutex_unlock(&log->lock);
    }
}

bool kafka_send_is_idle(struct kafka_log *log)
{
    return atomic_load(&log->n_waiting) == 0;
}

void kafka_send_give_up(struct kafka_log *log)
{
    kafka_outbox_keep(log, clock_mono_ms(), 0);
    for (uint64_t n = log->oldest_n; n < log->next_n; n++) {
        struct kafka_sending *sending = kafka_send_find(log, n);
        if (!sending)
            continue;
        if (sending->first)
            abandon(log, sending, ERR_IO);
        else
            kafka_send_reported(log, sending); /* it was read back: it is in the log */
    }
}
