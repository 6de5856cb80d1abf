/* worker_priv.h: the worker's thread and what it holds. Only the mailbox is touched by others. */
#ifndef BUZZER_JOBS_WORKER_PRIV_H
#define BUZZER_JOBS_WORKER_PRIV_H

#include <limits.h>
#include <pthread.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "jobs/executor_wire.h"
#include "jobs/scheduler.h"
#include "jobs/worker.h"

#define MAILBOX_BATCHES 4096u

/* A heartbeat on its way to the scheduler. */
struct pulse {
    struct pulse *next;
    struct beat beat;
    int64_t sent_ms, heard_ms;         /* mono; sent_ms: of our own */
};

/* An input that is kept apart from its event, asked of the log for a run that waits for it. */
struct fetch {
    struct fetch *next;
    struct worker *worker;
    struct run *run;                   /* the worker's: NULL when nobody wants it any more */
    enum err err;                      /* the log's answer: this, or a reference to the body */
    struct body *body;
};

/* worker_mailbox.c: what other threads tell the worker. Full: the batch is dropped, `missed` stays
 * set until it is taken, and the scheduler is seeded anew from the view. The same while it is not
 * open yet: the start seeds anyway, and a log may be long to catch up with. */
struct mailbox {
    pthread_mutex_t lock;              /* guards all below it; held for a few instructions only */
    struct changes *batches[MAILBOX_BATCHES];
    unsigned first, n;
    struct append *refused;            /* appends that did not get into the log */
    struct pulse *pulses;              /* the newest of each process, PRESENCE_MAX at most */
    unsigned n_pulses;
    struct fetch *fetched;
    bool is_open, missed, is_draining, is_stopping, is_woken;
    int eventfd;
};

struct letters {                       /* what was in it, taken out at one go */
    struct changes *batches[MAILBOX_BATCHES];
    unsigned n;
    struct append *refused;
    struct pulse *pulses;
    struct fetch *fetched;
    bool missed, is_draining, is_stopping;
};

enum err mailbox_init(struct mailbox *box);
void mailbox_clear(struct mailbox *box);
void mailbox_open(struct mailbox *box);                /* from here on batches and heartbeats are kept */
void mailbox_post_changes(struct mailbox *box, struct changes *changes);
void mailbox_post_refused(struct mailbox *box, struct append *append);
void mailbox_post_pulse(struct mailbox *box, struct pulse *pulse);     /* taken over */
void mailbox_post_fetched(struct mailbox *box, struct fetch *fetch);   /* likewise */
void mailbox_post_stop(struct mailbox *box, bool now);
void mailbox_wake(struct mailbox *box);                /* no letter: there is something to do */
void mailbox_take(struct mailbox *box, struct letters *ret_letters);
void pulse_free(struct pulse *pulse);
void fetch_free(struct fetch *fetch);

/* A job that was given out by the scheduler: in line, or in a lane. */
struct run {
    TAILQ_ENTRY(run) link;
    struct job *job;
    const struct job_type *type;
    int64_t cost_us;                   /* as measured for its type; -1: may be long */
    int64_t told_ms;                   /* when progress was passed on last */
    struct progress progress;          /* the newest */
    bool is_begun;                     /* and the scheduler knows */
    int64_t stopped_us;                /* mono: when its process was first told to end; 0: it was not */
    struct body *input;                /* a reference, from when it is looked for a place until it is given */
    struct fetch *fetch;               /* while it waits for its input outside the line */
};

TAILQ_HEAD(run_list, run);

/* An executor process from outside: its lane is a ring in the order in which jobs were given. */
struct process {
    TAILQ_ENTRY(process) link;
    pid_t pid;
    int pidfd, socket;
    bool is_sealed, is_ready, is_broken, wants_to_write;
    bool is_stopping;                  /* its job has been told to end, or the process is being killed */
    bool was_killed;
    int64_t kill_at_ms;                /* when patience ends; 0: not set */
    struct lane *lane;
    struct run *runs[LANE_SLOTS];      /* NULL: taken back */
    unsigned first, n;
    int64_t head_since_ms;             /* since when the first of them is at it, as far as we saw */
    int64_t cost_us;                   /* of all that was given since it was idle; -1: may be long */
    size_t frame_max;
    struct wire_buffer in;
    struct text out;
    size_t out_at;                     /* what is before it has been written */
};

TAILQ_HEAD(process_list, process);

/* worker_noise.c: executors' standard error. */
struct noise {
    int in, out;                       /* the pipe; out is inherited */
    size_t len;
    char line[500];
    int64_t second;                    /* which one n_told counts in */
    unsigned n_told;
};

struct worker {
    struct worker_config config;
    char *dir, *program, *name;
    char **environment, **arguments;   /* of executors; arguments[2] is the kind */
    char parent[24];                   /* our process id as text: among the arguments */
    struct mailbox box;
    struct noise noise;
    struct letters letters;
    struct reader *reader;
    struct scheduler *scheduler;
    pthread_t thread;
    bool has_thread;
    atomic_bool has_ended;
    atomic_uint n_appends_out;         /* not yet answered by the log */
    atomic_uint n_removals_out;        /* those of them that remove a job */
    atomic_int load;                   /* slots busy, and how it is: for other threads */
    atomic_bool load_works, load_drains;

