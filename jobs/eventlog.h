/* eventlog.h: the one ordered record of what happens to jobs. Everything that changes a job is an
 * event appended here; nobody writes a job's state anywhere else.
 *
 *   any thread:       eventlog_append(list) ──────> [ log ] <── one order, durable
 *   the recorder:     eventlog_take(batch) <───────────┘
 *                     folds it into the view, commits, then calls each append's done
 *
 * `done` means durable and folded here. It is called once for each append, on the recorder's
 * thread, and must not wait for anything. */
#ifndef BUZZER_JOBS_EVENTLOG_H
#define BUZZER_JOBS_EVENTLOG_H

#include "schema/event.h"

enum outcome {
    OUTCOME_ACCEPTED,
    OUTCOME_IGNORED,      /* the fold did not take it: too late, out of turn, unknown job */
    OUTCOME_DUPLICATE,    /* of the job in `job`: same idempotency key, same submission */
    OUTCOME_KEY_REUSED,   /* same key, another submission */
    OUTCOME_JOB_REMOVED   /* same key, its job is gone */
};

/* One event on its way. Whoever appends owns the memory and keeps it alive until done. */
struct append {
    struct event event;
    void (*done)(struct append *append);   /* NULL: nobody waits; the log then frees it with append_free */
    void *owner;                           /* for done to find its way back */
    /* Set before done: */
    enum err err;             /* OK: in the log. STORAGE_FULL, DRAINING, TOO_LARGE: not in the log, nothing
                                 happened. IO: unknown. (A log whose keeper went away goes on trying.) */
    enum outcome outcome;
    struct job *job;          /* a reference that done takes over: the job after the event (or the one it
                                 is a duplicate of); NULL when unknown or removed */
    struct append *next;      /* in a list given to eventlog_append; free for the owner's use after done */
    bool ends_list;           /* the log's own: a list is never split over two commits */
};

struct append *append_new(enum event_kind kind, const char *job_id, int64_t at); /* zeroed, event_init'ed */
void append_free(struct append *append);               /* clears the event and lets go of the job */

struct eventlog;

/* Any thread. The whole list goes in, in order and side by side, or none of it does: ERR_BUSY when
 * the log's mailbox is full, ERR_TOO_LARGE where no such list or body can be, ERR_LOG_AWAY once the
 * log has failed, ERR_DRAINING after eventlog_stop, ERR_NOMEM. ERR_OK: done will be called for each;
 * it tells of an internal event that is too large, which keeps none of the others out.
 * Internal events (is_internal) have room of their own, so a flood of submissions cannot keep a
 * worker from telling its results. */
enum err eventlog_append(struct eventlog *log, struct append *first, bool is_internal);
void eventlog_stop(struct eventlog *log);              /* any thread: no more appends; take drains, then ends */
void eventlog_close(struct eventlog *log);             /* after the recorder has ended */

/* The recorder only. Waits for events, at most wait_ms (-1: as long as it takes), and gives a list in
 * log order with pos set: whole lists as they were appended, a few hundred events in all. True with
 * an empty list when the time is up; false after a stop when all is taken. Entries without `done`
 * are the recorder's to free. Positions rise; they may leave gaps. Events
 * that others appended come without `done`, in their places. */
bool eventlog_take(struct eventlog *log, int wait_ms, struct append **ret_batch);

/* How the log is; any thread. */
struct eventlog_state {
    bool is_up;              /* takes appends now; false: its keeper is away, what was appended waits */
    bool is_caught_up;       /* all that stood in it when it was opened has been taken */
    int64_t behind;          /* lists known to be there and not taken yet */
    int64_t behind_ms;       /* for how long something that is known to be there has waited to be taken */
    int64_t waiting;         /* appended here and not known to be in it yet */
    enum err failed;         /* OK, or it cannot go on: CORRUPT: not the log that the view came from,
                                or none at all; GONE: events the view needs are in it no more */
    const char *why;         /* a line for the operator when it has failed; the log's */
};
void eventlog_state(struct eventlog *log, struct eventlog_state *ret_state);

/* May what was taken still be refused (ERR_STORAGE_FULL), because the view's commit is what puts it
 * into the log? If not, it is in the log already and must be folded before anything else is. */
bool eventlog_can_refuse(const struct eventlog *log);

/* Fetches a body that is kept apart (event.blob). Any thread asks; fn is called once, on a thread of
 * the log's, takes over the reference and must not wait. Not ERR_OK: fn is not called. */
typedef void eventlog_body_fn(void *arg, enum err err, struct body *body);
enum err eventlog_fetch(struct eventlog *log, const struct blob *blob, eventlog_body_fn *fn, void *arg);

/* The embedded back end. next_pos: the first position the view does not have yet. */
enum err eventlog_sqlite_open(int64_t next_pos, struct eventlog **ret_log);

#endif
