/* order.h: a request that wants one event in the log and is answered when that is folded. */
#ifndef BUZZER_API_ORDER_H
#define BUZZER_API_ORDER_H

#include "api/request.h"

/* Called once, on the request's thread, with the append folded (its err is OK), and answers. */
typedef void order_fn(struct request *request, const struct append *append);

/* Takes over the append (NULL: there was no memory for it) and sets the request's state. What the log
 * does not take is answered with its problem. */
void order_give(struct request *request, struct append *append, order_fn *fn);

#endif
