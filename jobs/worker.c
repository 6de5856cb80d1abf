/* The worker's thread: it sleeps in epoll until the recorder, an executor or a clock has something
 * for it, hears all of them out, lets the scheduler decide, and sends what came of it in batches: one
 * list of appends to the log, one write to each executor. */
#include "jobs/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "jobs/executor_scratch.h"
#include "jobs/sandbox.h"
#include "jobs/worker_priv.h"
#include "schema/clock.h"
#include "schema/log.h"
#include "schema/metric.h"

#define EVENTS_MAX 64
#define SETTLE_MS 5000             /* after the drain's end: for the log to take what is left */
#define FIXED_ARGUMENTS 5

extern char **environ;

static bool is_own_variable(const char *variable)
{
    return strncmp(variable, "BUZZER_", 7) == 0;     /* settings and keys are nobody else's business */
}

static enum err make_environment(struct worker *worker)
{
    static char limit[] = "OMP_THREAD_LIMIT=1";      /* two busy libraries on one core slow each other fivefold */
    size_t n = 0, kept = 0;

    while (environ[n])
        n++;
    worker->environment = calloc(n + 2, sizeof *worker->environment);
    if (!worker->environment)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (!is_own_variable(environ[i]) && strncmp(environ[i], "OMP_THREAD_LIMIT=", 17) != 0)
            worker->environment[kept++] = environ[i];
    worker->environment[kept] = limit;
    return ERR_OK;
}

static enum err make_arguments(struct worker *worker)
{
    static char name[] = "buzzer", word[] = "executor";
    unsigned n_types = types_count(worker->config.types), n = FIXED_ARGUMENTS;

    worker->arguments = calloc(FIXED_ARGUMENTS + n_types + 1, sizeof *worker->arguments);
    if (!worker->arguments)
        return ERR_NOMEM;
    snprintf(worker->parent, sizeof worker->parent, "%ld", (long)getpid());
    worker->arguments[0] = name;
    worker->arguments[1] = word;
    worker->arguments[2] = NULL;                     /* the kind */
    worker->arguments[3] = worker->dir;
    worker->arguments[4] = worker->parent;
    for (unsigned i = 0; i < n_types; i++) {
        char *file = types_at(worker->config.types, i)->shared_object;
        unsigned at = FIXED_ARGUMENTS;
        while (file && at < n && strcmp(file, worker->arguments[at]) != 0)
            at++;
        if (file && at == n)                         /* once, however many types are in it */
            worker->arguments[n++] = file;
    }
    return ERR_OK;
}

static enum err make_scheduler(struct worker *worker)
{
    struct scheduler_config config = {.types = worker->config.types, .worker = worker->name,
                                      .slots = worker->config.slots, .seed = id_random(),
                                      .lease_ms = worker->config.lease_ms};
    return scheduler_new(&config, &worker->scheduler);
}

enum err worker_new(const struct worker_config *config, struct worker **ret_worker)
{
    enum err err = ERR_NOMEM;
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        return ERR_NOMEM;
    TAILQ_INIT(&worker->processes);
    TAILQ_INIT(&worker->queue);
    TAILQ_INIT(&worker->spare);
    TAILQ_INIT(&worker->fetching);
    worker->last_append = &worker->first_append;
    worker->config = *config;
    worker->box.eventfd = worker->epoll = worker->noise.in = worker->noise.out = -1;
    worker->program = strdup(config->program ? config->program : "/proc/self/exe");
    worker->dir = realpath(config->dir, NULL);
    worker->name = strdup(config->name);
    if (!worker->program || !worker->dir || !worker->name)
        goto out;
    err = make_environment(worker);
    if (!err) err = make_arguments(worker);
    if (!err) err = make_scheduler(worker);
    if (!err) err = mailbox_init(&worker->box);
    if (err)
        goto out;
    *ret_worker = worker;
    worker = NULL;
out:
    worker_free(worker);
    return err;
}

void worker_free(struct worker *worker)
{
    struct run *run, *next;

    if (!worker)
        return;
    while ((run = TAILQ_FIRST(&worker->queue))) {
        TAILQ_REMOVE(&worker->queue, run, link);
        run_free(worker, run);
    }
    while ((run = TAILQ_FIRST(&worker->fetching))) {
        TAILQ_REMOVE(&worker->fetching, run, link);
        run_free(worker, run);
    }
    for (run = TAILQ_FIRST(&worker->spare); run; run = next) {
        next = TAILQ_NEXT(run, link);
        free(run);
    }
    noise_close(worker);
    mailbox_clear(&worker->box);
    scheduler_free(worker->scheduler);
    reader_close(worker->reader);
    if (worker->epoll >= 0)
        close(worker->epoll);
    free(worker->environment);
    free(worker->arguments);
    free(worker->program);
    free(worker->dir);
    free(worker->name);
    free(worker);
}

