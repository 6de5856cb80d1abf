/* handler.h: how work is written in C. A handler runs in an executor process of its own, one job at
 * a time; it may block, burn the processor, crash or be killed. A shared object exports
 *
 *     buzzer_handlers       an array that ends with an entry whose name is NULL
 *
 * and is named in the settings (`shared_object:`), which also state its limits. This header is all
 * it needs, and includes nothing of Buzzer. */
#ifndef BUZZER_JOBS_HANDLER_H
#define BUZZER_JOBS_HANDLER_H

#include <stddef.h>
#include <stdint.h>

#define BUZZER_HANDLER_ABI 1

struct buzzer_job {
    const char *id, *type;
    int attempt;
    const char *media_type;       /* of the input: application/json or what the client said */
    const void *input;
    size_t input_len;             /* a NUL follows the last byte */
    const char *params;           /* JSON object text, "{}" if there are none */

    /* Tell watchers how far it is; may be called often, only the newest counts. message may be NULL. */
    void (*progress)(struct buzzer_job *job, int percent, const char *message);
    /* Say the result, once; the bytes are copied. media_type NULL: application/json. */
    int (*result)(struct buzzer_job *job, const char *media_type, const void *bytes, size_t len);
    /* Say why it failed; the message is shown to the client. */
    int (*fail)(struct buzzer_job *job, const char *message);
    void *context;                /* the executor's */
};

/* What run returns. */
enum {
    BUZZER_DONE = 0,              /* result() was called */
    BUZZER_FAILED = 1,            /* may work another time: retried while tries are left */
    BUZZER_BAD_INPUT = 65,        /* never will (EX_DATAERR): not retried */
    BUZZER_NO_MEMORY = 71
};

struct buzzer_handler {
    int abi;                      /* BUZZER_HANDLER_ABI */
    const char *name;             /* the job type */
    int (*run)(struct buzzer_job *job);
};

extern const struct buzzer_handler buzzer_handlers[];

#endif
