/* handlers.h: the handlers an executor has: those built in, and those of shared objects, which it
 * loads when the first job asks for one. Executors only. */
#ifndef BUZZER_JOBS_HANDLERS_H
#define BUZZER_JOBS_HANDLERS_H

#include "jobs/handler.h"

/* shared_object "": built in. NULL: there is none, and message says why. */
const struct buzzer_handler *handlers_find(const char *type, const char *shared_object, char *message, size_t size);

int handler_echo(struct buzzer_job *job);
int handler_sleep(struct buzzer_job *job);
int handler_primes(struct buzzer_job *job);

#endif
