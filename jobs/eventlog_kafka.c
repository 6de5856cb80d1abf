/* eventlog_kafka.c: the log of many machines. One topic of one partition is the one order; every node
 * reads all of it, from where its own view stands, and folds the same events in the same order. Nobody
 * joins a group and nothing is committed to Kafka: how far a node has read stands in its view, in the
 * same transaction as what it led to.
 *
 * What it promises: an append is done once it is acknowledged by all replicas that are in sync and
 * folded here. A broker that goes away delays that and loses nothing. A list of submissions is one
 * record: all of it or none. The recorder's thread runs everything but the producing itself, which
 * happens on the thread that appends; librdkafka wakes it through one eventfd. */
#include "jobs/eventlog_kafka_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "schema/clock.h"
#include "schema/log.h"
#include "schema/metric.h"

#define START_MS 100     /* between two steps of the start */
#define TICK_MS 100      /* while something is on its way */
#define IDLE_MS 1000     /* otherwise */
#define DRAIN_MS 10000   /* how long a stop waits for reports */
#define AWAY_MS 1000     /* ... where nobody answers: results are in the outbox by then */

static struct kafka_log *kafka_of(struct eventlog *log)
{
    return (struct kafka_log *)log; /* its first member */
}

static void wake(struct kafka_log *log)
{
    uint64_t one = 1;
    ssize_t written = write(log->wake, &one, sizeof one);

    (void)written; /* full means that it is awake */
}

/* ---- how it is ---- */

/* How long ago the log was known to go on to where this node has not come yet. */
static int64_t behind_ms(struct kafka_log *log, int64_t next, int64_t high)
{
    int64_t now = clock_mono_ms();

    if (next < atomic_load(&log->mark_end))
        return now - atomic_load(&log->mark_ms);
    atomic_store(&log->mark_ms, now);
    atomic_store(&log->mark_end, high);
    return 0;
}

static void kafka_state(struct eventlog *base, struct eventlog_state *ret_state)
{
    struct kafka_log *log = kafka_of(base);
    int64_t low, high = 0, next = atomic_load(&log->next_offset);
    enum err failed = (enum err)atomic_load(&log->failed);

    if (rd_kafka_get_watermark_offsets(log->reader, log->settings.topics[KAFKA_TOPIC_LOG], 0, &low, &high))
        high = 0;
    *ret_state = (struct eventlog_state){
        .is_up = atomic_load(&log->up),
        .is_caught_up = atomic_load(&log->caught_up),
        .behind = high > next ? high - next : 0,
        .behind_ms = behind_ms(log, next, high),
        .waiting = atomic_load(&log->n_waiting),
        .failed = failed,
        .why = failed ? log->why : NULL,
    };
}

/* ---- taking ---- */

static void tick(struct kafka_log *log)
{
    int64_t now = clock_mono_ms();
    struct eventlog_state state;

    if (now - log->ticked_at < TICK_MS)
        return;
    log->ticked_at = now;
    if (log->stage != KAFKA_READY && log->stage != KAFKA_CHECKING)
        return;
    kafka_send_tick(log, now);
    if (log->is_down && kafka_send_is_idle(log))
        kafka_send_noop(log);
    kafka_state(&log->base, &state);
    METRIC_SET(LOG_WAITING, state.waiting);
    METRIC_SET(LOG_BEHIND, state.behind);
}

static void serve(struct kafka_log *log)
{
    kafka_wake_clear(log->wake);
    kafka_send_serve(log);
    kafka_blob_serve(log);
    kafka_read_serve(log);
    if (log->stage != KAFKA_FAILED)
        kafka_start_step(log);
    tick(log);
}

static bool is_stopped(struct kafka_log *log)
{
    bool stopped;

    pthread_mutex_lock(&log->lock);
    stopped = log->is_stopped;
    pthread_mutex_unlock(&log->lock);
    return stopped;
}

/* After a stop: all that was appended is done, or has had its time. */
static bool is_over(struct kafka_log *log)
{
    if (!is_stopped(log))
        return false;
    if (!log->stop_by)
        log->stop_by = clock_mono_ms() + (atomic_load(&log->up) ? DRAIN_MS : AWAY_MS);
    return kafka_send_is_idle(log) || log->stage != KAFKA_READY || clock_mono_ms() >= log->stop_by;
}

static void sleep_until_woken(struct kafka_log *log, int64_t left_ms)
{
    int64_t ms = log->stage != KAFKA_READY && log->stage != KAFKA_FAILED ? START_MS
                 : kafka_send_is_idle(log) && !is_stopped(log)           ? IDLE_MS
                                                                         : TICK_MS;
    struct pollfd fd = {.fd = log->wake, .events = POLLIN};

    poll(&fd, 1, (int)(left_ms >= 0 && left_ms < ms ? left_ms : ms));
}

static bool kafka_take(struct eventlog *base, int wait_ms, struct append **ret_batch)
{
    struct kafka_log *log = kafka_of(base);
    int64_t until = clock_mono_ms() + wait_ms;
    bool ended = false;

    log->batch = NULL;
    log->batch_end = &log->batch;
    log->n_batch = 0;
    for (;;) {
        int64_t left;
        serve(log);
        ended = !log->n_batch && is_over(log);
        left = wait_ms < 0 ? -1 : until - clock_mono_ms();
        if (log->n_batch || ended || (wait_ms >= 0 && left <= 0))
            break;
        if (!log->has_more)
            sleep_until_woken(log, left);
    }
    if (ended)
        kafka_send_give_up(log);
    *log->batch_end = NULL;
    *ret_batch = log->batch;
    return !ended;
}

