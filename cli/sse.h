/* sse.h: server-sent events (WHATWG) out of the pieces in which they come. */
#ifndef BUZZER_CLI_SSE_H
#define BUZZER_CLI_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/text.h"

#define SSE_LINE_BYTES (1024 * 1024) /* a longer line or event is given up: nothing of ours is near it */

struct sse {
    struct text line, event, data, id;
    bool after_cr;
    bool broken; /* too long, or no memory */
    /* One event: name "" for a plain message; id is the newest id the stream told. False ends. */
    bool (*on_event)(void *arg, const char *name, const char *data, const char *id);
    void *arg;
};

bool sse_feed(struct sse *sse, const char *bytes, size_t len); /* false: ended by on_event, or broken */
void sse_restart(struct sse *sse); /* a new connection: what was half there is dropped */
void sse_clear(struct sse *sse);

#endif
