/* sim_worker.c: a worker around the real scheduler: it reads the log late, sends what it appends on a
 * way that takes time, runs attempts in as many executors as it has slots, and dies without warning. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX
#define WAKES_FIRST_MS 60 /* who sends heartbeats may wake before who reads them */
#define REST_AFTER 20000 /* actions of one step before we say it runs in circles */

int64_t sim_wall(const struct sim *sim, const struct sim_worker *worker)
{
    return sim->now_ms + worker->skew_ms;
}

int64_t sim_mono(const struct sim *sim, const struct sim_worker *worker)
{
    return sim->now_ms - SIM_START_MS + 1000 * (worker->number + 1);
}

/* ---- life and death ---- */

static void go_down(struct sim *sim, struct sim_worker *worker)
{
    scheduler_free(worker->scheduler);
    worker->scheduler = NULL;
    worker->n_procs = 0;
    worker->draining = worker->is_stalled = false;
    worker->paused_until = 0;
    worker->up_at = sim->now_ms + (int64_t)sim_draw(sim, 800);
    sim_flights_settle(sim, worker->number);
}

/* With leases some crash for good; somebody stays. */
static bool may_stay_away(const struct sim *sim)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sim->n_workers; i++)
        n += sim->workers[i].up_at != NEVER;
    return sim->lease_ms && n > 1;
}

void sim_worker_crash(struct sim *sim, struct sim_worker *worker)
{
    sim->seen.crashes++;
    go_down(sim, worker);
    if (may_stay_away(sim) && sim_chance(sim, 200)) {
        worker->up_at = NEVER;
        sim->seen.gone++;
    }
}

static void set_paused(struct sim *sim, struct sim_worker *worker, unsigned paused)
{
    static const char *const all[SIM_QUEUES] = {"q0", "q1", "q2"};
    const char *names[SIM_QUEUES];
    unsigned n = 0;

    for (unsigned i = 0; i < SIM_QUEUES; i++)
        if (paused & 1U << i)
            names[n++] = all[i];
    worker->paused = paused;
    if (scheduler_set_paused(worker->scheduler, names, n))
        sim_fail(sim, "%s cannot pause", worker->name);
}

/* A snapshot of what is unfinished. Without leases, what others hold is their own to tell of. */
static void seed(struct sim *sim, struct sim_worker *worker)
{
    set_paused(sim, worker, sim->paused);
    scheduler_seed_begin(worker->scheduler, (int64_t)sim->n_log);
    for (unsigned i = 0; i < sim->n_jobs; i++) {
        struct sim_job *job = &sim->jobs[i];

        if (!job->accepted || job_state_is_final(job->state))
            continue;
        if (!sim->lease_ms && job->state == JOB_RUNNING && job->holder != worker->number)
            continue;
        if (scheduler_seed(worker->scheduler, job->job, sim_wall(sim, worker)))
            sim_fail(sim, "%s cannot be seeded", worker->name);
    }
    scheduler_seed_end(worker->scheduler);
    worker->read = sim->n_log;
}

static void come_up(struct sim *sim, struct sim_worker *worker)
{
    struct scheduler_config config = {
        .types = sim->types, .worker = worker->name, .slots = worker->slots, .seed = sim_draw(sim, 1U << 30),
        .lease_ms = sim->lease_ms};

    worker->incarnation++;
    snprintf(worker->name, sizeof worker->name, "w%d.%08x-%08x", worker->number, (unsigned)worker->number + 16,
             worker->incarnation);
    worker->beats_read = sim->n_beats;
    worker->own_beat_ms = worker->beat_at = worker->link_told_ms = 0;
    worker->is_told_up = true;
    worker->catch_up = 0;
    worker->back_ms = 0;
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

        if (entry->event.kind == EVENT_QUEUE)
            set_paused(sim, worker, (unsigned)entry->event.epoch);
        if (!entry->accepted)
            continue;
        if (sim_digest(entry->job) != entry->digest)
            sim_fail(sim, "somebody wrote to the job told at position %lld", (long long)change.pos);
        if (scheduler_on_change(worker->scheduler, &change, sim_wall(sim, worker), sim_mono(sim, worker)))
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
    scheduler_on_started(worker->scheduler, proc->id, proc->epoch, sim_mono(sim, worker));
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
    scheduler_on_end(worker->scheduler, proc.id, proc.epoch, &how, sim_wall(sim, worker), sim_mono(sim, worker));
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
        *proc = (struct sim_proc){.epoch = job->epoch, .given_ms = sim->now_ms, .kind = sim_find(sim, job->spec->id)->kind};
        memcpy(proc->id, job->spec->id, ID_SIZE);
        worker->n_procs++;
    }
    job_unref(job);
}

