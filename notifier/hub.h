/* hub.h: who wants to hear of what, and what they have yet to be told. One hub for each HTTP thread,
 * touched by that thread alone; it reads history through that thread's reader.
 *
 *   hub_deliver(changes) ──> matching subscriptions ──> each subscriber's send queue ──> wake(subscriber)
 *   the owner then calls subscriber_catch_up, takes frames and writes as many as fit in one go.
 *
 * Rules: state changes are never dropped or reordered for one job; progress is conflated (the newest
 * of a job wins) and gives way when room is short. What a full queue (SENDQ_FRAMES, SENDQ_BYTES) has
 * no room for stays in the log, and is caught up when there is room again: so a burst costs a quick
 * client nothing. A subscriber more than BEHIND_BYTES behind is marked too slow, and its queue is
 * emptied: the socket closes with 4408 and subscriber_cursor. One whose events cannot be read or
 * composed (no memory, history removed meanwhile) has lost its place and is marked the same way:
 * resuming is what mends both. A subscription behind the present is caught up from the log in pieces
 * by subscriber_catch_up and hears nothing live until it has reached the present, so a long history
 * blocks nobody. */
#ifndef BUZZER_NOTIFIER_HUB_H
#define BUZZER_NOTIFIER_HUB_H

#include "jobs/view.h"
#include "notifier/frame.h"

#define SUBSCRIPTIONS_MAX 100 /* of one subscriber */
#define BEHIND_BYTES ((size_t)4 * 1024 * 1024) /* of events that wait in the log for a full queue */

struct hub;
struct subscriber;

struct hub_filter {              /* of an all-subscription; empty string: any */
    char type[NAME_MAX_LEN + 1], queue[NAME_MAX_LEN + 1], tag[NAME_MAX_LEN + 1];
    unsigned events;             /* bit 1 << enum change_kind; 0: all */
};

struct subscribed {              /* what to answer to a subscribe */
    bool recovered;
    char cursor[CURSOR_SIZE];    /* events after this one follow */
};

/* Called when a subscriber's queue has become non-empty, it is too slow, or it has more to catch up:
 * at most once until something is taken from it (subscriber_take, subscriber_next). Called within
 * hub_deliver, hub_progress, hub_missed (after the whole batch is queued, or once a queue is half full)
 * and subscriber_push, never within subscriber_add_*. It may free any subscriber, and must not deliver. */
typedef void hub_wake_fn(struct subscriber *subscriber, void *owner);

enum err hub_new(struct reader *reader, hub_wake_fn *wake, struct hub **ret_hub);
void hub_free(struct hub *hub);                              /* after its subscribers */
/* Batches in the order of the log; while the hub has no subscriber they may be left out. */
void hub_deliver(struct hub *hub, const struct changes *changes);
void hub_progress(struct hub *hub, const struct changes *changes);
/* Batches were lost on the way (a full mailbox): everybody catches up from the log instead. */
void hub_missed(struct hub *hub);
/* Has it a use for changes: subscribers, or progress that a change may end? */
bool hub_is_watching(const struct hub *hub);
/* The newest progress of a running job heard of here, for GET; false: none. Borrowed until the next
 * hub_deliver or hub_progress. */
bool hub_latest_progress(const struct hub *hub, const char *id, const struct progress **ret_progress);

enum err subscriber_new(struct hub *hub, void *owner, struct subscriber **ret_subscriber);
/* Before it subscribes: it hears of this tenant's jobs alone, and others' are not there for it. */
void subscriber_set_tenant(struct subscriber *subscriber, const char *tenant);    /* NULL: of all, as at first */
void subscriber_free(struct subscriber *subscriber);         /* drops its subscriptions and queue */
/* cursor NULL or "": from now on (one job: starting with an event of its present state if that is
 * final). ERR_NOT_FOUND: no such job; ERR_BAD_CURSOR; ERR_BUSY: SUBSCRIPTIONS_MAX reached and none of
 * them is of a job that has told its end (the oldest such one makes room). Twice the same job, or all
 * with the same filter, is one subscription: a cursor moves it there. The caller queues its
 * `subscribed` answer with subscriber_push *before* history flows: that starts with the next
 * subscriber_catch_up, which the owner is to call when it has answered (subscriber_is_empty says
 * false while there is history). A removed job takes its subscriptions along. */
enum err subscriber_add_job(struct subscriber *subscriber, const char *id, const char *cursor, struct subscribed *ret);
enum err subscriber_add_all(struct subscriber *subscriber, const struct hub_filter *filter, const char *cursor,
                            struct subscribed *ret);         /* filter NULL: none */
unsigned subscriber_room(const struct subscriber *subscriber);    /* how many more subscriptions it may have */
enum err subscriber_remove_job(struct subscriber *subscriber, const char *id);    /* ERR_NOT_FOUND: had none */
enum err subscriber_remove_all(struct subscriber *subscriber);                    /* whatever the filter */

/* An answer; takes over the frame. NULL (there was no memory for it) marks the subscriber too slow. */
void subscriber_push(struct subscriber *subscriber, struct frame *frame);
bool subscriber_too_slow(const struct subscriber *subscriber);
/* Where to resume: every event up to there has been taken. */
void subscriber_cursor(const struct subscriber *subscriber, char cursor[CURSOR_SIZE]);
/* Reads a piece of history into the queue if the subscriber is behind and its queue has room. Wakes
 * nobody: the owner goes on with subscriber_too_slow and subscriber_take. */
void subscriber_catch_up(struct subscriber *subscriber);
/* The next frame, now yours; NULL: the queue is empty. SSE and long polling want the text alone, which
 * stands at bytes + header_len. */
struct frame *subscriber_next(struct subscriber *subscriber);
/* Moves whole frames into out (headers included, ready to write in one go) up to cap bytes; a first
 * frame larger than cap alone is given by *ret_big instead (a reference; else it is set to NULL).
 * Returns bytes written. */
size_t subscriber_take(struct subscriber *subscriber, unsigned char *out, size_t cap, struct frame **ret_big);
bool subscriber_is_empty(const struct subscriber *subscriber);   /* nothing to take and nothing to catch up */
unsigned subscriber_count(const struct hub *hub);

#endif
