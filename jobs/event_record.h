/* event_record.h: how events stand in the log of many machines. A record is one event, or a list of
 * submissions that goes in whole; it is text as far as the bodies are, so that any Kafka tool shows
 * what happened. Each event is a line of JSON, and its body after it where it has one here:
 *
 *   {"from":"host.1a2b3c4d-1","n":17,"kind":"submitted","at":1763805600000,"job":"01kb...",
 *    "data":{...},"media":"application/json","len":12}            (one line)
 *   {"below":10}
 *
 * A body that is kept apart is told of in data, and no bytes follow. */
#ifndef BUZZER_JOBS_EVENT_RECORD_H
#define BUZZER_JOBS_EVENT_RECORD_H

#include "jobs/eventlog.h"

#define EVENT_RECORD_EVENTS_MAX 1024     /* of one record: the bits of a position that count them */
#define EVENT_RECORD_POS(offset, index) (((int64_t)(offset) << 10 | (int64_t)(index)) + 1)
#define EVENT_RECORD_OFFSET(pos) (((pos) - 1) >> 10)
#define EVENT_RECORD_INDEX(pos) ((unsigned)(((pos) - 1) & 1023))

/* Adds one event. from: the process that says it; n: its own number for the record. */
void event_record_encode(struct text *text, const char *from, uint64_t n, const struct event *event);

/* Whose record it is and its number there, from the first few bytes alone. False: not one of `from`. */
bool event_record_is_from(const char *bytes, size_t len, const char *from, uint64_t *ret_n);

/* The events as appends without `done`, in a list; positions and seals are not set. ERR_CORRUPT: not a
 * record of ours, or of a kind that this version does not know; ERR_NOMEM. */
enum err event_record_decode(const char *bytes, size_t len, struct append **ret_list);

/* Sets pos and seal of a record's events. The seal is a hash of the record's bytes and the place in it. */
void event_record_place(struct append *list, int64_t offset, const char *bytes, size_t len);
uint64_t event_record_seal(const char *bytes, size_t len, unsigned index);

#endif
