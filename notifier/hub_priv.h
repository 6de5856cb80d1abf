/* hub_priv.h: the insides shared by hub.c, subscription.c, subscriber.c and catchup.c.
 *
 *   hub ── topics: job id ─> topic ──> subscription ──> subscriber ── sendq
 *    └──── all ──────────────────────> subscription ───────┘
 *
 * A subscription is live or catching. Both keep from_pos: what is at or before it has been told or
 * was never wanted. Live ones hear what hub_deliver brings beyond from_pos. Catching ones are told
 * nothing by it, since all that is in the log already: subscriber_catch_up reads on from from_pos
 * and turns them live once from_pos has reached hub->last_pos, the last position delivered. Both
 * happen on the hub's thread, so between the last piece of history and the first live event nothing
 * can be lost or told twice. */
#ifndef BUZZER_NOTIFIER_HUB_PRIV_H
#define BUZZER_NOTIFIER_HUB_PRIV_H

#include "notifier/hub.h"
#include "notifier/sendq.h"
#include "notifier/topic.h"

#define CHANGE_BYTES 512 /* of an event without its result, about */

struct subscription {
    LIST_ENTRY(subscription) beside;  /* in topic->subscriptions or hub->all */
    struct subscription *next;        /* of the same subscriber, oldest first */
    struct subscriber *subscriber;
    struct topic *topic;              /* NULL: all jobs */
    struct hub_filter *filter;        /* of all jobs; NULL: none; owned */
    int64_t from_pos;
    bool catching;
    bool present;                     /* the first event read is told as the state the job is in, whatever it was */
    bool ended;                       /* its job's final event was queued */
};

LIST_HEAD(subscriber_list, subscriber);

struct subscriber {
    LIST_ENTRY(subscriber) beside;    /* in hub->to_wake while is_due */
    struct hub *hub;
    void *owner;
    struct subscription *subscriptions;
    int64_t live_pos;                 /* of the last live event queued: two subscriptions, one event */
    int64_t lost_pos;                 /* the cursor of a lost one */
    unsigned n_subscriptions, n_catching;
    size_t behind_bytes;              /* gone by and not read yet, since its queue was full; 0: it keeps up */
    char tenant[NAME_MAX_LEN + 1];    /* hears of its jobs alone; "": of all */
    bool is_due;                      /* in hub->to_wake */
    bool is_awake;                    /* woken, and nothing taken since */
    bool lost;                        /* too slow, or has lost its place: hears nothing more */
    struct sendq queue;
};

struct hub {
    struct reader *reader;
    hub_wake_fn *wake;
    struct topics topics;
    struct subscription_list all;
    struct subscriber_list to_wake;
    int64_t last_pos;                 /* everything up to here has been delivered, or is being caught up */
    uint64_t n_progress;              /* numbers the progress events */
    bool is_crowded;                  /* a queue is filling: its owner is woken before the batch goes on */
    unsigned n_subscribers, n_subscriptions;
};

/* subscription.c */
bool subscription_hears(const struct subscription *subscription, const struct change *change); /* the filter */
void subscription_set_catching(struct subscription *subscription, int64_t from_pos);
void subscription_set_live(struct subscription *subscription);
void subscriber_fall_behind(struct subscriber *subscriber, int64_t upto); /* with all of them; told up to there at least */
void subscription_free(struct subscription *subscription);
bool subscriber_may_hear(const struct subscriber *subscriber, const struct job *job);          /* the tenant */
/* subscriber.c */
/* None of these wakes. A NULL frame could not be composed; live: a subscriber without room falls behind. */
void subscriber_queue(struct subscriber *subscriber, struct frame *frame);
void subscriber_queue_live(struct subscriber *subscriber, struct frame *frame);
/* How far behind one is who had no room: a change goes by that a catching subscription will read later; it has read it. */
void subscriber_let_pass(struct subscriber *subscriber, const struct change *change);
void subscriber_make_up(struct subscriber *subscriber, const struct change *change);
void subscriber_lose(struct subscriber *subscriber, int64_t upto);           /* resumes at most from upto */
/* hub.c */
/* With nobody subscribed nothing can be missed, and batches may not even have been sent here: the next
 * subscription begins at the end of the log instead of where the hub stood when the last one left. */
void hub_come_to_now(struct hub *hub);
void hub_wake_later(struct subscriber *subscriber);
void hub_wake_now(struct hub *hub);
bool change_is_told(enum change_kind kind);

#endif
