/* eventlog_kafka.h: the log of many machines: topics of Apache Kafka, read and written through
 * librdkafka. What it promises and how is in eventlog_kafka.c; this is how it is opened.
 *
 *   PREFIX.log       one partition, one order: events, never compacted
 *   PREFIX.blob      bodies over 64 KiB, fetched by who needs them
 *   PREFIX.progress  lossy
 *   PREFIX.workers   lossy: heartbeats */
#ifndef BUZZER_JOBS_EVENTLOG_KAFKA_H
#define BUZZER_JOBS_EVENTLOG_KAFKA_H

#include "jobs/eventlog.h"
#include "jobs/sideband.h"

struct eventlog_kafka_config {
    const char *brokers;           /* HOST:PORT,... */
    char *const *options;          /* "property=value" of librdkafka, over ours */
    unsigned n_options;
    const char *prefix;            /* of the topics: "jobs" */
    int replicas;                  /* of topics it has to make; 0: three where there are three brokers, else one */
    const char *name;              /* this life of this process (presence.h) */
    const char *dir;               /* data folder: the outbox lives there */
    /* What the view says: */
    const char *log_id;            /* "": an empty view */
    int64_t last_pos;              /* 0: an empty view */
    uint64_t last_seal;            /* of the event at last_pos */
};

/* Comes back at once; connecting, making topics, the check that this is the view's log, and the
 * reading go on in eventlog_take, and eventlog_state tells how far they are. ERR_CONFIG: an
 * option is unknown or not to be changed; message says which. */
enum err eventlog_kafka_open(const struct eventlog_kafka_config *config, struct eventlog **ret_log, char *message, size_t size);
enum err sideband_kafka_open(const struct eventlog_kafka_config *config, struct sideband **ret_sideband, char *message, size_t size);

/* Before the view is opened: what the log holds, as positions. first 0: no log there yet. Waits up to
 * wait_ms for a broker; ERR_AGAIN: none answered; ERR_CONFIG: as above. */
enum err eventlog_kafka_extent(const struct eventlog_kafka_config *config, int wait_ms, int64_t *ret_first, int64_t *ret_last,
                               char *message, size_t size);

#endif
