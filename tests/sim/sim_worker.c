/* sim_worker.c: a worker around the real scheduler: it reads the log late, sends what it appends on a
 * way that takes time, runs attempts in as many executors as it has slots, and dies without warning. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX
#define REST_AFTER 20000 /* actions of one step before we say it runs in circles */

static int64_t wall_of(const struct sim *sim, const struct sim_worker *worker)
{
    return sim->now_ms + worker->skew_ms;
}

static int64_t mono_of(const struct sim *sim, const struct sim_worker *worker)
{
    return sim->now_ms - SIM_START_MS + 1000 * (worker->number + 1);
}

/* ---- appends on their way ---- */

static void send(struct sim *sim, struct sim_worker *worker, const struct event *event)
{
    struct sim_flight *flight = malloc(sizeof *flight);
    struct sim_flight **last = &sim->flights;

    if (!flight) {
        sim_fail(sim, "no memory for an append");
        return;
    }
    *flight = (struct sim_flight){.arrives_ms = sim->now_ms + (int64_t)sim_draw(sim, 25),
                                  .worker = worker->number,
                                  .incarnation = worker->incarnation,
                                  .event = *event};
    if (flight->arrives_ms < worker->sent_upto_ms)
        flight->arrives_ms = worker->sent_upto_ms; /* what one worker sends stays in order */
    worker->sent_upto_ms = flight->arrives_ms;
    while (*last)
        last = &(*last)->next;
    *last = flight;
}

static void land(struct sim *sim, struct sim_flight *flight)
{
    struct sim_worker *worker = &sim->workers[flight->worker];

    if (!sim_log_is_full(sim)) {
        sim_log_write(sim, &flight->event);
    } else {
        sim->seen.refused++;
        if (sim->trace)
            fprintf(stderr, "%6lld ms refused %s %s %d\n", (long long)(sim->now_ms - SIM_START_MS),
                    event_kind_word(flight->event.kind), flight->event.job + ID_LEN - 4, flight->event.epoch);
        if (worker->scheduler && worker->incarnation == flight->incarnation)
            scheduler_on_refused(worker->scheduler, &flight->event, ERR_STORAGE_FULL, mono_of(sim, worker));
        event_clear(&flight->event);
    }
    free(flight);
}

void sim_flights_land(struct sim *sim)
{
    struct sim_flight **at = &sim->flights;

    while (*at) {
        struct sim_flight *flight = *at;

        if (flight->arrives_ms > sim->now_ms) {
            at = &flight->next;
            continue;
        }
        *at = flight->next;
        land(sim, flight);
    }
}

void sim_flights_drop(struct sim *sim)
{
    while (sim->flights) {
        struct sim_flight *flight = sim->flights;

        sim->flights = flight->next;
        event_clear(&flight->event);
        free(flight);
    }
}

/* What a dead worker had sent has reached the log or never will: decided before it lives again. The
 * log takes it in order, so from the first that is lost on all are. */
static void settle_flights(struct sim *sim, int worker)
{
    struct sim_flight **at = &sim->flights;
    bool lost = false;

    while (*at) {
        struct sim_flight *flight = *at;

        if (flight->worker != worker) {
            at = &flight->next;
            continue;
        }
        *at = flight->next;
        lost = lost || sim_chance(sim, 300);
        if (!lost) {
            land(sim, flight);
        } else {
            event_clear(&flight->event);
            free(flight);
        }
    }
}

/* ---- life and death ---- */

static void go_down(struct sim *sim, struct sim_worker *worker)
{
    scheduler_free(worker->scheduler);
    worker->scheduler = NULL;
    worker->n_procs = 0;
    worker->draining = false;
    worker->up_at = sim->now_ms + (int64_t)sim_draw(sim, 800);
    settle_flights(sim, worker->number);
}

void sim_worker_crash(struct sim *sim, struct sim_worker *worker)
{
    sim->seen.crashes++;
    go_down(sim, worker);
}

