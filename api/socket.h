/* socket.h: a WebSocket client (RFC 6455): what it asks, and what it is told. The lws callbacks of
 * listener.c end here for every connection that asks for /v1/ws. */
#ifndef BUZZER_API_SOCKET_H
#define BUZZER_API_SOCKET_H

#include <libwebsockets.h>

#include "api/thread.h"

struct socket;

/* LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION for /v1/ws, Host and Origin already checked: the query's
 * subscriptions are checked here. An error is answered by the caller as a problem and the handshake refused. */
enum err socket_filter(struct thread *thread, struct lws *wsi, struct principal *principal, struct socket **ret_socket,
                       char *detail, size_t size);
int socket_established(struct socket *socket, struct lws *wsi);          /* -1 closes, as all below */
int socket_receive(struct socket *socket, struct lws *wsi, const void *in, size_t len);
int socket_writable(struct socket *socket, struct lws *wsi);
void socket_pong(struct socket *socket);                                 /* LWS_CALLBACK_RECEIVE_PONG: it is alive */
void socket_closed(struct socket *socket);                               /* frees it; established or not */
/* From the thread's sweep, every 250 ms: pings, dead peers, rate limit, leaving. */
void socket_sweep(struct thread *thread, int64_t mono_ms);
void socket_leave_all(struct thread *thread);                            /* 1001 to everybody, in batches by the sweep */
unsigned socket_count(const struct thread *thread);

#endif
