/* await.c: the waits of one thread, a list it looks through when the recorder has told something. The
 * recorder wakes a thread for it only while that thread says it has any (`awaiting`): each stores
 * its own word before it reads the other's, so one of the two always sees. */
#include "api/await.h"

#include <stdlib.h>
#include <string.h>

#include "api/barrier.h"
#include "api/log_health.h"
#include "api/server_priv.h"
#include "api/thread_priv.h"

#define YOUNG_MS 60000   /* how far the clocks of two nodes may be apart, and a job be on its way */

struct await {
    LIST_ENTRY(await) beside;
    struct thread *thread;
    struct timer *time_up;
    await_fn *fn;
    void *owner;
    int64_t pos;
    uint64_t barrier;
    enum err late;
};

void await_forget(struct await *await)
{
    struct thread_priv *priv;

    if (!await)
        return;
    priv = await->thread->priv;
    LIST_REMOVE(await, beside);
    priv->n_awaits--;
    if (LIST_EMPTY(&priv->awaits))
        atomic_store(&priv->awaiting, false);
    timer_stop(await->time_up);
    free(await);
}

static void end(struct await *await, enum err err)
{
    await_fn *fn = await->fn;
    void *owner = await->owner;

    await_forget(await);
    fn(owner, err);
}

static void on_time_up(void *arg)
{
    struct await *await = arg;

    await->time_up = NULL;
    end(await, await->late);
}

bool await_is_read(const struct thread *thread, int64_t pos)
{
    return atomic_load(&thread->server->folded_pos) >= pos;
}

bool await_is_worth(const struct thread *thread, const char *cursor, int64_t *ret_pos)
{
    char log_id[LOG_ID_SIZE];

    return !eventlog_can_refuse(thread->setup->log) && cursor_decode(cursor, strlen(cursor), log_id, ret_pos) &&
           strcmp(log_id, reader_log_id(thread->reader)) == 0 && !await_is_read(thread, *ret_pos);
}

bool await_is_worth_asking(const struct thread *thread, const char *id)
{
    int64_t age_ms;

    if (eventlog_can_refuse(thread->setup->log) || !id_is_valid(id, strlen(id)))
        return false;
    age_ms = thread_now_ms(thread) - id_time(id);
    return age_ms <= YOUNG_MS && age_ms >= -YOUNG_MS;
}

static bool has_come(const struct await *await)
{
    return await_is_read(await->thread, await->pos) && barrier_is_passed(await->thread->server->barrier, await->barrier);
}

void await_look(struct thread *thread)
{
    struct await *await = LIST_FIRST(&thread->priv->awaits);

    /* What fn does may end others of the list, or begin one: from its beginning each time. */
    while (await) {
        if (has_come(await)) { // NOLINT(clang-analyzer-unix.Malloc): it does not follow LIST_REMOVE
            end(await, ERR_OK);
            await = LIST_FIRST(&thread->priv->awaits);
        } else {
            await = LIST_NEXT(await, beside);
        }
    }
}

static enum err begin(struct thread *thread, struct await like, int64_t ms, struct await **ret_await)
{
    struct thread_priv *priv = thread->priv;
    struct await *await = priv->n_awaits < AWAITS_MAX ? malloc(sizeof *await) : NULL;

    if (!await)
        return priv->n_awaits < AWAITS_MAX ? ERR_NOMEM : ERR_BUSY;
    *await = like;
    await->thread = thread;
    await->time_up = timer_start(thread, ms, on_time_up, await);
    if (!await->time_up) {
        free(await);
        return ERR_NOMEM;
    }
    LIST_INSERT_HEAD(&priv->awaits, await, beside);
    priv->n_awaits++;
    atomic_store(&priv->awaiting, true);
    if (has_come(await))
        thread_wake(thread);
    *ret_await = await;
    return ERR_OK;
}

enum err await_position(struct thread *thread, int64_t pos, await_fn *fn, void *owner, struct await **ret_await)
{
    struct await like = {.fn = fn, .owner = owner, .pos = pos, .late = ERR_BEHIND};

    return begin(thread, like, AWAIT_CURSOR_MS, ret_await);
}

enum err await_now(struct thread *thread, await_fn *fn, void *owner, struct await **ret_await)
{
    struct await like = {.fn = fn, .owner = owner, .late = ERR_LOG_AWAY};
    enum err err = thread->priv->n_awaits < AWAITS_MAX ? ERR_OK : ERR_BUSY;
    struct log_health health;

    log_health(thread, &health);
    if (!err && !health.answers)
        err = ERR_LOG_AWAY;
    if (!err)
        err = barrier_ask(thread->server->barrier, thread_now_ms(thread), &like.barrier);
    return err ? err : begin(thread, like, AWAIT_NOW_MS, ret_await);
}
