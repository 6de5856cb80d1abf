/* stream.h: events over plain HTTP: Server-Sent Events (the WHATWG text) as long as the client
 * listens, or one JSON answer that may wait for something to tell (long polling). */
#ifndef BUZZER_API_STREAM_H
#define BUZZER_API_STREAM_H

#include "api/request.h"

/* What is asked for: one job, or all jobs through a filter. */
struct event_query {
    const char *id;               /* NULL: all jobs */
    struct hub_filter filter;
    const char *after;            /* a cursor, or NULL: from now on */
    int64_t wait_s;               /* long polling only */
};

/* Both answer the request, now or later. */
void stream_start(struct request *request, const struct event_query *query);
void poll_start(struct request *request, const struct event_query *query);

/* Subscribes as the query says. */
enum err event_query_subscribe(const struct event_query *query, struct subscriber *subscriber, struct subscribed *ret);

#endif
