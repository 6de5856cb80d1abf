/* await.h: goes on when this node has read the log far enough: up to a position (a cursor that a
 * client brings along), or up to now (a job that another node may have accepted a moment ago). */
#ifndef BUZZER_API_AWAIT_H
#define BUZZER_API_AWAIT_H

#include "api/thread.h"

#define AWAITS_MAX 1000        /* of one thread at once */
#define AWAIT_CURSOR_MS 2000
#define AWAIT_NOW_MS 5000

struct await;
/* On the thread, never from within the call that asked. ERR_OK, or the time is up: ERR_BEHIND for a
 * position, ERR_LOG_AWAY for now. */
typedef void await_fn(void *owner, enum err err);

bool await_is_read(const struct thread *thread, int64_t pos);
/* Can other nodes be ahead of this one, and is this a cursor of this log that is not read here yet? */
bool await_is_worth(const struct thread *thread, const char *cursor, int64_t *ret_pos);
/* ... and could a job of this id, unknown here, have been accepted there a moment ago? */
bool await_is_worth_asking(const struct thread *thread, const char *id);

/* ERR_BUSY: AWAITS_MAX wait already. */
enum err await_position(struct thread *thread, int64_t pos, await_fn *fn, void *owner, struct await **ret_await);
/* All that others have appended before this call. Errors of eventlog_append, too; ERR_LOG_AWAY at once
 * where it is known not to answer. */
enum err await_now(struct thread *thread, await_fn *fn, void *owner, struct await **ret_await);
void await_forget(struct await *await);        /* before fn is called */

#endif
