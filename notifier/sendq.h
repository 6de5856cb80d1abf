/* sendq.h: what one subscriber has yet to be told: frames in order, bounded in number and bytes.
 * A queue that holds nothing owns no memory beside itself. */
#ifndef BUZZER_NOTIFIER_SENDQ_H
#define BUZZER_NOTIFIER_SENDQ_H

#include "notifier/frame.h"
#include "schema/err.h"

#define SENDQ_FRAMES 1024
#define SENDQ_BYTES ((size_t)256 * 1024)
#define SENDQ_FEW 4 /* kept in the queue itself; more of them need a ring */

struct sendq {
    struct frame **ring;             /* NULL while `few` is enough */
    struct frame *few[SENDQ_FEW];
    unsigned cap, head, len;         /* cap is 0 for `few` */
    unsigned n_progress;             /* how many of the waiting frames are progress */
    size_t bytes;
};

/* Takes a reference on ERR_OK. ERR_BUSY: over the bound; ERR_NOMEM. A progress frame takes the place
 * of one of the same job that still waits with nothing newer of that job behind it; where there is
 * no room it is left out, which is ERR_OK as well, and it gives way to any other frame. A frame is
 * never over the bound of an empty queue. */
enum err sendq_push(struct sendq *q, struct frame *frame);
struct frame *sendq_peek(const struct sendq *q);     /* borrowed; NULL: empty */
struct frame *sendq_take(struct sendq *q);           /* yours; NULL: empty */
void sendq_clear(struct sendq *q);
/* The lowest position of a waiting event; INT64_MAX: none. Progress and answers have no place in the log. */
int64_t sendq_lowest_pos(const struct sendq *q);
bool sendq_has_room(const struct sendq *q);          /* for history: at most half full */

#endif
