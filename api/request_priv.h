/* request_priv.h: inside a request; for request*.c, reply*.c and hold.c. */
#ifndef BUZZER_API_REQUEST_PRIV_H
#define BUZZER_API_REQUEST_PRIV_H

#include "api/request.h"
#include "api/router.h"
#include "api/thread_priv.h"

#define QUERY_MAX 64

struct request {
    struct thread *thread;
    struct lws *wsi;
    struct connection *connection;
    int fd;
    enum method method;
    const struct route *route;
    char id[NAME_MAX_LEN + 1];
    const char *path;
    const char *header[HEADER_COUNT];
    unsigned n_query;
    struct submit_param query[QUERY_MAX];

    struct principal *principal;   /* a reference; NULL: open to all */
    struct auth_watch key_watch;   /* while it is held open */

    struct request *prev, *next;   /* in thread->priv->reading while its body comes in */
    bool is_reading;
    int64_t deadline_ms;           /* monotonic: the whole body must be here by then */
    struct body *body;
    size_t body_got;

    bool dispatched;               /* the handler has been called */
    bool has_asked_log;            /* ... and held once until the log was read up to now (hold.c) */
    bool has_awaited_place;        /* ... or up to where events are to go on */
    bool close;                    /* the connection ends with the answer */
    int *verdict;                  /* while a callback of the library is on the stack: what it returns */
    bool *gone;                    /* ... and whether the request has ended meanwhile */
    void *state;
    void (*cleanup)(void *state);

    struct text extra;             /* header lines of the answer to come */
    struct body *sending;          /* the rest of an answer too large for one write */
    size_t sent;
    bool is_finishing;             /* all written, some of it still with the library */
    stream_writable_fn *on_writable;   /* a stream */
    bool stream_ends;

    size_t text_len;
    char text[];                   /* path, query and headers, copied: the library's go away */
};

void request_free(struct request *request);
/* The answer is out, whole: ends the request and tells the library so. */
void request_finish(struct request *request);
/* Ends request and connection without (further) answer. */
void request_abort(struct request *request);

/* request_admit.c */
enum err request_admit(struct request *request, char *allow, size_t allow_size);   /* finds the route, too */
/* Says who may read the answer; true: this was a page's question beforehand, and is answered. */
bool request_preflight(struct request *request);

/* reply.c */
void reply_go_on(struct request *request);     /* the socket takes more */

#endif
