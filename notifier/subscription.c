/* subscription.c: what one subscriber wants to hear: a job, or all jobs through a filter. */
#include "notifier/hub_priv.h"

#include <stdlib.h>
#include <string.h>

#include "schema/access_key.h"
#include "schema/metric.h"

/* Where a new subscription starts. */
struct start {
    int64_t from_pos;
    bool recovered;
    bool present;     /* begin with the job's present state */
};

static bool has_tag(const struct spec *spec, const char *tag)
{
    for (unsigned i = 0; i < spec->n_tags; i++)
        if (strcmp(spec->tags[i], tag) == 0)
            return true;
    return false;
}

bool subscriber_may_hear(const struct subscriber *subscriber, const struct job *job)
{
    const char *tenant = job->spec->tenant ? job->spec->tenant : TENANT_DEFAULT;

    return !subscriber->tenant[0] || strcmp(subscriber->tenant, tenant) == 0;
}

/* Whose job it is was looked at when a subscription to one job was made. */
bool subscription_hears(const struct subscription *subscription, const struct change *change)
{
    const struct hub_filter *filter = subscription->filter;
    const struct spec *spec = change->job->spec;

    if (!subscription->topic && !subscriber_may_hear(subscription->subscriber, change->job))
        return false;
    return !filter || ((filter->events == 0 || (filter->events & (1U << change->kind))) &&
                       (!filter->type[0] || strcmp(filter->type, spec->type) == 0) &&
                       (!filter->queue[0] || strcmp(filter->queue, spec->queue) == 0) &&
                       (!filter->tag[0] || has_tag(spec, filter->tag)));
}

void subscription_set_catching(struct subscription *subscription, int64_t from_pos)
{
    subscription->subscriber->n_catching += !subscription->catching;
    subscription->catching = true;
    subscription->from_pos = from_pos;
}

void subscription_set_live(struct subscription *subscription)
{
    struct subscriber *subscriber = subscription->subscriber;

    subscriber->n_catching -= subscription->catching;
    subscription->catching = false;
    if (subscriber->n_catching == 0)
        subscriber->behind_bytes = 0;
}

void subscriber_fall_behind(struct subscriber *subscriber, int64_t upto)
{
    for (struct subscription *s = subscriber->subscriptions; s; s = s->next)
        if (!s->catching)
            subscription_set_catching(s, s->from_pos > upto ? s->from_pos : upto);
}

void subscription_free(struct subscription *subscription)
{
    struct subscriber *subscriber = subscription->subscriber;
    struct subscription **at = &subscriber->subscriptions;

    while (*at != subscription)
        at = &(*at)->next;
    *at = subscription->next;
    LIST_REMOVE(subscription, beside);
    subscription_set_live(subscription);
    subscriber->n_subscriptions--;
    subscriber->hub->n_subscriptions--;
    if (subscription->topic)
        topics_release(&subscriber->hub->topics, subscription->topic);
    METRIC_ADD(WS_SUBSCRIPTIONS, -1);
    free(subscription->filter);
    free(subscription);
}

static bool is_same_filter(const struct hub_filter *a, const struct hub_filter *b)
{
    if (!a || !b)
        return a == b;
    return a->events == b->events && strcmp(a->type, b->type) == 0 && strcmp(a->queue, b->queue) == 0 &&
           strcmp(a->tag, b->tag) == 0;
}

static struct subscription *find_job(const struct subscriber *subscriber, const char *id)
{
    for (struct subscription *s = subscriber->subscriptions; s; s = s->next)
        if (s->topic && strcmp(s->topic->id, id) == 0)
            return s;
    return NULL;
}

static struct subscription *find_all(const struct subscriber *subscriber, const struct hub_filter *filter)
{
    for (struct subscription *s = subscriber->subscriptions; s; s = s->next)
        if (!s->topic && is_same_filter(s->filter, filter))
            return s;
    return NULL;
}

/* A client that submits and watches all day over one socket has many jobs that have told their end;
 * the oldest of them makes room. */
static bool make_room(struct subscriber *subscriber)
{
    if (subscriber->n_subscriptions < SUBSCRIPTIONS_MAX)
        return true;
    for (struct subscription *s = subscriber->subscriptions; s; s = s->next) {
        if (s->topic && s->ended) {
            subscription_free(s);
            return true;
        }
    }
    return false;
}

unsigned subscriber_room(const struct subscriber *subscriber)
{
    unsigned room = SUBSCRIPTIONS_MAX - subscriber->n_subscriptions;

    for (const struct subscription *s = subscriber->subscriptions; s; s = s->next)
        room += s->topic && s->ended;
    return room;
}

static enum err add(struct subscriber *subscriber, const char *id, const struct hub_filter *filter,
                    struct subscription **ret_subscription)
{
    struct hub *hub = subscriber->hub;
    struct subscription *subscription = NULL;
    struct subscription **last = &subscriber->subscriptions;

    if (!make_room(subscriber))
        return ERR_BUSY;
    subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return ERR_NOMEM;
    if (filter) {
        subscription->filter = malloc(sizeof *filter);
        if (!subscription->filter)
            goto nomem;
        *subscription->filter = *filter;
    }
    if (id) {
        subscription->topic = topics_get(&hub->topics, id);
        if (!subscription->topic)
            goto nomem;
        LIST_INSERT_HEAD(&subscription->topic->subscriptions, subscription, beside);
    } else {
        LIST_INSERT_HEAD(&hub->all, subscription, beside);
    }
    subscription->subscriber = subscriber;
    while (*last)
        last = &(*last)->next;
    *last = subscription;
    subscriber->n_subscriptions++;
    hub->n_subscriptions++;
    METRIC_INC(WS_SUBSCRIPTIONS);
    *ret_subscription = subscription;
    return ERR_OK;
nomem:
    free(subscription->filter);
    free(subscription);
    return ERR_NOMEM;
}

