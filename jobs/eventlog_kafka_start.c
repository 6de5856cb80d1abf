/* eventlog_kafka_start.c: from nothing to a log one may trust, one short step for each call of take.
 *
 *   CONNECTING: a broker answers, the topics are there, and the log holds what the view needs
 *   CHECKING:   the record that the view read last is read again and must be the very same; a new view
 *               takes the log whose first record is a genesis
 *   READY:      what waited to be appended goes out; caught up once all that stood there is read and
 *               a record of our own has gone the whole way round (the first after a broker's start
 *               takes up to a second, which is not to be a client's)
 *
 * A log that is another's, or has lost what the view still needs, is never read past in silence. */
#include "jobs/eventlog_kafka_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/clock.h"
#include "schema/log.h"

#define STEP_MS 2000    /* a busy broker may take a second for an answer; a question cut off begins anew */
#define QUIET_MS 1000
#define TELL_MS 30000
#define MAKE_AGAIN_MS 1000
#define SCRAM_SINCE 0x020601ff /* before, it sent its nonce twice, which Kafka up to 3.9 let pass */
#define MISSING_MS 10000 /* a broker that has just started may not know all its topics yet */

void kafka_fail(struct kafka_log *log, enum err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(log->why, sizeof log->why, format, args);
    va_end(args);
    log->stage = KAFKA_FAILED;
    atomic_store(&log->up, false);
    atomic_store(&log->failed, (int)err);
}

/* A start that takes less than a second is no news. */
static void tell_waiting(struct kafka_log *log, const char *what)
{
    int64_t now = clock_mono_ms();

    if (!log->waiting_since)
        log->waiting_since = now;
    if (now - log->waiting_since < QUIET_MS || (log->waiting_told && now - log->waiting_told < TELL_MS))
        return;
    log->waiting_told = now;
    log_warn("waiting for Kafka at %s: %s", log->settings.brokers, what);
}

/* The recent trouble while there is no connection yet: a password, a certificate, a wrong port. */
static void remember(struct kafka_log *log, rd_kafka_resp_err_t rc, const char *text)
{
    const char *what = rc == RD_KAFKA_RESP_ERR__AUTHENTICATION ? "it does not let us in: "
                       : rc == RD_KAFKA_RESP_ERR__SSL          ? "no TLS connection can be made: "
                                                               : "no broker answers: ";
    const char *end = strstr(text, " (after "); /* how long it took is nobody's business */
    bool is_scram = rc == RD_KAFKA_RESP_ERR__AUTHENTICATION && strstr(text, "SCRAM") && rd_kafka_version() < SCRAM_SINCE;

    snprintf(log->away, sizeof log->away, "%s%.*s%s", what, end ? (int)(end - text) : (int)strlen(text), text,
             is_scram ? " (or it is Kafka 4, which takes no SCRAM from librdkafka before 2.6.1: use PLAIN over TLS)" : "");
}

