/* socket.c: the life of a WebSocket: from the handshake over what it is told to its end.
 *
 * Everything told goes through the subscriber's queue, as whole frames that were composed once for
 * everybody. When the queue wakes, the frames are written at once and together, as one piece of raw
 * bytes: LWS_WRITE_HTTP passes a WebSocket's bytes on untouched. What the kernel does not take the
 * library keeps and sends; only then does a turn through the loop (socket_writable) come into it.
 *
 *   wake ──> take many frames ──> one write ──> all taken: done
 *                                          └──> rest kept by the library ──> socket_writable ──> take ...
 */
#include <ev.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/socket_priv.h"
#include "api/thread_priv.h"
#include "schema/clock.h"
#include "schema/metric.h"

#define WRITE_BYTES (64 * 1024)   /* of one write */
#define WRITES_A_TURN 4           /* then others get their turn */
#define BUCKETS 20                /* a sweep sees one of them, so each socket every five seconds */
#define PING_S 25
#define DEAD_S 60                 /* without a sign of life */
#define SLOW_S 20                 /* that a socket to be closed may take to be writable */
#define LEAVE_STEPS 4             /* sweeps in which all are told 1001 */
#define LEAVE_MIN 200             /* ... and at least so many in one */
#define RECONNECT_MIN_MS 500      /* the hint to those who are told 1001 is spread over ... */
#define RECONNECT_SPREAD_MS 4500

_Static_assert(WRITE_BYTES <= OUT_SIZE, "frames are put together in the thread's buffer");
_Static_assert(BUCKETS * SWEEP_MS == 5000, "what is checked in seconds is checked often enough");

LIST_HEAD(socket_list, socket);

/* The sockets of the thread this runs on. Sockets never change threads, and nobody else looks. */
static _Thread_local struct sockets {
    struct socket_list bucket[BUCKETS];
    unsigned n, next_bucket;
    int64_t last_sweep;           /* its number */
    unsigned n_leaving;           /* to be told 1001 in each sweep; 0: nobody is leaving */
} sockets;

static uint32_t mono_s(void)
{
    return (uint32_t)(clock_mono_ms() / 1000);
}

/* From outside a callback of the library's: its timer does it, which an event sets off. */
static void kill_socket(struct socket *socket)
{
    socket->closing = true;
    lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    thread_feed(socket->thread, lws_get_socket_fd(socket->wsi), EV_READ);
}

static bool must_close(const struct socket *socket)
{
    return socket->is_keyless || socket->leaving || subscriber_too_slow(socket->subscriber);
}

static int write_big(struct socket *socket, struct frame *frame)
{
    int n = lws_write(socket->wsi, frame->bytes, frame->len, LWS_WRITE_HTTP);

    frame_unref(frame);
    return n;
}

/* Writes what waits, for as long as all of it is taken. -1: the connection is broken. */
static int write_queue(struct socket *socket)
{
    unsigned char *out = socket->thread->priv->out + LWS_PRE;

    for (int i = 0; i < WRITES_A_TURN && !lws_partial_buffered(socket->wsi) && !must_close(socket); i++) {
        struct frame *big = NULL;
        size_t len = subscriber_take(socket->subscriber, out, WRITE_BYTES, &big);
        int n = big ? write_big(socket, big) : len ? lws_write(socket->wsi, out, len, LWS_WRITE_HTTP) : 0;
        if (n < 0)
            return -1;
        if (subscriber_is_empty(socket->subscriber))
            return 0;
        subscriber_catch_up(socket->subscriber);
    }
    lws_callback_on_writable(socket->wsi); /* to go on, or to close */
    return 0;
}

/* Not from within a callback of this very socket's: those return what comes of it. */
static void write_now(struct socket *socket)
{
    if (socket->wsi && !socket->closing && !socket->held && write_queue(socket) < 0)
        kill_socket(socket);
}

static void on_wake(struct wakeable *self, struct subscriber *subscriber)
{
    (void)subscriber;
    write_now((struct socket *)self);
}

void socket_hold(struct socket *socket)
{
    socket->held = true;
}

void socket_let_go(struct socket *socket)
{
    socket->held = false;
    write_now(socket);
}

/* ---- its life ---- */

static void on_key_ended(struct auth_watch *watch)
{
    struct socket *socket = (struct socket *)((char *)watch - offsetof(struct socket, key_watch));

    socket->is_keyless = true;
    if (socket->wsi && !socket->closing)
        lws_callback_on_writable(socket->wsi);
}

bool socket_may(const struct socket *socket, enum scope scope)
{
    return principal_may(socket->key_watch.principal, scope);
}

