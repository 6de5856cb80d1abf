/* listener.c: the sockets, and libwebsockets' callbacks, each of which is one call into another file.
 * The library's own listener cannot share a port between contexts (4.1.6), so the sockets are ours
 * (SO_REUSEPORT, one a thread) and accepted connections are handed to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/gate.h"
#include "api/origin.h"
#include "api/problem.h"
#include "api/server_priv.h"
#include "api/socket.h"
#include "api/thread_priv.h"
#include "schema/log.h"
#include "schema/metric.h"

#define ACCEPTS_A_TURN 64

enum err listener_open(struct thread *thread, const char *host, int *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found = NULL;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {0};
    socklen_t bound_len = sizeof bound;
    char service[8];
    int fd = -1, on = 1;
    enum err err = ERR_IO;

    snprintf(service, sizeof service, "%d", *port);
    if (getaddrinfo(host, service, &hints, &found))
        return ERR_CONFIG;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        goto out;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* The first thread binds alone, so that a port somebody else has (even another service of ours,
     * which would share it) is noticed; then the port is opened to its siblings. */
    if (thread->number > 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on))
        goto out;
    if (bind(fd, found->ai_addr, found->ai_addrlen)) {
        err = errno == EADDRINUSE ? ERR_IN_USE : errno == EADDRNOTAVAIL || errno == EACCES ? ERR_CONFIG : ERR_IO;
        goto out;
    }
    if (thread->number == 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on))
        goto out;
    if (getsockname(fd, &bound.any, &bound_len))
        goto out;
    *port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    thread->priv->listen_fd = fd;
    fd = -1;
    err = ERR_OK;
out:
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
    return err;
}

enum err listener_listen(struct thread *thread)
{
    return listen(thread->priv->listen_fd, 4096) == 0 ? ERR_OK : ERR_IO;
}

enum err listener_attach(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;
    lws_sock_file_fd_type fd = {.filefd = priv->listen_fd};

    priv->listener = lws_adopt_descriptor_vhost(priv->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "buzzer-listener", NULL);
    return priv->listener ? ERR_OK : ERR_IO;
}

void listener_close(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;

    if (priv->listener)
        lws_set_timeout(priv->listener, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    priv->listener = NULL;
}

/* One too many: said in as few words as possible, since room is what there is none of. */
static void turn_away(int fd)
{
    static const char words[] = "HTTP/1.1 503 \r\ncontent-type: application/problem+json\r\nretry-after: 5\r\n"
                                "content-length: 65\r\nconnection: close\r\n\r\n"
                                "{\"type\":\"/docs/problems#busy\",\"title\":\"No room\",\"status\":503}    ";
    (void)!send(fd, words, sizeof words - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static void connection_gone(struct thread *thread, struct gated *gated)
{
    if (!gated)
        return;                    /* the listener itself, or the library's own pipe */
    gate_close(gated);
    atomic_fetch_sub(&thread->server->n_connections, 1);
    METRIC_ADD(HTTP_CONNECTIONS, -1);
}

static int accept_some(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;
    struct server *server = thread->server;
    unsigned user_timeout_ms = 20000;
    struct gated *gated = NULL;
    struct lws *wsi = NULL;

    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(priv->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                log_warn("cannot accept: %s", strerror(errno));
                priv->listener_paused = true;        /* the sweep takes it up again */
                lws_rx_flow_control(priv->listener, 0);
            }
            return 0;
        }
        if (atomic_fetch_add(&server->n_connections, 1) >= thread->setup->config->max_connections ||
            gate_open(fd, &gated) != ERR_OK) {
            atomic_fetch_sub(&server->n_connections, 1);
            turn_away(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
        METRIC_INC(HTTP_CONNECTIONS);
        wsi = lws_adopt_socket_vhost(priv->vhost, fd);
        if (wsi)
            lws_set_opaque_user_data(wsi, gated);
        else                                             /* it has closed fd itself */
            connection_gone(thread, gated);
    }
    return 0;
}

static int listener_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct thread *thread = lws_context_user(lws_get_context(wsi));

    (void)user;
    (void)in;
    (void)len;
    return reason == LWS_CALLBACK_RAW_RX_FILE ? accept_some(thread) : 0;
}

/* A refused handshake still gets a whole answer; the caller then closes. */
static void refuse_handshake(struct lws *wsi, enum err err, const char *detail)
{
    struct text text = {0}, body = {0};

    problem_encode(&body, err, detail, "/v1/ws", NULL);
    for (size_t i = 0; i < LWS_PRE; i++)
        text_char(&text, ' ');
    text_printf(&text,
                "HTTP/1.1 %d \r\ncontent-type: application/problem+json\r\ncontent-length: %zu\r\n%s%s%s"
                "connection: close\r\n\r\n",
                err_status(err), body.len, err == ERR_UPGRADE ? "sec-websocket-version: 13\r\n" : "",
                err_status(err) == 503 ? "retry-after: 5\r\n" : "",
                err == ERR_NO_KEY ? "www-authenticate: Bearer\r\n" : "");
    if (!body.failed)
        text_add(&text, body.at, body.len);
    if (!text.failed)
        lws_write(wsi, (unsigned char *)text.at + LWS_PRE, text.len - LWS_PRE, LWS_WRITE_HTTP_FINAL);
    METRIC_INC(HTTP_REFUSED);
    text_clear(&body);
    text_clear(&text);
}

/* 16 bytes in base64 (RFC 6455, 4.1). The library would hang up on none, and take any. */
static int handshake_key(struct lws *wsi)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char key[32] = "";

    if (lws_hdr_copy(wsi, key, sizeof key, WSI_TOKEN_KEY) == 24 && strspn(key, digits) == 22 && strcmp(key + 22, "==") == 0)
        return 0;
    refuse_handshake(wsi, ERR_BAD_REQUEST, "Sec-WebSocket-Key has to be 16 bytes in base64");
    return -1;
}

static enum err handshake_check(struct thread *thread, struct lws *wsi)
{
    const struct config *config = thread->setup->config;
    char path[16] = "", host[256] = "", origin[256] = "", version[8] = "";
    bool has_origin = lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) > 0;

    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) <= 0 || strcmp(path, "/v1/ws") != 0)
        return ERR_NOT_FOUND;
    if (lws_hdr_copy(wsi, version, sizeof version, WSI_TOKEN_VERSION) <= 0 || strcmp(version, "13") != 0)
        return ERR_UPGRADE;
    if (lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) <= 0)
        return ERR_MISDIRECTED;
    if (auth_is_open(thread->auth) && !host_is_loopback(host))
        return ERR_MISDIRECTED;
    if (has_origin && lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) <= 0)
        return ERR_FOREIGN_ORIGIN;
    if (has_origin && !origin_is_own(origin, host) && !origin_is_allowed(config, origin))
        return ERR_FOREIGN_ORIGIN;
    return thread_is_draining(thread) ? ERR_DRAINING : ERR_OK;
}

