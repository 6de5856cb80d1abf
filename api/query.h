/* query.h: reading a query strictly: what a route does not know is refused, never passed over. */
#ifndef BUZZER_API_QUERY_H
#define BUZZER_API_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs/submit.h"
#include "notifier/hub.h"
#include "schema/err.h"

#define QUERY_MANY 1   /* the name may stand more than once */

struct query_name {
    const char *name;
    unsigned flags;
};

/* ERR_BAD_QUERY with a sentence in detail for a name that is not in names (which end in a NULL) or
 * stands twice without being QUERY_MANY. */
enum err query_check(const struct submit_param *params, unsigned n_params, const struct query_name *names,
                     char *detail, size_t size);
const char *query_value(const struct submit_param *params, unsigned n_params, const char *name); /* the first, or NULL */

/* Digits only. False: no such number, or below min; above max is lowered to max. */
bool query_number(const char *value, int64_t min, int64_t max, int64_t *ret_number);

/* One of an event filter's parameters: type, queue, tag, event (repeatable). False: the value cannot
 * be one. The name must be one of those four. */
bool query_filter(struct hub_filter *filter, const char *name, const char *value);
bool query_is_filter(const char *name);

/* Prefer (RFC 7240): the seconds of wait=N, lowered to max. False: no such preference, or no number. */
bool prefer_wait(const char *header, int64_t max, int64_t *ret_seconds);

#endif
