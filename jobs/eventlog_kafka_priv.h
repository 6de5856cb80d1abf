/* eventlog_kafka_priv.h: what the files of the Kafka back end share. Who owns what: the recorder's
 * thread owns the reader, the state of the start, reports and read-backs; `lock` guards the table of
 * records on their way and the producer, which any thread uses. librdkafka's own threads see none of it. */
#ifndef BUZZER_JOBS_EVENTLOG_KAFKA_PRIV_H
#define BUZZER_JOBS_EVENTLOG_KAFKA_PRIV_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "jobs/event_record.h"
#include "jobs/eventlog_kafka.h"
#include "jobs/eventlog_priv.h"
#include "jobs/presence.h"

#define KAFKA_RECORD_WANT (8u << 20)     /* a list's bodies are kept apart sooner, so that it stays below this */
#define KAFKA_INLINE_MAX 65536u          /* a body over this is kept apart */
#define KAFKA_BLOB_MAX (96u << 20)       /* a broker takes requests of 100 MiB */
#define KAFKA_TABLE_SIZE (1u << 17)      /* more than may be on their way: EVENTLOG_*_MAX together */
#define KAFKA_SLOW_MS 2000               /* an append that waits for so long: the log is not up */
#define KAFKA_TOPIC_SIZE 256

/* ---- eventlog_kafka_conf.c: clients of the broker ---- */

enum kafka_client { KAFKA_EVENTS, KAFKA_READER, KAFKA_BLOBS, KAFKA_FETCHER, KAFKA_SIDE_SAY, KAFKA_SIDE_LISTEN };
enum kafka_topic { KAFKA_TOPIC_LOG, KAFKA_TOPIC_BLOB, KAFKA_TOPIC_PROGRESS, KAFKA_TOPIC_WORKERS, KAFKA_TOPIC_COUNT };

/* The configuration, copied: clients are made again long after it was given. */
struct kafka_settings {
    char *brokers;
    char **options;
    unsigned n_options;
    int replicas;
    char name[PRESENCE_NAME_SIZE];
    char topics[KAFKA_TOPIC_COUNT][KAFKA_TOPIC_SIZE];
};

enum err kafka_settings_copy(const struct eventlog_kafka_config *config, struct kafka_settings *ret_settings,
                             char *message, size_t size);
void kafka_settings_clear(struct kafka_settings *settings);
/* ERR_CONFIG: an option cannot be taken; message says which. */
enum err kafka_client_new(const struct kafka_settings *settings, enum kafka_client kind, rd_kafka_t **ret_client,
                          char *message, size_t size);
/* Writes to fd whenever the queue becomes non-empty; it has to be polled to its end each time. */
void kafka_queue_wakes(rd_kafka_queue_t *queue, int fd);
void kafka_wake_clear(int fd);

/* ---- a record on its way ---- */

/* An append between its read-back and its done, which needs the report as well. */
struct kafka_held {
    struct kafka_log *log;
    struct kafka_sending *sending;
    void (*done)(struct append *append);
    void *owner;
    struct append *append;     /* folded, and waiting for the report */
};

struct kafka_sending {
    uint64_t n;
    unsigned n_events;
    bool is_internal;
    bool is_result;            /* worth the outbox */
    int64_t since;             /* mono ms */
    struct kafka_sending *chain; /* before it is in the table */
    /* lock */
    struct append *first;      /* NULL once read back */
    bool is_produced;          /* in the producer's hands */
    bool is_too_large;         /* for its topic: never */
    bool has_blobs_produced;
    unsigned n_blobs;          /* bodies that go first and are not there yet */
    /* recorder */
    bool is_reported, is_read;
    bool is_kept;              /* in the outbox */
    unsigned n_held;           /* events not done yet */
    struct kafka_held held[];
};

enum kafka_stage {
    KAFKA_CONNECTING,          /* no broker, or not all topics yet */
    KAFKA_CHECKING,            /* reads the first record: is it the view's log? */
    KAFKA_READY,
    KAFKA_FAILED
};

struct kafka_fetch;            /* eventlog_kafka_fetch.c */

struct kafka_log {
    struct eventlog base;
    struct kafka_settings settings;
    char log_id[LOG_ID_SIZE];  /* of the view; "": empty */
    int64_t last_pos;
    uint64_t last_seal;
    int wake;                  /* an eventfd: a queue has something, or a stop */

    pthread_mutex_t lock;
    /* lock */
    rd_kafka_t *producer;
    struct kafka_sending **table;           /* by n modulo KAFKA_TABLE_SIZE */
    uint64_t oldest_n, next_n;              /* all on their way are in [oldest_n, next_n) */
    unsigned n_external, n_internal;        /* events on their way */
    bool is_open, is_stopped;               /* is_open: what is appended may be produced at once */
    struct text scratch;                    /* the record being written */

    /* the recorder */
    rd_kafka_t *reader, *blobs;
    rd_kafka_queue_t *producer_queue, *reader_queue, *blobs_queue;
    enum kafka_stage stage;
    struct append *batch, **batch_end;
    unsigned n_batch;
    int64_t end_at_start;
    bool is_checked, has_more, must_rebuild;
    int64_t waiting_since, waiting_told, topic_missing_since, made_at, ticked_at, resend_at, stop_by, skip_told, trouble_told;
    bool is_down;                           /* librdkafka has said so, and nothing came since */
    char away[512];                         /* what it said last of why no broker is connected */
    bool noop_sent, noop_back;              /* one to warm up; later one to find out whether anybody answers */
    pthread_t grave;                        /* puts away a producer that has failed */
    bool has_grave;
    int outbox;                             /* a file */
    unsigned n_kept;                        /* records on their way that are in it */
    bool outbox_told;
    struct kafka_fetch *fetch;

