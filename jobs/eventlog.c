/* eventlog.c: the events on their way into a log, whichever back end keeps it: which one it is was
 * chosen when it was opened, and each verb goes on to its own. */
#include "jobs/eventlog_priv.h"

#include <stdlib.h>

struct append *append_new(enum event_kind kind, const char *job_id, int64_t at)
{
    struct append *append = calloc(1, sizeof(*append));

    if (append)
        event_init(&append->event, kind, job_id, at);
    return append;
}

void append_free(struct append *append)
{
    if (!append)
        return;
    event_clear(&append->event);
    job_unref(append->job);
    free(append);
}

enum err eventlog_append(struct eventlog *log, struct append *first, bool is_internal)
{
    return log->ops->append(log, first, is_internal);
}

bool eventlog_take(struct eventlog *log, int wait_ms, struct append **ret_batch)
{
    return log->ops->take(log, wait_ms, ret_batch);
}

void eventlog_stop(struct eventlog *log)
{
    log->ops->stop(log);
}

void eventlog_close(struct eventlog *log)
{
    if (log)
        log->ops->close(log);
}

void eventlog_state(struct eventlog *log, struct eventlog_state *ret_state)
{
    log->ops->state(log, ret_state);
}

bool eventlog_can_refuse(const struct eventlog *log)
{
    return log->ops->can_refuse;
}

enum err eventlog_fetch(struct eventlog *log, const struct blob *blob, eventlog_body_fn *fn, void *arg)
{
    return log->ops->fetch(log, blob, fn, arg);
}
