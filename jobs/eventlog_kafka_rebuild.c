/* eventlog_kafka_rebuild.c: an idempotent producer can meet an error that it cannot outlive (its numbers
 * and the broker's have parted). A new one takes its place and sends again what was not acknowledged. */
#include "jobs/eventlog_kafka_priv.h"

#include "schema/log.h"
#include "schema/metric.h"

static void *bury(void *arg)
{
    rd_kafka_t *producer = arg;

    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(producer); /* may take as long as its broker does not answer */
    return NULL;
}

static void put_away(struct kafka_log *log, rd_kafka_t *producer)
{
    if (log->has_grave)
        pthread_join(log->grave, NULL);
    log->has_grave = pthread_create(&log->grave, NULL, bury, producer) == 0;
    if (!log->has_grave)
        bury(producer);
}

/* What was read back is in the log, reported or not. What was not may be there all the same, from the
 * old producer; then it stands in the log twice, and the fold takes the first. */
static void start_over(struct kafka_log *log)
{
    for (uint64_t n = log->oldest_n; n < log->next_n; n++) {
        struct kafka_sending *sending = kafka_send_find(log, n);
        if (sending && sending->is_read)
            kafka_send_reported(log, sending);
    }
    pthread_mutex_lock(&log->lock);
    for (uint64_t n = log->oldest_n; n < log->next_n; n++) {
        struct kafka_sending *sending = *kafka_slot(log, n);
        if (sending && !sending->is_reported)
            sending->is_produced = false;
    }
    kafka_send_waiting(log);
    pthread_mutex_unlock(&log->lock);
}

void kafka_send_rebuild(struct kafka_log *log)
{
    rd_kafka_t *fresh = NULL, *old = log->producer;
    char message[256], why[256] = "";

    rd_kafka_fatal_error(old, why, sizeof why);
    if (kafka_client_new(&log->settings, KAFKA_EVENTS, &fresh, message, sizeof message)) {
        log_error("a new producer for Kafka: %s", message); /* the next tick tries again */
        return;
    }
    log_warn("the producer for Kafka cannot go on (%s): a new one sends again what was not acknowledged", why);
    METRIC_INC(LOG_REBUILDS);
    log->must_rebuild = false;
    pthread_mutex_lock(&log->lock);
    log->producer = fresh;
    pthread_mutex_unlock(&log->lock);
    rd_kafka_queue_destroy(log->producer_queue);
    log->producer_queue = rd_kafka_queue_get_main(fresh);
    kafka_queue_wakes(log->producer_queue, log->wake);
    put_away(log, old);
    start_over(log);
}

void kafka_send_break(struct eventlog *base)
{
    struct kafka_log *log = (struct kafka_log *)base;

    pthread_mutex_lock(&log->lock);
    rd_kafka_test_fatal_error(log->producer, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "on purpose");
    pthread_mutex_unlock(&log->lock);
}
