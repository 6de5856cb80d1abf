/* eventlog_kafka_conf.c: how librdkafka is set up, as tables. What the operator gives in kafka_options
 * comes last and wins, but for what our promises stand on; properties that only one kind of client knows
 * are passed over by the others. A value may be a secret, so none is ever told. */
#include "jobs/eventlog_kafka_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/log.h"

struct property {
    const char *name, *value;
};

/* A broker comes back within a second, so nobody waits longer than half of one to try again. */
static const struct property common[] = {
    {"socket.nagle.disable", "true"}, {"socket.keepalive.enable", "true"}, {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "500"}, {"log.connection.close", "false"}, {NULL, NULL}};

/* No linger: each millisecond would be one of every answer. No time-out: a message that timed out may
 * be in the log all the same, and taking it back breaks the producer's sequence. */
static const struct property events[] = {
    {"enable.idempotence", "true"}, {"linger.ms", "0"}, {"message.timeout.ms", "0"}, {"retry.backoff.ms", "50"},
    {"compression.codec", "lz4"}, {"queue.buffering.max.messages", "200000"}, {"message.max.bytes", "16777216"},
    {NULL, NULL}};

static const struct property blobs[] = {
    {"acks", "all"}, {"linger.ms", "0"}, {"message.timeout.ms", "0"}, {"retry.backoff.ms", "50"},
    {"compression.codec", "lz4"}, {"queue.buffering.max.messages", "200000"}, {"message.max.bytes", "104857600"},
    {"queue.buffering.max.kbytes", "2097151"}, {NULL, NULL}};

/* The group is never joined: it is a name librdkafka asks for. */
static const struct property reader[] = {
    {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
    {"isolation.level", "read_uncommitted"}, {"check.crcs", "true"}, {"fetch.min.bytes", "1"},
    {"fetch.error.backoff.ms", "50"}, {"fetch.wait.max.ms", "500"}, {NULL, NULL}};

/* The broker holds a request for what is not there yet, and the next body's stands behind it: not for long. */
static const struct property fetcher[] = {
    {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
    {"isolation.level", "read_uncommitted"}, {"check.crcs", "true"}, {"fetch.error.backoff.ms", "50"},
    {"fetch.wait.max.ms", "10"}, {"queued.min.messages", "1"},
    {"queued.max.messages.kbytes", "1024"}, {"receive.message.max.bytes", "134217728"}, {NULL, NULL}};

static const struct property side_say[] = {
    {"acks", "1"}, {"linger.ms", "20"}, {"message.timeout.ms", "3000"}, {"retries", "0"},
    {"queue.buffering.max.messages", "5000"}, {NULL, NULL}};

static const struct property side_listen[] = {
    {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "latest"},
    {"isolation.level", "read_uncommitted"}, {"fetch.error.backoff.ms", "50"}, {NULL, NULL}};

/* Whose change would lose, double or pass over events, or answer before they are safe; of two names for
 * one property both. */
static const char *const kept[] = {
    "bootstrap.servers", "metadata.broker.list", "enable.idempotence", "acks", "request.required.acks",
    "retries", "message.send.max.retries", "message.timeout.ms", "delivery.timeout.ms", "transactional.id",
    "delivery.report.only.error", "group.id", "group.instance.id", "enable.auto.commit",
    "auto.commit.enable", "enable.auto.offset.store", "auto.offset.reset", "enable.partition.eof"};

static const struct kind {
    rd_kafka_type_t type;
    const struct property *properties;
    int wanted;
} kinds[] = {
    [KAFKA_EVENTS] = {RD_KAFKA_PRODUCER, events, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR},
    [KAFKA_READER] = {RD_KAFKA_CONSUMER, reader, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR},
    [KAFKA_BLOBS] = {RD_KAFKA_PRODUCER, blobs, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR},
    [KAFKA_FETCHER] = {RD_KAFKA_CONSUMER, fetcher, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR},
    [KAFKA_SIDE_SAY] = {RD_KAFKA_PRODUCER, side_say, RD_KAFKA_EVENT_ERROR},
    [KAFKA_SIDE_LISTEN] = {RD_KAFKA_CONSUMER, side_listen, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR},
};

static const char *const topic_words[KAFKA_TOPIC_COUNT] = {
    [KAFKA_TOPIC_LOG] = "log", [KAFKA_TOPIC_BLOB] = "blob", [KAFKA_TOPIC_PROGRESS] = "progress",
    [KAFKA_TOPIC_WORKERS] = "workers"};

enum err kafka_settings_copy(const struct eventlog_kafka_config *config, struct kafka_settings *ret_settings,
                             char *message, size_t size)
{
    struct kafka_settings settings = {.replicas = config->replicas};

    if (strlen(config->name) >= sizeof settings.name) {
        snprintf(message, size, "the process's name is too long: %s", config->name);
        return ERR_CONFIG;
    }
    strcpy(settings.name, config->name);
    for (unsigned i = 0; i < KAFKA_TOPIC_COUNT; i++) {
        int len = snprintf(settings.topics[i], KAFKA_TOPIC_SIZE, "%s.%s", config->prefix, topic_words[i]);
        if (len < 0 || len >= 250) { /* Kafka's own bound is 249 */
            snprintf(message, size, "kafka_topics is too long");
            return ERR_CONFIG;
        }
    }
    settings.brokers = strdup(config->brokers);
    settings.options = calloc(config->n_options + 1, sizeof *settings.options);
    for (unsigned i = 0; settings.options && i < config->n_options; i++) {
        settings.options[i] = strdup(config->options[i]);
        if (!settings.options[i])
            break;
        settings.n_options++;
    }
    if (!settings.brokers || !settings.options || settings.n_options < config->n_options) {
        kafka_settings_clear(&settings);
        snprintf(message, size, "out of memory");
        return ERR_NOMEM;
    }
    *ret_settings = settings;
    return ERR_OK;
}

void kafka_settings_clear(struct kafka_settings *settings)
{
    for (unsigned i = 0; i < settings->n_options; i++)
        free(settings->options[i]);
    free(settings->options);
    free(settings->brokers);
    *settings = (struct kafka_settings){0};
}

/* On any thread. What is real trouble comes as an event too and is told from there, so that a broker
 * that is down does not fill the log with one line for each try. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client, (void)level;
    log_debug("librdkafka: %s: %s", facility, text);
}

static enum err set(rd_kafka_conf_t *conf, const char *name, const char *value, char *message, size_t size)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return ERR_OK;
    snprintf(message, size, "kafka: %s", why);
    return ERR_CONFIG;
}

static bool is_kept(const char *name)
{
    if (strncmp(name, "topic.", 6) == 0) /* librdkafka takes it with and without */
        name += 6;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strcmp(kept[i], name) == 0)
            return true;
    return false;
}

