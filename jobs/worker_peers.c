/* What the worker has to do with others: their heartbeats (and its own, come back) go to the
 * scheduler, and so does whether the log's keeper can be reached at all. */
#include <string.h>

#include "jobs/worker_priv.h"

#define LINK_EVERY_MS 100

/* Of all the workers there are one removes what is over; two for a moment do no harm. */
static void note_sweeper(struct worker *worker, const struct pulse *pulse)
{
    const struct beat *beat = &pulse->beat;
    bool is_over = pulse->heard_ms - worker->sweeper_ms > worker->config.lease_ms;
    int order = strcmp(beat->name, worker->sweeper);

    if (beat->leaving || beat->draining) {
        if (order == 0)
            worker->sweeper[0] = '\0';
        return;
    }
    if (order > 0 && worker->sweeper[0] && !is_over)
        return;
    memcpy(worker->sweeper, beat->name, sizeof worker->sweeper);
    worker->sweeper_ms = pulse->heard_ms;
}

bool peers_may_sweep(const struct worker *worker)
{
    if (worker->config.lease_ms == 0)
        return true;
    return strcmp(worker->sweeper, worker->name) == 0 &&
           worker->mono_ms - worker->sweeper_ms <= worker->config.lease_ms;
}

void peers_on_pulses(struct worker *worker, struct pulse *list)
{
    while (list) {
        struct pulse *pulse = list;
        const struct beat *beat = &pulse->beat;
        struct peer peer = {.name = beat->name, .slots = beat->slots, .draining = beat->draining,
                            .leaving = beat->leaving, .types = (const char *const *)beat->types,
                            .n_types = beat->n_types};
        list = pulse->next;
        note_sweeper(worker, pulse);
        scheduler_on_beat(worker->scheduler, &peer, pulse->sent_ms, pulse->heard_ms);
        pulse_free(pulse);
    }
}

void peers_watch_link(struct worker *worker)
{
    struct eventlog_state state;

    if (worker->mono_ms < worker->link_at_ms)
        return;
    worker->link_at_ms = worker->mono_ms + LINK_EVERY_MS;
    eventlog_state(worker->config.log, &state);
    if (worker->link_is_known && worker->link_is_up == state.is_up)
        return;
    worker->link_is_known = true;
    worker->link_is_up = state.is_up;
    scheduler_on_link(worker->scheduler, state.is_up, worker->mono_ms);
}
