/* gate.h: what stands between the network and libwebsockets. The library is lenient (bare LF, two
 * lengths, folded headers, unmasked frames, pipelined requests that overtake an answer), so every
 * byte from a client goes through here first, inside recv() itself (gate_recv.c), and only what is
 * strict HTTP/1.1 (RFC 9112) or a well-formed client frame (RFC 6455) is let in:
 *
 *   socket ──recv()──> gate ──one whole request at a time──> libwebsockets ──> request.c
 *                        └── not strict: answered 400 (or what fits) right here, and closed
 *
 * Requests sent ahead (pipelining) wait in the gate, up to GATE_STASH bytes, until the one before is
 * answered (gate_next). A gate belongs to the thread that serves its socket. */
#ifndef BUZZER_API_GATE_H
#define BUZZER_API_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/err.h"

#define GATE_TARGET_MAX 8192
#define GATE_HEADERS_MAX 16384
#define GATE_HEADERS_COUNT 100
#define GATE_STASH 65536
#define GATE_INSERT_MAX 64

/* What the gate has seen of the request under way. */
struct gate_head {
    bool http10;
    bool close;            /* the connection ends after the answer */
    bool expect_continue;
    bool upgrade;          /* to websocket */
    bool has_length;
    bool is_head;          /* HEAD: the answer has no body */
    int64_t content_length;
};

struct gate;

/* The filter itself, without a socket: for tests and fuzzing too. */
struct gate *gate_new(void);
void gate_free(struct gate *gate);
/* Looks at up to len bytes that came in. Returns how many of them belong to the request under way
 * and may be passed on (the rest is to be kept), or -1: refused, *ret_err says why. */
ssize_t gate_feed(struct gate *gate, unsigned char *bytes, size_t len, enum err *ret_err);
/* Lines to put into the bytes fed last, and where (the end of a head): "content-length: 0" in a POST, PUT or PATCH that
 * told no length, for there is no body then (RFC 9112, 6.3), but the library would wait for one; "upgrade: websocket"
 * where the client asked for that. Other offers are left out (RFC 9110, 7.8, lets a server ignore them). "": nothing. */
const char *gate_insert(const struct gate *gate, ssize_t *ret_at);
bool gate_is_held(const struct gate *gate);               /* a whole request was passed on, its answer is due */
bool gate_is_websocket(const struct gate *gate);
const struct gate_head *gate_head(const struct gate *gate);
void gate_release(struct gate *gate);                     /* the answer is out: the next may come */
void gate_expect_frames(struct gate *gate);               /* the handshake was accepted: frames from here on */

/* ---- sockets (gate_recv.c): the thread that serves fd only ---- */
struct gated;
enum err gate_open(int fd, struct gated **ret_gated);     /* from accept on */
void gate_close(struct gated *gated);                     /* also after fd is closed and perhaps another's already */
const struct gate_head *gate_head_of(int fd);             /* NULL: not one of ours, or no whole head yet */
bool gate_next(int fd);                                   /* release; true: bytes are waiting, so feed the fd an event */
void gate_set_websocket(int fd);                          /* the handshake was accepted: frames from here on */

#endif
