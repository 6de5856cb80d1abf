/* hold.c: with many nodes a client may ask one about what another has told it, and be faster than the
 * log. A cursor names the position to wait for. A bare id names none, but the time it was made: if
 * that is a moment ago, the log is read up to now before the job is called unknown. The embedded log
 * has no other node, and nothing is ever waited for but a position that does not come. */
#include "api/hold.h"

#include <stdlib.h>
#include <string.h>

#include "api/await.h"
#include "api/request_priv.h"

struct hold {
    struct request *request;
    struct await *await;
    bool goes_on;            /* even if the position does not come */
};

static void hold_free(void *state)
{
    struct hold *hold = state;

    if (!hold)
        return;
    await_forget(hold->await);
    free(hold);
}

static void refuse(struct request *request, enum err err)
{
    if (err == ERR_BEHIND)
        reply_header(request, "retry-after", "1");
    reply_problem(request, err, NULL, NULL);
}

static void on_read(void *owner, enum err err)
{
    struct hold *hold = owner;
    struct request *request = hold->request;

    hold->await = NULL;
    if (hold->goes_on)
        err = ERR_OK;
    request_set_state(request, NULL, NULL);
    hold_free(hold);
    if (err)
        refuse(request, err);
    else
        request->route->handle(request);
}

/* pos 0: up to now. */
static void hold(struct request *request, int64_t pos, bool goes_on)
{
    struct thread *thread = request_thread(request);
    struct hold *hold = calloc(1, sizeof *hold);
    enum err err = ERR_NOMEM;

    if (hold) {
        hold->request = request;
        hold->goes_on = goes_on;
        err = pos ? await_position(thread, pos, on_read, hold, &hold->await)
                  : await_now(thread, on_read, hold, &hold->await);
    }
    if (err) {
        free(hold);
        refuse(request, err);
        return;
    }
    request_set_state(request, hold, hold_free);
}

bool hold_for_cursor(struct request *request)
{
    const struct thread *thread = request_thread(request);
    const char *after = request_param(request, "after");
    char log_id[LOG_ID_SIZE];
    int64_t pos;

    if (!after)
        return true;
    if (!cursor_decode(after, strlen(after), log_id, &pos) || strcmp(log_id, reader_log_id(thread->reader)) != 0) {
        reply_problem(request, ERR_BAD_CURSOR, NULL, NULL);
        return false;
    }
    if (await_is_read(thread, pos))
        return true;
    hold(request, pos, false);
    return false;
}

bool hold_for_place(struct request *request, const char *cursor)
{
    const struct thread *thread = request_thread(request);
    int64_t pos;

    if (!cursor || request->has_awaited_place || !await_is_worth(thread, cursor, &pos))
        return true;
    request->has_awaited_place = true;
    hold(request, pos, true);
    return false;
}

bool hold_for_job(struct request *request, const char *id)
{
    if (request->has_asked_log || !await_is_worth_asking(request_thread(request), id))
        return false;
    request->has_asked_log = true;
    hold(request, 0, false);
    return true;
}