void kafka_trouble(struct kafka_log *log, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t rc = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    int64_t now = clock_mono_ms(), low, high, next = atomic_load(&log->next_offset);

    if (rc == RD_KAFKA_RESP_ERR__FATAL) {
        log->must_rebuild = true;
        return;
    }
    if (rc == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || rc == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        if (kafka_topics_extent(log->reader, &log->settings, 5000, &low, &high))
            low = high = -1;
        kafka_fail(log, low > next ? ERR_GONE : ERR_CORRUPT,
                   "%s goes from offset %lld to %lld now, and %lld is what this node reads next: %s",
                   log->settings.topics[KAFKA_TOPIC_LOG], (long long)low, (long long)high, (long long)next,
                   low > next ? "start from a snapshot of another node" : "the log was begun anew, or its end is lost");
        return;
    }
    if (rc == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        log->is_down = true;
    else if (log->stage == KAFKA_CONNECTING)
        remember(log, rc, text);
    /* One connection less is no trouble, and that there is none at the start is told by the waiting. */
    if (rc == RD_KAFKA_RESP_ERR__TRANSPORT || log->stage == KAFKA_CONNECTING ||
        (log->trouble_told && now - log->trouble_told < TELL_MS)) {
        log_debug("Kafka: %s", text);
        return;
    }
    log->trouble_told = now;
    log_warn("Kafka: %s", text);
}

void kafka_answers(struct kafka_log *log)
{
    if (!log->is_down)
        return;
    log->is_down = false;
    log_info("Kafka answers again");
}

/* ---- connecting ---- */

static bool topics_are_there(struct kafka_log *log)
{
    const char *name = log->settings.topics[KAFKA_TOPIC_LOG];
    struct kafka_topics topics;
    char message[512];
    bool all = true;

    if (kafka_topics_look(log->producer, &log->settings, STEP_MS, &topics)) {
        tell_waiting(log, log->away[0] ? log->away : "no broker answers");
        return false;
    }
    log->away[0] = '\0';
    for (int i = 0; i < KAFKA_TOPIC_COUNT; i++)
        if (topics.partitions[i] < 0) {
            tell_waiting(log, "a topic has no leader");
            return false;
        } else if (!topics.partitions[i]) {
            all = false;
        }
    if (topics.partitions[KAFKA_TOPIC_LOG] > 1) {
        kafka_fail(log, ERR_CORRUPT, "the topic %s has %d partitions: a log is one order and must have one", name,
                   topics.partitions[KAFKA_TOPIC_LOG]);
        return false;
    }
    if (!topics.partitions[KAFKA_TOPIC_LOG] && log->last_pos) {
        if (!log->topic_missing_since)
            log->topic_missing_since = clock_mono_ms();
        else if (clock_mono_ms() - log->topic_missing_since > MISSING_MS)
            kafka_fail(log, ERR_CORRUPT, /* not GONE: nobody shall go on from an empty log by himself */
                       "the topic %s is not there, and the data folder holds a view of it: "
                       "bring the topic back, or start with an empty data folder", name);
        return false;
    }
    if (all && kafka_topics_is_compacted(log->producer, &log->settings)) {
        kafka_fail(log, ERR_CORRUPT,
                   "the topic %s is compacted, which drops events that the others need: "
                   "set its cleanup.policy to delete", name);
        return false;
    }
    if (all)
        return true;
    if (log->made_at && clock_mono_ms() - log->made_at < MAKE_AGAIN_MS)
        return false;
    log->made_at = clock_mono_ms();
    if (kafka_topics_make(log->producer, &log->settings, &topics, message, sizeof message))
        tell_waiting(log, message);
    return false;
}

/* Where to begin, or that the log does not hold what the view needs. */
static void look_at_extent(struct kafka_log *log)
{
    const char *name = log->settings.topics[KAFKA_TOPIC_LOG];
    int64_t low, high, last = log->last_pos ? EVENT_RECORD_OFFSET(log->last_pos) : -1;

    if (kafka_topics_extent(log->reader, &log->settings, STEP_MS, &low, &high)) {
        tell_waiting(log, "the log's leader does not answer");
        return;
    }
    if (low > last + 1) {
        kafka_fail(log, ERR_GONE,
                   "%s begins at offset %lld, and this data folder needs it from %lld on: start from a snapshot of "
                   "another node", name, (long long)low, (long long)last + 1);
        return;
    }
    if (high < last + 1) {
        kafka_fail(log, ERR_CORRUPT,
                   "%s ends at offset %lld, and this data folder has read on to %lld: it is not the log that it "
                   "came from, or its end is lost", name, (long long)high, (long long)last + 1);
        return;
    }
    if (high == 0 && kafka_append_genesis(log))
        return;
    /* The last record that was read may be the very last one there was; there is nothing to compare then. */
    log->is_checked = low == last + 1 && last >= 0;
    log->end_at_start = high;
    atomic_store(&log->next_offset, log->is_checked || last < 0 ? last + 1 : last);
    if (!kafka_read_assign(log, atomic_load(&log->next_offset)))
        log->stage = KAFKA_CHECKING;
}

/* ---- checking ---- */

bool kafka_start_check(struct kafka_log *log, const rd_kafka_message_t *message)
{
    const char *name = log->settings.topics[KAFKA_TOPIC_LOG];
    struct append *first = NULL;
    bool is_genesis;

    log->is_checked = true;
    if (log->last_pos) {
        if (message->offset != EVENT_RECORD_OFFSET(log->last_pos) ||
            event_record_seal(message->payload, message->len, EVENT_RECORD_INDEX(log->last_pos)) != log->last_seal)
            kafka_fail(log, ERR_CORRUPT,
                       "the record at offset %lld of %s is not the one that this data folder has read: it is another "
                       "log; give the right topics, or an empty data folder",
                       (long long)EVENT_RECORD_OFFSET(log->last_pos), name);
        return false;
    }
    is_genesis = message->offset == 0 && kafka_read_record(message, &first) == ERR_OK &&
                 first->event.kind == EVENT_GENESIS;
    for (struct append *next; first; first = next) {
        next = first->next;
        append_free(first);
    }
    if (!is_genesis)
        kafka_fail(log, ERR_CORRUPT, "%s does not begin as a log of jobs does: the topic is somebody else's", name);
    return is_genesis;
}

/* ---- ready ---- */

static void on_noop(struct append *append)
{
    struct kafka_log *log = append->owner;

    log->noop_back = true;
    log->noop_sent = false;
    append_free(append);
}

/* One at a time. */
void kafka_send_noop(struct kafka_log *log)
{
    struct append *append = log->noop_sent ? NULL : append_new(EVENT_NOOP, NULL, clock_wall_ms());

    if (!append)
        return;
    append->done = on_noop;
    append->owner = log;
    if (kafka_append(log, append, true))
        append_free(append);
    else
        log->noop_sent = true;
}

void kafka_start_step(struct kafka_log *log)
{
    if (log->stage == KAFKA_CONNECTING && topics_are_there(log))
        look_at_extent(log);
    if (log->stage == KAFKA_CHECKING && log->is_checked) {
        log->stage = KAFKA_READY;
        if (log->waiting_told)
            log_info("Kafka is there");
        kafka_send_open(log);
        kafka_send_noop(log);
    }
    if (log->stage == KAFKA_READY && !atomic_load(&log->caught_up) && log->noop_back && atomic_load(&log->next_offset) >= log->end_at_start) {
        atomic_store(&log->up, true);
        atomic_store(&log->caught_up, true);
    }
}