static void begin(struct subscription *subscription, const struct start *start, struct subscribed *ret)
{
    struct subscriber *subscriber = subscription->subscriber;
    struct hub *hub = subscriber->hub;

    subscription->present = start->present;
    subscription_set_catching(subscription, start->from_pos);
    if (start->from_pos >= hub->last_pos && !start->present && subscriber->n_catching == 1)
        subscription_set_live(subscription);
    else
        subscriber_fall_behind(subscriber, hub->last_pos);
    ret->recovered = start->recovered;
    cursor_encode(reader_log_id(hub->reader), start->from_pos, ret->cursor);
}

static int64_t now_of(struct hub *hub)
{
    if (hub->n_subscriptions == 0)
        hub_come_to_now(hub);
    return hub->last_pos;
}

/* Is it a cursor of this log, and not of a future it has lost? ERR_BAD_CURSOR: it is none at all. */
static enum err read_cursor(struct hub *hub, const char *cursor, int64_t *ret_pos, bool *ret_ours)
{
    char log_id[LOG_ID_SIZE];

    if (!cursor_decode(cursor, strlen(cursor), log_id, ret_pos))
        return ERR_BAD_CURSOR;
    *ret_ours = strcmp(log_id, reader_log_id(hub->reader)) == 0 && *ret_pos <= reader_last_pos(hub->reader);
    return ERR_OK;
}

/* Right before the job's last event: reading on from there tells it again. The job may be ahead of
 * what the hub has delivered (committed, its batch still on the way): from_pos says so, and the
 * delivery drops what is not beyond it. */
static struct start at_present(const struct job *job, bool recovered)
{
    return (struct start){.from_pos = job->pos - 1, .recovered = recovered, .present = true};
}

/* Asked for once more without a cursor: what it has yet to be told is not skipped. */
static void keep_place(const struct subscription *subscription, struct start *start)
{
    start->present = subscription->present;
    if (subscription->catching || subscription->from_pos > start->from_pos)
        start->from_pos = subscription->from_pos;
}

enum err subscriber_add_job(struct subscriber *subscriber, const char *id, const char *cursor, struct subscribed *ret)
{
    struct hub *hub = subscriber->hub;
    struct subscription *subscription;
    struct start start = {.from_pos = now_of(hub), .recovered = true};
    struct job *job = NULL;
    enum err err;
    bool is_ours = true;
    bool has_cursor = cursor && cursor[0];

    if (has_cursor) {
        err = read_cursor(hub, cursor, &start.from_pos, &is_ours);
        if (err)
            return err;
    }
    if (!id_is_valid(id, strlen(id)))
        return ERR_NOT_FOUND;
    err = reader_job(hub->reader, id, &job);
    if (!err && !subscriber_may_hear(subscriber, job))
        err = ERR_NOT_FOUND;
    if (err)
        goto out;
    subscription = find_job(subscriber, id);
    if (!has_cursor && subscription)
        keep_place(subscription, &start);
    if (!is_ours || (!has_cursor && job_state_is_final(job->state) && start.from_pos >= job->pos))
        start = at_present(job, is_ours);
    if (!subscription)
        err = add(subscriber, id, NULL, &subscription);
    if (!err)
        begin(subscription, &start, ret);
out:
    job_unref(job);
    return err;
}

enum err subscriber_add_all(struct subscriber *subscriber, const struct hub_filter *filter, const char *cursor,
                            struct subscribed *ret)
{
    static const struct hub_filter any;
    struct hub *hub = subscriber->hub;
    struct subscription *subscription;
    struct start start = {.from_pos = now_of(hub), .recovered = true};
    enum err err = ERR_OK;
    bool is_ours = true;
    bool has_cursor = cursor && cursor[0];

    if (filter && is_same_filter(filter, &any))
        filter = NULL;
    if (has_cursor) {
        err = read_cursor(hub, cursor, &start.from_pos, &is_ours);
        if (err)
            return err;
        if (is_ours) { /* one step tells whether the history after it is still whole */
            struct changes *step = NULL;

            err = reader_changes(hub->reader, NULL, start.from_pos, start.from_pos + 1, 1, &step);
            if (err && err != ERR_NOT_FOUND)
                return err;
            is_ours = !err;
            changes_unref(step);
        }
        if (!is_ours)
            start = (struct start){.from_pos = hub->last_pos, .recovered = false};
    }
    subscription = find_all(subscriber, filter);
    if (!has_cursor && subscription)
        keep_place(subscription, &start);
    err = subscription ? ERR_OK : add(subscriber, NULL, filter, &subscription);
    if (!err)
        begin(subscription, &start, ret);
    return err;
}

enum err subscriber_remove_job(struct subscriber *subscriber, const char *id)
{
    struct subscription *subscription = find_job(subscriber, id);

    if (!subscription)
        return ERR_NOT_FOUND;
    subscription_free(subscription);
    return ERR_OK;
}

enum err subscriber_remove_all(struct subscriber *subscriber)
{
    struct subscription *subscription = subscriber->subscriptions;
    enum err err = ERR_NOT_FOUND;

    while (subscription) {
        struct subscription *next = subscription->next;

        if (!subscription->topic) {
            subscription_free(subscription);
            err = ERR_OK;
        }
        subscription = next;
    }
    return err;
}
