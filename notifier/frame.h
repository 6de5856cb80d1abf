/* frame.h: one message to clients, composed once and shared by every queue it waits in: the JSON
 * text with the WebSocket frame header (RFC 6455, 5.2: text, unmasked) right before it, so the same
 * bytes go out on every socket. One thread (an HTTP thread's own): the count is not atomic. */
#ifndef BUZZER_NOTIFIER_FRAME_H
#define BUZZER_NOTIFIER_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "jobs/change.h"

struct frame {
    unsigned refs;
    unsigned header_len;        /* 2, 4 or 10 bytes of WebSocket header start the bytes */
    size_t len;                 /* of bytes: header and text */
    int64_t pos;                /* of the event: its cursor; 0 for answers */
    int64_t seq;                /* of the event's job, which it names for good; 0 for answers */
    enum change_kind kind;      /* of the event; CHANGE_COUNT for answers */
    unsigned char bytes[];
};

struct frame *frame_new(const char *text, size_t len);      /* an answer; NULL: no memory, as below */
struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame);
/* The CloudEvent of a change (cloudevent.c). Several progress events share the job's position:
 * progress_number tells their ids apart, and is not looked at for the others. */
struct frame *frame_of_change(const struct change *change, const char *log_id, uint64_t progress_number);

#endif
