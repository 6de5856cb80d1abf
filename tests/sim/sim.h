/* sim.h: a whole service in one thread with a made-up clock: the real fold (and the real view when
 * asked), real schedulers in workers that crash, pause, hear late and are cut off, a model of the log
 * between them and of the heartbeats beside it, and clients that submit, cancel and retry at random.
 * One seed is one life; the same seed is the same life. What must always hold is watched from outside, by a bookkeeping of its own. */
#ifndef BUZZER_TESTS_SIM_SIM_H
#define BUZZER_TESTS_SIM_SIM_H

#include <stdio.h>

#include "jobs/eventlog.h"
#include "jobs/scheduler.h"
#include "jobs/types.h"
#include "jobs/view.h"

#define SIM_JOBS 160
#define SIM_WORKERS 8
#define SIM_PROCS 1024
#define SIM_EPOCHS 512
#define SIM_KINDS 6
#define SIM_QUEUES 3
#define SIM_START_MS 1795341600000

/* A type of job and how its attempts go. */
struct sim_kind {
    const char *name;
    int64_t least_ms, most_ms;    /* of an attempt */
    int fails, hangs;             /* in 100 attempts */
    int concurrency;
    int64_t timeout_ms;
};
extern const struct sim_kind sim_kinds[SIM_KINDS];

/* One event of the log, what the fold made of it, and what it looked like then. */
struct sim_entry {
    struct event event;
    int64_t written_ms;
    bool accepted;
    enum change_kind told;
    struct job *job;              /* a reference: after the event; NULL: none */
    uint64_t digest;              /* of the job then: nobody may have written to it since */
};

/* sim_check.c: the bookkeeping of a job, kept from the rules of API.md and DESIGN.md alone. */
struct sim_claim {
    int worker;
    unsigned incarnation;
    int64_t pos;
    bool started, fenced;
};

struct sim_job {
    struct spec *spec;
    const struct sim_kind *kind;
    struct job *job;              /* as folded in memory */
    bool accepted;
    enum job_state state;         /* as it should be */
    int epoch, holder, attempts_used, max_attempts, losses;
    bool started, retried, cancel_wanted;
    int64_t run_at;
    struct sim_claim claims[SIM_EPOCHS];
};

struct sim_proc {                 /* an attempt in an executor, or waiting for one */
    char id[ID_SIZE];
    int epoch;
    int64_t given_ms;
    bool begun, killed;
    int64_t end_ms;
    bool ok;
    const struct sim_kind *kind;
};

struct sim_worker {
    struct scheduler *scheduler;  /* NULL: down */
    int number, slots;
    unsigned incarnation;
    char name[48];
    int64_t skew_ms;              /* of its wall clock */
    int64_t delay_ms;             /* of what it reads */
    int64_t paused_until, up_at, sent_upto_ms;
    bool draining;
    size_t read;                  /* entries of the log it has seen */
    unsigned paused;              /* the queues it knows to be paused, a bit each */
    /* With a lease: */
    size_t beats_read;
    int64_t beat_at, beat_delay_ms;
    int64_t own_beat_ms;          /* when the newest of its own heartbeats that came back was sent */
    int64_t cut_off_until, mute_until; /* from the log's keeper, and everybody */
    int64_t link_told_ms;
    bool is_told_up;
    bool is_stalled;              /* paused, but its heartbeats go on */
    size_t catch_up;              /* what stood in the log when the link came back */
    int64_t back_ms;              /* when it came back, as far as the worker knew it was gone */
    struct sim_proc procs[SIM_PROCS];
    unsigned n_procs;
};

struct sim_beat {                 /* a heartbeat, where all can read it */
    const struct sim_worker *worker;
    char name[48];
    int64_t sent_ms, kept_ms;
    int slots;
    bool draining, leaving;
};

struct sim_flight {               /* an append on its way into the log */
    struct sim_flight *next;
    int64_t arrives_ms;
    int worker;
    unsigned incarnation;
    struct event event;
};

