/* subscriber.c: one who listens (a socket, a stream, a waiting request): its queue and its place. */
#include "notifier/hub_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/metric.h"

enum err subscriber_new(struct hub *hub, void *owner, struct subscriber **ret_subscriber)
{
    struct subscriber *subscriber = calloc(1, sizeof *subscriber);

    if (!subscriber)
        return ERR_NOMEM;
    subscriber->hub = hub;
    subscriber->owner = owner;
    hub->n_subscribers++;
    *ret_subscriber = subscriber;
    return ERR_OK;
}

void subscriber_set_tenant(struct subscriber *subscriber, const char *tenant)
{
    snprintf(subscriber->tenant, sizeof subscriber->tenant, "%s", tenant ? tenant : "");
}

void subscriber_free(struct subscriber *subscriber)
{
    if (!subscriber)
        return;
    while (subscriber->subscriptions)
        subscription_free(subscriber->subscriptions);
    if (subscriber->is_due)
        LIST_REMOVE(subscriber, beside);
    sendq_clear(&subscriber->queue);
    subscriber->hub->n_subscribers--;
    free(subscriber);
}

/* The lowest of: where each subscription is, and what comes right before the first event that waits. */
static int64_t taken_upto(const struct subscriber *subscriber)
{
    int64_t hub_pos = subscriber->hub->last_pos;
    int64_t upto = INT64_MAX;
    int64_t waiting = sendq_lowest_pos(&subscriber->queue);

    for (const struct subscription *s = subscriber->subscriptions; s; s = s->next) {
        int64_t pos = s->catching || s->from_pos > hub_pos ? s->from_pos : hub_pos;

        if (pos < upto)
            upto = pos;
    }
    if (waiting <= upto)
        upto = waiting - 1;
    return upto < INT64_MAX ? upto : hub_pos;
}

void subscriber_lose(struct subscriber *subscriber, int64_t upto)
{
    int64_t taken = taken_upto(subscriber);

    if (subscriber->lost)
        return;
    subscriber->lost_pos = taken < upto ? taken : upto;
    subscriber->lost = true;
    sendq_clear(&subscriber->queue);
    METRIC_INC(WS_TOO_SLOW);
}

/* A NULL frame could not be composed. */
static enum err push(struct subscriber *subscriber, struct frame *frame)
{
    return frame ? sendq_push(&subscriber->queue, frame) : ERR_NOMEM;
}

static void lose_at(struct subscriber *subscriber, const struct frame *frame)
{
    subscriber_lose(subscriber, frame && frame->kind < CHANGE_PROGRESS ? frame->pos - 1 : INT64_MAX);
}

void subscriber_queue(struct subscriber *subscriber, struct frame *frame)
{
    if (!subscriber->lost && push(subscriber, frame))
        lose_at(subscriber, frame);
}

void subscriber_queue_live(struct subscriber *subscriber, struct frame *frame)
{
    enum err err = push(subscriber, frame);

    if (err == ERR_BUSY) { /* what there is no room for waits where it stands, in the log */
        subscriber_fall_behind(subscriber, frame->pos - 1);
        subscriber->behind_bytes = frame->len;
    } else if (err) {
        lose_at(subscriber, frame);
    }
}

static size_t size_of(const struct change *change)
{
    return CHANGE_BYTES + (change->job->result ? change->job->result->len : 0);
}

void subscriber_let_pass(struct subscriber *subscriber, const struct change *change)
{
    if (subscriber->behind_bytes == 0)
        return; /* reading up on the past may take its time */
    subscriber->behind_bytes += size_of(change);
    if (subscriber->behind_bytes > BEHIND_BYTES) {
        subscriber_lose(subscriber, INT64_MAX);
        hub_wake_later(subscriber);
    }
}

void subscriber_make_up(struct subscriber *subscriber, const struct change *change)
{
    size_t size = size_of(change);

    if (subscriber->behind_bytes > 0)
        subscriber->behind_bytes = subscriber->behind_bytes > size ? subscriber->behind_bytes - size : 1;
}

void subscriber_push(struct subscriber *subscriber, struct frame *frame)
{
    subscriber_queue(subscriber, frame);
    frame_unref(frame);
    hub_wake_later(subscriber);
    hub_wake_now(subscriber->hub);
}

bool subscriber_too_slow(const struct subscriber *subscriber)
{
    return subscriber->lost;
}

void subscriber_cursor(const struct subscriber *subscriber, char cursor[CURSOR_SIZE])
{
    int64_t pos = subscriber->lost ? subscriber->lost_pos : taken_upto(subscriber);

    cursor_encode(reader_log_id(subscriber->hub->reader), pos, cursor);
}

struct frame *subscriber_next(struct subscriber *subscriber)
{
    subscriber->is_awake = false;
    return sendq_take(&subscriber->queue);
}

size_t subscriber_take(struct subscriber *subscriber, unsigned char *out, size_t cap, struct frame **ret_big)
{
    const struct frame *first = sendq_peek(&subscriber->queue);
    size_t len = 0;

    *ret_big = NULL;
    subscriber->is_awake = false;
    if (first && first->len > cap) {
        *ret_big = subscriber_next(subscriber);
        return 0;
    }
    while ((first = sendq_peek(&subscriber->queue)) && first->len <= cap - len) {
        struct frame *frame = subscriber_next(subscriber);

        memcpy(out + len, frame->bytes, frame->len);
        len += frame->len;
        frame_unref(frame);
    }
    return len;
}

bool subscriber_is_empty(const struct subscriber *subscriber)
{
    return subscriber->queue.len == 0 && (subscriber->n_catching == 0 || subscriber->lost);
}