/* Or is it the rest of a password that was torn at its comma? */
static bool looks_like_name(const char *name)
{
    return strchr(name, '.') && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._")];
}

/* "property=value"; number is its place in the list. */
static enum err set_option(rd_kafka_conf_t *conf, unsigned number, const char *option, char *message, size_t size)
{
    size_t len = strcspn(option, "=");
    const char *value = option[len] ? option + len + 1 : "";
    char name[128] = "", why[256];
    rd_kafka_conf_res_t result;

    if (option[len] && len < sizeof name)
        memcpy(name, option, len);
    if (is_kept(name)) {
        snprintf(message, size, "kafka_options: %s cannot be set: what is promised of the log stands on it", name);
        return ERR_CONFIG;
    }
    result = rd_kafka_conf_set(conf, name, value, why, sizeof why);
    if (result == RD_KAFKA_CONF_OK)
        return ERR_OK;
    if (result == RD_KAFKA_CONF_UNKNOWN && !looks_like_name(name))
        snprintf(message, size, "kafka_options: entry %u is not property=value; "
                                "a value with a comma in it needs the list in a settings file", number);
    else
        snprintf(message, size, "kafka_options: %s", why);
    return ERR_CONFIG;
}

enum err kafka_client_new(const struct kafka_settings *settings, enum kafka_client kind, rd_kafka_t **ret_client,
                          char *message, size_t size)
{
    const struct kind *row = &kinds[kind];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *client;
    char why[256];
    enum err err = set(conf, "bootstrap.servers", settings->brokers, message, size);

    if (!err)
        err = set(conf, "client.id", settings->name, message, size);
    if (!err && row->type == RD_KAFKA_CONSUMER)
        err = set(conf, "group.id", settings->name, message, size);
    for (const struct property *at = common; at->name && !err; at++)
        err = set(conf, at->name, at->value, message, size);
    for (const struct property *at = row->properties; at->name && !err; at++)
        err = set(conf, at->name, at->value, message, size);
    for (unsigned i = 0; i < settings->n_options && !err; i++)
        err = set_option(conf, i + 1, settings->options[i], message, size);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_events(conf, row->wanted);
    client = rd_kafka_new(row->type, conf, why, sizeof why);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        snprintf(message, size, "kafka: %s", why);
        return ERR_CONFIG;
    }
    if (row->type == RD_KAFKA_CONSUMER)
        rd_kafka_poll_set_consumer(client);
    *ret_client = client;
    return ERR_OK;
}

void kafka_queue_wakes(rd_kafka_queue_t *queue, int fd)
{
    static const uint64_t one = 1;

    rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof one);
}

void kafka_wake_clear(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}
