/* eventlog_kafka_side.c: what is told beside the log. A producer and a consumer of their own, on one
 * thread of their own: nothing here may hold up an event, and all of it may be lost. Each message is
 * its sender's name, a newline and the text. */
#include "jobs/eventlog_kafka_priv.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "schema/log.h"

#define LISTENERS_MAX 4
#define TEXT_MAX 900000u       /* a message of Kafka's is a million bytes at most unless told otherwise */
#define FLUSH_MS 1000
#define LOOK_MS 500            /* between two looks whether the topics are there */
#define BEATS_BACK 64          /* heartbeats read again at the start, so that a newcomer knows who is there */

struct sideband {
    struct kafka_settings settings;
    rd_kafka_t *speaker, *listener;
    rd_kafka_queue_t *speaker_queue, *listener_queue;
    struct {
        sideband_fn *fn;
        void *arg;
    } listeners[LISTENERS_MAX];
    unsigned n_listeners;
    int wake;
    pthread_t thread;
    bool is_started, is_assigned;
    atomic_bool is_ended;
};

static const enum kafka_topic topic_of[SIDEBAND_KIND_COUNT] = {
    [SIDEBAND_BEAT] = KAFKA_TOPIC_WORKERS, [SIDEBAND_PROGRESS] = KAFKA_TOPIC_PROGRESS};

void sideband_say(struct sideband *sideband, enum sideband_kind kind, const char *key, const char *text, size_t len)
{
    struct text message = {0};

    if (len > TEXT_MAX)
        return;
    text_str(&message, sideband->settings.name);
    text_char(&message, '\n');
    text_add(&message, text, len);
    if (!message.failed)
        rd_kafka_producev(sideband->speaker, RD_KAFKA_V_TOPIC(sideband->settings.topics[topic_of[kind]]),
                          RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE(message.at, message.len),
                          RD_KAFKA_V_END); /* no room: it is lost, as it may be */
    text_clear(&message);
}

void sideband_listen(struct sideband *sideband, sideband_fn *fn, void *arg)
{
    if (sideband->n_listeners < LISTENERS_MAX) {
        sideband->listeners[sideband->n_listeners].fn = fn;
        sideband->listeners[sideband->n_listeners++].arg = arg;
    }
}

static void tell(struct sideband *sideband, const rd_kafka_message_t *message)
{
    const char *name = sideband->settings.name, *bytes = message->payload, *newline;
    enum sideband_kind kind = SIDEBAND_PROGRESS;
    bool is_own;

    if (message->err || !bytes || !(newline = memchr(bytes, '\n', message->len)))
        return;
    if (strcmp(rd_kafka_topic_name(message->rkt), sideband->settings.topics[KAFKA_TOPIC_WORKERS]) == 0)
        kind = SIDEBAND_BEAT;
    is_own = strlen(name) == (size_t)(newline - bytes) && memcmp(name, bytes, strlen(name)) == 0;
    for (unsigned i = 0; i < sideband->n_listeners; i++)
        sideband->listeners[i].fn(sideband->listeners[i].arg, kind, newline + 1,
                                  message->len - (size_t)(newline + 1 - bytes), is_own);
}

/* Who makes the topics is the log; until they are there, there is nobody to listen to. */
static void assign(struct sideband *sideband)
{
    rd_kafka_topic_partition_list_t *list;
    struct kafka_topics topics;

    if (kafka_topics_look(sideband->listener, &sideband->settings, LOOK_MS, &topics) ||
        topics.partitions[KAFKA_TOPIC_WORKERS] <= 0 || topics.partitions[KAFKA_TOPIC_PROGRESS] <= 0)
        return;
    list = rd_kafka_topic_partition_list_new(2);
    rd_kafka_topic_partition_list_add(list, sideband->settings.topics[KAFKA_TOPIC_WORKERS], 0)->offset =
        RD_KAFKA_OFFSET_TAIL(BEATS_BACK);
    rd_kafka_topic_partition_list_add(list, sideband->settings.topics[KAFKA_TOPIC_PROGRESS], 0)->offset =
        RD_KAFKA_OFFSET_END;
    sideband->is_assigned = rd_kafka_assign(sideband->listener, list) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
}

static void serve(struct sideband *sideband)
{
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(sideband->speaker_queue, 0)))
        rd_kafka_event_destroy(event); /* trouble with the broker is told by the log */
    while ((event = rd_kafka_queue_poll(sideband->listener_queue, 0))) {
        const rd_kafka_message_t *message;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH && (message = rd_kafka_event_message_next(event)))
            tell(sideband, message);
        rd_kafka_event_destroy(event);
    }
}

static void *run(void *arg)
{
    struct sideband *sideband = arg;
    struct pollfd fd = {.fd = sideband->wake, .events = POLLIN};

    log_set_component("sideband");
    while (!atomic_load(&sideband->is_ended)) {
        kafka_wake_clear(sideband->wake);
        serve(sideband);
        if (!sideband->is_assigned)
            assign(sideband);
        poll(&fd, 1, sideband->is_assigned ? -1 : LOOK_MS);
    }
    rd_kafka_flush(sideband->speaker, FLUSH_MS);
    return NULL;
}

enum err sideband_start(struct sideband *sideband)
{
    sideband->is_started = pthread_create(&sideband->thread, NULL, run, sideband) == 0;
    return sideband->is_started ? ERR_OK : ERR_NOMEM;
}

void sideband_close(struct sideband *sideband)
{
    uint64_t one = 1;

    if (!sideband)
        return;
    atomic_store(&sideband->is_ended, true);
    if (sideband->is_started && write(sideband->wake, &one, sizeof one) >= 0)
        pthread_join(sideband->thread, NULL);
    if (sideband->speaker_queue)
        rd_kafka_queue_destroy(sideband->speaker_queue);
    if (sideband->listener_queue)
        rd_kafka_queue_destroy(sideband->listener_queue);
    if (sideband->speaker) {
        rd_kafka_purge(sideband->speaker, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(sideband->speaker);
    }
    if (sideband->listener)
        rd_kafka_destroy_flags(sideband->listener, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (sideband->wake >= 0)
        close(sideband->wake);
    kafka_settings_clear(&sideband->settings);
    free(sideband);
}

enum err sideband_kafka_open(const struct eventlog_kafka_config *config, struct sideband **ret_sideband, char *message,
                             size_t size)
{
    struct sideband *sideband = calloc(1, sizeof *sideband);
    enum err err;

    if (!sideband)
        return ERR_NOMEM;
    sideband->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    err = sideband->wake < 0 ? ERR_NOMEM : kafka_settings_copy(config, &sideband->settings, message, size);
    if (!err)
        err = kafka_client_new(&sideband->settings, KAFKA_SIDE_SAY, &sideband->speaker, message, size);
    if (!err)
        err = kafka_client_new(&sideband->settings, KAFKA_SIDE_LISTEN, &sideband->listener, message, size);
    if (err) {
        sideband_close(sideband);
        return err;
    }
    sideband->speaker_queue = rd_kafka_queue_get_main(sideband->speaker);
    sideband->listener_queue = rd_kafka_queue_get_consumer(sideband->listener);
    kafka_queue_wakes(sideband->speaker_queue, sideband->wake);
    kafka_queue_wakes(sideband->listener_queue, sideband->wake);
    *ret_sideband = sideband;
    return ERR_OK;
}
