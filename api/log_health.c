/* log_health.c: a node that has fallen behind must say so, and one that is merely busy must not: under
 * load some events are always on their way here. So it is time that counts, not number. */
#include "api/log_health.h"

#define BEHIND_MAX_MS 5000

void log_health(const struct thread *thread, struct log_health *ret_health)
{
    struct eventlog_state state;

    eventlog_state(thread->setup->log, &state);
    ret_health->answers = state.is_up && !state.failed;
    ret_health->is_read = state.is_caught_up && !state.failed && state.behind_ms < BEHIND_MAX_MS;
}
