/* executor_scratch.h: the folder a command works in: made for one attempt, gone after it. */
#ifndef BUZZER_JOBS_EXECUTOR_SCRATCH_H
#define BUZZER_JOBS_EXECUTOR_SCRATCH_H

#include <stddef.h>

#include "schema/err.h"

/* DIR/scratch/ID.EPOCH, mode 0700 */
enum err scratch_path(const char *dir, const char *id, int epoch, char *ret_path, size_t size);
enum err scratch_make(const char *path);
void scratch_remove(const char *path);         /* with all that is in it; fine when it is not there */
enum err scratch_reset(const char *dir);       /* at start: DIR/scratch, empty */

#endif
