/* tickets.h: what a browser shows where it can send no Authorization header (WebSocket, EventSource):
 * good for one use within 30 seconds, and on the process that made it alone, since only that one knows
 * it. One table for all HTTP threads, under a lock of its own: tickets are rare. */
#ifndef BUZZER_API_TICKETS_H
#define BUZZER_API_TICKETS_H

#include "schema/access_key.h"

#define TICKET_MS 30000
#define TICKETS_MAX 4096               /* unused ones at once */
#define TICKET_SIZE (4 + SECRET_SIZE)  /* place, secret */

struct tickets;

struct tickets *tickets_new(void);     /* NULL: no memory */
void tickets_free(struct tickets *tickets);
/* Any thread. key_id: "" while the service is open. ERR_BUSY: too many unused ones. */
enum err tickets_make(struct tickets *tickets, const char *key_id, int64_t mono_ms, char ret_ticket[TICKET_SIZE]);
/* Any thread. Uses it up; false: no such ticket, used before, or over. */
bool tickets_take(struct tickets *tickets, const char *ticket, int64_t mono_ms, char ret_key_id[ACCESS_KEY_ID_SIZE]);

#endif
