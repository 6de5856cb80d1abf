/* view.h: what the log comes to: jobs, their history and the keys that must not be used twice, in
 * one SQLite database (DIR/buzzer.db). On the embedded log the events table *is* the log, and rows
 * and events are one transaction.
 *
 * One thread writes (the recorder) through `struct view`; every other thread reads through a
 * `struct reader` of its own. A job handed out is a reference to let go of. */
#ifndef BUZZER_JOBS_VIEW_H
#define BUZZER_JOBS_VIEW_H

#include "jobs/change.h"
#include "schema/event.h"

#define VIEW_APPLICATION_ID 1114990458 /* "Bugz": what a database of ours has in its header */

struct view;

enum view_kind {
    VIEW_IS_LOG,               /* the embedded log: the events table is the log; a commit is durable */
    VIEW_OF_LOG,               /* a copy of a log kept elsewhere: a commit may be lost with the power, since rows and
                                  position go back together and are read again. Empty until a genesis is folded */
    VIEW_OF_LOG_TO_WORK        /* likewise, for a process that answers no client: no history, no finished results */
};

/* ERR_CORRUPT: the file is not a database of ours, or damaged; ERR_CONFIG: it is of another kind; ERR_IO,
 * ERR_STORAGE_FULL. message gets a line for the operator. Makes the schema in a new one, and of
 * VIEW_IS_LOG the genesis event. */
enum err view_open(const char *dir, enum view_kind kind, struct view **ret_view, char *message, size_t size);
void view_close(struct view *view);
const char *view_log_id(const struct view *view);      /* "" before the genesis is folded */
int64_t view_next_pos(const struct view *view);
int64_t view_last_pos(const struct view *view, uint64_t *ret_seal);   /* the newest event folded, and its seal */
/* A running hash over every event folded and the job it led to, right after *ret_pos: equal on any two
 * nodes that folded the same log the same way. Any thread. Not kept for VIEW_IS_LOG. */
uint64_t view_state_hash(struct view *view, int64_t *ret_pos);
/* Writes a copy of the database of dir that a new node can start from, offsets and all, to path (which
 * must not exist). Any thread; takes as long as the file is large; writers and readers go on. */
enum err view_snapshot(const char *dir, const char *path);

/* The writer. Between begin and commit: any number of events. ERR_STORAGE_FULL and ERR_IO leave the
 * transaction open for view_rollback, which forgets everything since begin (cached jobs too). */
enum err view_begin(struct view *view);
enum err view_commit(struct view *view);               /* durable on return */
void view_rollback(struct view *view);
/* Between transactions, when nobody waits for an answer: moves the write-ahead log into the database
 * once it has grown by 2000 pages. */
enum err view_tidy(struct view *view);
/* Folds the event; if it is accepted, records it and writes the job. What is ignored leaves no row.
 * job: a reference to the job after it (a removed one as it last was), NULL when there is none.
 * told only when the outcome is OUTCOME_ACCEPTED and changed is set. */
struct view_step {
    int outcome;               /* enum outcome of eventlog.h */
    bool changed;
    bool created;
    enum change_kind told;
    struct job *job;
};
enum err view_apply(struct view *view, struct event *event, struct view_step *ret_step);

/* Counts of unfinished jobs, folded along; any thread. Final states stay 0: the metrics count ends. */
struct view_counts {
    int64_t by_state[JOB_STATE_COUNT];
};
void view_counts(const struct view *view, struct view_counts *ret_counts);

/* ---- reading, any thread with a reader of its own ---- */
struct reader;

enum err reader_open(const char *dir, struct reader **ret_reader);
void reader_close(struct reader *reader);
const char *reader_log_id(struct reader *reader);       /* "" before the genesis is folded; found once it is */

enum err reader_job(struct reader *reader, const char *id, struct job **ret_job);         /* NOT_FOUND */
/* The body that the event at pos carries: job->input_pos, job->result_pos. ERR_OK with *ret_body NULL:
 * it is kept apart, and *ret_blob says where (eventlog_fetch). */
enum err reader_body(struct reader *reader, int64_t pos, struct body **ret_body, struct blob *ret_blob);  /* NOT_FOUND */
/* A page of jobs, newest first, below before_seq (0: from the newest). Looks at no more than a
 * bounded number of rows: *ret_next_seq is where to go on, 0 at the end, and a page may be short. */
struct job_filter {
    bool has_state;
    enum job_state state;
    const char *type, *queue, *tag;    /* NULL: any */
    const char *tenant;                /* NULL: any */
};
enum err reader_list(struct reader *reader, const struct job_filter *filter, unsigned max, int64_t before_seq,
                     struct job **ret_jobs, unsigned *ret_n, int64_t *ret_next_seq);
/* All unfinished jobs in order of seq, for the scheduler's start. fn borrows the job (job_ref to keep
 * it) and returns false to stop. */
enum err reader_unfinished(struct reader *reader, bool (*fn)(void *arg, struct job *job), void *arg);
/* Up to max jobs whose keep_ms are over at now. */
enum err reader_removable(struct reader *reader, int64_t now_ms, unsigned max, char (*ret_ids)[ID_SIZE], unsigned *ret_n);

/* History as changes: the log after `after`, folded again, so each change holds the job as it was.
 * job_id NULL: all jobs. Gives up to max changes and in last_pos how far it has read, which is
 * `upto` or the end of the log when nothing is left. ERR_NOT_FOUND: `after` is older than what is
 * kept whole (events of removed jobs are gone), or newer than the log. */
enum err reader_changes(struct reader *reader, const char *job_id, int64_t after, int64_t upto, unsigned max,
                        struct changes **ret_changes);
int64_t reader_last_pos(struct reader *reader);
enum err reader_event_at(struct reader *reader, int64_t pos, int64_t *ret_at);   /* its log time; NOT_FOUND */
/* Every access key that is not revoked, expired ones included, oldest first; fn borrows it. */
enum err reader_keys(struct reader *reader, void (*fn)(void *arg, const struct access_key *key), void *arg);
/* Names of the queues that are paused; fn borrows the name. */
enum err reader_paused(struct reader *reader, void (*fn)(void *arg, const char *queue), void *arg);

/* Replays the whole log of dir into an empty view at to_dir: the test that the view holds nothing
 * that is not in the log. */
enum err view_replay(const char *dir, const char *to_dir, char *message, size_t size);
/* A line for each row of the view (not the log), in a fixed order; two equal views print the same bytes. */
enum err view_dump(const char *dir, void (*line)(void *arg, const char *text, size_t len), void *arg);

#endif
