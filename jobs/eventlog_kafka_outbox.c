/* eventlog_kafka_outbox.c: results that the log has not acknowledged yet, on this machine's disk. A job
 * may have run for hours, and neither a broker's absence nor our own end is to cost its result: what
 * waits for a second is written to DIR/outbox, and whoever starts next in this folder appends it
 * before anything else. If it was in the log after all the fold passes over it.
 *
 * The file is a row of frames: length and hash (8 bytes each, this machine's order), then the record,
 * bodies and all. Once the log has everything in it, it is cut to nothing. */
#include "jobs/eventlog_kafka_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/hash.h"
#include "schema/log.h"
#include "schema/metric.h"

#define OUTBOX_BYTES_MAX (256ll << 20)

struct frame {
    uint64_t len, hash;
};

enum err kafka_outbox_open(struct kafka_log *log, const char *dir)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/outbox", dir) >= (int)sizeof path)
        return ERR_CONFIG;
    log->outbox = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return log->outbox < 0 ? ERR_IO : ERR_OK;
}

static bool write_all(int fd, const char *at, size_t len)
{
    while (len) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, void *to, size_t len, off_t at)
{
    for (char *next = to; len;) {
        ssize_t n = pread(fd, next, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        next += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- keeping ---- */

/* A frame that could not be written whole is cut off again. */
static bool put(struct kafka_log *log, const struct kafka_sending *sending)
{
    struct text record = {0};
    struct frame frame = {0};
    struct stat before;
    bool ok = false;

    text_add(&record, (const char *)&frame, sizeof frame); /* its place */
    event_record_encode(&record, log->settings.name, sending->n, &sending->first->event);
    if (record.failed || fstat(log->outbox, &before))
        goto out;
    if (before.st_size + (off_t)record.len > OUTBOX_BYTES_MAX)
        goto out;
    frame.len = record.len - sizeof frame;
    frame.hash = hash_bytes(HASH_START, record.at + sizeof frame, frame.len);
    memcpy(record.at, &frame, sizeof frame);
    ok = write_all(log->outbox, record.at, record.len);
    if (!ok && ftruncate(log->outbox, before.st_size))
        log_error("the outbox cannot be cut: %m");
out:
    text_clear(&record);
    return ok;
}

void kafka_outbox_keep(struct kafka_log *log, int64_t mono_ms, int64_t older_than_ms)
{
    bool written = false;

    for (uint64_t n = log->oldest_n; n < log->next_n; n++) {
        struct kafka_sending *sending = kafka_send_find(log, n);
        if (!sending || !sending->is_result || sending->is_kept || sending->is_reported || !sending->first ||
            sending->is_too_large)
            continue;
        if (mono_ms - sending->since < older_than_ms)
            break; /* those behind it are younger */
        if (!put(log, sending)) {
            if (!log->outbox_told)
                log_error("the outbox does not take more results: those that wait for Kafka are lost if this ends now");
            log->outbox_told = true;
            break;
        }
        sending->is_kept = written = true;
        log->n_kept++;
    }
    if (written && fdatasync(log->outbox))
        log_error("the outbox cannot be written: %m");
    METRIC_SET(LOG_OUTBOX, log->n_kept);
}

void kafka_outbox_forget(struct kafka_log *log)
{
    if (--log->n_kept == 0 && ftruncate(log->outbox, 0))
        log_error("the outbox cannot be cut: %m");
    log->outbox_told = false;
    METRIC_SET(LOG_OUTBOX, log->n_kept);
}

/* ---- at the start ---- */

/* The next frame's record. CORRUPT: the end, or the rest was never written whole. */
static enum err next_record(int fd, off_t *at, char **ret_record, size_t *ret_len)
{
    struct frame frame = {0};
    char *record;

    if (!read_all(fd, &frame, sizeof frame, *at) || frame.len > (uint64_t)OUTBOX_BYTES_MAX)
        return ERR_CORRUPT;
    record = malloc(frame.len + 1);
    if (!record)
        return ERR_NOMEM;
    if (!read_all(fd, record, frame.len, *at + (off_t)sizeof frame) ||
        hash_bytes(HASH_START, record, frame.len) != frame.hash) {
        free(record);
        return ERR_CORRUPT;
    }
    *at += (off_t)(sizeof frame + frame.len);
    *ret_record = record;
    *ret_len = frame.len;
    return ERR_OK;
}

void kafka_outbox_load(struct kafka_log *log)
{
    off_t at = 0;
    size_t len = 0;
    char *record;
    enum err err;

    while (!(err = next_record(log->outbox, &at, &record, &len))) {
        struct append *append = NULL;
        if (event_record_decode(record, len, &append))
            log_warn("a result in the outbox cannot be read: passed over");
        else if (kafka_append_kept(log, append))
            append_free(append);
        else
            log->n_kept++;
        free(record);
    }
    if (log->n_kept)
        log_info("%u results of an earlier life go into the log", log->n_kept);
    /* What is kept from now on goes behind the last whole frame, or nobody could read it. */
    if (err == ERR_CORRUPT && ftruncate(log->outbox, log->n_kept ? at : 0))
        log_error("the outbox cannot be cut: %m");
    METRIC_SET(LOG_OUTBOX, log->n_kept);
}
