/* request_admit.c: may this request come in at all? By its name for us, its key, the page it comes from and
 * the size of what it brings; looked at before a byte of the body is. */
#include <assert.h>
#include <string.h>

#include "api/gate.h"
#include "api/origin.h"
#include "api/request_priv.h"
#include "api/server_priv.h"
#include "api/tickets.h"
#include "schema/clock.h"
#include "schema/media_type.h"
#include "schema/metric.h"

/* Who asks: a key, or the ticket that was made with one. */
static enum err identify(struct request *request)
{
    struct thread *thread = request->thread;
    const char *authorization = request->header[HEADER_AUTHORIZATION];
    const char *ticket = request->route && request->route->flags & ROUTE_TICKET ? request_param(request, "ticket") : NULL;
    char key_id[ACCESS_KEY_ID_SIZE];

    if (!ticket || authorization)
        return auth_check(thread->auth, authorization, thread_now_ms(thread), &request->principal);
    if (!tickets_take(thread->server->tickets, ticket, clock_mono_ms(), key_id))
        key_id[0] = '\0';           /* good enough where no key is needed */
    return auth_check_id(thread->auth, key_id, thread_now_ms(thread), &request->principal);
}

/* May this client come in, and do this? What is not there is kept from strangers as well. */
static enum err admit_client(struct request *request)
{
    const struct route *route = request->route;
    unsigned flags = route ? route->flags : 0;
    enum err err;

    if (!(flags & ROUTE_ANY_HOST) && auth_is_open(request->thread->auth) &&
        !host_is_loopback(request->header[HEADER_HOST]))
        return ERR_MISDIRECTED;
    if (flags & ROUTE_PUBLIC)
        return ERR_OK;
    err = identify(request);
    if (err || !route || principal_may(request->principal, route->scopes))
        return err;
    METRIC_INC(AUTH_NO_RIGHT);
    return ERR_NO_RIGHT;
}

/* Does this server want to hear this request? Everything but the body itself. */
enum err request_admit(struct request *request, char *allow, size_t allow_size)
{
    const struct config *config = request->thread->setup->config;
    const char *host = request->header[HEADER_HOST], *origin = request->header[HEADER_ORIGIN];
    const char *type = request->header[HEADER_CONTENT_TYPE];
    const struct gate_head *head = gate_head_of(request->fd);
    int64_t length = head->content_length;
    bool is_json = type && media_type_is(type, "application/json");
    enum err err = route_find(request->method, request->path, &request->route, request->id, sizeof request->id, allow,
                              allow_size);
    enum err client_err = admit_client(request);

    if (client_err)
        return client_err;
    if (err)
        return err;
    assert(request->route);
    if (request->n_query == QUERY_MAX)
        return ERR_BAD_QUERY;
    if (request->route->flags & ROUTE_CHANGES && !origin_is_own(origin, host) && !origin_is_allowed(config, origin))
        return ERR_FOREIGN_ORIGIN;
    if (length && !(request->route->flags & ROUTE_BODY))
        request->close = true;           /* what nobody reads is not worth waiting for */
    if (request->route->flags & ROUTE_BODY && !head->has_length)
        return ERR_NO_LENGTH;
    if (request->route->flags & ROUTE_BODY && length > (is_json ? config->json_body_bytes : config->body_bytes))
        return ERR_TOO_LARGE;
    if (request->route->flags & ROUTE_BODY && lws_hdr_total_length(request->wsi, WSI_TOKEN_HTTP_CONTENT_ENCODING) > 0)
        return ERR_MEDIA_TYPE;
    return ERR_OK;
}

/* ---- pages of other origins ---- */

/* Answers from an allowed foreign origin may be read by its page, and it may ask beforehand. */
static void allow_origin(struct request *request)
{
    const char *origin = request->header[HEADER_ORIGIN];

    if (!origin || !origin_is_allowed(request->thread->setup->config, origin))
        return;
    reply_header(request, "access-control-allow-origin", origin);
    reply_header(request, "vary", "origin");
}

static bool is_preflight(const struct request *request)
{
    const char *origin = request->header[HEADER_ORIGIN];

    return request->method == METHOD_OTHER && origin && lws_hdr_total_length(request->wsi, WSI_TOKEN_OPTIONS_URI) > 0 &&
           origin_is_allowed(request->thread->setup->config, origin);
}

bool request_preflight(struct request *request)
{
    allow_origin(request);
    if (!is_preflight(request))
        return false;
    reply_header(request, "access-control-allow-methods", "GET, HEAD, POST, DELETE");
    reply_header(request, "access-control-allow-headers",
                 "authorization, content-type, idempotency-key, prefer, traceparent, last-event-id");
    reply_header(request, "access-control-max-age", "600");
    reply_empty(request, 204);
    return true;
}
