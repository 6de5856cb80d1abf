/* log_health.h: does the event log answer, and does this node keep up with it? The embedded log
 * always answers and is never ahead. */
#ifndef BUZZER_API_LOG_HEALTH_H
#define BUZZER_API_LOG_HEALTH_H

#include "api/thread.h"

struct log_health {
    bool answers;       /* takes appends now, and has not failed */
    bool is_read;       /* what stands in it is folded here, but for the newest */
};
void log_health(const struct thread *thread, struct log_health *ret_health);

#endif
