/* blob_reply.c: large bodies are not in the view: the log is asked, on a thread of its own, and the
 * answer goes out when it has come back to the request's thread.
 *
 * Two hold a fetch: the request, which may end first (its client left, or has waited long enough), and
 * the log, which gives its hold back with the body. Whoever lets go last frees it. */
#include "api/blob_reply.h"

#include <stdlib.h>

#include "api/server_priv.h"

#define ANSWER_MS 5000

struct fetch {
    atomic_int holds;
    struct thread *thread;
    struct request *request;   /* the thread's; NULL: it has ended */
    struct timer *time_up;     /* likewise */
    long long len;             /* counted in body_bytes */
    enum err err;              /* the log's, until it is posted */
    struct body *body;
};

static void fetch_unhold(struct fetch *fetch)
{
    if (atomic_fetch_sub(&fetch->holds, 1) > 1)
        return;
    atomic_fetch_sub(&fetch->thread->server->body_bytes, fetch->len);
    body_unref(fetch->body);
    free(fetch);
}

/* The request lets go. */
static void on_request_end(void *state)
{
    struct fetch *fetch = state;

    timer_stop(fetch->time_up);
    fetch->time_up = NULL;
    fetch->request = NULL;
    fetch_unhold(fetch);
}

static void reply(struct request *request, enum err err, const struct body *body)
{
    if (err == ERR_AGAIN)
        err = ERR_LOG_AWAY;
    if (err)
        reply_problem(request, err, NULL, NULL);
    else
        reply_body(request, 200, body);
}

/* The request lets go before the answer goes out: a long one stays with it for a while, and must not
 * be given twice. */
static void answer(struct fetch *fetch, enum err err, const struct body *body)
{
    struct request *request = fetch->request;

    request_set_state(request, NULL, NULL);
    on_request_end(fetch);
    reply(request, err, body);
}

static void on_time_up(void *arg)
{
    struct fetch *fetch = arg;

    fetch->time_up = NULL;
    answer(fetch, ERR_LOG_AWAY, NULL);
}

/* Back on the request's thread. */
static void on_posted(void *arg)
{
    struct fetch *fetch = arg;

    if (fetch->request)
        answer(fetch, fetch->err, fetch->body); /* the log's hold keeps the body */
    fetch_unhold(fetch);
}

/* A thread of the log's. A post that cannot be made leaves the request to its timer. */
static void on_fetched(void *arg, enum err err, struct body *body)
{
    struct fetch *fetch = arg;

    fetch->err = err;
    fetch->body = body;
    if (!thread_post(fetch->thread, on_posted, fetch))
        fetch_unhold(fetch);
}

static enum err begin(struct request *request, const struct blob *blob, struct fetch **ret_fetch)
{
    struct thread *thread = request_thread(request);
    struct fetch *fetch = calloc(1, sizeof *fetch);
    long long len = (long long)blob->len;

    if (!fetch)
        return ERR_NOMEM;
    if (atomic_fetch_add(&thread->server->body_bytes, len) + len > BODIES_MAX) {
        atomic_fetch_sub(&thread->server->body_bytes, len);
        free(fetch);
        return ERR_BUSY;
    }
    atomic_init(&fetch->holds, 1);
    fetch->thread = thread;
    fetch->len = len;
    fetch->time_up = timer_start(thread, ANSWER_MS, on_time_up, fetch);
    if (!fetch->time_up) {
        fetch_unhold(fetch);
        return ERR_NOMEM;
    }
    *ret_fetch = fetch;
    return ERR_OK;
}

void reply_blob(struct request *request, const struct blob *blob)
{
    struct fetch *fetch = NULL;
    enum err err = begin(request, blob, &fetch);

    if (!err) {
        atomic_fetch_add(&fetch->holds, 1); /* the log's, before it may give it back */
        err = eventlog_fetch(request_thread(request)->setup->log, blob, on_fetched, fetch);
        if (err) {
            fetch_unhold(fetch);
            on_request_end(fetch);
        }
    }
    if (err) {
        reply(request, err, NULL);
        return;
    }
    fetch->request = request;
    request_set_state(request, fetch, on_request_end);
}