/* A snapshot of what is unfinished. What others hold is their own to tell of. */
static void seed(struct sim *sim, struct sim_worker *worker)
{
    scheduler_seed_begin(worker->scheduler, (int64_t)sim->n_log);
    for (unsigned i = 0; i < sim->n_jobs; i++) {
        struct sim_job *job = &sim->jobs[i];

        if (!job->accepted || job_state_is_final(job->state))
            continue;
        if (job->state == JOB_RUNNING && job->holder != worker->number)
            continue;
        if (scheduler_seed(worker->scheduler, job->job, wall_of(sim, worker)))
            sim_fail(sim, "%s cannot be seeded", worker->name);
    }
    scheduler_seed_end(worker->scheduler);
    worker->read = sim->n_log;
}

static void come_up(struct sim *sim, struct sim_worker *worker)
{
    struct scheduler_config config = {
        .types = sim->types, .worker = worker->name, .slots = worker->slots, .seed = sim_draw(sim, 1U << 30)};

    worker->incarnation++;
    snprintf(worker->name, sizeof worker->name, "w%d.%d", worker->number, worker->incarnation);
    if (scheduler_new(&config, &worker->scheduler))
        sim_fail(sim, "%s does not come up", worker->name);
    else
        seed(sim, worker);
}

/* ---- what it hears, runs and decides ---- */

static void hear(struct sim *sim, struct sim_worker *worker)
{
    if (sim_chance(sim, 2)) { /* its mailbox was full */
        seed(sim, worker);
        return;
    }
    while (worker->read < sim->n_log && sim->log[worker->read].written_ms + worker->delay_ms <= sim->now_ms) {
        const struct sim_entry *entry = &sim->log[worker->read++];
        struct change change = {entry->told, entry->event.pos, entry->event.at, entry->job};

        if (!entry->accepted)
            continue;
        if (sim_digest(entry->job) != entry->digest)
            sim_fail(sim, "somebody wrote to the job told at position %lld", (long long)change.pos);
        if (scheduler_on_change(worker->scheduler, &change, wall_of(sim, worker), mono_of(sim, worker)))
            sim_fail(sim, "%s cannot hear", worker->name);
    }
}

static void begin(struct sim *sim, struct sim_worker *worker, struct sim_proc *proc)
{
    const struct sim_kind *kind = proc->kind;

    proc->begun = true;
    proc->ok = !sim_chance(sim, (unsigned)kind->fails * 10);
    proc->end_ms = sim_chance(sim, (unsigned)kind->hangs * 10)
                       ? NEVER
                       : sim->now_ms + kind->least_ms + (int64_t)sim_draw(sim, (uint64_t)(kind->most_ms - kind->least_ms));
    scheduler_on_started(worker->scheduler, proc->id, proc->epoch, mono_of(sim, worker));
}

static void end(struct sim *sim, struct sim_worker *worker, unsigned i)
{
    struct sim_proc proc = worker->procs[i];
    struct attempt_end how = {.ok = proc.ok, .run_us = proc.kind->least_ms * 1000, .progress.percent = -1};

    memmove(&worker->procs[i], &worker->procs[i + 1], (--worker->n_procs - i) * sizeof proc);
    if (proc.ok)
        how.result = body_new("application/json", "1", 1);
    else
        how.error = (struct job_error){.code = proc.killed ? JOB_ERROR_CRASHED : JOB_ERROR_HANDLER_ERROR,
                                       .retryable = proc.killed || sim_chance(sim, 800)};
    scheduler_on_end(worker->scheduler, proc.id, proc.epoch, &how, wall_of(sim, worker), mono_of(sim, worker));
}

