/* admission.c: the reasons to refuse new work that have nothing to do with what it says. */
#include "api/admission.h"

#include "api/log_health.h"

enum err admission(const struct thread *thread, unsigned n)
{
    const struct server_config *setup = thread->setup;
    struct view_counts counts;
    struct log_health health;
    int64_t waiting = 0;

    if (thread_is_draining(thread))
        return ERR_DRAINING;
    if (recorder_is_full(setup->recorder))
        return ERR_STORAGE_FULL;
    if (!eventlog_can_refuse(setup->log)) { /* a log kept elsewhere, that may be out of reach */
        log_health(thread, &health);
        if (!health.answers || !health.is_read)
            return ERR_LOG_AWAY;
    }
    view_counts(setup->view, &counts);
    for (enum job_state state = 0; state < JOB_STATE_COUNT; state++) {
        if (job_state_is_waiting(state))
            waiting += counts.by_state[state];
    }
    /* Submissions under way on other threads are not counted yet: the bound may be passed by those. */
    return waiting + n > setup->config->max_waiting ? ERR_QUEUE_FULL : ERR_OK;
}
