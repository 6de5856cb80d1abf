/* result.h: a result goes to standard output, byte for byte, as it comes. */
#ifndef BUZZER_CLI_RESULT_H
#define BUZZER_CLI_RESULT_H

#include "cli/client.h"

int result_put(struct client *client, const char *id); /* exit code */

#endif
