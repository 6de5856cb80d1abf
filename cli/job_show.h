/* job_show.h: a job, as the service told it in JSON, in words for a person. */
#ifndef BUZZER_CLI_JOB_SHOW_H
#define BUZZER_CLI_JOB_SHOW_H

#include <jansson.h>
#include <stdio.h>

const char *job_text(json_t *job, const char *name); /* a member that is a string; "" otherwise */
int job_is_over(json_t *job);                        /* is its state final? */
int job_exit(json_t *job);                           /* of a job that is over: 0, or 1 */
void job_show(FILE *out, json_t *job);               /* a few lines */
void job_show_row(FILE *out, json_t *job);           /* one line of a table */
void job_show_head(FILE *out);                       /* and the line above it */
void job_say_failure(json_t *job);                   /* why it did not succeed */
void json_put_line(FILE *out, json_t *json);         /* compact, and a newline */
/* The job that an answer holds: with_json prints it as it came, else as "ID state". Exit code. */
int job_put(json_t *job, int with_json);

#endif