static void note_kill(struct sim *sim, const struct sim_worker *worker, const char *id, int epoch, enum kill_reason reason)
{
    struct sim_job *job = sim_find(sim, id);

    job->claims[epoch % SIM_EPOCHS].fenced |= reason == KILL_FENCED;
    sim->seen.fenced += sim->lease_ms && reason == KILL_FENCED && sim_deaf_ms(sim, worker) > sim->lease_ms * 2 / 3;
}

static void kill_proc(struct sim *sim, struct sim_worker *worker, const char *id, int epoch, enum kill_reason reason)
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
        if (reason == KILL_AHEAD)                     /* an executor was faster */
            return;
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
    int64_t wall_ms = sim_wall(sim, worker), mono_ms = sim_mono(sim, worker);

    scheduler_tick(worker->scheduler, wall_ms, mono_ms);
    for (unsigned i = 0; i < REST_AFTER && !sim->failed; i++) {
        struct scheduler_action action;
        char id[ID_SIZE];

        switch (scheduler_next(worker->scheduler, wall_ms, mono_ms, &action)) {
        case SCHEDULER_NOTHING:
            return;
        case SCHEDULER_APPEND:
            if (action.event.kind == EVENT_CLAIMED)
                sim_check_claim(sim, worker, action.event.job);
            if (action.event.kind == EVENT_LOST)
                sim_check_lost(sim, worker, &action.event);
            if (action.event.kind == EVENT_FAILED)
                sim_check_failed(sim, worker, &action.event);
            sim_flight_send(sim, worker, &action.event);
            break;
        case SCHEDULER_START:
            start(sim, worker, action.job);
            break;
        case SCHEDULER_KILL:
            memcpy(id, action.id, ID_SIZE);
            note_kill(sim, worker, id, action.epoch, action.reason);
            kill_proc(sim, worker, id, action.epoch, action.reason);
            break;
        }
        sim_check_worker(sim, worker);
    }
    if (!sim->failed)
        sim_fail(sim, "%s does not come to rest", worker->name);
}

/* True: it sleeps on. */
static bool sleeps(struct sim *sim, struct sim_worker *worker)
{
    if (sim->now_ms >= worker->paused_until) {
        worker->is_stalled = false;
        return false;
    }
    if (worker->is_stalled || sim->now_ms + WAKES_FIRST_MS >= worker->paused_until)
        sim_beats_step(sim, worker);
    return true;
}

/* What waits for it when it wakes comes in any order. */
static void listen(struct sim *sim, struct sim_worker *worker)
{
    bool procs_first = sim->lease_ms && sim_chance(sim, 500);

    if (procs_first)
        run_procs(sim, worker);
    if (sim->lease_ms) {
        sim_link_step(sim, worker);
        sim_beats_step(sim, worker);
        sim_beats_hear(sim, worker);
    }
    if (sim_link_is_up(sim, worker))
        hear(sim, worker);
    if (!procs_first)
        run_procs(sim, worker);
}

void sim_worker_step(struct sim *sim, struct sim_worker *worker)
{
    if (!worker->scheduler && sim->now_ms >= worker->up_at && sim_link_is_up(sim, worker))
        come_up(sim, worker);
    if (!worker->scheduler || sim->failed || sleeps(sim, worker))
        return;
    listen(sim, worker);
    decide(sim, worker);
    if (worker->draining && sim_chance(sim, 5))
        scheduler_abandon(worker->scheduler);
    if (worker->draining && worker->n_procs == 0 && scheduler_in_hand(worker->scheduler) == 0 &&
        !sim_flights_has(sim, worker->number)) {
        sim->seen.left++;
        sim_beat_say(sim, worker, true);
        go_down(sim, worker);
    }
}
