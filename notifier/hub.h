/* hub.h: who wants to hear of what, and what they have yet to be told. One hub for each HTTP thread,
 * touched by that thread alone; it reads history through that thread's reader.
 *
 *   hub_deliver(changes) ──> matching subscriptions ──> each subscriber's send queue ──> wake(subscriber)
 *   the socket then takes frames from its queue and writes as many as fit in one go.
 *
 * Rules: state changes are never dropped or reordered for one job; progress is conflated (the newest
 * of a job wins). A queue over its bound (SENDQ_FRAMES or SENDQ_BYTES) marks its subscriber too_slow
 * and is emptied: the socket closes with 4408 and the cursor of the last frame it has written. A
 * subscriber that resumes is caught up from the log in pieces (hub_catch_up), its live events
 * waiting behind, so a long history blocks nobody. */
#ifndef BUZZER_NOTIFIER_HUB_H
#define BUZZER_NOTIFIER_HUB_H

#include "jobs/view.h"
#include "notifier/frame.h"

#define SENDQ_FRAMES 1024
#define SENDQ_BYTES (256 * 1024)
#define SUBSCRIPTIONS_MAX 100

struct hub;
struct subscriber;

struct hub_filter {              /* of an all-subscription; empty string: any */
    char type[NAME_MAX_LEN + 1], queue[NAME_MAX_LEN + 1], tag[NAME_MAX_LEN + 1];
    unsigned events;             /* bit 1 << enum change_kind; 0: all */
};

struct subscribed {              /* what to answer to a subscribe */
    bool recovered;
    char cursor[CURSOR_SIZE];
};

/* Called when a subscriber's queue has become non-empty, it is too slow, or it has more to catch up:
 * at most once until subscriber_took says it was seen to. */
typedef void hub_wake_fn(struct subscriber *subscriber, void *owner);

enum err hub_new(struct reader *reader, hub_wake_fn *wake, struct hub **ret_hub);
void hub_free(struct hub *hub);                              /* after its subscribers */
void hub_deliver(struct hub *hub, const struct changes *changes);
void hub_progress(struct hub *hub, const struct changes *changes);
/* Batches were lost on the way (a full mailbox): everything up to last_pos is read from the log instead. */
void hub_missed(struct hub *hub);
/* The newest progress of a running job heard of here, for GET; false: none. Borrowed until the next deliver. */
bool hub_latest_progress(const struct hub *hub, const char *id, const struct progress **ret_progress);

enum err subscriber_new(struct hub *hub, void *owner, struct subscriber **ret_subscriber);
void subscriber_free(struct subscriber *subscriber);         /* drops its subscriptions and queue */
/* cursor NULL or "": from now on (one job: starting with an event of its present state if that is
 * final). ERR_NOT_FOUND: no such job; ERR_BAD_CURSOR; ERR_BUSY: SUBSCRIPTIONS_MAX reached. Twice the
 * same job is one subscription. The caller queues its `subscribed` answer with subscriber_push
 * *before* history flows: history starts with the next hub_catch_up. */
enum err subscriber_add_job(struct subscriber *subscriber, const char *id, const char *cursor, struct subscribed *ret);
enum err subscriber_add_all(struct subscriber *subscriber, const struct hub_filter *filter, const char *cursor, struct subscribed *ret);
enum err subscriber_remove_job(struct subscriber *subscriber, const char *id);
enum err subscriber_remove_all(struct subscriber *subscriber);

void subscriber_push(struct subscriber *subscriber, struct frame *frame);     /* an answer; takes over the frame */
bool subscriber_too_slow(const struct subscriber *subscriber);
void subscriber_cursor(const struct subscriber *subscriber, char cursor[CURSOR_SIZE]); /* of the last frame taken */
/* Reads a piece of history into the queue if the subscriber is behind and its queue has room. */
void subscriber_catch_up(struct subscriber *subscriber);
/* Moves whole frames into out (headers included, ready to write in one go) up to cap bytes; a first
 * frame larger than cap alone is given by *ret_big instead (a reference). Returns bytes written. */
size_t subscriber_take(struct subscriber *subscriber, unsigned char *out, size_t cap, struct frame **ret_big);
bool subscriber_is_empty(const struct subscriber *subscriber);
unsigned subscriber_count(const struct hub *hub);

#endif
