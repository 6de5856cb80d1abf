/* eventlog_kafka_read.c: the way out of the log: every record in its order, ours and others'. Of ours
 * that are still on their way the very appends are handed out, not a copy read from the bytes. What
 * cannot be read is passed over, counted and told: nobody folds it, so all views stay the same. */
#include "jobs/eventlog_kafka_priv.h"

#include <time.h>

#include "schema/clock.h"
#include "schema/log.h"
#include "schema/metric.h"

#define BATCH_MAX 1000

enum err kafka_read_assign(struct kafka_log *log, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t rc;

    rd_kafka_topic_partition_list_add(list, log->settings.topics[KAFKA_TOPIC_LOG], 0)->offset = offset;
    rc = rd_kafka_assign(log->reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc ? ERR_AGAIN : ERR_OK;
}

static void skip(struct kafka_log *log, const rd_kafka_message_t *message)
{
    int64_t now = clock_mono_ms();

    METRIC_INC(LOG_SKIPPED);
    if (log->skip_told && now - log->skip_told < 1000)
        return;
    log->skip_told = now;
    log_warn("the record at offset %lld of %s is not one that this version can read: passed over",
             (long long)message->offset, log->settings.topics[KAFKA_TOPIC_LOG]);
}

static void hand_out(struct kafka_log *log, struct append *list)
{
    for (; list; list = list->next) {
        *log->batch_end = list;
        log->batch_end = &list->next;
        log->n_batch++;
    }
}

enum err kafka_read_record(const rd_kafka_message_t *message, struct append **ret_list)
{
    enum err err;

    while ((err = event_record_decode(message->payload, message->len, ret_list)) == ERR_NOMEM)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return err;
}

static void take_record(struct kafka_log *log, const rd_kafka_message_t *message)
{
    struct append *list = NULL;
    uint64_t n;
    enum err err = ERR_OK;

    if (event_record_is_from(message->payload, message->len, log->settings.name, &n))
        list = kafka_send_read_back(log, n);
    if (!list)
        err = kafka_read_record(message, &list);
    if (err)
        skip(log, message);
    else
        event_record_place(list, message->offset, message->payload, message->len);
    hand_out(log, list);
}

static void take_message(struct kafka_log *log, const rd_kafka_message_t *message)
{
    if (message->err || message->offset < atomic_load(&log->next_offset))
        return;
    kafka_answers(log);
    if (log->is_checked || kafka_start_check(log, message))
        take_record(log, message);
    if (log->stage != KAFKA_FAILED)
        atomic_store(&log->next_offset, message->offset + 1);
}

/* Events of the reader hold one message each. */
static void take_event(struct kafka_log *log, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;

    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        kafka_trouble(log, event);
    else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH && (message = rd_kafka_event_message_next(event)))
        take_message(log, message);
}

void kafka_read_serve(struct kafka_log *log)
{
    rd_kafka_event_t *event;

    log->has_more = false;
    while (log->stage != KAFKA_FAILED && !log->has_more && (event = rd_kafka_queue_poll(log->reader_queue, 0))) {
        take_event(log, event);
        rd_kafka_event_destroy(event);
        log->has_more = log->n_batch >= BATCH_MAX;
    }
}
