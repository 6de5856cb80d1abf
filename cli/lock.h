/* lock.h: the data folder belongs to one process at a time. */
#ifndef BUZZER_CLI_LOCK_H
#define BUZZER_CLI_LOCK_H

#include <stddef.h>

#include "schema/err.h"

/* Makes the folder (0700) if there is none, and locks it: *ret_fd holds the lock until it is closed.
 * ERR_IN_USE, ERR_CONFIG: message gets a line. */
enum err lock_folder(const char *dir, int *ret_fd, char *message, size_t size);

#endif
