/* routes.c: every route there is. openapi.yaml says what each takes and answers; a test holds the two
 * against each other. */
#include "api/router.h"

const struct route routes[] = {
    {METHOD_POST, "/v1/jobs", route_submit, ROUTE_CHANGES | ROUTE_BODY},
    {METHOD_GET, "/v1/jobs", route_list, 0},
    {METHOD_POST, "/v1/jobs:batch", route_batch, ROUTE_CHANGES | ROUTE_BODY},
    {METHOD_GET, "/v1/jobs/{id}", route_job, 0},
    {METHOD_GET, "/v1/jobs/{id}/result", route_result, 0},
    {METHOD_GET, "/v1/jobs/{id}/input", route_input, 0},
    {METHOD_GET, "/v1/jobs/{id}/events", route_job_events, 0},
    {METHOD_POST, "/v1/jobs/{id}:cancel", route_cancel, ROUTE_CHANGES},
    {METHOD_POST, "/v1/jobs/{id}:retry", route_retry, ROUTE_CHANGES},
    {METHOD_GET, "/v1/events", route_events, 0},
    {METHOD_GET, "/v1/ws", route_websocket, 0},
    {METHOD_GET, "/v1/types", route_types, 0},
    {METHOD_GET, "/livez", route_livez, ROUTE_ANY_HOST},
    {METHOD_GET, "/readyz", route_readyz, ROUTE_ANY_HOST},
    {METHOD_GET, "/metrics", route_metrics, 0},
    {METHOD_GET, "/openapi.json", route_openapi, 0},
    {METHOD_GET, "/asyncapi.json", route_asyncapi, 0},
    {METHOD_GET, "/docs/problems", route_problems, 0},
    {METHOD_GET, "/async_slowest", route_async_slowest, 0},
    {METHOD_GET, "/async_with_event_loop", route_async_with_event_loop, 0},
    {METHOD_GET, "/async_with_async_sleep", route_async_with_async_sleep, 0},
    {METHOD_GET, "/sync", route_sync, 0},
    {METHOD_OTHER, NULL, NULL, 0},
};
