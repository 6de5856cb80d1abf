/* exit.h: the exit codes of every command: sysexits.h where it has a word for it, and 1 for a job
 * that ended without success or a service that said no (409). */
#ifndef BUZZER_CLI_EXIT_H
#define BUZZER_CLI_EXIT_H

#include <sysexits.h>

#include "schema/err.h"

#define EXIT_DONE 0
#define EXIT_NO   1

int exit_of_status(int status); /* an HTTP status */
int exit_of_err(enum err err);  /* what went wrong here */

#endif
