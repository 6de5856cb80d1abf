/* barrier.h: "all that anybody had appended when I asked is folded here": an event that says nothing,
 * appended to come back. One is under way at a time; who asks meanwhile shares the next. */
#ifndef BUZZER_API_BARRIER_H
#define BUZZER_API_BARRIER_H

#include "jobs/eventlog.h"

struct barrier;

/* passed is called on the recorder's thread each time one has come back. */
enum err barrier_new(struct eventlog *log, void (*passed)(void *arg), void *arg, struct barrier **ret_barrier);
void barrier_free(struct barrier *barrier);      /* after the recorder has ended */

/* Any thread. *ret_number is what to wait for. An error of eventlog_append: nothing is under way. */
enum err barrier_ask(struct barrier *barrier, int64_t at, uint64_t *ret_number);
bool barrier_is_passed(const struct barrier *barrier, uint64_t number);      /* any thread; 0: always */

#endif