/* ---- the other verbs ---- */

static enum err kafka_log_append(struct eventlog *base, struct append *first, bool is_internal)
{
    return kafka_append(kafka_of(base), first, is_internal);
}

static void kafka_stop(struct eventlog *base)
{
    struct kafka_log *log = kafka_of(base);

    pthread_mutex_lock(&log->lock);
    log->is_stopped = true;
    pthread_mutex_unlock(&log->lock);
    wake(log);
}

static enum err kafka_log_fetch(struct eventlog *base, const struct blob *blob, eventlog_body_fn *fn, void *arg)
{
    return kafka_fetch_ask(kafka_of(base)->fetch, blob, fn, arg);
}

/* ---- open and close ---- */

static void destroy(rd_kafka_t *client, rd_kafka_queue_t *queue)
{
    if (queue)
        rd_kafka_queue_destroy(queue);
    if (client)
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void kafka_close(struct eventlog *base)
{
    struct kafka_log *log = kafka_of(base);

    kafka_fetch_free(log->fetch);
    kafka_send_give_up(log); /* what was loaded from the outbox and never taken */
    if (log->has_grave)
        pthread_join(log->grave, NULL);
    if (log->producer)
        rd_kafka_purge(log->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (log->blobs) {
        /* Their bodies are let go of with their reports. */
        rd_kafka_purge(log->blobs, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(log->blobs, 0);
        kafka_blob_serve(log);
    }
    destroy(log->producer, log->producer_queue);
    destroy(log->blobs, log->blobs_queue);
    destroy(log->reader, log->reader_queue);
    kafka_settings_clear(&log->settings);
    text_clear(&log->scratch);
    free(log->table);
    if (log->wake >= 0)
        close(log->wake);
    if (log->outbox >= 0)
        close(log->outbox);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static const struct eventlog_ops kafka_ops = {
    .append = kafka_log_append,
    .take = kafka_take,
    .stop = kafka_stop,
    .close = kafka_close,
    .state = kafka_state,
    .fetch = kafka_log_fetch,
    .can_refuse = false,
};

static enum err clients_new(struct kafka_log *log, char *message, size_t size)
{
    enum err err = kafka_client_new(&log->settings, KAFKA_EVENTS, &log->producer, message, size);

    if (!err)
        err = kafka_client_new(&log->settings, KAFKA_BLOBS, &log->blobs, message, size);
    if (!err)
        err = kafka_client_new(&log->settings, KAFKA_READER, &log->reader, message, size);
    if (err)
        return err;
    log->producer_queue = rd_kafka_queue_get_main(log->producer);
    log->blobs_queue = rd_kafka_queue_get_main(log->blobs);
    log->reader_queue = rd_kafka_queue_get_consumer(log->reader);
    kafka_queue_wakes(log->producer_queue, log->wake);
    kafka_queue_wakes(log->blobs_queue, log->wake);
    kafka_queue_wakes(log->reader_queue, log->wake);
    return ERR_OK;
}

enum err eventlog_kafka_open(const struct eventlog_kafka_config *config, struct eventlog **ret_log, char *message,
                             size_t size)
{
    struct kafka_log *log = calloc(1, sizeof *log);
    enum err err = ERR_NOMEM;

    if (!log)
        return ERR_NOMEM;
    log->base.ops = &kafka_ops;
    pthread_mutex_init(&log->lock, NULL);
    log->oldest_n = log->next_n = 1;
    log->last_pos = config->last_pos;
    log->last_seal = config->last_seal;
    log->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    log->table = calloc(KAFKA_TABLE_SIZE, sizeof(struct kafka_sending *));
    log->outbox = -1;
    snprintf(message, size, "out of memory");
    if (log->wake < 0 || !log->table)
        goto out;
    err = kafka_settings_copy(config, &log->settings, message, size);
    if (!err)
        err = clients_new(log, message, size);
    if (!err)
        err = kafka_fetch_new(&log->settings, &log->fetch);
    if (!err && (err = kafka_outbox_open(log, config->dir)))
        snprintf(message, size, "%s/outbox: %s", config->dir, strerror(errno));
    if (err)
        goto out;
    kafka_outbox_load(log);
    *ret_log = &log->base;
    log = NULL;
out:
    if (log)
        kafka_close(&log->base);
    return err;
}

enum err eventlog_kafka_extent(const struct eventlog_kafka_config *config, int wait_ms, int64_t *ret_first,
                               int64_t *ret_last, char *message, size_t size)
{
    int64_t until = clock_mono_ms() + wait_ms, low = 0, high = 0;
    struct kafka_settings settings;
    struct kafka_topics topics;
    rd_kafka_t *client = NULL;
    enum err err = kafka_settings_copy(config, &settings, message, size);

    if (err)
        return err;
    err = kafka_client_new(&settings, KAFKA_READER, &client, message, size);
    if (err)
        goto out;
    do {
        err = kafka_topics_look(client, &settings, 500, &topics);
        if (!err && topics.partitions[KAFKA_TOPIC_LOG])
            err = kafka_topics_extent(client, &settings, 2000, &low, &high);
    } while (err && clock_mono_ms() < until);
    if (err)
        goto out;
    *ret_first = high ? EVENT_RECORD_POS(low, 0) : 0;
    *ret_last = high ? EVENT_RECORD_POS(high - 1, 0) : 0;
out:
    if (client)
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    kafka_settings_clear(&settings);
    return err;
}
