/* scheduler.h: what to claim, when to give up, what is due: a pure state machine. Changes, ticks and
 * executor ends go in; events to append, jobs to start and processes to kill come out. No thread, no
 * clock, no process: the worker feeds it real ones, the simulation made-up ones. Times named mono
 * are monotonic, wall are log time. */
#ifndef BUZZER_JOBS_SCHEDULER_H
#define BUZZER_JOBS_SCHEDULER_H

#include "jobs/change.h"
#include "jobs/types.h"
#include "schema/event.h"

#define SCHEDULER_SHORT_US 5000   /* types that take less are claimed ahead, and handed out many at once */

struct scheduler;

struct scheduler_config {
    const struct types *types;
    const char *worker;          /* this incarnation's name: host, pid and a random part */
    int slots;
    uint64_t seed;               /* of the back-off's jitter */
    int64_t lease_ms;            /* 0: this worker is the only one there can be. Else: a worker silent for so long is
                                    lost, and one that has not heard itself for two thirds of it stops what it runs */
};

/* What a heartbeat of a worker says (presence.h). */
struct peer {
    const char *name;
    int slots;
    bool draining, leaving;
    const char *const *types;    /* names of what it can run */
    unsigned n_types;
};

enum scheduler_do {
    SCHEDULER_NOTHING,
    SCHEDULER_APPEND,            /* put event into the log; taken over */
    SCHEDULER_START,             /* run job in a slot now: its claim was accepted */
    SCHEDULER_KILL               /* end what runs for job, for the reason given, or take it out of the line
                                    if it has not begun; then tell on_end, or on_returned */
};

enum kill_reason {
    KILL_CANCEL,
    KILL_TIMEOUT,
    KILL_FENCED,                 /* the claim is no longer ours */
    KILL_DRAIN,
    KILL_AHEAD                   /* it was claimed ahead of its time: only if it has not begun, else it runs on */
};

struct scheduler_action {
    enum scheduler_do what;
    struct event event;          /* APPEND */
    struct job *job;             /* START: a reference, running, with our epoch */
    char id[ID_SIZE];            /* KILL */
    int epoch;
    enum kill_reason reason;
};

/* How an attempt ended, as the executor saw it. */
struct attempt_end {
    bool ok;
    bool was_stopped;            /* it was told to end before it did: what it made until then may be half a thing */
    struct body *result;         /* a reference, taken over */
    struct job_error error;      /* taken over; code NONE when ok */
    struct progress progress;    /* taken over */
    int64_t run_us;
};

enum err scheduler_new(const struct scheduler_config *config, struct scheduler **ret_scheduler);
void scheduler_free(struct scheduler *scheduler);

/* In. Seeding: at start, and again whenever changes were missed: begin, then each unfinished job of
 * one snapshot of the view, then end, which forgets whatever the snapshot did not hold. upto is the
 * log position the snapshot holds at the least: changes up to there are old news. A job that is
 * running under another incarnation of this data folder is declared lost at once. */
void scheduler_seed_begin(struct scheduler *s, int64_t upto);
enum err scheduler_seed(struct scheduler *s, struct job *job, int64_t wall_ms);
void scheduler_seed_end(struct scheduler *s);
/* ERR_NOMEM: the change is lost on the scheduler, which must be seeded anew. */
enum err scheduler_on_change(struct scheduler *s, const struct change *change, int64_t wall_ms, int64_t mono_ms);
void scheduler_on_refused(struct scheduler *s, const struct event *event, enum err err, int64_t mono_ms); /* an append failed: tried again later */
void scheduler_on_started(struct scheduler *s, const char *id, int epoch, int64_t mono_ms);  /* an executor has begun it */
void scheduler_on_end(struct scheduler *s, const char *id, int epoch, struct attempt_end *end, int64_t wall_ms, int64_t mono_ms);
void scheduler_on_returned(struct scheduler *s, const char *id, int epoch);   /* it never began and will not: handed back */
/* A heartbeat came in, our own (it has travelled there and back) or another's; sent_ms: mono, when we sent
 * our own. The link: is the log's keeper reachable at all? While it is not, nobody can be heard, so
 * nobody is lost and nothing is stopped: what runs goes on, and its end waits for the log. */
void scheduler_on_beat(struct scheduler *s, const struct peer *peer, int64_t sent_ms, int64_t mono_ms);
void scheduler_on_link(struct scheduler *s, bool is_up, int64_t mono_ms);
/* The queues that are paused now; nothing is claimed from them. The names are copied. */
enum err scheduler_set_paused(struct scheduler *s, const char *const *queues, unsigned n);
void scheduler_tick(struct scheduler *s, int64_t wall_ms, int64_t mono_ms);
void scheduler_drain(struct scheduler *s);               /* claim nothing more; hand back what was not given out yet */
void scheduler_abandon(struct scheduler *s);             /* and kill what runs, to hand it back too */

/* Out. Call until it says NOTHING. */
enum scheduler_do scheduler_next(struct scheduler *s, int64_t wall_ms, int64_t mono_ms, struct scheduler_action *ret_action);
int64_t scheduler_next_tick(const struct scheduler *s, int64_t wall_ms, int64_t mono_ms); /* ms until a tick does something; at most 1000 */
unsigned scheduler_in_hand(const struct scheduler *s);   /* claims of ours that have not ended */
bool scheduler_is_settled(const struct scheduler *s);    /* none in hand, and every end has come back through the log */
unsigned scheduler_waiting(const struct scheduler *s);   /* candidates known */
int64_t scheduler_run_us(const struct scheduler *s, unsigned type);  /* what a job of the type takes, as measured; -1: not known */

#endif
