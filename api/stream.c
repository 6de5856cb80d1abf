/* stream.c: Server-Sent Events. The subscriber's queue is the only buffer: a piece of it is written
 * whenever the socket takes more, so a slow reader fills its own queue and nobody else's, and is cut
 * off when that is full; the browser comes back with Last-Event-ID and is caught up. */
#include "api/stream.h"

#include <stdlib.h>
#include <string.h>

#define COMMENT_MS 15000          /* proxies cut what is silent for long */
#define PIECE_BYTES (64 * 1024)   /* written at once */

struct stream {
    struct wakeable wakeable;     /* first, as the hub's owners start with one */
    struct request *request;
    struct subscriber *subscriber;
    struct timer *comment;
    bool of_one_job;              /* ends with its final event */
    bool has_started;             /* `subscribed` is out */
    bool comment_due;
    struct subscribed subscribed;
};

/* One event as SSE writes it: its cursor as id, its CloudEvent as data. Progress names the newest event
 * of its job, which may be older than what came before it here: resuming goes on from that instead. */
static void encode(struct text *text, const struct frame *frame, const char *log_id)
{
    char cursor[CURSOR_SIZE];

    if (frame->kind != CHANGE_PROGRESS) {
        cursor_encode(log_id, frame->pos, cursor);
        text_str(text, "id: ");
        text_str(text, cursor);
        text_char(text, '\n');
    }
    text_str(text, "data: "); /* JSON holds no line end of its own */
    text_add(text, (const char *)frame->bytes + frame->header_len, frame->len - frame->header_len);
    text_str(text, "\n\n");
}

enum err event_query_subscribe(const struct event_query *query, struct subscriber *subscriber, struct subscribed *ret)
{
    if (query->id)
        return subscriber_add_job(subscriber, query->id, query->after, ret);
    return subscriber_add_all(subscriber, &query->filter, query->after, ret);
}

static void stream_free(void *state)
{
    struct stream *stream = state;

    if (!stream)
        return;
    timer_stop(stream->comment);
    subscriber_free(stream->subscriber);
    free(stream);
}

static void on_wake(struct wakeable *self, struct subscriber *subscriber)
{
    struct stream *stream = (struct stream *)self;

    (void)subscriber;
    reply_stream_now(stream->request);
}

static void on_comment(void *arg)
{
    struct stream *stream = arg;

    stream->comment = timer_start(request_thread(stream->request), COMMENT_MS, on_comment, stream);
    stream->comment_due = true;
    reply_stream_want(stream->request);
}

static void encode_start(struct text *text, struct stream *stream)
{
    /* The cursor is the id as well, so that a connection lost before the first event resumes there. */
    text_printf(text, "id: %s\nevent: subscribed\ndata: {\"recovered\":%s,\"cursor\":\"%s\"}\n\n",
                stream->subscribed.cursor, stream->subscribed.recovered ? "true" : "false", stream->subscribed.cursor);
    stream->has_started = true;
}

/* Moves what there is into text; true: the final event of the one job was among it. */
static bool encode_events(struct text *text, struct stream *stream)
{
    const char *log_id = reader_log_id(request_thread(stream->request)->reader);
    bool has_ended = false;

    subscriber_catch_up(stream->subscriber);
    while (!has_ended && text->len < PIECE_BYTES) {
        struct frame *frame = subscriber_next(stream->subscriber);
        if (!frame)
            break;
        encode(text, frame, log_id);
        has_ended = stream->of_one_job && change_is_final(frame->kind);
        frame_unref(frame);
    }
    return has_ended;
}

static void on_writable(struct request *request)
{
    struct stream *stream = request_state(request);
    struct text text = {0};
    bool has_ended;

    if (!stream->has_started)
        encode_start(&text, stream);
    has_ended = encode_events(&text, stream);
    if (stream->comment_due && text.len == 0)
        text_str(&text, ":\n\n");
    stream->comment_due = false;
    /* Too slow, or no memory for what comes next: the client resumes from the last id it has. */
    has_ended = has_ended || text.failed || subscriber_too_slow(stream->subscriber);
    if (text.len && !text.failed)
        reply_stream_write(request, text.at, text.len);
    text_clear(&text);
    if (has_ended)
        reply_stream_end(request);
    else if (!subscriber_is_empty(stream->subscriber))
        reply_stream_want(request);
}

void stream_start(struct request *request, const struct event_query *query)
{
    struct thread *thread = request_thread(request);
    struct stream *stream = calloc(1, sizeof *stream);
    enum err err = ERR_NOMEM;

    if (!stream)
        goto out;
    stream->wakeable.wake = on_wake;
    stream->request = request;
    stream->of_one_job = query->id != NULL;
    err = subscriber_new(thread->hub, stream, &stream->subscriber);
    if (err)
        goto out;
    subscriber_set_tenant(stream->subscriber, principal_tenant(request_principal(request)));
    err = event_query_subscribe(query, stream->subscriber, &stream->subscribed);
    if (err)
        goto out;
    err = ERR_NOMEM;
    stream->comment = timer_start(thread, COMMENT_MS, on_comment, stream);
    if (!stream->comment)
        goto out;
    request_set_state(request, stream, stream_free);
    stream = NULL;
    request_end_with_key(request);
    reply_stream_want(request); /* before the head goes out, which may already end the request (HEAD) */
    reply_stream(request, "text/event-stream", on_writable);
    return;
out:
    stream_free(stream);
    reply_problem(request, err, NULL, NULL);
}
