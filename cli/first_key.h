/* first_key.h: the administrator's key of a service that others can reach and that has no key yet. */
#ifndef BUZZER_CLI_FIRST_KEY_H
#define BUZZER_CLI_FIRST_KEY_H

#include "jobs/eventlog.h"

/* To be called when all that stands in the log is folded into the view of dir. Where there is no key one
 * is appended, whose text is in dir/admin.key, for the operator alone to read; the log says where it is
 * once the key is good. A file that is there already is used as it is, so that several nodes can be
 * given the same one. Returns before the key is good. ERR_CONFIG: the file holds no key; errors are logged. */
enum err first_key(const char *dir, struct eventlog *log, int64_t now_ms);

#endif
