/* wait.h: holds a request open until a job has finished or the time is up. */
#ifndef BUZZER_API_WAIT_H
#define BUZZER_API_WAIT_H

#include "api/request.h"

/* Called once, on the request's thread, with the job as it is then, and answers. */
typedef void wait_fn(struct request *request, const struct job *job);

/* Sets the request's state. On an error nothing has happened and the caller answers. If the job is
 * removed meanwhile the request is answered with 404. */
enum err wait_for_job(struct request *request, const char *id, int64_t seconds, wait_fn *fn);

#endif
