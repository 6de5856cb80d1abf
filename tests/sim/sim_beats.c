/* sim_beats.c: heartbeats, in one order for all like the events, but lossy, and read by each with a lag
 * of its own; and the link to whoever keeps log and heartbeats, which a worker learns of late. */
#include "tests/sim/sim.h"

#include <stdlib.h>

#define LOST_IN_1000 50

bool sim_link_is_up(const struct sim *sim, const struct sim_worker *worker)
{
    return sim->now_ms >= worker->cut_off_until && sim->now_ms >= sim->away_until;
}

int64_t sim_deaf_ms(const struct sim *sim, const struct sim_worker *worker)
{
    return sim->now_ms - worker->own_beat_ms;
}

void sim_link_step(struct sim *sim, struct sim_worker *worker)
{
    bool is_up = sim_link_is_up(sim, worker);

    if (!is_up)
        worker->catch_up = sim->n_log;
    if (is_up == worker->is_told_up || !sim_chance(sim, is_up ? 600 : 100))
        return;
    worker->is_told_up = is_up;
    if (is_up)
        worker->back_ms = sim->now_ms;
    worker->link_told_ms = sim->now_ms;
    scheduler_on_link(worker->scheduler, is_up, sim_mono(sim, worker));
}

void sim_beat_say(struct sim *sim, struct sim_worker *worker, bool leaving)
{
    struct sim_beat *beat;

    if (!sim->lease_ms || !sim_link_is_up(sim, worker) || sim->now_ms < worker->mute_until || sim_chance(sim, LOST_IN_1000))
        return;
    if (sim->n_beats == sim->cap_beats) {
        size_t cap = sim->cap_beats ? sim->cap_beats * 2 : 256;
        struct sim_beat *grown = realloc(sim->beats, cap * sizeof *grown);

        if (!grown) {
            sim_fail(sim, "no memory for a heartbeat");
            return;
        }
        sim->beats = grown;
        sim->cap_beats = cap;
    }
    beat = &sim->beats[sim->n_beats];
    *beat = (struct sim_beat){.worker = worker, .sent_ms = sim->now_ms, .kept_ms = sim->now_ms + (int64_t)sim_draw(sim, 10),
                              .slots = worker->slots, .draining = worker->draining, .leaving = leaving};
    snprintf(beat->name, sizeof beat->name, "%s", worker->name);
    if (sim->n_beats > 0 && beat->kept_ms < beat[-1].kept_ms)
        beat->kept_ms = beat[-1].kept_ms;
    sim->n_beats++;
}

void sim_beats_step(struct sim *sim, struct sim_worker *worker)
{
    if (sim->now_ms < worker->beat_at)
        return;
    worker->beat_at = sim->now_ms + sim->lease_ms / 6;
    sim_beat_say(sim, worker, false);
}

void sim_beats_hear(struct sim *sim, struct sim_worker *worker)
{
    const char *types[SIM_KINDS];

    for (unsigned i = 0; i < SIM_KINDS; i++)
        types[i] = sim_kinds[i].name;
    if (!sim_link_is_up(sim, worker))
        return;
    while (worker->beats_read < sim->n_beats) {
        const struct sim_beat *beat = &sim->beats[worker->beats_read];
        struct peer peer = {.name = beat->name, .slots = beat->slots, .draining = beat->draining,
                            .leaving = beat->leaving, .types = types, .n_types = SIM_KINDS};

        if (beat->kept_ms + worker->beat_delay_ms > sim->now_ms)
            return;
        worker->beats_read++;
        if (beat->worker == worker && beat->sent_ms > worker->own_beat_ms)
            worker->own_beat_ms = beat->sent_ms;
        scheduler_on_beat(worker->scheduler, &peer, beat->sent_ms - sim->now_ms + sim_mono(sim, worker),
                          sim_mono(sim, worker));
    }
}
