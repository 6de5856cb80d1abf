/* reply.c: answers. Head and body go out in one write; what is too large for that follows in pieces
 * as the socket takes them. */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "api/gate.h"
#include "api/problem.h"
#include "api/request_priv.h"
#include "schema/metric.h"

static const char *reason_phrase(int status)
{
    switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "";
    }
}

/* The date header changes once a second; so does its text. */
static const char *date_line(struct thread *thread)
{
    struct thread_priv *priv = thread->priv;
    int64_t second = thread_now_ms(thread) / 1000;

    if (second != priv->date_s) {
        time_t at = (time_t)second;
        struct tm tm;
        gmtime_r(&at, &tm);
        strftime(priv->date, sizeof priv->date, "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        priv->date_s = second;
    }
    return priv->date;
}

void reply_header(struct request *request, const char *name, const char *value)
{
    assert(!strpbrk(value, "\r\n"));
    text_str(&request->extra, name);
    text_str(&request->extra, ": ");
    text_str(&request->extra, value);
    text_str(&request->extra, "\r\n");
}

/* Closing from outside a callback of the library's goes through its timer, which an event on the
 * socket sets off. */
static void close_soon(struct thread *thread, struct lws *wsi, int fd)
{
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    thread_feed(thread, fd, EV_READ);
}

void request_abort(struct request *request)
{
    struct thread *thread = request->thread;
    struct lws *wsi = request->wsi;
    int fd = request->fd, *verdict = request->verdict;

    request_free(request);
    if (verdict)
        *verdict = -1;
    else
        close_soon(thread, wsi, fd);
}

void request_finish(struct request *request)
{
    struct thread *thread = request->thread;
    struct lws *wsi = request->wsi;
    int fd = request->fd, *verdict = request->verdict;
    bool must_close = request->close, more;

    if (lws_partial_buffered(wsi)) {
        request->is_finishing = true;
        lws_callback_on_writable(wsi);
        return;
    }
    request_free(request);
    if (!must_close) {
        more = gate_next(fd);
        must_close = lws_http_transaction_completed(wsi) != 0;
        if (!must_close) {
            /* The library now waits to hear that the socket can be written to before it reads again.
             * It can: saying so right here saves two epoll_ctl calls and a turn of the loop. */
            if (more)
                thread_feed(thread, fd, EV_READ);
            thread_feed(thread, fd, EV_WRITE);
            return;
        }
    }
    shutdown(fd, SHUT_WR);
    if (verdict)
        *verdict = -1;
    else
        close_soon(thread, wsi, fd);
}

/* Written by hand: printf() would take a tenth of the time of a small answer. */
static char *put(char *at, const char *end, const char *text)
{
    size_t len = strlen(text);

    if (!at || len > (size_t)(end - at))
        return NULL;
    memcpy(at, text, len);
    return at + len;
}

static char *put_number(char *at, const char *end, int64_t number)
{
    char digits[24], *first = digits + sizeof digits - 1;

    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    return put(at, end, first);
}

/* 0: it does not fit. */
static size_t head_write(struct request *request, int status, const char *media_type, int64_t length, unsigned char *out,
                         size_t size)
{
    char *at = (char *)out, *end = at + size;

    METRIC_INC(HTTP_REQUESTS);
    if (status >= 400)
        METRIC_INC(HTTP_REFUSED);
    at = put(at, end, "HTTP/1.1 ");
    at = put_number(at, end, status);
    at = put(at, end, " ");
    at = put(at, end, reason_phrase(status));
    at = put(at, end, "\r\n");
    at = put(at, end, date_line(request->thread));
    if (media_type) {
        at = put(at, end, "content-type: ");
        at = put(at, end, media_type);
        at = put(at, end, "\r\n");
    }
    if (length >= 0 && status != 204 && status != 304) {
        at = put(at, end, "content-length: ");
        at = put_number(at, end, length);
        at = put(at, end, "\r\n");
    }
    at = put(at, end, "cache-control: no-store\r\nx-content-type-options: nosniff\r\n");
    if (request->close)
        at = put(at, end, "connection: close\r\n");
    if (request->extra.len)
        at = put(at, end, request->extra.at);
    at = put(at, end, "\r\n");
    return at && !request->extra.failed ? (size_t)(at - (char *)out) : 0;
}

/* The one way an answer starts. What of the bytes does not fit into the first write stays with the
 * caller, who is told how much went. Returns false when the request has ended. */
static bool reply_begin(struct request *request, int status, const char *media_type, const void *bytes, size_t len,
                        int64_t length, size_t *ret_went)
{
    unsigned char *out = request->thread->priv->out + LWS_PRE;
    size_t head = 0, part;

    if (request->thread->priv->must_stop)
        request->close = true;
    if (!request->on_writable)
        auth_unwatch(&request->key_watch);   /* an answer under way is not cut by the end of its key; a stream is */
    head = head_write(request, status, media_type, length, out, OUT_SIZE);
    if (!head) {
        request_abort(request);
        return false;
    }
    if (request->method == METHOD_HEAD)
        len = 0;
    part = len < OUT_SIZE - head ? len : OUT_SIZE - head;
    if (part)
        memcpy(out + head, bytes, part);
    if (lws_write(request->wsi, out, head + part, part == len ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0) {
        request_abort(request);
        return false;
    }
    *ret_went = part;
    return true;
}

void reply_text(struct request *request, int status, const char *media_type, const char *text, size_t len)
{
    size_t went = 0;

    if (!reply_begin(request, status, media_type, text, len, (int64_t)len, &went))
        return;
    if (went < len && request->method != METHOD_HEAD) {
        request->sending = body_new("application/octet-stream", text + went, len - went);
        if (!request->sending) {
            request_abort(request);
            return;
        }
        lws_callback_on_writable(request->wsi);
        return;
    }
    request_finish(request);
}

void reply_body(struct request *request, int status, const struct body *body)
{
    size_t went = 0;

    if (!reply_begin(request, status, body->media_type, body->bytes, body->len, (int64_t)body->len, &went))
        return;
    if (went < body->len && request->method != METHOD_HEAD) {
        request->sending = body_ref((struct body *)(uintptr_t)body);
        request->sent = went;
        lws_callback_on_writable(request->wsi);
        return;
    }
    request_finish(request);
}

void reply_json(struct request *request, int status, const struct text *text)
{
    if (text->failed)
        reply_problem(request, ERR_NOMEM, NULL, NULL);
    else
        reply_text(request, status, "application/json", text->at, text->len);
}

void reply_empty(struct request *request, int status)
{
    reply_text(request, status, NULL, "", 0);
}

void reply_problem(struct request *request, enum err err, const char *detail, const struct faults *faults)
{
    struct text text = {0};

    if (err_status(err) == 503 && !(request->extra.len && strstr(request->extra.at, "retry-after")))
        reply_header(request, "retry-after", err == ERR_BUSY ? "1" : "5");
    if (err == ERR_NO_KEY)
        reply_header(request, "www-authenticate",
                     request->header[HEADER_AUTHORIZATION] ? "Bearer error=\"invalid_token\"" : "Bearer");
    problem_encode(&text, err, detail, request->path, faults);
    if (text.failed)
        request_abort(request);
    else
        reply_text(request, err_status(err), "application/problem+json", text.at, text.len);
    text_clear(&text);
}

/* ---- streams ---- */

void reply_stream(struct request *request, const char *media_type, stream_writable_fn *on_writable)
{
    size_t went = 0;

    request->close = true;
    request->on_writable = on_writable;
    if (!reply_begin(request, 200, media_type, "", 0, -1, &went))
        return;
    if (request->method == METHOD_HEAD)
        request_finish(request);
    else
        lws_set_timeout(request->wsi, NO_PENDING_TIMEOUT, 0);
}

void reply_stream_want(struct request *request)
{
    lws_callback_on_writable(request->wsi);
}

void reply_stream_now(struct request *request)
{
    if (request->is_finishing || request->stream_ends || lws_partial_buffered(request->wsi))
        lws_callback_on_writable(request->wsi);
    else
        request->on_writable(request);
}

void reply_stream_write(struct request *request, const void *bytes, size_t len)
{
    unsigned char *out = request->thread->priv->out + LWS_PRE;

    while (len) {
        size_t part = len < OUT_SIZE ? len : OUT_SIZE;
        memcpy(out, bytes, part);
        if (lws_write(request->wsi, out, part, LWS_WRITE_HTTP) < 0) {
            reply_stream_end(request);           /* nothing more can be said */
            return;
        }
        bytes = (const char *)bytes + part;
        len -= part;
    }
}

void reply_stream_end(struct request *request)
{
    request->stream_ends = true;
    lws_callback_on_writable(request->wsi);
}

void reply_go_on(struct request *request)
{
    unsigned char *out = request->thread->priv->out + LWS_PRE;
    size_t left = request->sending ? request->sending->len - request->sent : 0;
    size_t part = left < OUT_SIZE ? left : OUT_SIZE;

    if (request->is_finishing || request->stream_ends) {
        request_finish(request);
    } else if (request->on_writable) {
        request->on_writable(request);
    } else if (request->sending) {
        memcpy(out, request->sending->bytes + request->sent, part);
        if (lws_write(request->wsi, out, part, part == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0) {
            request_abort(request);
            return;
        }
        request->sent += part;
        if (request->sent == request->sending->len)
            request_finish(request);
        else
            lws_callback_on_writable(request->wsi);
    }
}
