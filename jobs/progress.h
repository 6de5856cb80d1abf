/* progress.h: progress of running jobs, told to every machine: out on the sideband where the job
 * runs, and in from it where a client may be listening. Lossy: a newer word replaces what was lost.
 *
 *   worker ──progress_tell──> here ──────────> fn (server_on_progress)
 *                               └──sideband──> the others' feeds ──> their fn */
#ifndef BUZZER_JOBS_PROGRESS_H
#define BUZZER_JOBS_PROGRESS_H

#include "jobs/sideband.h"
#include "jobs/worker.h"

/* One line of JSON: {"job","epoch","percent","message","pos"}. */
struct progress_line {
    char job[ID_SIZE];
    int epoch;
    int64_t pos;                   /* of the job's newest event when it was said */
    struct progress progress;      /* owned inside */
};
void progress_encode(struct text *text, const struct change *change);
enum err progress_decode(const char *json, size_t len, struct progress_line *ret_line);   /* ERR_CORRUPT; ERR_NOMEM */

struct progress_feed;

/* dir: where the view is. sideband NULL: there are no others. fn NULL: nobody here listens, so what
 * comes in is not looked at. Before sideband_start; freed after sideband_close. */
enum err progress_new(const char *dir, struct sideband *sideband, worker_progress_fn *fn, void *arg,
                      struct progress_feed **ret_feed);
void progress_tell(void *feed, struct changes *changes);      /* a worker_progress_fn */
void progress_hear(void *feed, enum sideband_kind kind, const char *text, size_t len, bool is_own);   /* a sideband_fn */
void progress_free(struct progress_feed *feed);

#endif
