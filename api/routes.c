/* routes.c: every route there is. openapi.yaml says what each takes and answers; a test holds the two
 * against each other. */
#include "api/router.h"

const struct route routes[] = {
    {METHOD_POST, "/v1/jobs", route_submit, ROUTE_CHANGES | ROUTE_BODY, SCOPE_SUBMIT},
    {METHOD_GET, "/v1/jobs", route_list, 0, SCOPE_READ},
    {METHOD_POST, "/v1/jobs:batch", route_batch, ROUTE_CHANGES | ROUTE_BODY, SCOPE_SUBMIT},
    {METHOD_GET, "/v1/jobs/{id}", route_job, 0, SCOPE_READ},
    {METHOD_GET, "/v1/jobs/{id}/result", route_result, 0, SCOPE_READ},
    {METHOD_GET, "/v1/jobs/{id}/input", route_input, 0, SCOPE_READ},
    {METHOD_GET, "/v1/jobs/{id}/events", route_job_events, ROUTE_TICKET, SCOPE_READ},
    {METHOD_POST, "/v1/jobs/{id}:cancel", route_cancel, ROUTE_CHANGES, SCOPE_CANCEL},
    {METHOD_POST, "/v1/jobs/{id}:retry", route_retry, ROUTE_CHANGES, SCOPE_SUBMIT},
    {METHOD_GET, "/v1/events", route_events, ROUTE_TICKET, SCOPE_READ},
    {METHOD_GET, "/v1/ws", route_websocket, 0, 0},
    {METHOD_POST, "/v1/tickets", route_make_ticket, ROUTE_CHANGES, SCOPE_READ | SCOPE_SUBMIT},
    {METHOD_GET, "/v1/types", route_types, 0, SCOPE_READ},
    {METHOD_GET, "/v1/workers", route_workers, 0, SCOPE_ADMIN},
    {METHOD_GET, "/v1/queues", route_queues, 0, SCOPE_ADMIN},
    {METHOD_POST, "/v1/queues/{name}:pause", route_pause, ROUTE_CHANGES, SCOPE_ADMIN},
    {METHOD_POST, "/v1/queues/{name}:resume", route_resume, ROUTE_CHANGES, SCOPE_ADMIN},
    {METHOD_GET, "/v1/keys", route_keys, 0, SCOPE_ADMIN},
    {METHOD_POST, "/v1/keys", route_make_key, ROUTE_CHANGES | ROUTE_BODY, SCOPE_ADMIN},
    {METHOD_DELETE, "/v1/keys/{id}", route_revoke_key, ROUTE_CHANGES, SCOPE_ADMIN},
    {METHOD_GET, "/v1/snapshot", route_snapshot, ROUTE_PUBLIC, 0}, /* looks for a key or a ticket itself */
    {METHOD_GET, "/livez", route_livez, ROUTE_PUBLIC | ROUTE_ANY_HOST, 0},
    {METHOD_GET, "/readyz", route_readyz, ROUTE_PUBLIC | ROUTE_ANY_HOST, 0},
    {METHOD_GET, "/metrics", route_metrics, 0, SCOPE_READ},
    {METHOD_GET, "/openapi.json", route_openapi, ROUTE_PUBLIC, 0},
    {METHOD_GET, "/asyncapi.json", route_asyncapi, ROUTE_PUBLIC, 0},
    {METHOD_GET, "/docs/problems", route_problems, ROUTE_PUBLIC, 0},
    {METHOD_GET, "/async_slowest", route_async_slowest, ROUTE_PUBLIC, 0},
    {METHOD_GET, "/async_with_event_loop", route_async_with_event_loop, ROUTE_PUBLIC, 0},
    {METHOD_GET, "/async_with_async_sleep", route_async_with_async_sleep, ROUTE_PUBLIC, 0},
    {METHOD_GET, "/sync", route_sync, ROUTE_PUBLIC, 0},
    {METHOD_OTHER, NULL, NULL, 0, 0},
};