enum err socket_filter(struct thread *thread, struct lws *wsi, struct principal *principal, struct socket **ret_socket,
                       char *detail, size_t size)
{
    struct socket *socket = calloc(1, sizeof *socket);
    enum err err = ERR_NOMEM;

    if (!socket)
        return err;
    socket->wakeable.wake = on_wake;
    socket->thread = thread;
    LIST_INIT(&socket->submitting);
    LIST_INIT(&socket->asking);
    auth_watch(thread->auth, &socket->key_watch, principal, on_key_ended);
    err = subscriber_new(thread->hub, socket, &socket->subscriber);
    if (!err)
        subscriber_set_tenant(socket->subscriber, principal_tenant(principal));
    if (!err)
        err = socket_subscribe_query(socket, wsi, detail, size);
    if (err) {
        socket_closed(socket);
        return err;
    }
    *ret_socket = socket;
    return ERR_OK;
}

int socket_established(struct socket *socket, struct lws *wsi)
{
    socket->wsi = wsi;
    socket->tokens = SOCKET_BURST;
    socket->refilled_ms = clock_mono_ms();
    socket->heard_s = socket->pinged_s = mono_s();
    LIST_INSERT_HEAD(&sockets.bucket[sockets.next_bucket], socket, beside);
    sockets.next_bucket = (sockets.next_bucket + 1) % BUCKETS;
    sockets.n++;
    METRIC_INC(WS_SOCKETS);
    if (socket->is_keyless || !subscriber_is_empty(socket->subscriber))
        lws_callback_on_writable(wsi); /* the answer to the handshake goes first */
    return 0;
}

void socket_closed(struct socket *socket)
{
    if (!socket)
        return;
    if (socket->wsi) {
        LIST_REMOVE(socket, beside);
        sockets.n--;
        METRIC_ADD(WS_SOCKETS, -1);
    }
    auth_unwatch(&socket->key_watch);
    socket_forget_submits(socket);
    socket_stop_asking(socket);
    subscriber_free(socket->subscriber);
    free(socket->rx);
    free(socket);
}

/* Always -1, for the callback to return. */
static int close_with(struct socket *socket, enum socket_close code, const char *reason)
{
    unsigned char bytes[64];
    size_t len = strlen(reason);

    memcpy(bytes, reason, len);
    lws_close_reason(socket->wsi, (enum lws_close_status)code, bytes, len);
    socket->closing = true;
    return -1;
}

int socket_writable(struct socket *socket, struct lws *wsi)
{
    char reason[CURSOR_SIZE + 24];

    (void)wsi;
    socket->heard_s = mono_s(); /* who takes bytes is alive, also when our pings wait behind them */
    if (socket->closing)
        return 0; /* the close frame is on its way; the library says "writable" once more for it */
    if (socket->leaving) {
        unsigned ms = RECONNECT_MIN_MS + (unsigned)(id_random() % RECONNECT_SPREAD_MS);
        snprintf(reason, sizeof reason, "reconnect_ms=%u", ms);
        return close_with(socket, SOCKET_GOING, reason);
    }
    if (socket->is_keyless)
        return close_with(socket, SOCKET_NO_KEY, "");
    if (subscriber_too_slow(socket->subscriber)) {
        subscriber_cursor(socket->subscriber, reason);
        return close_with(socket, SOCKET_TOO_SLOW, reason);
    }
    return write_queue(socket);
}

void socket_pong(struct socket *socket)
{
    socket->heard_s = mono_s();
}

/* ---- what it sends ---- */

/* False: more than it may. */
static bool take_token(struct socket *socket)
{
    int64_t now_ms = clock_mono_ms();
    int64_t gained = (now_ms - socket->refilled_ms) * SOCKET_RATE / 1000;

    if (socket->tokens + gained >= SOCKET_BURST) {
        socket->tokens = SOCKET_BURST;
        socket->refilled_ms = now_ms;
    } else if (gained > 0) {
        socket->tokens = (uint16_t)(socket->tokens + gained);
        socket->refilled_ms += gained * 1000 / SOCKET_RATE;
    }
    if (socket->tokens == 0)
        return false;
    socket->tokens--;
    return true;
}

/* Keeps a piece of a message. Room is made for what has come, not for what was announced. */
static bool keep_piece(struct socket *socket, const void *in, size_t len)
{
    size_t need = socket->rx_len + len;

    if (need > socket->rx_cap) {
        size_t cap = need < 1024 ? 2048 : need * 2;
        unsigned char *grown = realloc(socket->rx, cap);
        if (!grown)
            return false;
        socket->rx = grown;
        socket->rx_cap = (uint32_t)cap;
    }
    if (len)
        memcpy(socket->rx + socket->rx_len, in, len);
    socket->rx_len = (uint32_t)need;
    return true;
}

