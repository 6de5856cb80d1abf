/* router.h: the table of routes: the one list that the server dispatches by and that openapi.yaml is
 * held against. */
#ifndef BUZZER_API_ROUTER_H
#define BUZZER_API_ROUTER_H

#include "api/request.h"

typedef void route_fn(struct request *request);

enum route_flags {
    ROUTE_ANY_HOST = 1,       /* answers whatever the Host (health) */
    ROUTE_CHANGES = 2,        /* changes something: a foreign Origin gets 403 */
    ROUTE_BODY = 4,           /* takes a body; JSON and other limits from the settings */
    ROUTE_PUBLIC = 8,         /* answers without a key */
    ROUTE_TICKET = 16         /* takes a ticket in the query instead of a key */
};

struct route {
    enum method method;       /* HEAD is served by GET's */
    const char *pattern;      /* "/v1/jobs/{id}:cancel" */
    route_fn *handle;
    unsigned flags;
    unsigned scopes;          /* of enum scope: one of them is needed; 0: any key will do, or none if public */
};

extern const struct route routes[];          /* routes.c; ends with a NULL pattern */

enum err route_find(enum method method, const char *path, const struct route **ret_route,
                    char *ret_id, size_t id_size, char *ret_allow, size_t allow_size);  /* NOT_FOUND, METHOD */

/* routes_*.c, by subject */
void route_livez(struct request *request);            /* routes_health.c */
void route_readyz(struct request *request);
void route_metrics(struct request *request);
void route_openapi(struct request *request);          /* routes_docs.c */
void route_asyncapi(struct request *request);
void route_problems(struct request *request);
void route_submit(struct request *request);           /* routes_submit.c */
void route_batch(struct request *request);
void route_job(struct request *request);              /* routes_jobs.c */
void route_result(struct request *request);
void route_input(struct request *request);
void route_cancel(struct request *request);
void route_retry(struct request *request);
void route_list(struct request *request);             /* routes_list.c */
void route_types(struct request *request);
void route_queues(struct request *request);           /* routes_queues.c */
void route_pause(struct request *request);
void route_resume(struct request *request);
void route_job_events(struct request *request);       /* routes_events.c: SSE and long polling */
void route_events(struct request *request);
void route_websocket(struct request *request);        /* a request for it that is no handshake */
void route_keys(struct request *request);             /* routes_keys.c */
void route_make_key(struct request *request);
void route_revoke_key(struct request *request);
void route_make_ticket(struct request *request);
void route_workers(struct request *request);          /* routes_workers.c */
void route_snapshot(struct request *request);         /* routes_snapshot.c */
void route_async_slowest(struct request *request);    /* routes_article.c */
void route_async_with_event_loop(struct request *request);
void route_async_with_async_sleep(struct request *request);
void route_sync(struct request *request);

#endif