static void run_procs(struct sim *sim, struct sim_worker *worker)
{
    int n_busy = 0;

    for (unsigned i = 0; i < worker->n_procs;) {
        struct sim_proc *proc = &worker->procs[i];

        if (proc->begun && proc->end_ms <= sim->now_ms) {
            end(sim, worker, i);
        } else {
            n_busy += proc->begun;
            i++;
        }
    }
    for (unsigned i = 0; i < worker->n_procs && n_busy < worker->slots; i++) {
        if (!worker->procs[i].begun) {
            begin(sim, worker, &worker->procs[i]);
            n_busy++;
        }
    }
}

static void start(struct sim *sim, struct sim_worker *worker, struct job *job)
{
    struct sim_proc *proc = &worker->procs[worker->n_procs];

    sim_check_start(sim, worker, job);
    if (worker->n_procs == SIM_PROCS) {
        sim_fail(sim, "%s starts more than anybody could run", worker->name);
    } else {
        *proc = (struct sim_proc){.epoch = job->epoch, .kind = sim_find(sim, job->spec->id)->kind};
        memcpy(proc->id, job->spec->id, ID_SIZE);
        worker->n_procs++;
    }
    job_unref(job);
}

static void kill_proc(struct sim *sim, struct sim_worker *worker, const char *id, int epoch)
{
    for (unsigned i = 0; i < worker->n_procs; i++) {
        struct sim_proc *proc = &worker->procs[i];

        if (proc->epoch != epoch || strcmp(proc->id, id) != 0)
            continue;
        if (!proc->begun && sim_chance(sim, 500)) { /* taken back before an executor had it */
            memmove(proc, proc + 1, (--worker->n_procs - i) * sizeof *proc);
            scheduler_on_returned(worker->scheduler, id, epoch);
            return;
        }
        if (!proc->begun)
            begin(sim, worker, proc);
        if (proc->end_ms > sim->now_ms + 15) { /* else it is faster than the kill */
            proc->end_ms = sim->now_ms + (int64_t)sim_draw(sim, 15);
            proc->ok = false;
        }
        proc->killed = true;
        return;
    }
    sim_fail(sim, "%s kills %s (epoch %d), which it does not run", worker->name, id, epoch);
}

static void decide(struct sim *sim, struct sim_worker *worker)
{
    int64_t wall_ms = wall_of(sim, worker), mono_ms = mono_of(sim, worker);

    scheduler_tick(worker->scheduler, wall_ms, mono_ms);
    for (unsigned i = 0; i < REST_AFTER && !sim->failed; i++) {
        struct scheduler_action action;
        char id[ID_SIZE];

        switch (scheduler_next(worker->scheduler, wall_ms, mono_ms, &action)) {
        case SCHEDULER_NOTHING:
            return;
        case SCHEDULER_APPEND:
            send(sim, worker, &action.event);
            break;
        case SCHEDULER_START:
            start(sim, worker, action.job);
            break;
        case SCHEDULER_KILL:
            memcpy(id, action.id, ID_SIZE);
            kill_proc(sim, worker, id, action.epoch);
            break;
        }
        sim_check_worker(sim, worker);
    }
    if (!sim->failed)
        sim_fail(sim, "%s does not come to rest", worker->name);
}

static bool has_flights(const struct sim *sim, int worker)
{
    for (const struct sim_flight *flight = sim->flights; flight; flight = flight->next)
        if (flight->worker == worker)
            return true;
    return false;
}

void sim_worker_step(struct sim *sim, struct sim_worker *worker)
{
    if (!worker->scheduler && sim->now_ms >= worker->up_at)
        come_up(sim, worker);
    if (!worker->scheduler || sim->now_ms < worker->paused_until || sim->failed)
        return;
    hear(sim, worker);
    run_procs(sim, worker);
    decide(sim, worker);
    if (worker->draining && sim_chance(sim, 5))
        scheduler_abandon(worker->scheduler);
    if (worker->draining && worker->n_procs == 0 && scheduler_in_hand(worker->scheduler) == 0 &&
        !has_flights(sim, worker->number))
        go_down(sim, worker);
}
