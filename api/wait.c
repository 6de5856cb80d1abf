/* wait.c: one subscriber and one timer for each request that waits. What the subscriber is sent is
 * thrown away: it only says when to look, and looking shows the truth (commit, then tell). */
#include "api/wait.h"

#include <stdlib.h>
#include <string.h>

struct wait {
    struct wakeable wakeable;   /* first, as the hub's owners start with one */
    struct request *request;
    struct subscriber *subscriber;
    struct timer *time_up;
    struct timer *first_look;   /* the job finished between asking and subscribing */
    wait_fn *fn;
    char id[ID_SIZE];
};

static void wait_free(void *state)
{
    struct wait *wait = state;

    if (!wait)
        return;
    timer_stop(wait->time_up);
    timer_stop(wait->first_look);
    subscriber_free(wait->subscriber);
    free(wait);
}

/* Answers if the job is finished or must be told as it is. The wait ends before the answer goes out:
 * a long one stays with the request for a while, and must not be given twice. */
static void look(struct wait *wait, bool must_answer)
{
    struct request *request = wait->request;
    wait_fn *fn = wait->fn;
    struct job *job = NULL;
    enum err err = reader_job(request_thread(request)->reader, wait->id, &job);

    if (err || must_answer || job_state_is_final(job->state)) {
        request_set_state(request, NULL, NULL);
        wait_free(wait);
        if (err)
            reply_problem(request, err, NULL, NULL);
        else
            fn(request, job);
    }
    job_unref(job);
}

static void on_time_up(void *arg)
{
    struct wait *wait = arg;

    wait->time_up = NULL;
    look(wait, true);
}

/* Nothing that was sent is kept; catching up only leads to the next thing to be told. */
static void empty_queue(struct subscriber *subscriber)
{
    struct frame *frame;

    do {
        while ((frame = subscriber_next(subscriber)) != NULL)
            frame_unref(frame);
        subscriber_catch_up(subscriber);
    } while (!subscriber_is_empty(subscriber) && !subscriber_too_slow(subscriber));
}

static void on_wake(struct wakeable *self, struct subscriber *subscriber)
{
    struct wait *wait = (struct wait *)self;

    empty_queue(subscriber);
    look(wait, subscriber_too_slow(subscriber));
}

static void on_first_look(void *arg)
{
    struct wait *wait = arg;

    wait->first_look = NULL;
    on_wake(&wait->wakeable, wait->subscriber);
}

enum err wait_for_job(struct request *request, const char *id, int64_t seconds, wait_fn *fn)
{
    struct thread *thread = request_thread(request);
    struct wait *wait = calloc(1, sizeof *wait);
    struct subscribed subscribed;
    enum err err = ERR_NOMEM;

    if (!wait)
        return err;
    wait->wakeable.wake = on_wake;
    wait->request = request;
    wait->fn = fn;
    memcpy(wait->id, id, ID_SIZE);
    err = subscriber_new(thread->hub, wait, &wait->subscriber);
    if (err)
        goto out;
    err = subscriber_add_job(wait->subscriber, id, NULL, &subscribed);
    if (err)
        goto out;
    err = ERR_NOMEM;
    wait->time_up = timer_start(thread, seconds * 1000, on_time_up, wait);
    if (!wait->time_up)
        goto out;
    /* History wakes nobody: a job that has finished just now, or while the hub was behind, is looked
     * at by itself, but not from within the caller. */
    if (!subscriber_is_empty(wait->subscriber)) {
        wait->first_look = timer_start(thread, 0, on_first_look, wait);
        if (!wait->first_look)
            goto out;
    }
    request_set_state(request, wait, wait_free);
    request_end_with_key(request);
    wait = NULL;
    err = ERR_OK;
out:
    wait_free(wait);
    return err;
}
