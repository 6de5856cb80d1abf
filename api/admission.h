/* admission.h: may new work come in now? Asked before anything of it is written. */
#ifndef BUZZER_API_ADMISSION_H
#define BUZZER_API_ADMISSION_H

#include "api/thread.h"

/* For n more waiting jobs: ERR_OK, ERR_DRAINING, ERR_STORAGE_FULL, ERR_LOG_AWAY or ERR_QUEUE_FULL. */
enum err admission(const struct thread *thread, unsigned n);

#endif
