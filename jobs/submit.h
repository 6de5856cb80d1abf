/* submit.h: from what a client sent to a checked submission: every fault found, or an append ready
 * for the log. Touches no thread and no clock; time and types are arguments. */
#ifndef BUZZER_JOBS_SUBMIT_H
#define BUZZER_JOBS_SUBMIT_H

#include "jobs/eventlog.h"
#include "jobs/types.h"
#include "schema/fault.h"

struct submit_param {      /* of a query string or of a form, decoded */
    const char *name, *value;
};

struct submit_headers {
    const char *idempotency_key;   /* as sent, or NULL */
    const char *traceparent;       /* as sent, or NULL; a wrong one is dropped, as W3C Trace Context says */
};

/* One JSON submission: {"type","input",options}. pointer_prefix is "" or "/jobs/3".
 * ERR_INVALID with faults; ERR_BAD_KEY; ERR_MEDIA_TYPE or ERR_INVALID for bytes the type refuses. */
enum err submit_json(const struct types *types, json_t *root, const char *pointer_prefix,
                     const struct submit_headers *headers, int64_t now_ms,
                     struct append **ret_append, struct faults *faults);
/* JSON text first: ERR_NOT_JSON with a sentence in *faults for what json_loadb said. */
enum err submit_json_text(const struct types *types, const char *text, size_t len,
                          const struct submit_headers *headers, int64_t now_ms,
                          struct append **ret_append, struct faults *faults);
/* A raw body with its media type; type and options stand in params (type, queue, priority, tag
 * (repeatable), param.NAME, delay_ms, run_at, timeout_ms, max_attempts, expires_in_ms, keep_ms).
 * Takes over body on ERR_OK. */
enum err submit_raw(const struct types *types, const struct submit_param *params, unsigned n_params,
                    struct body *body, const struct submit_headers *headers, int64_t now_ms,
                    struct append **ret_append, struct faults *faults);

#endif
