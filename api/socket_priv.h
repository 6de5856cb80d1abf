/* socket_priv.h: inside a WebSocket client; for socket*.c. */
#ifndef BUZZER_API_SOCKET_PRIV_H
#define BUZZER_API_SOCKET_PRIV_H

#include <jansson.h>
#include <sys/queue.h>

#include "api/socket.h"

#define SOCKET_FRAME_MAX 4096           /* of what a client sends */
#define SOCKET_SUBMIT_MAX 65536         /* ... of a submission */
#define SOCKET_BURST 500
#define SOCKET_RATE 100                 /* messages a second */
#define SOCKET_SUBMITS_MAX 100          /* under way at once */

enum socket_close {
    SOCKET_GOING = 1001, SOCKET_BINARY = 1003, SOCKET_TOO_BIG = 1009,
    SOCKET_NOT_A_FRAME = 4400, SOCKET_NO_KEY = 4401, SOCKET_TOO_SLOW = 4408, SOCKET_TOO_MANY = 4429
};

struct asking;
struct submitting;

/* Small: there may be ten thousand of them on a thread. */
struct socket {
    struct wakeable wakeable;           /* first, as the hub's owners start with one */
    struct thread *thread;
    struct lws *wsi;                    /* NULL until the handshake is through */
    struct subscriber *subscriber;
    struct auth_watch key_watch;        /* holds who it is */
    LIST_ENTRY(socket) beside;          /* in its bucket of the sweep, once established */
    LIST_HEAD(, submitting) submitting; /* its submissions under way */
    LIST_HEAD(, asking) asking;         /* its subscriptions that wait for this node to read on */
    unsigned n_submitting, n_asking;
    unsigned char *rx;                  /* a message in pieces; NULL between messages */
    uint32_t rx_len, rx_cap;
    uint32_t heard_s, pinged_s;         /* monotonic seconds */
    uint32_t slow_s;                    /* since when it is to be closed and cannot be; 0: not */
    int64_t refilled_ms;                /* up to when `tokens` counts what it may send */
    uint16_t tokens;
    bool held;                          /* answers are being queued: write when all are there */
    bool is_keyless;                    /* its key is gone or over: to be told 4401 */
    bool leaving;                       /* to be told 1001 as soon as it can be written to */
    bool closing;                       /* the close frame is out, or the connection broken: never write again */
};

/* socket_query.c: subscribes as the handshake's query says, and queues the answers. */
enum err socket_subscribe_query(struct socket *socket, struct lws *wsi, char *detail, size_t size);
/* socket_frames.c: one whole message. 0, or the code to close with. */
int socket_message(struct socket *socket, const char *text, size_t len);
/* Subscribes and says so; job NULL: to all. An error is the caller's to tell. */
enum err socket_subscribe(struct socket *socket, const char *ref, const char *job, const struct hub_filter *filter, const char *after);
void socket_tell_error(struct socket *socket, const char *ref, enum err err, const char *detail, const struct faults *faults);
void socket_tell(struct socket *socket, struct text *text);         /* a composed answer; clears the text */
/* socket_submit.c */
void socket_submit(struct socket *socket, const char *ref, json_t *job);
void socket_forget_submits(struct socket *socket);
/* socket_later.c. True: it has come before its time here, and is subscribed, or told why not, later. */
bool socket_subscribe_later(struct socket *socket, const char *ref, const char *job, const struct hub_filter *filter,
                            const char *after);
bool socket_forget_asking(struct socket *socket, const char *job);   /* job NULL: to all; false: there was none */
void socket_stop_asking(struct socket *socket);
/* socket.c: while held nothing is written; let go writes what has been queued. */
void socket_hold(struct socket *socket);
void socket_let_go(struct socket *socket);
bool socket_may(const struct socket *socket, enum scope scope);

#endif
