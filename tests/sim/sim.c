/* sim.c: one life: trouble for a while, then calm until everything has come to its end. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TROUBLE_MS 20000
#define CALM_MS 900000

const struct sim_kind sim_kinds[SIM_KINDS] = {
    {"quick", 1, 4, 2, 2, 0, 400},      {"medium", 10, 150, 5, 0, 0, 60000}, {"long", 300, 2000, 5, 0, 0, 60000},
    {"flaky", 5, 50, 40, 0, 0, 60000},  {"hanging", 5, 100, 5, 40, 0, 200},  {"narrow", 20, 200, 5, 5, 2, 500},
};

uint64_t sim_draw(struct sim *sim, uint64_t n)
{
    uint64_t z = (sim->random += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % n;
}

bool sim_chance(struct sim *sim, unsigned in_1000)
{
    return sim_draw(sim, 1000) < in_1000;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "seed %llu, %lld ms, position %zu: ", (unsigned long long)sim->seed,
            (long long)(sim->now_ms - SIM_START_MS), sim->n_log);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    sim->failed = true;
}

static void trouble(struct sim *sim)
{
    for (unsigned i = 0; i < sim->n_workers; i++) {
        struct sim_worker *worker = &sim->workers[i];

        if (!worker->scheduler)
            continue;
        if (sim_chance(sim, 1)) {
            sim_worker_crash(sim, worker);
        } else if (sim_chance(sim, 1)) {
            scheduler_drain(worker->scheduler);
            worker->draining = true;
        } else if (sim_chance(sim, 2)) {
            worker->paused_until = sim->now_ms + 1 + (int64_t)sim_draw(sim, 1500);
        } else if (sim->lease_ms && sim_chance(sim, 2)) {
            worker->paused_until = sim->now_ms + sim->lease_ms / 2 + (int64_t)sim_draw(sim, (uint64_t)sim->lease_ms * 2);
            worker->is_stalled = sim_chance(sim, 200);
            sim->seen.pauses++;
        } else if (sim->lease_ms && sim_chance(sim, 2)) {
            worker->mute_until = sim->now_ms + 1 + (int64_t)sim_draw(sim, (uint64_t)sim->lease_ms * 3 / 2);
        } else if (sim->lease_ms && sim_chance(sim, 1)) {
            worker->cut_off_until = sim->now_ms + 1 + (int64_t)sim_draw(sim, (uint64_t)sim->lease_ms * 2);
            if (sim_chance(sim, 400))
                worker->mute_until = worker->cut_off_until + (int64_t)sim_draw(sim, (uint64_t)sim->lease_ms);
            sim->seen.cuts++;
        } else if (sim->lease_ms && sim_chance(sim, 3)) {
            worker->beat_delay_ms = (int64_t)sim_draw(sim, sim_chance(sim, 200) ? (uint64_t)sim->lease_ms : 30);
        } else if (sim_chance(sim, 5)) {
            worker->delay_ms = (int64_t)sim_draw(sim, sim_chance(sim, 200) ? 800 : 30);
        }
    }
    if (sim_chance(sim, 1))
        sim->full_until = sim->now_ms + 1 + (int64_t)sim_draw(sim, 2000);
    if (sim->lease_ms && sim_chance(sim, 1))
        sim->away_until = sim->now_ms + 1 + (int64_t)sim_draw(sim, (uint64_t)sim->lease_ms * 2);
}

static bool all_ended(const struct sim *sim)
{
    if (sim->flights || sim->n_jobs < sim->n_wanted)
        return false;
    for (unsigned i = 0; i < sim->n_jobs; i++)
        if (sim->jobs[i].accepted && !job_state_is_final(sim->jobs[i].state))
            return false;
    return true;
}

static void settle(struct sim *sim)
{
    sim->calm = true;
    sim->full_until = sim->away_until = 0;
    sim->n_wanted = sim->n_jobs;
    for (unsigned i = 0; i < sim->n_workers; i++) {
        sim->workers[i].paused_until = sim->workers[i].cut_off_until = sim->workers[i].mute_until = 0;
        sim->workers[i].beat_delay_ms = sim->workers[i].beat_delay_ms > 20 ? 20 : sim->workers[i].beat_delay_ms;
        if (sim->workers[i].delay_ms > 20)
            sim->workers[i].delay_ms = 20;
    }
}

static void step(struct sim *sim)
{
    sim_clients_step(sim);
    sim_flights_land(sim);
    for (unsigned i = 0; i < sim->n_workers && !sim->failed; i++)
        sim_worker_step(sim, &sim->workers[i]);
    if (sim->lease_ms && !sim->failed)
        sim_check_runners(sim);
}

static void begin(struct sim *sim)
{
    sim->random = sim->seed * 0x2545f4914f6cdd1dU;
    sim->now_ms = SIM_START_MS;
    sim->n_wanted = 10 + (unsigned)sim_draw(sim, SIM_JOBS - 10);
    for (unsigned i = 0; i < sim->n_workers; i++) {
        struct sim_worker *worker = &sim->workers[i];

        worker->number = (int)i;
        worker->slots = 1 + (int)sim_draw(sim, 4);
        worker->skew_ms = sim->n_workers == 1 ? 0 : (int64_t)sim_draw(sim, 101) - 50;
        worker->delay_ms = (int64_t)sim_draw(sim, 10);
    }
}

bool sim_run(struct sim *sim)
{
    int64_t end;

    begin(sim);
    for (end = sim->now_ms + TROUBLE_MS; sim->now_ms < end && !sim->failed;
         sim->now_ms += 1 + (int64_t)sim_draw(sim, sim->n_jobs < sim->n_wanted ? 10 : 40)) {
        trouble(sim);
        step(sim);
        if (sim->n_jobs == sim->n_wanted && all_ended(sim))
            break;
    }
    settle(sim);
    for (end = sim->now_ms + CALM_MS; sim->now_ms < end && !sim->failed && !all_ended(sim);
         sim->now_ms += 1 + (int64_t)sim_draw(sim, 40))
        step(sim);
    if (!sim->failed)
        sim_check_end(sim);
    if (!sim->failed)
        sim_log_check(sim);
    for (unsigned i = 0; i < sim->n_workers; i++)
        scheduler_free(sim->workers[i].scheduler);
    sim_flights_drop(sim);
    sim_log_close(sim);
    return !sim->failed;
}
