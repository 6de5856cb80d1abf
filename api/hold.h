/* hold.h: a request that has come before its time here is held, and its route called anew once this
 * node has read the log far enough. */
#ifndef BUZZER_API_HOLD_H
#define BUZZER_API_HOLD_H

#include "api/request.h"

/* ?after=CURSOR, of whatever node: what the client has seen elsewhere it shall see here. True: it can
 * be seen. False: the request is held, or answered (400; 503 when it takes too long). */
bool hold_for_cursor(struct request *request);

/* Where events are to go on from, which another node may have told: true: go on. False: the request is held
 * until this node has read so far, or long enough; then what does not stand in this log has not been
 * recovered, as ever. cursor NULL: from now on. */
bool hold_for_place(struct request *request, const char *cursor);

/* For an id this node does not know. True: it may be of a job that another node has just accepted, so
 * the request is held, or answered; false: there is no such job. */
bool hold_for_job(struct request *request, const char *id);

#endif
