/* log_health.c: a node that has fallen behind must say so, and one that is merely busy must not: some
 * events are always on their way here under load. So being behind counts when it is much, or when
 * nothing at all has been folded for a while although there is something to fold. */
#include "api/log_health.h"

#include "api/server_priv.h"
#include "schema/clock.h"
#include "schema/log.h"

#define BEHIND_MAX 10000
#define STUCK_MS 5000

void log_health(const struct thread *thread, struct log_health *ret_health)
{
    const struct server *server = thread->server;
    struct eventlog_state state;
    int64_t still_ms;

    eventlog_state(thread->setup->log, &state);
    still_ms = clock_mono_ms() - atomic_load(&server->moved_ms);
    ret_health->answers = state.is_up && !state.failed;
    ret_health->is_read = state.is_caught_up && !state.failed && state.behind < BEHIND_MAX &&
                          (state.behind == 0 || still_ms < STUCK_MS);
}

void log_health_sweep(const struct thread *thread, int64_t mono_ms)
{
    struct server *server = thread->server;
    int64_t folded = atomic_load(&server->folded_pos);
    struct eventlog_state state;

    eventlog_state(thread->setup->log, &state);
    if (state.behind == 0 || folded != server->seen_pos)
        atomic_store(&server->moved_ms, mono_ms);
    server->seen_pos = folded;
    if (state.failed && !server->has_told_failure)
        log_error("the event log cannot be followed any further: %s", state.why ? state.why : err_sentence(state.failed));
    server->has_told_failure = state.failed != ERR_OK;
}
