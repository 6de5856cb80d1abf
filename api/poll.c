/* poll.c: events as one JSON answer. What is there is given at once; with ?wait= an empty answer is
 * held back until something comes or the time is up. The cursor of the answer is where to go on. */
#include <stdlib.h>

#include "api/stream.h"

#define EVENTS_MAX 500
#define EVENTS_BYTES (1024 * 1024)

struct poll {
    struct wakeable wakeable;     /* first, as the hub's owners start with one */
    struct request *request;
    struct subscriber *subscriber;
    struct timer *time_up;
    struct timer *more;           /* history goes on in the next turn of the loop */
    struct subscribed subscribed;
    struct text events;           /* composed so far, with commas between */
    unsigned n;
    bool must_answer;             /* nothing to wait for */
};

static void poll_free(void *state)
{
    struct poll *poll = state;

    if (!poll)
        return;
    timer_stop(poll->time_up);
    timer_stop(poll->more);
    subscriber_free(poll->subscriber);
    text_clear(&poll->events);
    free(poll);
}

/* The poll ends before the answer goes out: a long one stays with the request for a while, and must
 * not be given twice. */
static void answer(struct poll *poll)
{
    struct request *request = poll->request;
    struct text text = {0};
    char cursor[CURSOR_SIZE];

    subscriber_cursor(poll->subscriber, cursor);
    text_str(&text, "{\"events\":[");
    if (poll->n)
        text_add(&text, poll->events.at, poll->events.len);
    text_char(&text, ']');
    text_json_str(&text, "cursor", cursor);
    text_json_bool(&text, "recovered", poll->subscribed.recovered);
    text_char(&text, '}');
    text.failed = text.failed || poll->events.failed;
    request_set_state(request, NULL, NULL);
    poll_free(poll);
    reply_json(request, 200, &text);
    text_clear(&text);
}

static bool is_full(const struct poll *poll)
{
    return poll->n >= EVENTS_MAX || poll->events.len >= EVENTS_BYTES || poll->events.failed;
}

static void take_events(struct poll *poll)
{
    struct frame *frame;

    while (!is_full(poll) && (frame = subscriber_next(poll->subscriber)) != NULL) {
        if (poll->n++)
            text_char(&poll->events, ',');
        text_add(&poll->events, (const char *)frame->bytes + frame->header_len, frame->len - frame->header_len);
        frame_unref(frame);
    }
}

static void on_more(void *arg);

/* Takes a piece and answers, or arranges to be called again. */
static void go_on(struct poll *poll)
{
    subscriber_catch_up(poll->subscriber);
    take_events(poll);
    if (is_full(poll) || subscriber_too_slow(poll->subscriber)) {
        answer(poll);
    } else if (!subscriber_is_empty(poll->subscriber)) {
        if (!poll->more)
            poll->more = timer_start(request_thread(poll->request), 0, on_more, poll);
        if (!poll->more)
            answer(poll); /* the cursor says how far it came */
    } else if (poll->n || poll->must_answer) {
        answer(poll);
    }
}

static void on_more(void *arg)
{
    struct poll *poll = arg;

    poll->more = NULL;
    go_on(poll);
}

static void on_wake(struct wakeable *self, struct subscriber *subscriber)
{
    (void)subscriber;
    go_on((struct poll *)self);
}

static void on_time_up(void *arg)
{
    struct poll *poll = arg;

    poll->time_up = NULL;
    poll->must_answer = true;
    go_on(poll);
}

void poll_start(struct request *request, const struct event_query *query)
{
    struct thread *thread = request_thread(request);
    struct poll *poll = calloc(1, sizeof *poll);
    enum err err = ERR_NOMEM;

    if (!poll)
        goto out;
    poll->wakeable.wake = on_wake;
    poll->request = request;
    poll->must_answer = query->wait_s == 0;
    err = subscriber_new(thread->hub, poll, &poll->subscriber);
    if (err)
        goto out;
    subscriber_set_tenant(poll->subscriber, principal_tenant(request_principal(request)));
    err = event_query_subscribe(query, poll->subscriber, &poll->subscribed);
    if (err)
        goto out;
    err = ERR_NOMEM;
    if (query->wait_s) {
        poll->time_up = timer_start(thread, query->wait_s * 1000, on_time_up, poll);
        if (!poll->time_up)
            goto out;
    }
    request_set_state(request, poll, poll_free);
    request_end_with_key(request);
    go_on(poll);
    return;
out:
    poll_free(poll);
    reply_problem(request, err, NULL, NULL);
}