static int handshake(struct thread *thread, struct lws *wsi, struct connection *connection)
{
    char detail[256] = "";
    struct principal *principal = NULL;
    enum err err = handshake_check(thread, wsi);

    if (!err)
        err = handshake_identify(thread, wsi, &principal);
    if (!err)
        err = socket_filter(thread, wsi, principal, &connection->socket, detail, sizeof detail);
    principal_unref(principal);
    if (!err)
        return 0;
    refuse_handshake(wsi, err, detail[0] ? detail : NULL);
    return -1;
}

static int established(struct thread *thread, struct lws *wsi, struct connection *connection)
{
    int fd = lws_get_socket_fd(wsi);

    gate_set_websocket(fd);
    if (gate_next(fd))
        thread_feed(thread, fd, EV_READ);
    return connection->socket ? socket_established(connection->socket, wsi) : -1;
}

static int connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct thread *thread = lws_context_user(lws_get_context(wsi));
    struct connection *connection = user;
    const struct gate_head *head;

    switch (reason) {
    case LWS_CALLBACK_FILTER_HTTP_CONNECTION:
        head = gate_head_of(lws_get_socket_fd(wsi));
        return head && !(connection && connection->request) ? 0 : -1;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        /* Without an Upgrade header `in` points into freed memory (CVE-2025-11677): ask first. */
        if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0 || strcasecmp(in, "websocket") != 0)
            return -1;
        return handshake_key(wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return handshake(thread, wsi, connection);
    case LWS_CALLBACK_ESTABLISHED:
        return established(thread, wsi, connection);
    case LWS_CALLBACK_RECEIVE:
        return connection->socket ? socket_receive(connection->socket, wsi, in, len) : -1;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (connection->socket)
            socket_pong(connection->socket);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return connection->socket ? socket_writable(connection->socket, wsi) : -1;
    case LWS_CALLBACK_CLOSED:
        if (connection && connection->socket)
            socket_closed(connection->socket);
        if (connection)
            connection->socket = NULL;
        return 0;
    case LWS_CALLBACK_HTTP:
        return request_begin(thread, wsi, connection);
    case LWS_CALLBACK_HTTP_BODY:
        return request_on_body(connection, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return request_on_body_end(connection);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return request_on_writable(wsi, connection);
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
        if (connection)
            request_drop(connection);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        connection_gone(thread, lws_get_opaque_user_data(wsi));
        return 0;
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
        return -1;
    default:
        return 0;
    }
}

const struct lws_protocols listener_protocols[] = {
    {"buzzer-http", connection_callback, sizeof(struct connection), 1024, 0, NULL, OUT_SIZE},
    {"buzzer.v1", connection_callback, sizeof(struct connection), 1024, 0, NULL, OUT_SIZE},
    {"cloudevents.json", connection_callback, sizeof(struct connection), 1024, 0, NULL, OUT_SIZE},
    {"buzzer-listener", listener_callback, 0, 0, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

const struct lws_http_mount listener_mount = {
    .mountpoint = "/",
    .mountpoint_len = 1,
    .origin = "buzzer-http",
    .origin_protocol = LWSMPRO_CALLBACK,
};
