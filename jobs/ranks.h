/* ranks.h: how many queued jobs go first. For each queue and priority the positions at which jobs were
 * queued, as bits: first in, first out, so a job's rank is the number of bits set before its own, plus
 * all of the higher priorities. The recorder writes, any thread asks; one mutex, held for microseconds. */
#ifndef BUZZER_JOBS_RANKS_H
#define BUZZER_JOBS_RANKS_H

#include <stdbool.h>
#include <stdint.h>

#define RANKS_MAX 10000      /* counted no further */

struct ranks;

struct ranks *ranks_new(void);
void ranks_free(struct ranks *ranks);
void ranks_clear(struct ranks *ranks);                   /* forgets everything: to be filled anew */

/* A job was queued at ready_pos, or is not queued any more; a removal of what is not there is nothing.
 * No memory: false, and its rank is not told. */
bool ranks_add(struct ranks *ranks, uint32_t queue, int priority, int64_t ready_pos);
void ranks_remove(struct ranks *ranks, uint32_t queue, int priority, int64_t ready_pos);
/* A job of the queue started at wall second now_s: the pace behind the estimate. */
void ranks_started(struct ranks *ranks, uint32_t queue, int64_t now_s);

/* Any thread. -1: not queued here. *ret_start_s: when it may start, 0 where there is no honest guess:
 * fewer than RANKS_PACE_MIN starts in the minute before now_s, or a rank that was not counted out. */
#define RANKS_PACE_MIN 10
int64_t ranks_position(struct ranks *ranks, uint32_t queue, int priority, int64_t ready_pos, int64_t now_s,
                       int64_t *ret_start_s);

#endif
