/* sideband.h: what is told beside the log, to every process of a service on many machines: progress
 * of running jobs, and heartbeats. Nothing here is kept, ordered against the log or certain to
 * arrive; nothing may depend on one message. */
#ifndef BUZZER_JOBS_SIDEBAND_H
#define BUZZER_JOBS_SIDEBAND_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/err.h"

enum sideband_kind { SIDEBAND_BEAT, SIDEBAND_PROGRESS, SIDEBAND_KIND_COUNT };

/* On the sideband's own thread; must not wait. is_own: this process said it (it has come back). */
typedef void sideband_fn(void *arg, enum sideband_kind kind, const char *text, size_t len, bool is_own);

struct sideband;

/* Any thread, never waits; dropped when there is no room or nobody to take it. key: what a newer
 * message replaces (a worker's name, a job's id). */
void sideband_say(struct sideband *sideband, enum sideband_kind kind, const char *key, const char *text, size_t len);
void sideband_listen(struct sideband *sideband, sideband_fn *fn, void *arg);   /* before start; up to 4 listeners */
enum err sideband_start(struct sideband *sideband);
void sideband_close(struct sideband *sideband);      /* says what is still to be said (1 s), ends the thread, frees */

#endif
