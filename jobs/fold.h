/* fold.h: what an event does to a job: one pure function, the same on every node. No clock, no
 * randomness, no input or output; log time is event->at and order is event->pos. What does not fit
 * (a claim that came second, the late result of a lost worker, anything to a final job) is ignored. */
#ifndef BUZZER_JOBS_FOLD_H
#define BUZZER_JOBS_FOLD_H

#include "jobs/change.h"
#include "schema/event.h"

enum fold {
    FOLD_IGNORED,
    FOLD_CHANGED,   /* *job is the job after it */
    FOLD_CREATED,   /* *job was NULL and is the new job */
    FOLD_REMOVED,   /* the job is to be forgotten; *job still holds it */
    FOLD_NOMEM      /* nothing happened; try again later */
};

/* *job: the job event->job names, NULL when unknown; copied first (job_own) if shared. *ret_told is
 * set when the fold accepts: what watchers hear. */
enum fold fold(struct job **job, const struct event *event, enum change_kind *ret_told);

#endif
