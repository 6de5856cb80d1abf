/* What the scheduler decides is carried out here: events go into one list that is given to the log
 * once a turn, jobs get into line, and what is to end is looked for. */
#include <stdlib.h>
#include <string.h>

#include "jobs/worker_priv.h"
#include "schema/log.h"
#include "schema/metric.h"

#define APPENDS_MAX 4096           /* of one turn: the rest is for the next */

void run_free(struct worker *worker, struct run *run)
{
    job_unref(run->job);
    body_unref(run->input);
    free(run->progress.message); // NOLINT(clang-analyzer-unix.Malloc): it does not follow TAILQ_REMOVE
    TAILQ_INSERT_HEAD(&worker->spare, run, link);   /* never more than were in hand at once */
}

void run_end(struct worker *worker, struct run *run, struct attempt_end *end)
{
    scheduler_on_end(worker->scheduler, run->job->spec->id, run->job->epoch, end, worker->wall_ms, worker->mono_ms);
    run_free(worker, run);
}

void run_return(struct worker *worker, struct run *run)
{
    scheduler_on_returned(worker->scheduler, run->job->spec->id, run->job->epoch);
    run_free(worker, run);
}

/* It holds no executor: out of time counts as an end (the scheduler knows what kind), all else is as if
 * it had never been given out. */
void run_stop(struct worker *worker, struct run *run, enum kill_reason reason)
{
    if (reason == KILL_TIMEOUT)
        ends_with(worker, run, JOB_ERROR_HANDLER_ERROR, true, "out of time");
    else
        run_return(worker, run);
}

/* On the recorder's thread: what is in the log is done with; the rest goes back to the worker. */
static void on_appended(struct append *append)
{
    struct worker *worker = append->owner;
    bool is_removal = append->event.kind == EVENT_REMOVED;

    if (append->err)
        mailbox_post_refused(&worker->box, append);
    else
        append_free(append);
    if (is_removal)
        sweep_on_answered(worker);
    atomic_fetch_sub_explicit(&worker->n_appends_out, 1, memory_order_release);
}

void worker_append(struct worker *worker, struct append *append)
{
    append->done = on_appended;
    append->owner = worker;
    append->next = NULL;
    *worker->last_append = append;
    worker->last_append = &append->next;
}

static void refuse(struct worker *worker, const struct append *append, enum err err)
{
    if (append->event.kind == EVENT_REMOVED)
        sweep_on_refused(worker);
    else
        scheduler_on_refused(worker->scheduler, &append->event, err, worker->mono_ms);
}

void worker_handle_refused(struct worker *worker, struct append *list)
{
    while (list) {
        struct append *append = list;
        list = append->next;
        refuse(worker, append, append->err);
        append_free(append);
    }
}

void worker_send_appends(struct worker *worker)
{
    struct append *list = worker->first_append;
    unsigned n = 0;

    if (!list)
        return;
    worker->first_append = NULL;
    worker->last_append = &worker->first_append;
    for (struct append *append = list; append; append = append->next)
        n++;
    atomic_fetch_add_explicit(&worker->n_appends_out, n, memory_order_relaxed);
    enum err err = eventlog_append(worker->config.log, list, true);
    if (!err)
        return;
    atomic_fetch_sub_explicit(&worker->n_appends_out, n, memory_order_relaxed);
    for (struct append *append = list; append; append = append->next) {
        append->err = err;
        if (append->event.kind == EVENT_REMOVED)
            sweep_on_answered(worker);
    }
    worker_handle_refused(worker, list);
}

static void append_event(struct worker *worker, struct event *event)
{
    struct append *append = append_new(event->kind, event->job, event->at);

    if (!append) {
        scheduler_on_refused(worker->scheduler, event, ERR_NOMEM, worker->mono_ms);
        event_clear(event);
        return;
    }
    event_clear(&append->event);
    append->event = *event;
    worker_append(worker, append);
}

static struct run *new_run(struct worker *worker)
{
    struct run *run = TAILQ_FIRST(&worker->spare);

    if (run)
        TAILQ_REMOVE(&worker->spare, run, link);
    else
        run = malloc(sizeof *run);
    if (run)
        *run = (struct run){.progress.percent = -1};
    return run;
}

static void start(struct worker *worker, struct job *job)
{
    const struct job_type *type = types_find(worker->config.types, job->spec->type);
    struct run *run = type ? new_run(worker) : NULL;

    if (!run) {
        scheduler_on_returned(worker->scheduler, job->spec->id, job->epoch);
        job_unref(job);
        return;
    }
    run->job = job;
    run->type = type;
    run->cost_us = scheduler_run_us(worker->scheduler, type->number);
    if (run->cost_us >= SCHEDULER_SHORT_US)
        run->cost_us = -1;
    TAILQ_INSERT_TAIL(&worker->queue, run, link);
}

static void stop(struct worker *worker, const struct scheduler_action *action)
{
    struct process *process;
    struct run *run;

    TAILQ_FOREACH(run, &worker->queue, link) {
        if (run->job->epoch == action->epoch && strcmp(run->job->spec->id, action->id) == 0) {
            TAILQ_REMOVE(&worker->queue, run, link);
            run_stop(worker, run, action->reason);
            return;
        }
    }
    if (inputs_stop(worker, action))
        return;
    TAILQ_FOREACH(process, &worker->processes, link)
        if (lanes_stop(worker, process, action))
            return;
    log_debug("job %s was to be stopped and is not here", action->id);
}

void worker_act(struct worker *worker)
{
    struct scheduler_action action;
    enum scheduler_do what = SCHEDULER_START;

    for (unsigned n = 0; n < APPENDS_MAX && what != SCHEDULER_NOTHING; n++) {
        what = scheduler_next(worker->scheduler, worker->wall_ms, worker->mono_ms, &action);
        if (what == SCHEDULER_APPEND)
            append_event(worker, &action.event);
        else if (what == SCHEDULER_START)
            start(worker, action.job);
        else if (what == SCHEDULER_KILL)
            stop(worker, &action);
    }
    worker->is_unfinished = what != SCHEDULER_NOTHING;
}
