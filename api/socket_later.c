/* socket_later.c: a client may ask this node about what another has just told it: a job not heard of
 * here yet, or a place in the log not read yet. Such a subscription is made, or refused, when this node
 * has read so far. What does not come in time is answered as if it did not exist. */
#include <stdlib.h>
#include <string.h>

#include "api/await.h"
#include "api/socket_priv.h"

struct asking {
    LIST_ENTRY(asking) beside;          /* of its socket */
    struct socket *socket;
    struct await *await;
    bool of_all;
    struct hub_filter filter;           /* of all */
    char job[ID_SIZE];
    char after[CURSOR_SIZE];            /* "": none */
    char ref[];                         /* "": none */
};

static void asking_free(struct asking *asking)
{
    LIST_REMOVE(asking, beside);
    asking->socket->n_asking--;
    await_forget(asking->await);
    free(asking);
}

static void on_read(void *owner, enum err err)
{
    struct asking *asking = owner;
    struct socket *socket = asking->socket;
    const char *ref = asking->ref[0] ? asking->ref : NULL;

    asking->await = NULL;
    socket_hold(socket);
    if (!err || err == ERR_BEHIND)
        err = socket_subscribe(socket, ref, asking->of_all ? NULL : asking->job, &asking->filter,
                               asking->after[0] ? asking->after : NULL);
    if (err)
        socket_tell_error(socket, ref, err, NULL, NULL);
    asking_free(asking);
    socket_let_go(socket);
}

static bool is_unknown(struct socket *socket, const char *job)
{
    struct job *found = NULL;
    enum err err = reader_job(socket->thread->reader, job, &found);

    job_unref(found);
    return err == ERR_NOT_FOUND;
}

bool socket_subscribe_later(struct socket *socket, const char *ref, const char *job, const struct hub_filter *filter,
                            const char *after)
{
    struct thread *thread = socket->thread;
    int64_t pos = 0;
    bool is_ahead = after && await_is_worth(thread, after, &pos);
    struct asking *asking = NULL;
    size_t ref_size = ref ? strlen(ref) + 1 : 1;
    enum err err;

    if (job && !id_is_valid(job, strlen(job)))
        return false;
    if (!is_ahead && !(job && await_is_worth_asking(thread, job) && is_unknown(socket, job)))
        return false;
    if (socket->n_asking < SUBSCRIPTIONS_MAX)
        asking = calloc(1, sizeof *asking + ref_size);
    if (!asking)
        return false;
    asking->socket = socket;
    asking->of_all = !job;
    if (job)
        memcpy(asking->job, job, ID_SIZE);
    else
        asking->filter = *filter;
    if (after)
        strncpy(asking->after, after, sizeof asking->after - 1);
    memcpy(asking->ref, ref ? ref : "", ref_size);
    err = is_ahead ? await_position(thread, pos, on_read, asking, &asking->await)
                   : await_now(thread, on_read, asking, &asking->await);
    if (err) {
        free(asking);
        return false;
    }
    LIST_INSERT_HEAD(&socket->asking, asking, beside);
    socket->n_asking++;
    return true;
}

bool socket_forget_asking(struct socket *socket, const char *job)
{
    struct asking *next;
    bool had_one = false;

    for (struct asking *asking = LIST_FIRST(&socket->asking); asking; asking = next) {
        next = LIST_NEXT(asking, beside);
        if (job ? strcmp(asking->job, job) != 0 : !asking->of_all)
            continue;
        had_one = true;
        asking_free(asking);
    }
    return had_one;
}

void socket_stop_asking(struct socket *socket)
{
    while (!LIST_EMPTY(&socket->asking))
        asking_free(LIST_FIRST(&socket->asking));
}
