/* catchup.c: tells a subscriber what happened while nobody told it: a piece of the log at a time, as much
 * as its queue has room for, until it stands where the hub stands. Its subscriptions go through the log
 * together, in its order, for an event's cursor says that nothing before it is needed again, whichever of
 * them that was for. */
#include "notifier/hub_priv.h"

#define PIECE 64 /* changes read in one call: well under a millisecond, so others are not kept waiting */

/* What was read for one subscription. */
struct page {
    struct subscription *subscription;
    struct changes *changes;
    unsigned next;
};

/* What was read for all that are behind, and up to where it is whole. */
struct pages {
    struct page at[SUBSCRIPTIONS_MAX];
    unsigned n;
    int64_t upto;
};

/* Two that want the same event are told once. */
static void tell(struct subscription *subscription, const struct change *read, int64_t *told_pos)
{
    struct subscriber *subscriber = subscription->subscriber;
    struct change change = *read;

    if (subscription->present)
        change.kind = change_of_state(change.job->state);
    subscription->present = false;
    subscription->from_pos = change.pos;
    if (!change_is_told(change.kind))
        return;
    subscription->ended = change_is_final(change.kind);
    if (!subscription_hears(subscription, &change))
        return;
    subscriber_make_up(subscriber, &change);
    if (change.pos != *told_pos) {
        struct frame *frame = frame_of_change(&change, reader_log_id(subscriber->hub->reader), 0);

        subscriber_queue(subscriber, frame);
        frame_unref(frame);
    }
    *told_pos = change.pos;
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

static enum err job_of(const struct subscription *subscription, struct job **ret_job)
{
    return reader_job(subscription->subscriber->hub->reader, subscription->topic->id, ret_job);
}

/* Where the hub stands, or a job whose present is asked for: that is committed, and its batch may still be on
 * the way here. */
static int64_t read_upto(const struct subscriber *subscriber)
{
    int64_t upto = subscriber->hub->last_pos;

    for (const struct subscription *s = subscriber->subscriptions; s; s = s->next) {
        struct job *job = NULL;

        if (s->present && !job_of(s, &job) && job->pos > upto)
            upto = job->pos;
        job_unref(job);
    }
    return upto;
}

/* The job's last event may be one that is never told (a wish to cancel): its state is the running
 * one's, and so is the time. Nothing if the job has gone on beyond what is read. */
static enum err read_present(struct subscription *subscription, int64_t upto, struct changes *changes)
{
    struct job *job = NULL;
    enum err err = job_of(subscription, &job);

    if (!err && job->pos <= upto)
        changes->at[changes->n++] =
            (struct change){.kind = CHANGE_STOPPING, .pos = job->pos, .at = job->started_at, .job = job_ref(job)};
    job_unref(job);
    return err;
}

/* Adds a page if there is anything to read. */
static void read_page(struct pages *pages, struct subscription *subscription, int64_t upto, unsigned max)
{
    struct hub *hub = subscription->subscriber->hub;
    const char *job_id = subscription->topic ? subscription->topic->id : NULL;
    struct changes *changes = NULL;
    enum err err;

    if (subscription->from_pos >= upto)
        return;
    err = reader_changes(hub->reader, job_id, subscription->from_pos, upto, max, &changes);
    if (!err && changes->last_pos <= subscription->from_pos)
        err = ERR_CORRUPT; /* the log ends before what was delivered: never reached by reading on */
    if (!err && subscription->present && changes->n == 0)
        err = read_present(subscription, upto, changes);
    if (err) {
        changes_unref(changes);
        give_up(subscription, err);
        return;
    }
    if (changes->last_pos < pages->upto)
        pages->upto = changes->last_pos;
    pages->at[pages->n++] = (struct page){subscription, changes, 0};
}

/* The page with the next event in the order of the log; NULL: there is none that all have read up to. */
static struct page *next_page(struct pages *pages)
{
    struct page *found = NULL;
    int64_t lowest = pages->upto;

    for (unsigned i = 0; i < pages->n; i++) {
        struct page *page = &pages->at[i];

        if (page->next < page->changes->n && page->changes->at[page->next].pos <= lowest) {
            if (found && page->changes->at[page->next].pos == lowest)
                continue;
            found = page;
            lowest = page->changes->at[page->next].pos;
        }
    }
    return found;
}

/* Up to where it has told, or all has been read. */
static void tell_pages(struct subscriber *subscriber, struct pages *pages)
{
    struct page *page;
    int64_t told_pos = 0, upto = pages->upto;

    while (!subscriber->lost && (page = next_page(pages))) {
        const struct change *change = &page->changes->at[page->next];

        if (change->pos != told_pos && !sendq_has_room(&subscriber->queue)) {
            upto = change->pos - 1;
            break;
        }
        tell(page->subscription, change, &told_pos);
        page->next++;
    }
    for (unsigned i = 0; i < pages->n; i++) {
        struct subscription *subscription = pages->at[i].subscription;

        if (!subscriber->lost && subscription->from_pos < upto)
            subscription->from_pos = upto;
        changes_unref(pages->at[i].changes);
    }
}

/* All of them or none: a live event must not overtake one of the past. */
static void go_live(struct subscriber *subscriber)
{
    for (const struct subscription *s = subscriber->subscriptions; s; s = s->next)
        if (s->present || s->from_pos < subscriber->hub->last_pos)
            return;
    for (struct subscription *s = subscriber->subscriptions; s; s = s->next)
        subscription_set_live(s);
}

void subscriber_catch_up(struct subscriber *subscriber)
{
    struct pages pages = {.upto = INT64_MAX};
    struct subscription *subscription = subscriber->subscriptions;
    int64_t upto;
    unsigned max;

    if (subscriber->n_catching == 0 || subscriber->lost || !sendq_has_room(&subscriber->queue))
        return;
    upto = read_upto(subscriber);
    max = PIECE / subscriber->n_catching + 1;
    while (subscription && !subscriber->lost) {
        struct subscription *next = subscription->next; /* a removed job takes its subscription along */

        read_page(&pages, subscription, upto, max);
        subscription = next;
    }
    tell_pages(subscriber, &pages);
    if (!subscriber->lost)
        go_live(subscriber);
}
