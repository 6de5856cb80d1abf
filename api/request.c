/* request.c: from a head that libwebsockets has parsed (and the gate has let in) to the route's
 * handler, and the end of it all. */
#include "api/request.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/gate.h"
#include "api/request_priv.h"
#include "api/server_priv.h"
#include "schema/clock.h"
#include "schema/media_type.h"
#include "schema/metric.h"

#define BODY_GRACE_MS 10000          /* and a millisecond for each 50 bytes */
#define BODY_BYTES_A_MS 50

static const struct {
    enum lws_token_indexes token;
    const char *custom;              /* for what the library has no token */
} header_source[HEADER_COUNT] = {
    [HEADER_CONTENT_TYPE] = {WSI_TOKEN_HTTP_CONTENT_TYPE, NULL},
    [HEADER_ACCEPT] = {WSI_TOKEN_HTTP_ACCEPT, NULL},
    [HEADER_IDEMPOTENCY_KEY] = {WSI_TOKEN_COUNT, "idempotency-key:"},
    [HEADER_PREFER] = {WSI_TOKEN_COUNT, "prefer:"},
    [HEADER_TRACEPARENT] = {WSI_TOKEN_COUNT, "traceparent:"},
    [HEADER_LAST_EVENT_ID] = {WSI_TOKEN_COUNT, "last-event-id:"},
    [HEADER_IF_NONE_MATCH] = {WSI_TOKEN_HTTP_IF_NONE_MATCH, NULL},
    [HEADER_ORIGIN] = {WSI_TOKEN_ORIGIN, NULL},
    [HEADER_HOST] = {WSI_TOKEN_HOST, NULL},
    [HEADER_AUTHORIZATION] = {WSI_TOKEN_HTTP_AUTHORIZATION, NULL},
};

static int header_len(struct lws *wsi, enum header header)
{
    const char *custom = header_source[header].custom;

    return custom ? lws_hdr_custom_length(wsi, custom, (int)strlen(custom))
                  : lws_hdr_total_length(wsi, header_source[header].token);
}

static void copy_headers(struct request *request, char **at)
{
    for (enum header header = 0; header < HEADER_COUNT; header++) {
        const char *custom = header_source[header].custom;
        int len = header_len(request->wsi, header);
        int n;

        if (custom && len == 0) {            /* there, but empty: not the same as absent */
            **at = '\0';
            request->header[header] = (*at)++;
            continue;
        }
        if (len <= 0)
            continue;
        n = custom ? lws_hdr_custom_copy(request->wsi, *at, len + 1, custom, (int)strlen(custom))
                   : lws_hdr_copy(request->wsi, *at, len + 1, header_source[header].token);
        if (n < 0)
            continue;
        request->header[header] = *at;
        *at += len + 1;
    }
}

/* An empty argument ("/path?", "a=b&") reaches us as a slash. */
static bool is_empty_query(struct lws *wsi, int i, int len)
{
    char one[2] = "";

    return len == 1 && lws_hdr_copy_fragment(wsi, one, sizeof one, WSI_TOKEN_HTTP_URI_ARGS, i) >= 0 && one[0] == '/';
}

