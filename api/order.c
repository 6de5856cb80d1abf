/* order.c: the way of one event from a request to the log and back to its answer. */
#include "api/order.h"

#include <stdlib.h>

struct order {
    struct request *request;
    struct pending *pending;
    order_fn *fn;
};

static void order_free(void *state)
{
    struct order *order = state;

    if (!order)
        return;
    pending_forget(order->pending);
    free(order);
}

static void on_appended(void *owner, struct append *append, unsigned n)
{
    struct order *order = owner;

    (void)n;
    order->pending = NULL;
    if (append->err)
        reply_problem(order->request, append->err, NULL, NULL);
    else
        order->fn(order->request, append);
}

void order_give(struct request *request, struct append *append, order_fn *fn)
{
    struct order *order = calloc(1, sizeof *order);
    enum err err = ERR_NOMEM;

    if (append && order) {
        *order = (struct order){.request = request, .fn = fn};
        err = thread_append(request_thread(request), append, 1, on_appended, order, &order->pending);
    }
    if (err) {
        append_free(append);
        free(order);
        reply_problem(request, err, NULL, NULL);
        return;
    }
    request_set_state(request, order, order_free);
}
