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
    struct timer *look;         /* set between a wake and the look it leads to */
    wait_fn *fn;
    char id[ID_SIZE];
};

static void wait_free(void *state)
{
    struct wait *wait = state;

    if (!wait)
        return;
    timer_stop(wait->time_up);
    timer_stop(wait->look);
    subscriber_free(wait->subscriber);
    free(wait);
}

/* Answers if the job is finished or must be told as it is. The wait is gone when it has answered. */
static void look(struct wait *wait, bool must_answer)
{
    struct request *request = wait->request;
    struct job *job = NULL;
    enum err err = reader_job(request_thread(request)->reader, wait->id, &job);

    if (err)
        reply_problem(request, err, NULL, NULL);
    else if (must_answer || job_state_is_final(job->state))
        wait->fn(request, job);
    job_unref(job);
}

static void on_time_up(void *arg)
{
    struct wait *wait = arg;

    wait->time_up = NULL;
    look(wait, true);
}

static void on_look(void *arg)
{
    struct wait *wait = arg;
    struct frame *frame = NULL;

    wait->look = NULL;
    do {
        frame = NULL;
        subscriber_catch_up(wait->subscriber);
        subscriber_take(wait->subscriber, NULL, 0, &frame); /* no room: each frame comes by itself */
        frame_unref(frame);
    } while (frame);
    look(wait, subscriber_too_slow(wait->subscriber));
}

/* The hub is in the middle of telling everybody: answering would take the subscriber away under it. */
static void on_wake(struct wakeable *self, struct subscriber *subscriber)
{
    struct wait *wait = (struct wait *)self;

    (void)subscriber;
    if (!wait->look)
        wait->look = timer_start(request_thread(wait->request), 0, on_look, wait);
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
    /* What the subscription itself has to tell (the job has just finished) waits for a first look. */
    if (!wait->look)
        wait->look = timer_start(thread, 0, on_look, wait);
    if (!wait->look)
        goto out;
    request_set_state(request, wait, wait_free);
    wait = NULL;
    err = ERR_OK;
out:
    wait_free(wait);
    return err;
}
