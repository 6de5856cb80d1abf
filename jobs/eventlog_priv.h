/* eventlog_priv.h: what a back end of the log is: the verbs of eventlog.h, and a struct of its own
 * that begins with `struct eventlog`. */
#ifndef BUZZER_JOBS_EVENTLOG_PRIV_H
#define BUZZER_JOBS_EVENTLOG_PRIV_H

#include "jobs/eventlog.h"

#define EVENTLOG_EXTERNAL_MAX 20000  /* events of clients on their way */
#define EVENTLOG_INTERNAL_MAX 100000 /* the service's own */

struct eventlog_ops {
    enum err (*append)(struct eventlog *log, struct append *first, bool is_internal);
    bool (*take)(struct eventlog *log, int wait_ms, struct append **ret_batch);
    void (*stop)(struct eventlog *log);
    void (*close)(struct eventlog *log); /* never NULL */
    void (*state)(struct eventlog *log, struct eventlog_state *ret_state);
    enum err (*fetch)(struct eventlog *log, const struct blob *blob, eventlog_body_fn *fn, void *arg);
    bool can_refuse;
};

struct eventlog {
    const struct eventlog_ops *ops;
};

#endif
