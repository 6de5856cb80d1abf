/* watch.h: following what happens, over a stream that is taken up again when it breaks. */
#ifndef BUZZER_CLI_WATCH_H
#define BUZZER_CLI_WATCH_H

#include "cli/client.h"

/* Until the job is over: 0 when it succeeded, 1 when it ended otherwise, or why it cannot be told. */
int watch_job(struct client *client, const char *id);

#endif
