/* frame.c: the bytes of one message, ready for the wire. The WebSocket header depends on the length
 * alone (servers do not mask), so it is written once here instead of once for each socket. */
#include "notifier/frame.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_TEXT_FINAL 0x81 /* the only frame of a text message */

static unsigned write_header(unsigned char *bytes, size_t len)
{
    unsigned n_length = len < 126 ? 0 : len < 65536 ? 2 : 8;

    bytes[0] = FRAME_TEXT_FINAL;
    bytes[1] = n_length == 0 ? (unsigned char)len : n_length == 2 ? 126 : 127;
    for (unsigned i = 0; i < n_length; i++)
        bytes[2 + i] = (unsigned char)(len >> (8 * (n_length - 1 - i)));
    return 2 + n_length;
}

struct frame *frame_new(const char *text, size_t len)
{
    unsigned char header[10];
    unsigned header_len = write_header(header, len);
    struct frame *frame = malloc(sizeof *frame + header_len + len);

    if (!frame)
        return NULL;
    *frame = (struct frame){
        .refs = 1, .header_len = header_len, .len = header_len + len, .kind = CHANGE_COUNT};
    memcpy(frame->bytes, header, header_len);
    memcpy(frame->bytes + header_len, text, len);
    return frame;
}

struct frame *frame_ref(struct frame *frame)
{
    frame->refs++;
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame && --frame->refs == 0)
        free(frame);
}
