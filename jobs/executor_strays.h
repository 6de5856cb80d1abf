/* executor_strays.h: processes that a command left behind, wherever they hid (a daemon, a session of
 * its own): as a subreaper (PR_SET_CHILD_SUBREAPER) we inherit them, and end them. */
#ifndef BUZZER_JOBS_EXECUTOR_STRAYS_H
#define BUZZER_JOBS_EXECUTOR_STRAYS_H

#include <stdbool.h>
#include <sys/types.h>

/* Kills and reaps the children of this process but those listed; true: there may be more yet (they
 * are dying, and what they had started becomes ours then). Safe in a signal handler. */
bool strays_kill(const pid_t *known, unsigned n_known);

/* Until none is left or a second is over. */
void strays_kill_all(void);

#endif
