/* kafka_admin.h: what a test does to a Kafka behind the service's back. */
#ifndef BUZZER_TESTS_KAFKA_ADMIN_H
#define BUZZER_TESTS_KAFKA_ADMIN_H

#include "tests/conformance/kafka_world.h"

#include "jobs/eventlog_kafka_priv.h"

static inline rd_kafka_t *kafka_admin(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *client;

    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", brokers(), why, sizeof why), RD_KAFKA_CONF_OK);
    client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(client);
    return client;
}

/* A record of somebody else's at the end of a topic. */
static inline void kafka_put(const char *topic, const void *bytes, size_t len)
{
    rd_kafka_t *client = kafka_admin();

    assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)bytes, len),
                                       RD_KAFKA_V_END),
                     0);
    assert_int_equal(rd_kafka_flush(client, PATIENCE_MS), 0);
    rd_kafka_destroy(client);
}

/* Makes the topics as the log itself would. */
static inline void kafka_make_topics(const struct eventlog_kafka_config *config)
{
    struct kafka_settings settings;
    struct kafka_topics topics = {.n_brokers = 1};
    rd_kafka_t *client = kafka_admin();
    char message[256];

    assert_int_equal(kafka_settings_copy(config, &settings, message, sizeof message), ERR_OK);
    assert_int_equal(kafka_topics_make(client, &settings, &topics, message, sizeof message), ERR_OK);
    kafka_settings_clear(&settings);
    rd_kafka_destroy(client);
}

/* Makes one topic, with one setting of its own. */
static inline void kafka_make_topic(const char *topic, const char *setting, const char *value)
{
    rd_kafka_t *client = kafka_admin();
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, 1, 1, NULL, 0);
    rd_kafka_event_t *event;

    rd_kafka_NewTopic_set_config(wanted, setting, value);
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(wanted);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* Deletes a topic and waits until nobody sees it any more. */
static inline void kafka_delete_topic(const char *topic)
{
    rd_kafka_t *client = kafka_admin();
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *wanted = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_event_t *event;
    bool is_there = true;

    rd_kafka_DeleteTopics(client, &wanted, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    for (int64_t until = clock_mono_ms() + PATIENCE_MS; is_there;) {
        const struct rd_kafka_metadata *metadata;
        assert_true(clock_mono_ms() < until);
        assert_int_equal(rd_kafka_metadata(client, 1, NULL, &metadata, PATIENCE_MS), 0);
        is_there = false;
        for (int i = 0; i < metadata->topic_cnt; i++)
            is_there |= strcmp(metadata->topics[i].topic, topic) == 0;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(wanted);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* Takes away everything before an offset, as retention does. */
static inline void kafka_truncate(const char *topic, int64_t before)
{
    rd_kafka_t *client = kafka_admin();
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_DeleteRecords_t *wanted;
    rd_kafka_event_t *event;

    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = before;
    wanted = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(client, &wanted, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(wanted);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

#endif
