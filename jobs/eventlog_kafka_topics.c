/* eventlog_kafka_topics.c: the four topics: whether they are there, how far the log goes, and how they
 * are made where nobody has made them. An operator who makes them first has the last word on how. */
#include "jobs/eventlog_kafka_priv.h"

#include <stdio.h>
#include <string.h>

#include "schema/log.h"

#define MAKE_MS 10000
#define DESCRIBE_MS 10000

struct topic_setting {
    const char *name, *value;
};

/* Never compacted: that would keep a lost claim and drop the one that won. */
static const struct topic_setting of_log[] = {
    {"cleanup.policy", "delete"}, {"message.timestamp.type", "LogAppendTime"}, {"retention.ms", "604800000"},
    {"segment.ms", "3600000"}, {"segment.bytes", "134217728"}, {"max.message.bytes", "16777216"},
    {"unclean.leader.election.enable", "false"}, {NULL, NULL}};
/* Twice as long as the log, so that what an event names is there as long as the event. */
static const struct topic_setting of_blob[] = {
    {"cleanup.policy", "delete"}, {"retention.ms", "1209600000"}, {"segment.ms", "3600000"},
    {"max.message.bytes", "104857600"}, {"unclean.leader.election.enable", "false"}, {NULL, NULL}};
static const struct topic_setting of_progress[] = {
    {"cleanup.policy", "delete"}, {"retention.ms", "900000"}, {"segment.ms", "300000"},
    {"min.insync.replicas", "1"}, {NULL, NULL}};
static const struct topic_setting of_workers[] = {
    {"cleanup.policy", "delete"}, {"retention.ms", "900000"}, {"segment.ms", "300000"},
    {"min.insync.replicas", "1"}, {NULL, NULL}};

static const struct {
    const struct topic_setting *settings;
    bool is_durable;
} rows[KAFKA_TOPIC_COUNT] = {
    [KAFKA_TOPIC_LOG] = {of_log, true},
    [KAFKA_TOPIC_BLOB] = {of_blob, true},
    [KAFKA_TOPIC_PROGRESS] = {of_progress, false},
    [KAFKA_TOPIC_WORKERS] = {of_workers, false},
};

static int find_topic(const struct kafka_settings *settings, const char *name)
{
    for (int i = 0; i < KAFKA_TOPIC_COUNT; i++)
        if (strcmp(settings->topics[i], name) == 0)
            return i;
    return -1;
}

static bool has_leader(const rd_kafka_metadata_topic_t *topic)
{
    return !topic->err && topic->partition_cnt > 0 && topic->partitions[0].leader >= 0;
}

enum err kafka_topics_look(rd_kafka_t *client, const struct kafka_settings *settings, int timeout_ms,
                           struct kafka_topics *ret_topics)
{
    const struct rd_kafka_metadata *metadata;
    struct kafka_topics topics = {0};

    if (rd_kafka_metadata(client, 1, NULL, &metadata, timeout_ms))
        return ERR_AGAIN;
    topics.n_brokers = metadata->broker_cnt;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];
        int at = find_topic(settings, topic->topic);
        if (at >= 0)
            topics.partitions[at] = has_leader(topic) ? topic->partition_cnt : -1;
    }
    rd_kafka_metadata_destroy(metadata);
    *ret_topics = topics;
    return ERR_OK;
}

enum err kafka_topics_extent(rd_kafka_t *client, const struct kafka_settings *settings, int timeout_ms,
                             int64_t *ret_low, int64_t *ret_high)
{
    int64_t low, high;

    if (rd_kafka_query_watermark_offsets(client, settings->topics[KAFKA_TOPIC_LOG], 0, &low, &high, timeout_ms))
        return ERR_AGAIN;
    *ret_low = low;
    *ret_high = high;
    return ERR_OK;
}

/* ---- how the log is kept ---- */

static bool says_compact(rd_kafka_event_t *event)
{
    const rd_kafka_ConfigResource_t **resources;
    const rd_kafka_ConfigEntry_t **entries;
    size_t n = 0, n_entries = 0;

    resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    if (n != 1 || rd_kafka_ConfigResource_error(resources[0]))
        return false;
    entries = rd_kafka_ConfigResource_configs(resources[0], &n_entries);
    for (size_t i = 0; i < n_entries; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "cleanup.policy") == 0)
            return value && strstr(value, "compact");
    }
    return false;
}

bool kafka_topics_is_compacted(rd_kafka_t *client, const struct kafka_settings *settings)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, settings->topics[KAFKA_TOPIC_LOG]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_event_t *event;
    bool compacted = false;

    rd_kafka_DescribeConfigs(client, &resource, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, DESCRIBE_MS);
    if (event) {
        compacted = !rd_kafka_event_error(event) && says_compact(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_queue_destroy(queue);
    return compacted;
}

/* ---- making ---- */

static rd_kafka_NewTopic_t *describe(const struct kafka_settings *settings, int at, int replicas, char *why, size_t size)
{
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(settings->topics[at], 1, replicas, why, size);

    if (!topic)
        return NULL;
    for (const struct topic_setting *setting = rows[at].settings; setting->name; setting++)
        rd_kafka_NewTopic_set_config(topic, setting->name, setting->value);
    if (rows[at].is_durable && replicas >= 3)
        rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", "2");
    /* Alone, a broker is to have it on its disk before it says so; among several the others have it. */
    if (rows[at].is_durable && replicas == 1)
        rd_kafka_NewTopic_set_config(topic, "flush.messages", "1");
    return topic;
}

static enum err judge(rd_kafka_event_t *event, char *message, size_t size)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics;
    size_t n = 0;

    if (rd_kafka_event_error(event)) {
        snprintf(message, size, "%s", rd_kafka_event_error_string(event));
        return ERR_AGAIN;
    }
    topics = rd_kafka_CreateTopics_result_topics(result, &n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t rc = rd_kafka_topic_result_error(topics[i]);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
            log_info("made the topic %s", rd_kafka_topic_result_name(topics[i]));
        else if (rc != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) { /* another node was quicker */
            snprintf(message, size, "%s: %s", rd_kafka_topic_result_name(topics[i]),
                     rd_kafka_topic_result_error_string(topics[i]));
            return ERR_AGAIN;
        }
    }
    return ERR_OK;
}

enum err kafka_topics_make(rd_kafka_t *client, const struct kafka_settings *settings,
                           const struct kafka_topics *topics, char *message, size_t size)
{
    int replicas = settings->replicas ? settings->replicas : topics->n_brokers >= 3 ? 3 : 1;
    rd_kafka_NewTopic_t *wanted[KAFKA_TOPIC_COUNT];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_event_t *event = NULL;
    size_t n = 0;
    enum err err = ERR_AGAIN;

    for (int i = 0; i < KAFKA_TOPIC_COUNT; i++) {
        if (topics->partitions[i])
            continue;
        wanted[n] = describe(settings, i, replicas, message, size);
        if (!wanted[n])
            goto out;
        n++;
    }
    rd_kafka_CreateTopics(client, wanted, n, NULL, queue);
    event = rd_kafka_queue_poll(queue, MAKE_MS);
    if (event)
        err = judge(event, message, size);
    else
        snprintf(message, size, "no answer");
out:
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy_array(wanted, n);
    rd_kafka_queue_destroy(queue);
    return err;
}
