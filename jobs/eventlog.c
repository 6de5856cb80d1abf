/* eventlog.c: the events on their way into a log, whichever back end keeps it. */
#include "jobs/eventlog.h"

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
