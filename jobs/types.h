/* types.h: the job types this process knows: the built-in ones and those of the settings file.
 * Made once at start, then read by every thread. */
#ifndef BUZZER_JOBS_TYPES_H
#define BUZZER_JOBS_TYPES_H

#include "jobs/handler.h"
#include "schema/config.h"
#include "schema/json_schema.h"

enum type_run { TYPE_HANDLER, TYPE_COMMAND };

struct job_type {
    char *name, *description;
    unsigned number;              /* its place in the registry: small, for tables by type */
    enum type_run run;
    bool takes_bytes;             /* the input is bytes ({"base64"} in JSON), else JSON */
    bool takes_json;              /* echo takes both */
    char **content_types;         /* media types taken as bytes, "image" + "/" + "*" style allowed; NULL: any */
    unsigned n_content_types;
    struct json_schema *input_schema;   /* or NULL: anything */
    struct json_schema *params_schema;  /* of `params`; NULL: none are taken */
    char *result_type;
    char **command;               /* NULL-terminated, for TYPE_COMMAND */
    char *shared_object;          /* path, or NULL: built into the program */
    int64_t timeout_ms, kill_grace_ms, backoff_ms, backoff_max_ms, memory_bytes, output_bytes, keep_ms;
    int max_attempts, max_losses;
    int concurrency;              /* at once over all workers; 0: no limit */
    bool network;
    /* Looks at raw bytes before they are accepted (an image's header); NULL: no check. ERR_MEDIA_TYPE
     * or ERR_INVALID with a sentence in detail. */
    enum err (*check)(const void *bytes, size_t len, const char *media_type, char *detail, size_t size);
};

struct types;

enum err types_new(const struct config *config, struct types **ret_types, char *message, size_t size);
void types_free(struct types *types);
const struct job_type *types_find(const struct types *types, const char *name);
unsigned types_count(const struct types *types);
const struct job_type *types_at(const struct types *types, unsigned number);
/* One entry of GET /v1/types. input_schema and params (the schema of `params`) are null where there
 * is none, content_types are patterns, concurrency null means no limit. */
void type_encode(struct text *text, const struct job_type *type);

#endif