    int epoll;
    struct process_list processes;
    unsigned n_sealed, n_open, n_busy;
    struct run_list queue, spare;      /* in line for an executor; memory for the next */
    struct run_list fetching;          /* waiting for their inputs, each with a slot of its own */
    unsigned n_fetching;
    char sweeper[PRESENCE_NAME_SIZE];  /* who removes what is over: the first by name of the workers heard of */
    int64_t sweeper_ms;                /* mono: when it was heard last */
    bool link_is_known, link_is_up;
    int64_t link_at_ms;                /* when to look again */
    unsigned n_early_deaths;           /* in a row, before becoming ready */
    int64_t spawn_after_ms;
    bool has_strays;
    struct append *first_append, **last_append;
    int64_t wall_ms, mono_ms;          /* of this turn */
    int64_t sweep_at_ms, tick_at_ms, reseed_at_ms, drain_until_ms;
    bool is_draining, has_abandoned, is_unfinished;
};

/* worker_actions.c: what the scheduler says is done. */
void worker_act(struct worker *worker);
void worker_append(struct worker *worker, struct append *append);
void worker_send_appends(struct worker *worker);
void worker_handle_refused(struct worker *worker, struct append *list);
void run_free(struct worker *worker, struct run *run);
void run_end(struct worker *worker, struct run *run, struct attempt_end *end);   /* frees the run */
void run_return(struct worker *worker, struct run *run);                         /* frees the run */
void run_stop(struct worker *worker, struct run *run, enum kill_reason reason);  /* likewise; it is in no lane */

/* worker_pool.c: executors come and go. */
struct process *pool_spawn(struct worker *worker, bool is_sealed);
void pool_kill(struct worker *worker, struct process *process, int64_t grace_ms);
void pool_on_death(struct worker *worker, struct process *process);
void pool_watch(struct worker *worker);                 /* each turn: patience, strays */
void pool_close(struct worker *worker);                 /* kills all and waits for them */
int64_t pool_next_watch(const struct worker *worker);   /* ms until pool_watch or lanes_watch is wanted */

/* worker_noise.c */
enum err noise_open(struct worker *worker);             /* after the epoll */
void noise_read(struct worker *worker);
void noise_close(struct worker *worker);

/* worker_lanes.c: jobs in and out of lanes. */
void lanes_feed(struct worker *worker);
void lanes_flush(struct worker *worker, struct process *process);
void lanes_collect(struct worker *worker, struct process *process);
void lanes_watch(struct worker *worker);                /* each turn: what has begun, what turned out long */
void lanes_take_back(struct worker *worker, struct process *process);   /* all that has not begun, into the line */
bool lanes_stop(struct worker *worker, struct process *process, const struct scheduler_action *action);

/* worker_ends.c: what executors say. */
void ends_read(struct worker *worker, struct process *process);
void ends_from_slot(struct worker *worker, struct process *process, struct run *run, const struct lane_slot *slot);
void ends_by_death(struct worker *worker, struct process *process, struct run *run, int code, int status);
void ends_with(struct worker *worker, struct run *run, enum job_error_code code, bool retryable, const char *message);

/* worker_inputs.c: bodies for the runs in line. */
enum input {
    INPUT_HERE,
    INPUT_AWAY,       /* the run has left the line */
    INPUT_LATER       /* no slot to wait in, or it cannot be asked for just now */
};
enum input inputs_load(struct worker *worker, struct run *run);        /* run: the first in line */
void inputs_on_fetched(struct worker *worker, struct fetch *list);     /* frees the list */
bool inputs_stop(struct worker *worker, const struct scheduler_action *action);
void inputs_return(struct worker *worker);              /* all that wait: handed back */

/* worker_peers.c: other workers, and the way to them. */
void peers_on_pulses(struct worker *worker, struct pulse *list);       /* frees the list */
void peers_watch_link(struct worker *worker);
bool peers_may_sweep(const struct worker *worker);

/* worker_text.c: what job code says is hostile until it was looked at. */
bool text_is_json(const char *bytes, size_t len);
char *text_clean(const char *bytes, size_t len);        /* a copy in valid UTF-8; NULL: no memory */

/* worker_sweep.c: seeding, paused queues, and jobs whose time is over. */
void worker_seed(struct worker *worker);
void worker_read_paused(struct worker *worker);
void worker_sweep(struct worker *worker);
int64_t sweep_next(const struct worker *worker);        /* ms until worker_sweep is wanted; INT_MAX: something else comes first */
void sweep_on_answered(struct worker *worker);          /* any thread: for each removal, when the log has taken or refused it */
void sweep_on_refused(struct worker *worker);

#endif
