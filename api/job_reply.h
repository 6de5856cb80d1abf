/* job_reply.h: the answer that is a job, the same from every route that gives one. */
#ifndef BUZZER_API_JOB_REPLY_H
#define BUZZER_API_JOB_REPLY_H

#include "api/request.h"

#define WAIT_SECONDS_MAX 60

/* Appends the job with what only this thread knows of it: its newest progress. */
void job_tell(struct text *text, const struct thread *thread, const struct job *job);
/* Answers with the job, and Retry-After while it is unfinished. */
void reply_job(struct request *request, int status, const struct job *job);
/* The header that says when to ask again: once its time has come, where the job waits for a time. */
void reply_retry_after(struct request *request, const struct job *job);
void reply_location(struct request *request, const struct job *job);

/* The job that {id} names; false when the request has been answered, or is held (hold.h): then the route
 * is called again. */
bool request_job(struct request *request, struct job **ret_job);
/* The query holds nothing but these names; false when the request has been answered. */
struct query_name;
bool request_knows(struct request *request, const struct query_name *names);
/* ?wait=: 0 when absent; false when the request has been answered. */
bool request_wait(struct request *request, int64_t *ret_seconds);

#endif
