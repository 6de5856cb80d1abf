/* sim_check.c: the rules, kept by a bookkeeping of its own that knows nothing of the fold's code. Each
 * event of the log is judged here too: whether it counts, and what state follows. */
#include "tests/sim/sim.h"

#include <string.h>

static bool is_held(const struct sim_job *job, const struct event *event)
{
    return job->state == JOB_RUNNING && job->epoch == event->epoch;
}

static bool expect_claimed(struct sim *sim, struct sim_job *job, const struct event *event)
{
    struct sim_claim *claim = &job->claims[event->epoch % SIM_EPOCHS];

    if (!job_state_is_waiting(job->state) || event->epoch != job->epoch + 1 || event->at < job->run_at)
        return false;
    if (event->epoch >= SIM_EPOCHS)
        sim_fail(sim, "%s was claimed %d times", event->job, event->epoch);
    if (sscanf(event->worker, "w%d.%*8x-%x", &claim->worker, &claim->incarnation) != 2)
        sim_fail(sim, "%s is claimed by %s", event->job, event->worker);
    claim->pos = event->pos;
    claim->started = claim->fenced = false;
    job->state = JOB_RUNNING;
    job->epoch = event->epoch;
    job->holder = claim->worker;
    job->run_at = 0;
    return true;
}

/* What follows the end of an attempt. */
static bool expect_end(struct sim_job *job, const struct event *event)
{
    if (!is_held(job, event) || (event->kind == EVENT_CANCELLED && !job->cancel_wanted))
        return false;
    job->attempts_used += event->kind != EVENT_RELEASED && event->kind != EVENT_LOST;
    job->losses += event->kind == EVENT_LOST;
    job->started = job->started || event->kind != EVENT_RELEASED;
    if (job->cancel_wanted) {
        job->state = JOB_CANCELLED;
    } else if (event->kind == EVENT_DONE) {
        job->state = JOB_SUCCEEDED;
    } else if (event->kind == EVENT_RELEASED) {
        job->state = JOB_QUEUED;
    } else if (event->kind == EVENT_LOST) {
        job->state = job->losses >= job->spec->max_losses ? JOB_FAILED : JOB_QUEUED;
    } else if (event->retry_at && event->error.retryable && job->attempts_used < job->max_attempts) {
        job->state = JOB_RETRYING;
        job->run_at = event->retry_at;
    } else {
        job->state = JOB_FAILED;
    }
    return true;
}

static bool expect_cancel(struct sim_job *job)
{
    if (job_state_is_final(job->state) || job->cancel_wanted)
        return false;
    job->cancel_wanted = true;
    if (job->state != JOB_RUNNING)
        job->state = JOB_CANCELLED;
    return true;
}

static bool expect_retried(struct sim_job *job)
{
    if (!job_state_is_final(job->state) || job->state == JOB_SUCCEEDED)
        return false;
    job->state = JOB_QUEUED;
    job->max_attempts += job->spec->max_attempts;
    job->losses = 0;
    job->cancel_wanted = false;
    job->retried = true;
    job->run_at = 0;
    return true;
}

static bool expect(struct sim *sim, struct sim_job *job, const struct sim_entry *entry)
{
    const struct event *event = &entry->event;

    switch (event->kind) {
    case EVENT_SUBMITTED:
        if (!entry->accepted)
            return false; /* a key that is taken: sim_log.c and the view judge that */
        job->accepted = true;
        job->max_attempts = job->spec->max_attempts;
        job->run_at = job->spec->run_at > event->at ? job->spec->run_at : 0;
        job->state = job->run_at ? JOB_SCHEDULED : JOB_QUEUED;
        return true;
    case EVENT_DUE:
        if ((job->state != JOB_SCHEDULED && job->state != JOB_RETRYING) || event->at < job->run_at)
            return false;
        job->state = JOB_QUEUED;
        job->run_at = 0;
        return true;
    case EVENT_CLAIMED:
        return expect_claimed(sim, job, event);
    case EVENT_CANCEL:
        return expect_cancel(job);
    case EVENT_EXPIRED:
        if (!job_state_is_waiting(job->state) || job->started || job->retried || !job->spec->expires_at ||
            event->at < job->spec->expires_at)
            return false;
        job->state = JOB_EXPIRED;
        return true;
    case EVENT_RETRIED:
        return expect_retried(job);
    default:
        return expect_end(job, event);
    }
}

/* Its process has ended, though the log may not have taken the news yet. */
static bool is_over(const struct sim_worker *worker, const struct sim_job *job)
{
    for (unsigned i = 0; i < worker->n_procs; i++)
        if (worker->procs[i].epoch == job->epoch && strcmp(worker->procs[i].id, job->spec->id) == 0)
            return false;
    return job->claims[job->epoch].started;
}