struct sim {
    uint64_t seed, random;
    int64_t now_ms;
    const struct types *types;
    bool calm;                    /* no more faults and submissions: everything must come to its end */
    bool failed;
    bool trace;                   /* print each event */
    int64_t full_until;
    int64_t lease_ms;             /* 0: nobody listens for heartbeats; somebody else says who is lost */
    int64_t away_until;           /* the log's keeper, for everybody */
    unsigned paused;              /* queues, a bit each */
    struct sim_beat *beats;
    size_t n_beats, cap_beats;
    unsigned n_workers, n_jobs, n_wanted;
    struct sim_job jobs[SIM_JOBS];
    struct sim_worker workers[SIM_WORKERS];
    struct sim_entry *log;
    size_t n_log, cap_log;
    struct sim_flight *flights;
    char dir[64];                 /* "": in memory only */
    struct view *view;
    struct sim_seen {
        uint64_t submitted, starts, lost, crashes, refused, retried, cancelled, expired, ignored;
        uint64_t claims, claimed, late, lost_late, fenced, revived, pauses, cuts, gone, left, repeats, over_limit, pausing, lives;
    } seen;
};

/* sim.c */
uint64_t sim_draw(struct sim *sim, uint64_t n);            /* 0 .. n-1 */
bool sim_chance(struct sim *sim, unsigned in_1000);
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool sim_run(struct sim *sim);                             /* false: an invariant broke, and was printed */

/* sim_log.c */
bool sim_log_open(struct sim *sim, bool with_view);
void sim_log_write(struct sim *sim, struct event *event);  /* takes the event over */
bool sim_log_is_full(const struct sim *sim);
void sim_log_check(struct sim *sim);                       /* once more from the beginning: the same */
void sim_log_close(struct sim *sim);
struct sim_job *sim_find(struct sim *sim, const char *id); /* NULL: unknown */
uint64_t sim_digest(const struct job *job);

/* sim_check.c */
void sim_check_entry(struct sim *sim, const struct sim_entry *entry);   /* after the fold */
void sim_check_start(struct sim *sim, const struct sim_worker *worker, const struct job *job);
void sim_check_worker(struct sim *sim, const struct sim_worker *worker);
void sim_check_end(struct sim *sim);

void sim_check_lost(struct sim *sim, const struct sim_worker *judge, const struct event *event);
void sim_check_failed(struct sim *sim, const struct sim_worker *worker, const struct event *event);
void sim_check_claim(struct sim *sim, const struct sim_worker *worker, const char *id);
void sim_check_runners(struct sim *sim);

/* sim_worker.c */
void sim_worker_step(struct sim *sim, struct sim_worker *worker);
void sim_worker_crash(struct sim *sim, struct sim_worker *worker);
int64_t sim_wall(const struct sim *sim, const struct sim_worker *worker);
int64_t sim_mono(const struct sim *sim, const struct sim_worker *worker);

/* sim_flights.c: appends on their way. */
void sim_flight_send(struct sim *sim, struct sim_worker *worker, const struct event *event);
void sim_flights_land(struct sim *sim);
void sim_flights_drop(struct sim *sim);
void sim_flights_settle(struct sim *sim, int worker);      /* of one that is gone */
bool sim_flights_has(const struct sim *sim, int worker);

/* sim_beats.c: heartbeats, and the link. */
bool sim_link_is_up(const struct sim *sim, const struct sim_worker *worker);
void sim_link_step(struct sim *sim, struct sim_worker *worker);
void sim_beat_say(struct sim *sim, struct sim_worker *worker, bool leaving);
void sim_beats_step(struct sim *sim, struct sim_worker *worker);
void sim_beats_hear(struct sim *sim, struct sim_worker *worker);
int64_t sim_deaf_ms(const struct sim *sim, const struct sim_worker *worker);   /* how long it has not heard itself */

/* sim_clients.c */
void sim_clients_step(struct sim *sim);

#endif
