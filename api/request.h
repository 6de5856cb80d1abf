/* request.h: one HTTP request, from its checked head to its answer. A route's handler is called when
 * the whole body is there; it answers with a reply_* verb before it returns, or leaves the request
 * open (having arranged to be called again) and answers later on the same thread. If the client goes
 * away first, the handler's cleanup is called and the request is gone. */
#ifndef BUZZER_API_REQUEST_H
#define BUZZER_API_REQUEST_H

#include "api/thread.h"
#include "jobs/submit.h"
#include "schema/fault.h"

struct request;

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_DELETE, METHOD_OTHER };

struct thread *request_thread(const struct request *request);
const char *request_id(const struct request *request);        /* what {id} or {name} of the route matched, or NULL */
/* The query, decoded, in order. */
const struct submit_param *request_query(const struct request *request, unsigned *ret_n);
const char *request_param(const struct request *request, const char *name);   /* the first of that name, or NULL */

/* Headers that routes look at; NULL when absent. */
enum header {
    HEADER_CONTENT_TYPE, HEADER_ACCEPT, HEADER_IDEMPOTENCY_KEY, HEADER_PREFER, HEADER_TRACEPARENT,
    HEADER_LAST_EVENT_ID, HEADER_IF_NONE_MATCH, HEADER_ORIGIN, HEADER_HOST, HEADER_AUTHORIZATION, HEADER_COUNT
};
const char *request_header(const struct request *request, enum header header);

/* Who asks; NULL on the routes that are open to all. */
struct principal *request_principal(const struct request *request);
/* From here on the request is held open: it is ended when its key is revoked or over. */
void request_end_with_key(struct request *request);

const void *request_body(const struct request *request, size_t *ret_len);     /* NUL-terminated */
struct body *request_take_body(struct request *request, const char *media_type); /* yours; NULL: no memory */

/* Called once when the request ends in whatever way, after the answer or without one: free what the
 * handler keeps in state. */
void request_set_state(struct request *request, void *state, void (*cleanup)(void *state));
void *request_state(const struct request *request);

/* ---- answering: exactly one of these ends the request ---- */
/* A header for the answer to come; values must be free of CR and LF (asserted). */
void reply_header(struct request *request, const char *name, const char *value);
void reply_text(struct request *request, int status, const char *media_type, const char *text, size_t len);
void reply_json(struct request *request, int status, const struct text *text);   /* a failed text answers 500 */
void reply_body(struct request *request, int status, const struct body *body);   /* any size; a reference is taken */
void reply_empty(struct request *request, int status);
void reply_problem(struct request *request, enum err err, const char *detail, const struct faults *faults); /* both may be NULL */

/* A stream (SSE): the head goes out now, then bytes as the route has them. on_writable is called when
 * the socket takes more after reply_stream_want; it may write once, up to what it likes (what the
 * kernel does not take is kept and sent before the next on_writable). */
typedef void stream_writable_fn(struct request *request);
void reply_stream(struct request *request, const char *media_type, stream_writable_fn *on_writable);
void reply_stream_want(struct request *request);
void reply_stream_now(struct request *request);        /* likewise, at once if it can be; not within the library's callbacks */
void reply_stream_write(struct request *request, const void *bytes, size_t len);
void reply_stream_end(struct request *request);        /* closes the connection when all is sent */

#endif
