/* ranks.h: the unfinished jobs of each queue: how many queued ones go before a job, and how many there
 * are in all. It follows what the recorder tells; any thread asks. One mutex, held for microseconds,
 * guards all of it. */
#ifndef BUZZER_JOBS_RANKS_H
#define BUZZER_JOBS_RANKS_H

#include "jobs/change.h"

#define RANKS_MAX 10000      /* counted no further */
#define RANKS_PACE_MIN 10    /* starts in the last minute that make a guess an honest one */

struct ranks;

struct ranks *ranks_new(void);                           /* NULL: no memory */
void ranks_free(struct ranks *ranks);
void ranks_on_changes(void *ranks, struct changes *changes);   /* a recorder_listener_fn */

/* The jobs that were queued before the recorder started are read from the view in dir by a thread of
 * ranks' own, so nobody waits for it; until it has done so no rank is told. Call it before the recorder
 * starts; ranks_free ends it. */
enum err ranks_load(struct ranks *ranks, const char *dir);

/* Any thread. -1: not queued, or not known yet. *ret_start_at: wall ms of its likely start at the pace
 * of the last minute; 0 where there is no honest guess. */
int64_t ranks_position(struct ranks *ranks, const struct job *job, int64_t now_ms, int64_t *ret_start_at);

struct queue_count {
    char name[NAME_MAX_LEN + 1];
    int64_t waiting;         /* queued: could run now */
    int64_t scheduled;       /* wait for a time, or for the end of a back-off */
    int64_t running;
    int64_t oldest_pos;      /* position of the event that queued the oldest of the waiting; 0: none waits */
};
/* Any thread. Every queue that holds unfinished jobs, in no order; *ret_counts is to be freed. ERR_AGAIN:
 * not known yet. */
enum err ranks_queues(struct ranks *ranks, struct queue_count **ret_counts, unsigned *ret_n);

#endif