/* At once over all workers is promised where there is one worker. What a worker that is gone held
 * does not run. */
static void check_concurrency(struct sim *sim, const struct sim_kind *kind)
{
    const struct sim_worker *worker = &sim->workers[0];
    int n = 0;

    for (unsigned i = 0; i < sim->n_jobs; i++) {
        const struct sim_job *job = &sim->jobs[i];

        if (job->accepted && job->kind == kind && job->state == JOB_RUNNING)
            n += job->claims[job->epoch].incarnation == worker->incarnation && !is_over(worker, job);
    }
    if (n > kind->concurrency)
        sim_fail(sim, "%d jobs of type %s run at once", n, kind->name);
}

void sim_check_entry(struct sim *sim, const struct sim_entry *entry)
{
    const struct event *event = &entry->event;
    struct sim_job *job = sim_find(sim, event->job);
    bool was_accepted = job && job->accepted;
    bool counts;

    if (!job || (!was_accepted && event->kind != EVENT_SUBMITTED)) {
        if (entry->accepted)
            sim_fail(sim, "%s of an unknown job counts", event_kind_word(event->kind));
        return;
    }
    sim->seen.late += !entry->accepted && event->epoch > 0 && event->epoch < job->epoch &&
                      (event->kind == EVENT_DONE || event->kind == EVENT_FAILED || event->kind == EVENT_CANCELLED);
    counts = expect(sim, job, entry);
    if (counts != entry->accepted)
        sim_fail(sim, "%s of %s (epoch %d) %s count", event_kind_word(event->kind), event->job, event->epoch,
                 counts ? "does not" : "does");
    else if (job->accepted && entry->job->state != job->state)
        sim_fail(sim, "%s of %s leads to %s, not to %s", event_kind_word(event->kind), event->job,
                 job_state_word(entry->job->state), job_state_word(job->state));
    if (!entry->accepted || sim->failed)
        return;
    if (entry->told != (event->kind == EVENT_CANCEL && job->state == JOB_RUNNING ? CHANGE_STOPPING
                                                                                 : change_of_state(job->state)))
        sim_fail(sim, "%s of %s is told as %s", event_kind_word(event->kind), event->job, change_word(entry->told));
    if (job->attempts_used > job->max_attempts || entry->job->attempts_used != job->attempts_used)
        sim_fail(sim, "%s has used %d attempts of %d", event->job, entry->job->attempts_used, job->max_attempts);
    if (job->losses > job->spec->max_losses || entry->job->losses != job->losses)
        sim_fail(sim, "%s was lost %d times", event->job, entry->job->losses);
    if (job->cancel_wanted && job->state == JOB_SUCCEEDED)
        sim_fail(sim, "%s succeeded after its cancel", event->job);
    if (event->kind == EVENT_CLAIMED && sim->n_workers == 1 && job->kind->concurrency)
        check_concurrency(sim, job->kind);
    sim->seen.claimed += event->kind == EVENT_CLAIMED;
    sim->seen.lost += event->kind == EVENT_LOST;
    sim->seen.retried += event->kind == EVENT_RETRIED;
    sim->seen.cancelled += job->state == JOB_CANCELLED;
    sim->seen.expired += job->state == JOB_EXPIRED;
}

/* Nothing starts but what this worker has read as its own, once, and has not read the end of. */
void sim_check_start(struct sim *sim, const struct sim_worker *worker, const struct job *job)
{
    struct sim_job *known = sim_find(sim, job->spec->id);
    struct sim_claim *claim = &known->claims[job->epoch % SIM_EPOCHS];

    if (claim->worker != worker->number || claim->incarnation != worker->incarnation ||
        claim->pos > (int64_t)worker->read)
        sim_fail(sim, "%s starts %s (epoch %d) without a claim it has read", worker->name, job->spec->id, job->epoch);
    if (claim->started)
        sim_fail(sim, "%s starts %s (epoch %d) twice", worker->name, job->spec->id, job->epoch);
    claim->started = true;
    for (size_t i = worker->read; i-- > (size_t)claim->pos;) {
        const struct sim_entry *entry = &sim->log[i];

        if (entry->accepted && entry->job->spec == known->spec &&
            (entry->job->state != JOB_RUNNING || entry->job->epoch != job->epoch))
            sim_fail(sim, "%s starts %s (epoch %d), which it knows to be over", worker->name, job->spec->id, job->epoch);
    }
    sim->seen.starts++;
    if (sim->lease_ms && worker->is_told_up && sim_deaf_ms(sim, worker) > sim->lease_ms * 2 / 3 &&
        sim->now_ms - worker->link_told_ms > sim->lease_ms * 2 / 3)
        sim_fail(sim, "%s starts %s and does not hear itself", worker->name, job->spec->id);
}

