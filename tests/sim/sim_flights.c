/* sim_flights.c: appends on their way into the log. They take their time, wait while their sender is cut
 * off, stay in the order of their sender, and may arrive twice: whoever sends something until it is
 * acknowledged cannot know that it was not taken the first time. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define REPEATS_IN_1000 20
#define REPEAT_WITHIN_MS 5000

static void enqueue(struct sim *sim, const struct sim_flight *flight)
{
    struct sim_flight *kept = malloc(sizeof *kept);
    struct sim_flight **last = &sim->flights;

    if (!kept) {
        sim_fail(sim, "no memory for an append");
        return;
    }
    *kept = *flight;
    kept->next = NULL;
    while (*last)
        last = &(*last)->next;
    *last = kept;
}

void sim_flight_send(struct sim *sim, struct sim_worker *worker, const struct event *event)
{
    struct sim_flight flight = {.arrives_ms = sim->now_ms + (int64_t)sim_draw(sim, 25),
                                .worker = worker->number,
                                .incarnation = worker->incarnation,
                                .event = *event};

    if (sim->lease_ms && sim_chance(sim, 5))
        flight.arrives_ms += (int64_t)sim_draw(sim, (uint64_t)sim->lease_ms);
    if (flight.arrives_ms < worker->sent_upto_ms)
        flight.arrives_ms = worker->sent_upto_ms; /* what one worker sends stays in order */
    worker->sent_upto_ms = flight.arrives_ms;
    enqueue(sim, &flight);
}

static void repeat(struct sim *sim, const struct sim_flight *flight)
{
    const struct event *event = &flight->event;
    struct sim_flight again = *flight;

    again.arrives_ms = sim->now_ms + 1 + (int64_t)sim_draw(sim, REPEAT_WITHIN_MS);
    again.incarnation = 0; /* nobody waits for an answer */
    again.event.worker = event->worker ? strdup(event->worker) : NULL;
    again.event.body = event->body ? body_ref(event->body) : NULL;
    again.event.progress.message = NULL;
    again.event.error = (struct job_error){0};
    if (job_error_copy(&again.event.error, &event->error))
        sim_fail(sim, "no memory for an append");
    sim->seen.repeats++;
    enqueue(sim, &again);
}

static void land(struct sim *sim, struct sim_flight *flight)
{
    struct sim_worker *worker = &sim->workers[flight->worker];

    if (sim->lease_ms && flight->incarnation && sim_chance(sim, REPEATS_IN_1000))
        repeat(sim, flight);
    if (!sim_log_is_full(sim)) {
        sim->seen.claims += flight->event.kind == EVENT_CLAIMED;
        sim_log_write(sim, &flight->event);
    } else {
        sim->seen.refused++;
        if (sim->trace)
            fprintf(stderr, "%6lld ms refused %s %s %d\n", (long long)(sim->now_ms - SIM_START_MS),
                    event_kind_word(flight->event.kind), flight->event.job + ID_LEN - 4, flight->event.epoch);
        if (worker->scheduler && worker->incarnation == flight->incarnation)
            scheduler_on_refused(worker->scheduler, &flight->event, ERR_STORAGE_FULL, sim_mono(sim, worker));
        event_clear(&flight->event);
    }
    free(flight);
}

static bool is_held_up(const struct sim *sim, const struct sim_flight *flight)
{
    const struct sim_worker *worker = &sim->workers[flight->worker];

    return flight->arrives_ms > sim->now_ms || sim->now_ms < sim->away_until ||
           (flight->incarnation == worker->incarnation && !sim_link_is_up(sim, worker));
}

void sim_flights_land(struct sim *sim)
{
    struct sim_flight **at = &sim->flights;

    while (*at) {
        struct sim_flight *flight = *at;

        if (is_held_up(sim, flight)) {
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

/* What a dead worker had sent has reached the log or never will; without a lease that is decided before
 * it lives again. The log takes it in order, so from the first that is lost on all are. */
void sim_flights_settle(struct sim *sim, int worker)
{
    struct sim_flight **at = &sim->flights;
    bool lost = !sim_link_is_up(sim, &sim->workers[worker]);

    while (*at) {
        struct sim_flight *flight = *at;

        if (flight->worker != worker || flight->incarnation != sim->workers[worker].incarnation) {
            at = &flight->next;
            continue;
        }
        lost = lost || sim_chance(sim, 300);
        if (!lost && sim->lease_ms) {
            at = &flight->next;
            continue;
        }
        *at = flight->next;
        if (!lost) {
            land(sim, flight);
        } else {
            event_clear(&flight->event);
            free(flight);
        }
    }
}

bool sim_flights_has(const struct sim *sim, int worker)
{
    for (const struct sim_flight *flight = sim->flights; flight; flight = flight->next)
        if (flight->worker == worker && flight->incarnation == sim->workers[worker].incarnation)
            return true;
    return false;
}