void worker_on_changes(void *worker, struct changes *changes)
{
    mailbox_post_changes(&((struct worker *)worker)->box, changes);
}

void worker_on_beat(struct worker *worker, const struct beat *beat, int64_t sent_ms, int64_t mono_ms)
{
    struct pulse *pulse = calloc(1, sizeof *pulse);

    if (!pulse || beat_copy(&pulse->beat, beat)) {
        free(pulse);                                 /* as if it had been lost on its way */
        return;
    }
    pulse->sent_ms = sent_ms;
    pulse->heard_ms = mono_ms;
    mailbox_post_pulse(&worker->box, pulse);
}

bool worker_load(const struct worker *worker, int *ret_running, bool *ret_draining)
{
    *ret_running = atomic_load_explicit(&worker->load, memory_order_relaxed);
    *ret_draining = atomic_load_explicit(&worker->load_drains, memory_order_relaxed);
    return atomic_load_explicit(&worker->load_works, memory_order_relaxed);
}

/* ---- the thread ---- */

static void read_letters(struct worker *worker)
{
    struct letters *letters = &worker->letters;
    bool queues_changed = false;

    mailbox_take(&worker->box, letters);
    for (unsigned i = 0; i < letters->n; i++) {
        struct changes *changes = letters->batches[i];
        queues_changed |= changes->queues_changed;
        for (unsigned c = 0; c < changes->n; c++)
            if (scheduler_on_change(worker->scheduler, &changes->at[c], worker->wall_ms, worker->mono_ms))
                letters->missed = true;
        changes_unref(changes);
    }
    worker_handle_refused(worker, letters->refused);
    peers_on_pulses(worker, letters->pulses);
    inputs_on_fetched(worker, letters->fetched);
    if (queues_changed)
        worker_read_paused(worker);
    if (letters->missed || (worker->reseed_at_ms && worker->mono_ms >= worker->reseed_at_ms))
        worker_seed(worker);
}

static void on_event(struct worker *worker, const struct epoll_event *event)
{
    if (event->data.ptr == NULL)
        return;                                      /* the mailbox, read in any case */
    if (event->data.ptr == &worker->noise) {
        noise_read(worker);
        return;
    }
    struct process *process = (struct process *)(uintptr_t)(event->data.u64 & ~(uint64_t)1);
    if (event->data.u64 & 1) {
        pool_on_death(worker, process);
        return;
    }
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        ends_read(worker, process);
    if (event->events & EPOLLOUT)
        lanes_flush(worker, process);
    if (event->events & (EPOLLHUP | EPOLLERR))       /* it has closed its end: the pidfd tells the rest */
        epoll_ctl(worker->epoll, EPOLL_CTL_DEL, process->socket, NULL);
}

/* A process dies after what it said was read: deaths come last, and free it. */
static void read_events(struct worker *worker, const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++)
        if (!(events[i].data.u64 & 1))
            on_event(worker, &events[i]);
    for (int i = 0; i < n; i++)
        if (events[i].data.u64 & 1)
            on_event(worker, &events[i]);
}

static void return_line(struct worker *worker)
{
    struct run *run;

    inputs_return(worker);
    while ((run = TAILQ_FIRST(&worker->queue))) {
        TAILQ_REMOVE(&worker->queue, run, link);
        run_return(worker, run);
    }
}

static void go_down(struct worker *worker)
{
    struct process *process;

    if (!worker->is_draining) {
        worker->is_draining = true;
        atomic_store_explicit(&worker->load_drains, true, memory_order_relaxed);
        worker->drain_until_ms = worker->mono_ms + worker->config.drain_ms;
        scheduler_drain(worker->scheduler);
        TAILQ_FOREACH(process, &worker->processes, link)
            lanes_take_back(worker, process);
    }
    if (!worker->has_abandoned && (worker->letters.is_stopping || worker->mono_ms >= worker->drain_until_ms)) {
        worker->has_abandoned = true;
        worker->drain_until_ms = worker->mono_ms;
        scheduler_abandon(worker->scheduler);
    }
    return_line(worker);
}