void sim_check_claim(struct sim *sim, const struct sim_worker *worker, const char *id)
{
    const struct sim_job *job = sim_find(sim, id);

    if (worker->paused & 1U << (job->spec->queue[1] - '0'))
        sim_fail(sim, "%s claims %s, whose queue is paused", worker->name, id);
    if (sim->lease_ms && (!worker->is_told_up || (sim_deaf_ms(sim, worker) > sim->lease_ms * 2 / 3 &&
                                                  sim->now_ms - worker->link_told_ms > sim->lease_ms * 2 / 3)))
        sim_fail(sim, "%s claims %s and hears nothing", worker->name, id);
}

/* What a worker stopped because it did not hear itself is nobody's fault. */
void sim_check_failed(struct sim *sim, const struct sim_worker *worker, const struct event *event)
{
    if (sim_find(sim, event->job)->claims[event->epoch % SIM_EPOCHS].fenced)
        sim_fail(sim, "%s says %s has failed, having fenced it", worker->name, event->job);
}

/* It is there, hears its own heartbeats, and has read all that happened while it was cut off. */
static bool is_sound(const struct sim *sim, const struct sim_worker *worker)
{
    return worker->scheduler && sim->now_ms >= worker->paused_until && sim_link_is_up(sim, worker) && worker->is_told_up &&
           sim_deaf_ms(sim, worker) <= sim->lease_ms * 2 / 3 && worker->read >= worker->catch_up;
}

/* What it was given before it was last cut off runs on, whatever the others thought of it meanwhile. */
static bool runs(const struct sim_worker *worker, const struct sim_proc *proc)
{
    return !proc->killed && proc->given_ms >= worker->back_ms;
}

/* Nobody is called lost who hears itself and is at work; not even by somebody who has heard nothing. */
void sim_check_lost(struct sim *sim, const struct sim_worker *judge, const struct event *event)
{
    const struct sim_job *job = sim_find(sim, event->job);
    const struct sim_worker *worker = &sim->workers[job->claims[event->epoch].worker];

    if (!sim->lease_ms || worker->incarnation != job->claims[event->epoch].incarnation || !is_sound(sim, worker))
        return;
    for (unsigned i = 0; i < worker->n_procs; i++)
        if (worker->procs[i].epoch == event->epoch && strcmp(worker->procs[i].id, event->job) == 0 &&
            runs(worker, &worker->procs[i]))
            sim_fail(sim, "%s calls %s lost (epoch %d), and %s is at it", judge->name, event->job, event->epoch, worker->name);
}

/* No two workers that hear themselves run the same job. */
void sim_check_runners(struct sim *sim)
{
    const struct sim_worker *runner[SIM_JOBS] = {0};

    for (unsigned i = 0; i < sim->n_workers; i++) {
        const struct sim_worker *worker = &sim->workers[i];

        for (unsigned p = 0; is_sound(sim, worker) && p < worker->n_procs; p++) {
            const struct sim_proc *proc = &worker->procs[p];
            struct sim_job *job = sim_find(sim, proc->id);

            if (!proc->begun || !runs(worker, proc))
                continue;
            if (runner[job - sim->jobs] && runner[job - sim->jobs] != worker)
                sim_fail(sim, "%s and %s run %s", runner[job - sim->jobs]->name, worker->name, proc->id);
            runner[job - sim->jobs] = worker;
        }
    }
}

/* Long jobs one for each slot, and never more of a type than it allows. Those being killed may be
 * replaced already. */
void sim_check_worker(struct sim *sim, const struct sim_worker *worker)
{
    int n[SIM_KINDS] = {0};

    for (unsigned i = 0; i < worker->n_procs; i++)
        if (!worker->procs[i].killed)
            n[worker->procs[i].kind - sim_kinds]++;
    for (unsigned k = 0; k < SIM_KINDS; k++) {
        if (sim_kinds[k].concurrency && n[k] > sim_kinds[k].concurrency)
            sim_fail(sim, "%s has %d jobs of type %s", worker->name, n[k], sim_kinds[k].name);
        if (sim_kinds[k].least_ms >= 10 && n[k] > worker->slots)
            sim_fail(sim, "%s has %d jobs of type %s for %d slots", worker->name, n[k], sim_kinds[k].name, worker->slots);
    }
}

void sim_check_end(struct sim *sim)
{
    for (unsigned i = 0; i < sim->n_jobs; i++) {
        const struct sim_job *job = &sim->jobs[i];

        if (job->accepted && !job_state_is_final(job->state))
            sim_fail(sim, "%s stays %s (epoch %d)", job->spec->id, job_state_word(job->state), job->epoch);
        sim->seen.submitted += job->accepted;
    }
}