    /* any thread */
    atomic_bool up, caught_up;
    _Atomic int64_t next_offset, n_waiting;
    _Atomic int64_t mark_end, mark_ms;      /* the log's end at a time: when that is taken the next mark is set */
    _Atomic int failed;
    char why[512];                          /* written once, before failed */
};

/* ---- eventlog_kafka_topics.c ---- */
struct kafka_topics {
    int n_brokers;
    int partitions[KAFKA_TOPIC_COUNT];     /* 0: it is not there, or has no leader yet */
};
/* ERR_AGAIN: nobody answered. */
enum err kafka_topics_look(rd_kafka_t *client, const struct kafka_settings *settings, int timeout_ms,
                           struct kafka_topics *ret_topics);
/* Makes those that lack. ERR_AGAIN: not all could be made; message says why. */
enum err kafka_topics_make(rd_kafka_t *client, const struct kafka_settings *settings,
                           const struct kafka_topics *topics, char *message, size_t size);
/* Does a broker say that the log is compacted? One that does not say is believed. */
bool kafka_topics_is_compacted(rd_kafka_t *client, const struct kafka_settings *settings);
enum err kafka_topics_extent(rd_kafka_t *client, const struct kafka_settings *settings, int timeout_ms,
                             int64_t *ret_low, int64_t *ret_high);

/* ---- eventlog_kafka_start.c ---- */
void kafka_start_step(struct kafka_log *log);      /* one step; waits for a broker's answer at most */
/* The first record; true: it is to be folded. Where the log is not the view's it has failed after this. */
bool kafka_start_check(struct kafka_log *log, const rd_kafka_message_t *message);
void kafka_send_noop(struct kafka_log *log);       /* one at a time: does anybody answer? */
void kafka_fail(struct kafka_log *log, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));
void kafka_answers(struct kafka_log *log);         /* something came from a broker */
void kafka_trouble(struct kafka_log *log, rd_kafka_event_t *event);    /* an error event: told, at most every 30 s */

/* ---- eventlog_kafka_send.c ---- */
static inline struct kafka_sending **kafka_slot(struct kafka_log *log, uint64_t n) /* under the lock */
{
    return &log->table[n % KAFKA_TABLE_SIZE];
}
enum err kafka_append(struct kafka_log *log, struct append *first, bool is_internal);
enum err kafka_append_kept(struct kafka_log *log, struct append *append);   /* it is in the outbox already */
enum err kafka_append_genesis(struct kafka_log *log);
void kafka_send_open(struct kafka_log *log);       /* what waited is produced; from now on at once */
void kafka_send_now(struct kafka_log *log, struct kafka_sending *sending);   /* under the lock */
void kafka_send_waiting(struct kafka_log *log);    /* under the lock: all that is in no producer's hands */
/* The record n, if it is still on its way. Only the recorder takes one out: on its thread it stays. */
struct kafka_sending *kafka_send_find(struct kafka_log *log, uint64_t n);
void kafka_send_leave(struct kafka_log *log, struct kafka_sending *sending); /* out of the table, and freed */

/* ---- eventlog_kafka_report.c ---- */
void kafka_send_serve(struct kafka_log *log);      /* reports */
void kafka_send_tick(struct kafka_log *log, int64_t mono_ms);
void kafka_send_reported(struct kafka_log *log, struct kafka_sending *sending);
/* The body of event `index` of record n is there (or, with an error, not yet). */
void kafka_send_blob_done(struct kafka_log *log, uint64_t n, unsigned index, int64_t offset, enum err err);
struct append *kafka_send_read_back(struct kafka_log *log, uint64_t n);    /* its appends, hooked; NULL: not ours any more */
bool kafka_send_is_idle(struct kafka_log *log);
void kafka_send_give_up(struct kafka_log *log);    /* what is left is told ERR_IO */

/* ---- eventlog_kafka_rebuild.c ---- */
void kafka_send_rebuild(struct kafka_log *log);
void kafka_send_break(struct eventlog *log);       /* for tests: as if the producer's numbers had parted from the broker's */

/* ---- eventlog_kafka_read.c ---- */
enum err kafka_read_assign(struct kafka_log *log, int64_t offset);
/* The events of a record, ERR_OK or ERR_CORRUPT. Without memory it waits for some: a record left out here
 * alone would part the views. */
enum err kafka_read_record(const rd_kafka_message_t *message, struct append **ret_list);
void kafka_read_serve(struct kafka_log *log);      /* fills the batch */

/* ---- eventlog_kafka_blob.c ---- */
bool kafka_blob_is_apart(const struct event *event, unsigned n_events);   /* n_events: of its record */
bool kafka_blob_send(struct kafka_log *log, struct kafka_sending *sending);   /* under the lock; false: not all, try again */
void kafka_blob_place(struct event *event, int64_t offset);
void kafka_blob_serve(struct kafka_log *log);

/* ---- eventlog_kafka_outbox.c ---- */
enum err kafka_outbox_open(struct kafka_log *log, const char *dir);
void kafka_outbox_load(struct kafka_log *log);     /* appends what an earlier life left */
void kafka_outbox_keep(struct kafka_log *log, int64_t mono_ms, int64_t older_than_ms);
void kafka_outbox_forget(struct kafka_log *log);   /* one of its records is in the log */

/* ---- eventlog_kafka_fetch.c ---- */
enum err kafka_fetch_new(const struct kafka_settings *settings, struct kafka_fetch **ret_fetch);
void kafka_fetch_free(struct kafka_fetch *fetch);
enum err kafka_fetch_ask(struct kafka_fetch *fetch, const struct blob *blob, eventlog_body_fn *fn, void *arg);

#endif