static bool is_done(const struct worker *worker)
{
    if (!worker->is_draining)
        return false;
    if (worker->mono_ms >= worker->drain_until_ms + SETTLE_MS) {
        log_error("some jobs could not be handed back; the next start finds them");
        return true;
    }
    return scheduler_is_settled(worker->scheduler) && !worker->first_append &&
           atomic_load_explicit(&worker->n_appends_out, memory_order_acquire) == 0;
}

static int wait_ms(const struct worker *worker)
{
    int64_t in = scheduler_next_tick(worker->scheduler, worker->wall_ms, worker->mono_ms);
    int64_t watch = pool_next_watch(worker), sweep = sweep_next(worker);

    if (worker->is_unfinished)
        return 0;
    if (watch < in)
        in = watch;
    if (sweep < in)
        in = sweep;
    if (worker->is_draining && in > 10)
        in = 10;
    return (int)in;
}

static void turn(struct worker *worker)
{
    struct epoll_event events[EVENTS_MAX];
    struct process *process;
    int n = epoll_wait(worker->epoll, events, EVENTS_MAX, wait_ms(worker));

    worker->wall_ms = clock_wall_ms();
    worker->mono_ms = clock_mono_ms();
    read_letters(worker);
    read_events(worker, events, n);
    TAILQ_FOREACH(process, &worker->processes, link)
        lanes_collect(worker, process);
    lanes_watch(worker);
    pool_watch(worker);
    if (worker->letters.is_draining)
        go_down(worker);
    peers_watch_link(worker);
    if (worker->mono_ms != worker->tick_at_ms)
        scheduler_tick(worker->scheduler, worker->wall_ms, worker->mono_ms);
    worker->tick_at_ms = worker->mono_ms;
    worker_act(worker);
    lanes_feed(worker);
    worker_sweep(worker);
    worker_send_appends(worker);
    METRIC_SET(SLOTS_BUSY, worker->n_busy);
    atomic_store_explicit(&worker->load, (int)worker->n_busy, memory_order_relaxed);
}

static void *work(void *arg)
{
    struct worker *worker = arg;

    log_set_component("worker");
    worker->wall_ms = clock_wall_ms();
    worker->mono_ms = clock_mono_ms();
    METRIC_SET(SLOTS, worker->config.slots);
    for (int slot = 0; slot < worker->config.slots; slot++)
        pool_spawn(worker, true);                    /* warm when the first jobs come */
    mailbox_open(&worker->box);                      /* before the view is read: what comes later is told */
    atomic_store_explicit(&worker->load_works, true, memory_order_relaxed);
    worker_seed(worker);
    while (!is_done(worker))
        turn(worker);
    return_line(worker);
    pool_close(worker);
    METRIC_SET(SLOTS_BUSY, 0);
    METRIC_SET(SLOTS, 0);
    atomic_store(&worker->has_ended, true);
    return NULL;
}

static void warn_of_what_lacks(void)
{
    if (!sandbox_files_supported())
        log_warn("NO FILE SANDBOX: this kernel has no Landlock, so job code can read the data folder");
    if (!sandbox_calls_supported())
        log_warn("NO SYSTEM CALL FILTER: this kernel has no seccomp, so job code can use the network");
}

enum err worker_start(struct worker *worker)
{
    struct epoll_event mail = {.events = EPOLLIN, .data.ptr = NULL};
    enum err err = reader_open(worker->dir, &worker->reader);

    if (!err)
        err = scratch_reset(worker->dir);
    if (err)
        return err;
    warn_of_what_lacks();
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (worker->epoll < 0 || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->box.eventfd, &mail) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || noise_open(worker))
        return ERR_IO;
    if (pthread_create(&worker->thread, NULL, work, worker))
        return ERR_NOMEM;
    worker->has_thread = true;
    return ERR_OK;
}

void worker_drain(struct worker *worker)
{
    mailbox_post_stop(&worker->box, false);
}

void worker_stop_now(struct worker *worker)
{
    mailbox_post_stop(&worker->box, true);
}

bool worker_has_ended(const struct worker *worker)
{
    return atomic_load(&worker->has_ended);
}

void worker_join(struct worker *worker)
{
    if (!worker->has_thread)
        return;
    pthread_join(worker->thread, NULL);
    worker->has_thread = false;
}
