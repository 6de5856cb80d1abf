/* sim_clients.c: what people ask for: jobs of every kind, some with a key that stands twice, cancels
 * and retries of whatever there is. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

static struct spec *make_spec(struct sim *sim, unsigned number, const struct sim_kind *kind)
{
    struct spec *spec = spec_new();
    char key[16], queue[16];

    if (!spec)
        return NULL;
    snprintf(spec->id, sizeof spec->id, "01k9%022u", number);
    spec->type = strdup(kind->name);
    snprintf(queue, sizeof queue, "q%u", number % SIM_QUEUES);
    spec->queue = strdup(queue);
    spec->priority = (int)sim_draw(sim, PRIORITY_MAX + 1);
    spec->created_at = sim->now_ms;
    spec->keep_ms = KEEP_MS_DEFAULT;
    spec->timeout_ms = kind->timeout_ms;
    spec->max_attempts = 1 + (int)sim_draw(sim, 4);
    spec->max_losses = 2 + (int)sim_draw(sim, 4);
    if (sim_chance(sim, 150))
        spec->run_at = sim->now_ms + 1 + (int64_t)sim_draw(sim, 3000);
    if (sim_chance(sim, 150))
        spec->expires_at = sim->now_ms + 1 + (int64_t)sim_draw(sim, 2500);
    if (sim_chance(sim, 150)) {
        snprintf(key, sizeof key, "key-%u", (unsigned)sim_draw(sim, 20));
        spec->idempotency_key = strdup(key);
        spec->fingerprint = sim_draw(sim, 2) + 1;
    }
    return spec;
}

static void submit(struct sim *sim)
{
    struct sim_job *job = &sim->jobs[sim->n_jobs];
    const struct sim_kind *kind = &sim_kinds[sim_draw(sim, SIM_KINDS)];
    struct event event;

    if (sim_log_is_full(sim))
        return; /* 503 */
    job->kind = kind;
    job->spec = make_spec(sim, sim->n_jobs, kind);
    if (!job->spec) {
        sim_fail(sim, "no memory for a job");
        return;
    }
    sim->n_jobs++;
    event_init(&event, EVENT_SUBMITTED, job->spec->id, sim->now_ms);
    event.spec = spec_ref(job->spec);
    event.body = body_new("application/json", "{}", 2);
    sim_log_write(sim, &event);
}

static void ask(struct sim *sim, enum event_kind kind)
{
    struct event event;

    if (sim_log_is_full(sim) || sim->n_jobs == 0)
        return;
    event_init(&event, kind, sim->jobs[sim_draw(sim, sim->n_jobs)].spec->id, sim->now_ms);
    sim_log_write(sim, &event);
}

/* Somebody gives up on a worker that lives, and is now a zombie for this job: what it still tells
 * comes too late, and must not count for whoever has the job by then. */
static void declare_lost(struct sim *sim)
{
    const struct sim_job *job;
    struct event event;

    if (sim_log_is_full(sim) || sim->n_jobs == 0)
        return;
    job = &sim->jobs[sim_draw(sim, sim->n_jobs)];
    if (!job->accepted || job->state != JOB_RUNNING)
        return;
    event_init(&event, EVENT_LOST, job->spec->id, sim->now_ms);
    event.epoch = job->epoch;
    sim_log_write(sim, &event);
}

/* In this log the number of such an event says which queues are paused from here on. */
static void pause_queues(struct sim *sim, unsigned paused)
{
    struct event event;

    event_init(&event, EVENT_QUEUE, "", sim->now_ms);
    event.epoch = (int)paused;
    sim->paused = paused;
    sim->seen.pausing++;
    sim_log_write(sim, &event);
}

void sim_clients_step(struct sim *sim)
{
    if (sim->calm) {
        if (sim->paused)
            pause_queues(sim, 0);
        return;
    }
    if (!sim->view && sim_chance(sim, 5) && !sim_log_is_full(sim))
        pause_queues(sim, sim_chance(sim, 400) ? 0 : (unsigned)sim_draw(sim, 1U << SIM_QUEUES));
    if (sim_chance(sim, 100))
        for (uint64_t n = 1 + sim_draw(sim, sim_chance(sim, 100) ? 30 : 3); n > 0 && sim->n_jobs < sim->n_wanted; n--)
            submit(sim);
    if (sim_chance(sim, 10))
        ask(sim, EVENT_CANCEL);
    if (sim_chance(sim, 5))
        ask(sim, EVENT_RETRIED);
    if (sim->n_workers > 1 && !sim->lease_ms && sim_chance(sim, 200))
        declare_lost(sim);
}
