/* eventlog_kafka_fetch.c: large bodies on their way back. One thread with a consumer of its own, both
 * made when the first body is asked for; it reads one record at a time, at the offset asked for. */
#include "jobs/eventlog_kafka_priv.h"

#include <stdlib.h>
#include <string.h>

#include "schema/clock.h"
#include "schema/log.h"

#define ASKED_MAX 256
#define ANSWER_MS 10000 /* from when its turn has come: what stood before it is not its fault */

struct asked {
    struct blob blob;
    eventlog_body_fn *fn;
    void *arg;
};

struct kafka_fetch {
    const struct kafka_settings *settings; /* the log's */
    rd_kafka_t *client;                    /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct asked queue[ASKED_MAX];         /* lock, as all below */
    unsigned head, n;
    bool is_started, is_ended;
};

enum err kafka_fetch_new(const struct kafka_settings *settings, struct kafka_fetch **ret_fetch)
{
    struct kafka_fetch *fetch = calloc(1, sizeof *fetch);

    if (!fetch)
        return ERR_NOMEM;
    fetch->settings = settings;
    pthread_mutex_init(&fetch->lock, NULL);
    pthread_cond_init(&fetch->wake, NULL);
    *ret_fetch = fetch;
    return ERR_OK;
}

static enum err seek(struct kafka_fetch *fetch, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t rc;

    rd_kafka_topic_partition_list_add(list, fetch->settings->topics[KAFKA_TOPIC_BLOB], 0)->offset = offset;
    rc = rd_kafka_assign(fetch->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc ? ERR_IO : ERR_OK;
}

/* AGAIN: it was something else, or nothing; wait on. */
static enum err take_answer(const rd_kafka_message_t *message, const struct blob *blob, struct body **ret_body)
{
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        return ERR_GONE;
    if (message->err)
        return ERR_AGAIN;
    if (message->offset != blob->at - 1) /* a consumer that finds a gap goes on behind it */
        return message->offset > blob->at - 1 ? ERR_GONE : ERR_AGAIN;
    if (message->len != blob->len)
        return ERR_CORRUPT;
    *ret_body = body_new(blob->media_type, message->payload ? message->payload : "", message->len);
    return *ret_body ? ERR_OK : ERR_NOMEM;
}

static bool is_ended(struct kafka_fetch *fetch)
{
    bool ended;

    pthread_mutex_lock(&fetch->lock);
    ended = fetch->is_ended;
    pthread_mutex_unlock(&fetch->lock);
    return ended;
}

static void answer(struct kafka_fetch *fetch, const struct asked *asked)
{
    int64_t until = clock_mono_ms() + ANSWER_MS;
    struct body *body = NULL;
    char message[256];
    enum err err = ERR_OK;

    if (!fetch->client)
        err = kafka_client_new(fetch->settings, KAFKA_FETCHER, &fetch->client, message, sizeof message);
    if (!err)
        err = seek(fetch, asked->blob.at - 1);
    if (!err)
        err = ERR_AGAIN;
    while (err == ERR_AGAIN && clock_mono_ms() < until && !is_ended(fetch)) {
        rd_kafka_message_t *found = rd_kafka_consumer_poll(fetch->client, 100);
        if (!found)
            continue;
        err = take_answer(found, &asked->blob, &body);
        rd_kafka_message_destroy(found);
    }
    if (fetch->client)
        rd_kafka_assign(fetch->client, NULL); /* nothing is read ahead that nobody asked for */
    asked->fn(asked->arg, err, body);
}

static void *run(void *arg)
{
    struct kafka_fetch *fetch = arg;

    log_set_component("fetch");
    pthread_mutex_lock(&fetch->lock);
    while (!fetch->is_ended || fetch->n) {
        struct asked asked;
        if (!fetch->n) {
            pthread_cond_wait(&fetch->wake, &fetch->lock);
            continue;
        }
        asked = fetch->queue[fetch->head];
        fetch->head = (fetch->head + 1) % ASKED_MAX;
        fetch->n--;
        pthread_mutex_unlock(&fetch->lock);
        answer(fetch, &asked);
        pthread_mutex_lock(&fetch->lock);
    }
    pthread_mutex_unlock(&fetch->lock);
    return NULL;
}

/* Under the lock. */
static bool start(struct kafka_fetch *fetch)
{
    fetch->is_started = pthread_create(&fetch->thread, NULL, run, fetch) == 0;
    return fetch->is_started;
}

enum err kafka_fetch_ask(struct kafka_fetch *fetch, const struct blob *blob, eventlog_body_fn *fn, void *arg)
{
    enum err err = ERR_OK;

    pthread_mutex_lock(&fetch->lock);
    if (fetch->is_ended)
        err = ERR_DRAINING;
    else if (fetch->n == ASKED_MAX)
        err = ERR_BUSY;
    else if (!fetch->is_started && !start(fetch))
        err = ERR_NOMEM;
    else
        fetch->queue[(fetch->head + fetch->n++) % ASKED_MAX] = (struct asked){*blob, fn, arg};
    pthread_mutex_unlock(&fetch->lock);
    pthread_cond_signal(&fetch->wake);
    return err;
}

void kafka_fetch_free(struct kafka_fetch *fetch)
{
    if (!fetch)
        return;
    pthread_mutex_lock(&fetch->lock);
    fetch->is_ended = true;
    pthread_mutex_unlock(&fetch->lock);
    pthread_cond_signal(&fetch->wake);
    if (fetch->is_started)
        pthread_join(fetch->thread, NULL);
    if (fetch->client)
        rd_kafka_destroy_flags(fetch->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    pthread_cond_destroy(&fetch->wake);
    pthread_mutex_destroy(&fetch->lock);
    free(fetch);
}
