/* log_health.c: a node that has fallen behind must say so, and one that is merely busy must not: under
 * load some events are always on their way here. So it is time that counts, not number. */
#include "api/log_health.h"

#include "api/server_priv.h"
#include "schema/log.h"

#define BEHIND_MAX_MS 5000

void log_health(const struct thread *thread, struct log_health *ret_health)
{
    struct eventlog_state state;

    eventlog_state(thread->setup->log, &state);
    ret_health->answers = state.is_up && !state.failed;
    ret_health->is_read = state.is_caught_up && !state.failed && state.behind_ms < BEHIND_MAX_MS;
}

void log_health_sweep(const struct thread *thread)
{
    struct server *server = thread->server;
    struct eventlog_state state;

    eventlog_state(thread->setup->log, &state);
    if (state.failed && !server->has_told_failure)
        log_error("the event log cannot be followed any further: %s", state.why ? state.why : err_sentence(state.failed));
    server->has_told_failure = state.failed != ERR_OK;
}
