/* bootstrap.h: where a node of many machines begins: with its own view, at the beginning of the log,
 * or with a copy of a peer's view. */
#ifndef BUZZER_CLI_BOOTSTRAP_H
#define BUZZER_CLI_BOOTSTRAP_H

#include <stddef.h>

#include "jobs/eventlog_kafka.h"
#include "schema/config.h"

/* Before the view is opened, with the folder locked. If the folder has no view yet and the log is long
 * or has lost its beginning, asks the other nodes and takes the view of the one that is furthest.
 * ERR_OK also where no broker answers: the node then waits for one. ERR_GONE: the log has lost its
 * beginning and nobody gave a copy; message says what to do. */
enum err bootstrap(const struct config *config, const struct eventlog_kafka_config *log, char *message, size_t size);

/* Puts a view that the log cannot go on from out of the way, under another name. ERR_NOT_FOUND: there
 * is none. */
enum err bootstrap_set_aside(const char *dir);

#endif
