/* catchup.c: tells a subscription what happened while nobody told it: a piece of the log at a time, as
 * much as its queue has room for, until it stands where the hub stands. */
#include "notifier/hub_priv.h"

#define PIECE 64 /* changes read in one call: well under a millisecond, so others are not kept waiting */

/* False: the queue has had enough for now. */
static bool tell(struct subscription *subscription, const struct change *read)
{
    struct subscriber *subscriber = subscription->subscriber;
    struct change change = *read;

    if (subscription->present)
        change.kind = change_of_state(change.job->state);
    subscription->present = false;
    if (change_is_told(change.kind)) {
        subscription->ended = change_is_final(change.kind);
        if (subscription_hears(subscription, &change)) {
            struct hub *hub = subscriber->hub;
            struct frame *frame = frame_of_change(&change, reader_log_id(hub->reader), 0);

            subscriber_make_up(subscriber, &change);
            subscriber_queue(subscriber, frame);
            frame_unref(frame);
        }
    }
    if (subscriber->lost)
        return false;
    subscription->from_pos = change.pos;
    return sendq_has_room(&subscriber->queue);
}

/* History that cannot be read is a lost place, unless the job itself is gone. */
static void give_up(struct subscription *subscription, enum err err)
{
    struct subscriber *subscriber = subscription->subscriber;
    struct job *job = NULL;

    if (err == ERR_NOT_FOUND && subscription->topic &&
        reader_job(subscriber->hub->reader, subscription->topic->id, &job) == ERR_NOT_FOUND)
        subscription_free(subscription);
    else
        subscriber_lose(subscriber, subscription->from_pos);
    job_unref(job);
}

/* The job's last event may be one that is never told (a wish to cancel): its state is the running
 * one's, and so is the time. */
static enum err tell_present(struct subscription *subscription)
{
    struct job *job = NULL;
    enum err err = reader_job(subscription->subscriber->hub->reader, subscription->topic->id, &job);

    if (!err) {
        struct change change = {.kind = CHANGE_STOPPING, .pos = job->pos, .at = job->started_at, .job = job};

        tell(subscription, &change);
    }
    job_unref(job);
    return err;
}

/* Returns how much it has read. */
static unsigned catch_up(struct subscription *subscription, unsigned max)
{
    struct hub *hub = subscription->subscriber->hub;
    const char *job_id = subscription->topic ? subscription->topic->id : NULL;
    struct changes *changes = NULL;
    int64_t upto = hub->last_pos;
    enum err err;
    unsigned n, told = 0;

    if (subscription->present && upto <= subscription->from_pos)
        upto = subscription->from_pos + 1; /* committed, and its batch still on the way here */
    if (subscription->from_pos >= upto) {
        subscription_set_live(subscription);
        return 0;
    }
    err = reader_changes(hub->reader, job_id, subscription->from_pos, upto, max, &changes);
    if (!err && changes->last_pos <= subscription->from_pos)
        err = ERR_CORRUPT; /* the log ends before what was delivered: never reached by reading on */
    if (!err && subscription->present && changes->n == 0)
        err = tell_present(subscription);
    if (err) {
        changes_unref(changes);
        give_up(subscription, err);
        return max;
    }
    n = changes->n;
    while (told < n && tell(subscription, &changes->at[told]))
        told++;
    if (told == n) {
        if (changes->last_pos > subscription->from_pos)
            subscription->from_pos = changes->last_pos;
        if (subscription->from_pos >= hub->last_pos)
            subscription_set_live(subscription);
    }
    changes_unref(changes);
    return n + 1;
}

void subscriber_catch_up(struct subscriber *subscriber)
{
    struct subscription *subscription = subscriber->subscriptions;
    unsigned left = PIECE;

    while (subscription && left > 0 && !subscriber->lost && sendq_has_room(&subscriber->queue)) {
        struct subscription *next = subscription->next; /* a removed job takes its subscription along */

        if (subscription->catching) {
            unsigned n = catch_up(subscription, left);

            left -= n < left ? n : left;
        }
        subscription = next;
    }
}
