/* hub.c: deals out what the recorder tells. A change costs one look into the hash; it becomes a
 * frame only once somebody wants it, and then once for all who do. */
#include "notifier/hub_priv.h"

#include <stdlib.h>

#include "schema/id.h"
#include "schema/metric.h"

/* One change on its way to whoever wants it. */
struct delivery {
    struct hub *hub;
    const struct change *change;
    struct frame *frame;      /* composed by the first who wants it */
    bool failed;              /* there was no memory for it */
    unsigned n_queued;
};

bool change_is_told(enum change_kind kind)
{
    return kind <= CHANGE_PROGRESS;
}

enum err hub_new(struct reader *reader, hub_wake_fn *wake, struct hub **ret_hub)
{
    struct hub *hub = calloc(1, sizeof *hub);
    enum err err;

    if (!hub)
        return ERR_NOMEM;
    err = topics_init(&hub->topics);
    if (err) {
        free(hub);
        return err;
    }
    hub->reader = reader;
    hub->wake = wake;
    hub->last_pos = reader_last_pos(reader);
    hub->n_progress = id_random() >> 16; /* other threads' hubs number the same job's progress too */
    *ret_hub = hub;
    return ERR_OK;
}

void hub_free(struct hub *hub)
{
    if (!hub)
        return;
    topics_clear(&hub->topics);
    free(hub);
}

void hub_wake_later(struct subscriber *subscriber)
{
    if (subscriber->is_due || subscriber->is_awake)
        return;
    subscriber->is_due = true;
    LIST_INSERT_HEAD(&subscriber->hub->to_wake, subscriber, beside);
}

/* Always the first of the list: the owner may free this subscriber, or any other. */
void hub_wake_now(struct hub *hub)
{
    struct subscriber *subscriber;

    hub->is_crowded = false;
    while ((subscriber = LIST_FIRST(&hub->to_wake))) {
        LIST_REMOVE(subscriber, beside);
        subscriber->is_due = false;
        subscriber->is_awake = true;
        hub->wake(subscriber, subscriber->owner);
    }
}

static void offer(struct subscription *subscription, struct delivery *delivery)
{
    struct subscriber *subscriber = subscription->subscriber;
    const struct change *change = delivery->change;
    bool is_progress = change->kind == CHANGE_PROGRESS;

    if (subscriber->lost || !subscription_hears(subscription, change))
        return;
    if (subscription->catching) {
        if (!is_progress)
            subscriber_let_pass(subscriber, change);
        return;
    }
    if (!is_progress) {
        if (change->pos <= subscription->from_pos)
            return;
        subscription->ended = change_is_final(change->kind);
        if (change->pos == subscriber->live_pos)
            return;
        subscriber->live_pos = change->pos;
    }
    if (!delivery->frame && !delivery->failed) {
        delivery->frame = frame_of_change(change, reader_log_id(delivery->hub->reader), delivery->hub->n_progress++);
        delivery->failed = !delivery->frame;
    }
    if (is_progress && delivery->failed)
        return; /* the next one will do */
    subscriber_queue_live(subscriber, delivery->frame);
    subscription->ended = subscription->ended && !subscription->catching; /* or its end is yet to be told */
    hub_wake_later(subscriber);
    if (subscriber->is_due && !sendq_has_room(&subscriber->queue))
        delivery->hub->is_crowded = true;
    delivery->n_queued++;
}

static void deal_out(struct hub *hub, const struct change *change, const struct topic *topic)
{
    struct delivery delivery = {.hub = hub, .change = change};
    struct subscription *subscription;

    if (topic)
        LIST_FOREACH(subscription, &topic->subscriptions, beside)
            offer(subscription, &delivery);
    LIST_FOREACH(subscription, &hub->all, beside)
        offer(subscription, &delivery);
    if (delivery.n_queued)
        METRIC_ADD(WS_DELIVERIES, delivery.n_queued);
    frame_unref(delivery.frame);
}

/* The topic goes with its last subscription unless progress holds it, which is gone by then. */
static void drop_subscriptions(struct topic *topic)
{
    struct subscription *subscription = LIST_FIRST(&topic->subscriptions);

    while (subscription) {
        struct subscription *next = LIST_NEXT(subscription, beside);

        subscription_free(subscription);
        subscription = next;
    }
}

static void deliver_one(struct hub *hub, const struct change *change)
{
    struct topic *topic = topics_find(&hub->topics, change->job->spec->id);

    if (topic && topic->progress && change->kind != CHANGE_STOPPING) {
        topic_forget_progress(&hub->topics, topic);
        if (LIST_EMPTY(&topic->subscriptions)) {
            topics_release(&hub->topics, topic);
            topic = NULL;
        }
    }
    if (change->pos <= hub->last_pos)
        return; /* the hub may be ahead of its mailbox: hub_missed, hub_come_to_now */
    if (change_is_told(change->kind))
        deal_out(hub, change, topic);
    else if (change->kind == CHANGE_REMOVED && topic)
        drop_subscriptions(topic);
    hub->last_pos = change->pos;
}

void hub_deliver(struct hub *hub, const struct changes *changes)
{
    for (unsigned i = 0; i < changes->n; i++) {
        deliver_one(hub, &changes->at[i]);
        if (hub->is_crowded) /* a batch may be larger than a queue, and its owner quick enough */
            hub_wake_now(hub);
    }
    if (changes->last_pos > hub->last_pos)
        hub->last_pos = changes->last_pos;
    hub_wake_now(hub);
}

static void keep_progress(struct hub *hub, const struct change *change)
{
    struct topic *topic = topics_get(&hub->topics, change->job->spec->id);

    if (topic)
        topic_set_progress(&hub->topics, topic, change->job);
}

void hub_progress(struct hub *hub, const struct changes *changes)
{
    for (unsigned i = 0; i < changes->n; i++) {
        const struct change *change = &changes->at[i];

        keep_progress(hub, change);
        deal_out(hub, change, topics_find(&hub->topics, change->job->spec->id));
    }
    hub_wake_now(hub);
}

static void miss(struct subscription *subscription, int64_t last_pos)
{
    if (subscription->subscriber->lost)
        return;
    subscriber_fall_behind(subscription->subscriber, last_pos);
    hub_wake_later(subscription->subscriber);
}

void hub_come_to_now(struct hub *hub)
{
    int64_t log_pos = reader_last_pos(hub->reader);

    if (log_pos > hub->last_pos)
        hub->last_pos = log_pos;
}

void hub_missed(struct hub *hub)
{
    struct subscription *subscription;

    topics_forget_progress(&hub->topics); /* the changes that would have ended it may be among the lost */
    LIST_FOREACH(subscription, &hub->all, beside)
        miss(subscription, hub->last_pos);
    for (unsigned i = 0; i < hub->topics.n_buckets; i++)
        for (struct topic *topic = hub->topics.buckets[i]; topic; topic = topic->next)
            LIST_FOREACH(subscription, &topic->subscriptions, beside)
                miss(subscription, hub->last_pos);
    hub_come_to_now(hub);
    hub_wake_now(hub);
}

bool hub_is_watching(const struct hub *hub)
{
    return subscriber_count(hub) > 0 || hub->topics.n_progress > 0;
}

bool hub_latest_progress(const struct hub *hub, const char *id, const struct progress **ret_progress)
{
    const struct topic *topic = topics_find(&hub->topics, id);

    if (!topic || !topic->progress)
        return false;
    *ret_progress = &topic->progress->progress;
    return true;
}

unsigned subscriber_count(const struct hub *hub)
{
    return hub->n_subscribers;
}
