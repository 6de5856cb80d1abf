/* job_json.h: a job as clients see it. The members and their order are those of openapi.yaml. */
#ifndef BUZZER_SCHEMA_JOB_JSON_H
#define BUZZER_SCHEMA_JOB_JSON_H

#include "schema/job.h"
#include "schema/text.h"

/* What is not part of the folded job but told with it. */
struct job_extra {
    const struct progress *progress; /* newer than the job's own, or NULL */
    int64_t position;                /* in its queue; -1: null */
    int64_t estimated_start_at;      /* 0: null */
};

/* Appends the job as one JSON object. log_id makes the cursor; extra may be NULL. */
void job_encode(struct text *text, const struct job *job, const char *log_id,
                const struct job_extra *extra);

/* Attempts as stored in the view: a JSON array, and back. */
void job_attempts_encode(struct text *text, const struct job *job);
enum err job_attempts_decode(const char *json, size_t len, struct job *job);

/* The spec as stored in the log and the view: one JSON object, and back. The id travels apart. */
void spec_encode(struct text *text, const struct spec *spec);
enum err spec_decode(const char *json, size_t len, const char *id, struct spec **ret_spec);

#endif
