/* job.h: the noun everything is about.
 *
 *            submitted                claimed               done
 *   scheduled ──due──> queued ────────────────> running ─────────> succeeded
 *                        ^  ^                    │ │ │
 *               due      │  └──released, lost────┘ │ ├──failed──> failed   (no tries left, or lost
 *   retrying ────────────┘                         │ │                      too often)
 *      ^───────────failed, tries left──────────────┘ └─cancelled─> cancelled
 *   scheduled, queued, retrying ──cancel──> cancelled        ──expired──> expired
 *   failed, cancelled, expired ──retried──> queued
 *
 * What a client asked for (`struct spec`) never changes and is shared; what becomes of it
 * (`struct job`) is small, counted, and copied before it is changed once somebody else holds it.
 * Reference counts are atomic, so jobs, specs and bodies may be handed between threads; nobody
 * writes to one that another thread can see. All times are wall milliseconds, 0 for "never". */
#ifndef BUZZER_SCHEMA_JOB_H
#define BUZZER_SCHEMA_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/err.h"
#include "schema/id.h"

#define NAME_MAX_LEN 64        /* a type, a queue, a tag */
#define TAGS_MAX 16
#define PRIORITY_DEFAULT 5
#define PRIORITY_MAX 9
#define MAX_LOSSES_DEFAULT 5
#define MAX_ATTEMPTS_MAX 100
#define INLINE_RESULT_MAX 65536 /* a JSON result up to here stands in the job itself */
#define KEEP_MS_DEFAULT (7LL * 24 * 3600 * 1000)

#define JOB_STATE_LIST(X)                                                                          \
    X(SCHEDULED, "scheduled")                                                                      \
    X(QUEUED, "queued")                                                                            \
    X(RUNNING, "running")                                                                          \
    X(RETRYING, "retrying")                                                                        \
    X(SUCCEEDED, "succeeded")                                                                      \
    X(FAILED, "failed")                                                                            \
    X(CANCELLED, "cancelled")                                                                      \
    X(EXPIRED, "expired")

enum job_state {
#define JOB_STATE_ENUM(name, word) JOB_##name,
    JOB_STATE_LIST(JOB_STATE_ENUM)
#undef JOB_STATE_ENUM
    JOB_STATE_COUNT
};

/* Why an attempt ended without success; the words are the `code` of API.md. */
#define JOB_ERROR_LIST(X)                                                                          \
    X(NONE, "")                                                                                    \
    X(HANDLER_ERROR, "handler_error")                                                              \
    X(TIMEOUT, "timeout")                                                                          \
    X(CRASHED, "crashed")                                                                          \
    X(LOST_WORKER, "lost_worker")                                                                  \
    X(OUT_OF_MEMORY, "out_of_memory")                                                              \
    X(BAD_INPUT, "bad_input")                                                                      \
    X(BAD_OUTPUT, "bad_output")

enum job_error_code {
#define JOB_ERROR_ENUM(name, word) JOB_ERROR_##name,
    JOB_ERROR_LIST(JOB_ERROR_ENUM)
#undef JOB_ERROR_ENUM
    JOB_ERROR_COUNT
};

/* Bytes with a media type: an input or a result. Counted, never changed once shared. */
struct body {
    atomic_uint refs;
    bool is_json;          /* application/json: the bytes are checked JSON text */
    size_t len;
    char media_type[128];
    char bytes[];          /* len bytes and a NUL */
};

struct job_error {
    enum job_error_code code;
    int attempt;
    bool retryable;
    char *message;         /* owned; NULL when there is none */
};

struct attempt {
    int number;            /* 1, 2, ...; a loss costs none, so a number may stand twice */
    char *worker;          /* owned */
    int64_t started_at, finished_at;
    struct job_error error;
};

struct progress {
    int percent;           /* 0..100, or -1: not told */
    char *message;         /* owned; NULL when there is none */
};

/* What was asked for. Strings are owned by the spec. */
struct spec {
    atomic_uint refs;
    char id[ID_SIZE];
    int priority;
    int64_t created_at;
    int64_t run_at;        /* the client's delay_ms or run_at */
    int64_t expires_at;    /* dropped as expired if not started by then */
    int64_t keep_ms;
    int64_t timeout_ms;    /* of one attempt */
    int max_attempts;
    int max_losses;
    char *type, *queue;
    char *tenant;          /* whose it is; NULL: TENANT_DEFAULT, the one there is without keys */
    char *params;          /* JSON object text, or NULL */
    char *traceparent;     /* or NULL */
    char *idempotency_key; /* or NULL */
    uint64_t fingerprint;  /* of type, input and options: the same key with another one is refused */
    unsigned n_tags;
    char *tags[TAGS_MAX];
};

struct job {
    atomic_uint refs;
    struct spec *spec;
    enum job_state state;
    int64_t seq;           /* position of its `submitted`: the row's key, and newest-first order */
    int64_t pos;           /* position of the last event that changed it: its cursor */
    int64_t ready_pos;     /* position of the event that queued it: first in, first out */
    int64_t input_pos;     /* position of the event whose body is the input (= seq) */
    int64_t result_pos;    /* ... the result; 0: none */
    int64_t result_len;
    int64_t run_at;        /* of the next try: the client's time, or the end of the back-off; 0 once due */
    int64_t started_at;    /* of the newest attempt */
    int64_t finished_at;
    int epoch;             /* counts claims: the fencing token */
    int attempt;           /* of the newest attempt; 0 before the first */
    int attempts_used;     /* ended attempts that cost one */
    int max_attempts;      /* spec's, raised by a retry on request */
    int losses;
    bool cancel_requested;
    char *worker;          /* who holds the claim while running; owned */
    struct progress progress;
    struct job_error error; /* of the end, or of the attempt before; code NONE: none */
    struct body *result;   /* known and small and JSON, or NULL */
    unsigned n_attempts;
    struct attempt *attempts; /* oldest first; owned */
};

const char *job_state_word(enum job_state state);
bool job_state_decode(const char *word, enum job_state *ret_state);
bool job_state_is_final(enum job_state state);
bool job_state_is_waiting(enum job_state state);            /* scheduled, queued, retrying */
bool job_state_may_move(enum job_state from, enum job_state to);
const char *job_error_word(enum job_error_code code);
bool job_error_decode(const char *word, enum job_error_code *ret_code);

/* NULL: no memory. is_json follows from the media type alone; that the bytes are JSON, and the
 * media type fit for a header, is the caller's to check. */
/* NULL: no memory. bytes NULL: they are yours to fill in, before anybody else sees it. */
struct body *body_new(const char *media_type, const void *bytes, size_t len);
void body_set_type(struct body *body, const char *media_type);     /* likewise */
struct body *body_ref(struct body *body);
void body_unref(struct body *body);                         /* NULL is fine, as everywhere */

struct spec *spec_new(void);                                /* all zero, one reference */
struct spec *spec_ref(struct spec *spec);
void spec_unref(struct spec *spec);

struct job *job_new(struct spec *spec);                     /* takes a reference of its own; NULL: no memory */
struct job *job_ref(struct job *job);
void job_unref(struct job *job);
/* The job to write to: itself if *job has one reference, else a copy (whose reference replaces
 * yours). ERR_NOMEM leaves *job as it was. */
enum err job_own(struct job **job);

void job_error_clear(struct job_error *error);
enum err job_error_copy(struct job_error *to, const struct job_error *from);  /* what `to` held is freed */
bool name_is_valid(const char *name, size_t len);           /* 1-64 of A-Z a-z 0-9 . _ - : / */

#endif
