/* worker.h: the thread that does the work: it feeds the scheduler with what the recorder tells, and
 * carries out what the scheduler decides: appends to the log, executors that run, executors that are
 * killed. It talks to no client and runs no job code itself. */
#ifndef BUZZER_JOBS_WORKER_H
#define BUZZER_JOBS_WORKER_H

#include "jobs/eventlog.h"
#include "jobs/presence.h"
#include "jobs/recorder.h"
#include "jobs/types.h"

/* Progress of a running job, on the worker's thread: a batch of CHANGE_PROGRESS. Must not wait. */
typedef void worker_progress_fn(void *arg, struct changes *changes);

struct worker_config {
    const char *dir;               /* data folder: commands are kept out of it; scratch folders live in DIR/scratch */
    const struct types *types;
    struct eventlog *log;
    const char *program;           /* what executors are; NULL: this very program */
    const char *name;              /* this life of this process (presence.h) */
    int slots;
    int64_t lease_ms;              /* 0: the only worker there can be */
    int64_t drain_ms;
    worker_progress_fn *on_progress;
    void *on_progress_arg;
};

struct worker;

enum err worker_new(const struct worker_config *config, struct worker **ret_worker);
void worker_on_changes(void *worker, struct changes *changes);  /* a recorder_listener_fn; any thread */
/* Any thread: a worker's heartbeat came in, at mono_ms. sent_ms: mono, when this process sent it; of another's 0. */
void worker_on_beat(struct worker *worker, const struct beat *beat, int64_t sent_ms, int64_t mono_ms);
/* Any thread, for our heartbeat. False: it does not work yet. */
bool worker_load(const struct worker *worker, int *ret_running, bool *ret_draining);
/* Seeds itself from the view, then works. A log of many machines is to have caught up before
 * (eventlog_state): what the view does not know yet would be taken for lost, or run again. */
enum err worker_start(struct worker *worker);
void worker_drain(struct worker *worker);                  /* any thread: finish or hand back, within drain_ms */
void worker_stop_now(struct worker *worker);               /* any thread: kill what runs, hand it back */
bool worker_has_ended(const struct worker *worker);
void worker_join(struct worker *worker);                   /* after drain or stop_now */
/* After recorder_join, for appends may be out until then; after sideband_close, which ends the heartbeats;
 * and after eventlog_close, for so long the log may still come with an input it was asked for. */
void worker_free(struct worker *worker);

/* `buzzer executor`: the other end, in a process of its own; the arguments as main got them. */
int executor_main(int argc, char **argv);

#endif