/* One fragment an argument, decoded by the library. */
static bool copy_query(struct request *request, char **at)
{
    for (int i = 0;; i++) {
        int len = lws_hdr_fragment_length(request->wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        char *equals;

        if (len <= 0)
            return true;
        if (is_empty_query(request->wsi, i, len))
            continue;
        if (request->n_query == QUERY_MAX ||
            lws_hdr_copy_fragment(request->wsi, *at, len + 1, WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
            return false;
        (*at)[len] = '\0';
        equals = strchr(*at, '=');
        if (equals)
            *equals = '\0';
        request->query[request->n_query++] = (struct submit_param){*at, equals ? equals + 1 : *at + len};
        *at += len + 1;
    }
}

static enum method method_of(int lws_method)
{
    switch (lws_method) {
    case LWSHUMETH_GET: return METHOD_GET;
    case LWSHUMETH_POST: return METHOD_POST;
    case LWSHUMETH_DELETE: return METHOD_DELETE;
    case LWSHUMETH_HEAD: return METHOD_HEAD;
    default: return METHOD_OTHER;
    }
}

static struct request *request_new(struct thread *thread, struct lws *wsi, struct connection *connection)
{
    char *uri = NULL, *at;
    int uri_len = 0, method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    size_t room = (size_t)uri_len + 1 + (size_t)lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) + 2 * QUERY_MAX;
    struct request *request;

    if (method < 0)
        return NULL;
    for (enum header header = 0; header < HEADER_COUNT; header++) {
        int len = header_len(wsi, header);
        room += (size_t)(len > 0 ? len : 0) + 1;
    }
    request = malloc(sizeof *request + room);
    if (!request)
        return NULL;
    memset(request, 0, sizeof *request);
    *request = (struct request){.thread = thread, .wsi = wsi, .connection = connection, .fd = lws_get_socket_fd(wsi)};
    request->method = method_of(method);
    at = request->text;
    request->path = at;
    memcpy(at, uri, (size_t)uri_len);
    at[uri_len] = '\0';
    at += uri_len + 1;
    copy_headers(request, &at);
    if (!copy_query(request, &at))
        request->route = NULL, request->n_query = QUERY_MAX;
    request->close = gate_head_of(request->fd)->close;
    thread->priv->n_open++;
    return request;
}

static void reading_add(struct request *request)
{
    struct thread_priv *priv = request->thread->priv;

    request->is_reading = true;
    request->next = priv->reading;
    if (request->next)
        request->next->prev = request;
    priv->reading = request;
}

static void reading_remove(struct request *request)
{
    if (!request->is_reading)
        return;
    if (request->prev)
        request->prev->next = request->next;
    else
        request->thread->priv->reading = request->next;
    if (request->next)
        request->next->prev = request->prev;
    request->is_reading = false;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    if (request->connection->request == request)
        request->connection->request = NULL;
    if (request->gone)
        *request->gone = true;
    reading_remove(request);
    auth_unwatch(&request->key_watch);
    principal_unref(request->principal);
    if (request->cleanup)
        request->cleanup(request->state);
    if (request->body)
        atomic_fetch_sub(&request->thread->server->body_bytes, (long long)request->body->len);
    request->thread->priv->n_open--;
    body_unref(request->body);
    body_unref(request->sending);
    text_clear(&request->extra);
    free(request);
}

static enum err body_begin(struct request *request, size_t length)
{
    struct server *server = request->thread->server;

    if (atomic_fetch_add(&server->body_bytes, (long long)length) + (long long)length > BODIES_MAX) {
        atomic_fetch_sub(&server->body_bytes, (long long)length);
        return ERR_BUSY;
    }
    request->body = body_new("application/octet-stream", NULL, length);
    if (!request->body) {
        atomic_fetch_sub(&server->body_bytes, (long long)length);
        return ERR_NOMEM;
    }
    request->deadline_ms = clock_mono_ms() + BODY_GRACE_MS + (int64_t)length / BODY_BYTES_A_MS;
    reading_add(request);
    if (gate_head_of(request->fd)->expect_continue) {
        unsigned char *out = request->thread->priv->out + LWS_PRE;
        static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";
        memcpy(out, words, sizeof words - 1);
        if (lws_write(request->wsi, out, sizeof words - 1, LWS_WRITE_HTTP_HEADERS) < 0)
            return ERR_IO;
    }
    return ERR_OK;
}

static void refuse(struct request *request, enum err err, const char *allow)
{
    if (gate_head_of(request->fd)->content_length)
        request->close = true;
    if (err == ERR_METHOD)
        reply_header(request, "allow", allow);
    reply_problem(request, err, NULL, NULL);
}

static void dispatch(struct request *request)
{
    request->dispatched = true;
    reading_remove(request);
    request->route->handle(request);
}

/* Runs fn with the library's callback on the stack; what it is to return comes back. */
static int under_callback(struct request *request, void (*fn)(struct request *request))
{
    bool gone = false;
    int verdict = 0;

    request->verdict = &verdict;
    request->gone = &gone;
    fn(request);
    if (!gone) {
        request->verdict = NULL;
        request->gone = NULL;
        if (request->dispatched)             /* left open: no deadline of the library's applies */
            lws_set_timeout(request->wsi, NO_PENDING_TIMEOUT, 0);
    }
    return verdict;
}

static void begin(struct request *request)
{
    size_t length = (size_t)gate_head_of(request->fd)->content_length;
    char allow[64] = "";
    enum err err;

    if (request_preflight(request))
        return;
    err = request_admit(request, allow, sizeof allow);
    if (!err && request->route->flags & ROUTE_BODY && length)
        err = body_begin(request, length);
    if (err)
        refuse(request, err, allow);
    else if (!request->body)
        dispatch(request);
}

int request_begin(struct thread *thread, struct lws *wsi, struct connection *connection)
{
    struct request *request = gate_head_of(lws_get_socket_fd(wsi)) ? request_new(thread, wsi, connection) : NULL;

    if (!request)
        return -1;
    connection->request = request;
    return under_callback(request, begin);
}

int request_on_body(struct connection *connection, const void *bytes, size_t len)
{
    struct request *request = connection ? connection->request : NULL;

    if (!request || request->dispatched || !request->body || len == 0)
        return 0;
    if (len > request->body->len - request->body_got)
        return -1;
    memcpy(request->body->bytes + request->body_got, bytes, len);
    request->body_got += len;
    return 0;
}

int request_on_body_end(struct connection *connection)
{
    struct request *request = connection ? connection->request : NULL;

    if (!request || request->dispatched || !request->body)
        return 0;
    if (request->body_got != request->body->len)
        return -1;
    return under_callback(request, dispatch);
}

int request_on_writable(struct lws *wsi, struct connection *connection)
{
    struct request *request = connection ? connection->request : NULL;

    (void)wsi;
    if (!request || !request->dispatched)
        return 0;
    return under_callback(request, reply_go_on);
}

void request_drop(struct connection *connection)
{
    if (connection->request)
        request_free(connection->request);
}

void request_sweep(struct thread *thread, int64_t mono_ms)
{
    for (struct request *request = thread->priv->reading, *next; request; request = next) {
        next = request->next;
        if (mono_ms >= request->deadline_ms)
            request_abort(request);
    }
}

struct thread *request_thread(const struct request *request)
{
    return request->thread;
}

const char *request_id(const struct request *request)
{
    return request->id[0] ? request->id : NULL;
}

const struct submit_param *request_query(const struct request *request, unsigned *ret_n)
{
    *ret_n = request->n_query;
    return request->query;
}

const char *request_param(const struct request *request, const char *name)
{
    for (unsigned i = 0; i < request->n_query; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}

const char *request_header(const struct request *request, enum header header)
{
    return request->header[header];
}

struct principal *request_principal(const struct request *request)
{
    return request->principal;
}

/* A stream just ends; what was waited for is answered, by whoever finds the state gone. */
static void on_key_ended(struct auth_watch *watch)
{
    struct request *request = (struct request *)((char *)watch - offsetof(struct request, key_watch));

    if (request->on_writable) {
        reply_stream_end(request);
        return;
    }
    if (request->cleanup)
        request->cleanup(request->state);
    request_set_state(request, NULL, NULL);
    refuse(request, ERR_NO_KEY, "");
}

void request_end_with_key(struct request *request)
{
    if (request->principal && !request->key_watch.principal)
        auth_watch(request->thread->auth, &request->key_watch, request->principal, on_key_ended);
}

const void *request_body(const struct request *request, size_t *ret_len)
{
    *ret_len = request->body ? request->body->len : 0;
    return request->body ? request->body->bytes : "";
}

struct body *request_take_body(struct request *request, const char *media_type)
{
    struct body *body = request->body;

    if (!body)
        return body_new(media_type, "", 0);
    request->body = NULL;
    atomic_fetch_sub(&request->thread->server->body_bytes, (long long)body->len);
    body_set_type(body, media_type);
    return body;
}

void request_set_state(struct request *request, void *state, void (*cleanup)(void *state))
{
    request->state = state;
    request->cleanup = cleanup;
}

void *request_state(const struct request *request)
{
    return request->state;
}
