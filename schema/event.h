/* event.h: what the log holds. An event says what somebody wants or has seen; whether it counts is
 * decided by the fold (jobs/fold.h) from the order of the log alone. Everything the fold needs
 * travels in the event (back-off included), so every node comes to the same view. */
#ifndef BUZZER_SCHEMA_EVENT_H
#define BUZZER_SCHEMA_EVENT_H

#include "schema/access_key.h"
#include "schema/job.h"
#include "schema/text.h"

#define EVENT_KIND_LIST(X)                                                                         \
    X(GENESIS, "genesis")     /* first of every log: names it */                                   \
    X(SUBMITTED, "submitted") /* spec, body = input */                                             \
    X(DUE, "due")             /* its time or the end of its back-off has come */                   \
    X(CLAIMED, "claimed")     /* epoch, worker */                                                  \
    X(DONE, "done")           /* epoch, body = result, progress */                                 \
    X(FAILED, "failed")       /* epoch, error, retry_at (0: do not retry), progress */             \
    X(RELEASED, "released")   /* epoch: handed back unstarted, costs nothing */                    \
    X(LOST, "lost")           /* epoch: its worker is gone */                                      \
    X(CANCEL, "cancel")       /* somebody wants it stopped */                                      \
    X(CANCELLED, "cancelled") /* epoch: its worker has stopped it */                               \
    X(EXPIRED, "expired")     /* not started in time */                                            \
    X(RETRIED, "retried")     /* a finished one is wanted again */                                 \
    X(REMOVED, "removed")     /* its keep_ms are over */                                           \
    X(NOOP, "noop")           /* nothing: whoever appended it knows that all before it is folded */ \
    X(KEY, "key")             /* an access key was made, or revoked: key */                        \
    X(QUEUE, "queue")         /* a queue was paused or resumed: queue, paused */

enum event_kind {
#define EVENT_KIND_ENUM(name, word) EVENT_##name,
    EVENT_KIND_LIST(EVENT_KIND_ENUM)
#undef EVENT_KIND_ENUM
    EVENT_KIND_COUNT
};

/* A body that is kept apart from its event, because it is large: where the log has put it. */
struct blob {
    int64_t at;               /* the log's own name for the place, above 0; 0: there is none */
    size_t len;
    char media_type[128];
};

/* Owned members are freed by event_clear. */
struct event {
    enum event_kind kind;
    int64_t pos;              /* in the log, from 1 (genesis); set by the log */
    int64_t prev;             /* position of the event of the same job before it, 0: none; set by the view */
    int64_t at;               /* wall ms of whoever appended it: log time, the only time the fold knows */
    uint64_t seal;            /* a hash of how it stands in the log; 0: this log gives none. Set by the log */
    char job[ID_SIZE];        /* "" for genesis, noop, key and queue */
    char log_id[LOG_ID_SIZE]; /* genesis */
    int epoch;
    int64_t retry_at;
    char *worker;             /* owned */
    struct spec *spec;        /* a reference */
    struct body *body;        /* a reference; with a blob its length and kind alone count, the bytes are elsewhere */
    struct blob blob;
    struct access_key *key;   /* owned */
    char *queue;              /* owned */
    bool paused;
    struct job_error error;   /* owned inside */
    struct progress progress; /* owned inside; percent -1: none */
};

void event_init(struct event *event, enum event_kind kind, const char *job_id, int64_t at);
void event_clear(struct event *event);
const char *event_kind_word(enum event_kind kind);
bool event_kind_decode(const char *word, enum event_kind *ret_kind);

/* event_json.c: everything but pos, prev, at, kind, job and body as one JSON object ("{}" where
 * there is nothing to say), and back into an event that has those set. Hostile text is refused with
 * ERR_CORRUPT and leaves the event cleared of what was read. */
void event_encode(struct text *text, const struct event *event);
enum err event_decode(const char *json, size_t len, struct event *event);

#endif
