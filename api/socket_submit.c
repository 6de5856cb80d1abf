/* socket_submit.c: work that comes in over a socket: as POST /v1/jobs, but answered by a frame, and
 * with what becomes of it told on the same socket from then on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/admission.h"
#include "api/job_reply.h"
#include "api/socket_priv.h"
#include "schema/clock.h"
#include "schema/metric.h"

struct submitting {
    LIST_ENTRY(submitting) beside;      /* of its socket */
    struct socket *socket;
    struct pending *pending;
    int64_t began_us;
    char ref[];                         /* "" : none */
};

static void submitting_free(struct submitting *submitting)
{
    LIST_REMOVE(submitting, beside);
    submitting->socket->n_submitting--;
    free(submitting);
}

static void tell_submitted(struct socket *socket, const char *ref, const struct job *job)
{
    struct text text = {0};

    text_str(&text, "{\"op\":\"submitted\"");
    if (ref)
        text_json_str(&text, "ref", ref);
    text_json_key(&text, "job");
    job_tell(&text, socket->thread, job);
    text_char(&text, '}');
    socket_tell(socket, &text);
}

/* From the very state that the answer showed: what happened since is history and is told as well. */
static enum err follow(struct socket *socket, const struct job *job)
{
    struct subscribed subscribed;
    char cursor[CURSOR_SIZE] = "";

    if (!job_state_is_final(job->state))
        cursor_encode(reader_log_id(socket->thread->reader), job->pos, cursor);
    return subscriber_add_job(socket->subscriber, job->spec->id, cursor, &subscribed);
}

static void on_submitted(void *owner, struct append *append, unsigned n)
{
    struct submitting *submitting = owner;
    struct socket *socket = submitting->socket;
    const char *ref = submitting->ref[0] ? submitting->ref : NULL;
    enum err err = append->err ? append->err : append->job ? ERR_OK : ERR_INTERNAL;

    (void)n;
    METRIC_US(ACCEPT_US, clock_mono_us() - submitting->began_us);
    socket_hold(socket);
    if (err) {
        socket_tell_error(socket, ref, err, NULL, NULL);
    } else {
        tell_submitted(socket, ref, append->job);
        err = socket_may(socket, SCOPE_READ) ? follow(socket, append->job) : ERR_OK;
        if (err)
            socket_tell_error(socket, ref, err, "The job was accepted, but this socket cannot follow it.", NULL);
    }
    submitting_free(submitting);
    socket_let_go(socket);
}

void socket_submit(struct socket *socket, const char *ref, json_t *job)
{
    struct thread *thread = socket->thread;
    struct submit_headers headers = {NULL, NULL};
    struct submitting *submitting = NULL;
    struct append *append = NULL;
    struct faults faults = {0};
    size_t ref_size = ref ? strlen(ref) + 1 : 1;
    int64_t began_us = clock_mono_us();
    const char *detail = NULL;
    enum err err = socket->n_submitting < SOCKET_SUBMITS_MAX ? admission(thread, 1) : ERR_BUSY;

    if (!err && !socket_may(socket, SCOPE_SUBMIT))
        err = ERR_NO_RIGHT;
    if (!err && socket_may(socket, SCOPE_READ) && subscriber_room(socket->subscriber) <= socket->n_submitting) {
        err = ERR_BUSY;
        detail = "This socket follows as many unfinished jobs as it may; submit over another one.";
    }
    if (!err)
        err = submit_json(thread->setup->types, job, "/job", &headers, thread_now_ms(thread), &append, &faults);
    if (!err)
        err = principal_sign(socket->key_watch.principal, append);
    if (!err) {
        submitting = calloc(1, sizeof *submitting + ref_size);
        err = submitting ? ERR_OK : ERR_NOMEM;
    }
    if (err)
        goto out;
    submitting->socket = socket;
    submitting->began_us = began_us;
    memcpy(submitting->ref, ref ? ref : "", ref_size);
    err = thread_append(thread, append, 1, on_submitted, submitting, &submitting->pending);
    if (err)
        goto out;
    LIST_INSERT_HEAD(&socket->submitting, submitting, beside);
    socket->n_submitting++;
    append = NULL;     /* the pending's now */
    submitting = NULL; /* the socket's */
out:
    if (err)
        socket_tell_error(socket, ref, err, detail, &faults);
    append_free(append);
    free(submitting);
    faults_clear(&faults);
}

void socket_forget_submits(struct socket *socket)
{
    struct submitting *next;

    for (struct submitting *submitting = LIST_FIRST(&socket->submitting); submitting; submitting = next) {
        next = LIST_NEXT(submitting, beside);
        pending_forget(submitting->pending);
        submitting_free(submitting);
    }
}
