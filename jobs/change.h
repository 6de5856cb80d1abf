/* change.h: what the recorder tells after a commit: which job is how, since which position. A batch
 * is made once, counted, never changed, and handed to every mailbox. */
#ifndef BUZZER_JOBS_CHANGE_H
#define BUZZER_JOBS_CHANGE_H

#include <stdatomic.h>

#include "schema/job.h"

/* The `type` of a CloudEvent is "job." and the word. */
#define CHANGE_LIST(X)                                                                             \
    X(SCHEDULED, "scheduled")                                                                      \
    X(QUEUED, "queued")                                                                            \
    X(RUNNING, "running")                                                                          \
    X(RETRYING, "retrying")                                                                        \
    X(SUCCEEDED, "succeeded")                                                                      \
    X(FAILED, "failed")                                                                            \
    X(CANCELLED, "cancelled")                                                                      \
    X(EXPIRED, "expired")                                                                          \
    X(PROGRESS, "progress")  /* told by the worker, never in the log */                            \
    X(STOPPING, "")          /* a running job is wanted cancelled: for its worker; clients hear nothing */ \
    X(REMOVED, "")           /* the job is gone; clients hear nothing */

enum change_kind {
#define CHANGE_ENUM(name, word) CHANGE_##name,
    CHANGE_LIST(CHANGE_ENUM)
#undef CHANGE_ENUM
    CHANGE_COUNT
};

struct change {
    enum change_kind kind;
    int64_t pos;             /* of its event; for PROGRESS the job's last position */
    int64_t at;
    struct job *job;         /* a reference: the job right after the event */
};

struct changes {
    atomic_uint refs;
    int64_t last_pos;        /* everything in the log up to here is folded and committed */
    bool keys_changed;       /* an access key came or went: read them again (reader_keys) */
    bool queues_changed;     /* a queue was paused or resumed (reader_paused) */
    unsigned n;
    struct change at[];
};

struct changes *changes_new(unsigned cap);                 /* n = 0, one reference */
struct changes *changes_ref(struct changes *changes);
void changes_unref(struct changes *changes);               /* lets go of the jobs with the last one */
const char *change_word(enum change_kind kind);            /* "succeeded"; "" for what is never told */
bool change_decode(const char *word, enum change_kind *ret_kind);
bool change_is_final(enum change_kind kind);               /* ends what can be told of the job for now */
enum change_kind change_of_state(enum job_state state);    /* the event that leads to that state */

#endif
