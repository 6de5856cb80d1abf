/* ballast.h: room on the disk put aside for the day it is full. SQLite needs room even to delete,
 * so without it the ends of accepted jobs could not be recorded. */
#ifndef BUZZER_JOBS_BALLAST_H
#define BUZZER_JOBS_BALLAST_H

#include "schema/err.h"

#define BALLAST_BYTES (16 * 1024 * 1024)

/* Makes sure DIR/ballast has its room: ERR_STORAGE_FULL (and no file) if there is none; ERR_IO. */
enum err ballast_lay(const char *dir);
void ballast_drop(const char *dir);

#endif
