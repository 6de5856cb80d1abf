/* routes_events.c: what is asked of the two event routes, and which of the two ways out it takes. */
#include <string.h>
#include <strings.h>

#include "api/hold.h"
#include "api/job_reply.h"
#include "api/query.h"
#include "api/router.h"
#include "api/stream.h"

static const struct query_name job_events_query[] = {{"after", 0}, {"wait", 0}, {"ticket", 0}, {NULL, 0}};
static const struct query_name events_query[] = {
    {"after", 0}, {"wait", 0}, {"type", 0}, {"queue", 0}, {"tag", 0}, {"event", QUERY_MANY}, {"ticket", 0}, {NULL, 0},
};

static bool wants_stream(const struct request *request)
{
    const char *accept = request_header(request, HEADER_ACCEPT);

    return accept && strcasestr(accept, "text/event-stream");
}

/* What both routes take. A browser that comes back names the last id it saw; the query, which it
 * repeats from the first time, is older. False: the request has been answered, or is held. */
static bool read_query(struct request *request, struct event_query *query)
{
    const char *last_id = request_header(request, HEADER_LAST_EVENT_ID);
    char log_id[LOG_ID_SIZE];
    int64_t pos;

    query->after = last_id && *last_id ? last_id : request_param(request, "after");
    if (query->after && !cursor_decode(query->after, strlen(query->after), log_id, &pos)) {
        reply_problem(request, ERR_BAD_CURSOR, NULL, NULL);
        return false;
    }
    return request_wait(request, &query->wait_s) && hold_for_place(request, query->after);
}

/* The final event of a finished job, or something after it, was the last the client saw: nothing more
 * will come, and 204 is how SSE says so. */
static bool has_seen_the_end(const struct request *request, const struct job *job, const char *after)
{
    struct reader *reader = request_thread(request)->reader;
    char log_id[LOG_ID_SIZE];
    int64_t pos;

    return after && job_state_is_final(job->state) && cursor_decode(after, strlen(after), log_id, &pos) &&
           strcmp(log_id, reader_log_id(reader)) == 0 && pos >= job->pos && pos <= reader_last_pos(reader);
}

void route_job_events(struct request *request)
{
    struct event_query query = {0};
    struct job *job = NULL;

    if (!request_knows(request, job_events_query) || !read_query(request, &query) || !request_job(request, &job))
        return;
    query.id = job->spec->id;
    if (!wants_stream(request))
        poll_start(request, &query);
    else if (has_seen_the_end(request, job, query.after))
        reply_empty(request, 204);
    else
        stream_start(request, &query);
    job_unref(job);
}

void route_events(struct request *request)
{
    struct event_query query = {0};
    unsigned n;
    const struct submit_param *params = request_query(request, &n);

    if (!request_knows(request, events_query) || !read_query(request, &query))
        return;
    for (unsigned i = 0; i < n; i++) {
        if (query_is_filter(params[i].name) && !query_filter(&query.filter, params[i].name, params[i].value)) {
            reply_problem(request, ERR_BAD_QUERY, "A filter is a name, or for event a word such as job.succeeded.", NULL);
            return;
        }
    }
    if (wants_stream(request))
        stream_start(request, &query);
    else
        poll_start(request, &query);
}

void route_websocket(struct request *request)
{
    reply_header(request, "upgrade", "websocket");
    reply_header(request, "sec-websocket-version", "13");
    reply_problem(request, ERR_UPGRADE, NULL, NULL);
}