/* Closes in the middle of what a client is sending. Closed with bytes unread the connection would be
 * reset and the close frame lost, so it is written here, and what still comes is read and dropped
 * until the client closes as well, or the sweep ends it. */
static int refuse(struct socket *socket, enum socket_close code)
{
    unsigned char *out = socket->thread->priv->out + LWS_PRE;

    out[0] = 0x88;
    out[1] = 2;
    out[2] = (unsigned char)(code >> 8);
    out[3] = (unsigned char)code;
    socket->closing = true;
    socket->slow_s = mono_s();
    return lws_write(socket->wsi, out, 4, LWS_WRITE_HTTP) < 0 ? -1 : 0;
}

static int message(struct socket *socket, const char *text, size_t len)
{
    struct thread *thread = socket->thread;
    int code;

    if (!principal_is_valid(thread->auth, socket->key_watch.principal, thread_now_ms(thread)))
        return close_with(socket, SOCKET_NO_KEY, "");
    socket_hold(socket);
    code = socket_message(socket, text, len);
    socket->held = false;
    if (code)
        return refuse(socket, (enum socket_close)code);
    return write_queue(socket);
}

int socket_receive(struct socket *socket, struct lws *wsi, const void *in, size_t len)
{
    size_t left = lws_remaining_packet_payload(wsi);
    bool is_whole = left == 0 && lws_is_final_fragment(wsi);
    int verdict;

    if (socket->closing)
        return 0;
    socket->heard_s = mono_s();
    if (lws_frame_is_binary(wsi))
        return refuse(socket, SOCKET_BINARY);
    if (socket->rx_len + len + left > SOCKET_SUBMIT_MAX)
        return refuse(socket, SOCKET_TOO_BIG);
    if (left == 0 && !take_token(socket))
        return refuse(socket, SOCKET_TOO_MANY);
    if (is_whole && !socket->rx)
        return message(socket, in ? in : "", len);
    if (!keep_piece(socket, in, len))
        return -1;
    if (!is_whole)
        return 0;
    verdict = message(socket, (const char *)socket->rx, socket->rx_len);
    free(socket->rx);
    socket->rx = NULL;
    socket->rx_len = socket->rx_cap = 0;
    return verdict;
}

/* ---- the sweep ---- */

static void ping(struct socket *socket, uint32_t now_s)
{
    unsigned char *out = socket->thread->priv->out + LWS_PRE;

    memcpy(out, "\x89\x00", 2); /* an empty ping */
    socket->pinged_s = now_s;
    if (lws_write(socket->wsi, out, 2, LWS_WRITE_HTTP) < 0)
        kill_socket(socket);
}

static void check(struct socket *socket, uint32_t now_s)
{
    if (must_close(socket) && !socket->slow_s)
        socket->slow_s = now_s;
    if (now_s - socket->heard_s >= DEAD_S || (socket->slow_s && now_s - socket->slow_s >= SLOW_S))
        kill_socket(socket);
    else if (!socket->closing && now_s - socket->pinged_s >= PING_S && !lws_partial_buffered(socket->wsi))
        ping(socket, now_s);
}

static void leave_some(unsigned left)
{
    struct socket *socket;

    for (unsigned i = 0; i < BUCKETS; i++) {
        LIST_FOREACH(socket, &sockets.bucket[i], beside) {
            if (left == 0)
                return;
            if (socket->leaving || socket->closing)
                continue;
            socket->leaving = true;
            lws_callback_on_writable(socket->wsi);
            left--;
        }
    }
}

void socket_sweep(struct thread *thread, int64_t mono_ms)
{
    int64_t number = mono_ms / SWEEP_MS;
    int64_t from = number - sockets.last_sweep > BUCKETS ? number - BUCKETS : sockets.last_sweep;
    struct socket *socket;

    (void)thread;
    for (int64_t i = from + 1; i <= number; i++) {
        LIST_FOREACH(socket, &sockets.bucket[i % BUCKETS], beside)
            check(socket, (uint32_t)(mono_ms / 1000));
    }
    sockets.last_sweep = number;
    leave_some(sockets.n_leaving);
}

void socket_leave_all(struct thread *thread)
{
    (void)thread;
    sockets.n_leaving = sockets.n / LEAVE_STEPS + 1;
    if (sockets.n_leaving < LEAVE_MIN)
        sockets.n_leaving = LEAVE_MIN;
}

unsigned socket_count(const struct thread *thread)
{
    (void)thread;
    return sockets.n;
}
