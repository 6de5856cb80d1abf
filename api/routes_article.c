/* routes_article.c: the four routes. A request and the work for it end independently of each other:
 * a ticket that both hold tells whoever is last. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/article.h"
#include "api/router.h"
#include "api/server_priv.h"

struct ticket {
    atomic_uint refs;           /* the request's, and the work's */
    struct thread *thread;
    struct request *request;    /* NULL once it is gone; touched on its thread only */
    const char *words;
    enum err err;
};

static void ticket_unref(struct ticket *ticket)
{
    if (atomic_fetch_sub(&ticket->refs, 1) == 1)
        free(ticket);
}

static void on_request_gone(void *state)
{
    struct ticket *ticket = state;

    ticket->request = NULL;
    ticket_unref(ticket);
}

/* Back on the request's thread. */
static void answer(void *arg)
{
    struct ticket *ticket = arg;

    if (ticket->request && ticket->err)
        reply_problem(ticket->request, ticket->err, NULL, NULL);
    else if (ticket->request)
        reply_text(ticket->request, 200, "application/json", ticket->words, strlen(ticket->words));
    ticket_unref(ticket);
}

/* On a thread of the article's. */
static void on_ended(void *arg, enum err err)
{
    struct ticket *ticket = arg;

    ticket->err = err;
    if (!thread_post(ticket->thread, answer, ticket))
        ticket_unref(ticket);
}

static void start(struct request *request, enum article_kind kind, const char *words)
{
    struct thread *thread = request_thread(request);
    struct ticket *ticket = calloc(1, sizeof *ticket);
    enum err err = ERR_NOMEM;

    if (ticket) {
        atomic_init(&ticket->refs, 2);
        ticket->thread = thread;
        ticket->request = request;
        ticket->words = words;
        err = article_start(thread->server->article, kind, on_ended, ticket);
    }
    if (err) {
        free(ticket);
        reply_problem(request, err, NULL, NULL);
        return;
    }
    request_set_state(request, ticket, on_request_gone);
}

void route_async_slowest(struct request *request)
{
    start(request, ARTICLE_SLOWEST, "\"async with sync time sleep\"");
}

void route_async_with_event_loop(struct request *request)
{
    start(request, ARTICLE_EVENT_LOOP, "\"async run time sleep in event loop\"");
}

void route_async_with_async_sleep(struct request *request)
{
    start(request, ARTICLE_ASYNC_SLEEP, "\"async with asyncio time sleep\"");
}

void route_sync(struct request *request)
{
    start(request, ARTICLE_SYNC, "\"sync\"");
}
