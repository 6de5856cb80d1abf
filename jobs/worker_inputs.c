/* Bodies for the runs in line. Most stand in the view beside their event; a large one may be kept
 * apart and has to be asked of the log. Its run then waits outside the line, with a slot that is kept
 * free for it, and its attempt has begun: its timeout runs. Those behind it go on. */
#include <stdlib.h>
#include <string.h>

#include "jobs/worker_priv.h"
#include "schema/log.h"

/* Only these cost an attempt. All else may be over in a while, and is not the job's fault. */
static bool is_gone(enum err err)
{
    return err == ERR_NOT_FOUND || err == ERR_GONE || err == ERR_CORRUPT;
}

static void fail(struct worker *worker, struct run *run, enum err err)
{
    ends_with(worker, run, JOB_ERROR_HANDLER_ERROR, true,
              err == ERR_CORRUPT ? "the input cannot be read" : "the input is gone");
}

/* On a thread of the log's. */
static void on_fetched(void *arg, enum err err, struct body *body)
{
    struct fetch *fetch = arg;

    fetch->err = err;
    fetch->body = body;
    mailbox_post_fetched(&fetch->worker->box, fetch);
}

static enum err ask(struct worker *worker, struct run *run, const struct blob *blob)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);

    if (!fetch)
        return ERR_NOMEM;
    *fetch = (struct fetch){.worker = worker, .run = run};
    enum err err = eventlog_fetch(worker->config.log, blob, on_fetched, fetch);
    if (err) {
        free(fetch);
        return err;
    }
    run->fetch = fetch;
    TAILQ_REMOVE(&worker->queue, run, link);
    TAILQ_INSERT_TAIL(&worker->fetching, run, link);
    worker->n_fetching++;
    if (!run->is_begun) {
        run->is_begun = true;
        scheduler_on_started(worker->scheduler, run->job->spec->id, run->job->epoch, worker->mono_ms);
    }
    return ERR_OK;
}

enum input inputs_load(struct worker *worker, struct run *run)
{
    struct blob blob = {0};
    bool has_slot = worker->n_busy + worker->n_fetching < (unsigned)worker->config.slots;

    if (run->input)
        return INPUT_HERE;
    enum err err = reader_body(worker->reader, run->job->input_pos, &run->input, &blob);
    if (!err && run->input)
        return INPUT_HERE;
    if (!err && !has_slot)
        return INPUT_LATER;
    if (!err)
        err = ask(worker, run, &blob);
    if (err && !is_gone(err))
        return INPUT_LATER;
    if (err) {
        TAILQ_REMOVE(&worker->queue, run, link);
        fail(worker, run, err);
    }
    return INPUT_AWAY;
}

/* Out of the waiting room; what the log may still answer goes to nobody. */
static void leave(struct worker *worker, struct run *run)
{
    TAILQ_REMOVE(&worker->fetching, run, link);
    worker->n_fetching--;
    if (run->fetch)
        run->fetch->run = NULL;
    run->fetch = NULL;
}

void inputs_on_fetched(struct worker *worker, struct fetch *list)
{
    while (list) {
        struct fetch *fetch = list;
        struct run *run = fetch->run;
        list = fetch->next;
        if (run) {
            leave(worker, run);
            if (!fetch->err) {
                run->input = fetch->body;
                fetch->body = NULL;
                TAILQ_INSERT_HEAD(&worker->queue, run, link);
            } else {
                log_warn("the input of job %s cannot be fetched: %s", run->job->spec->id, err_word(fetch->err));
                if (is_gone(fetch->err))
                    fail(worker, run, fetch->err);
                else
                    run_return(worker, run);
            }
        }
        fetch_free(fetch);
    }
}

bool inputs_stop(struct worker *worker, const struct scheduler_action *action)
{
    struct run *run;

    TAILQ_FOREACH(run, &worker->fetching, link) {
        if (run->job->epoch != action->epoch || strcmp(run->job->spec->id, action->id) != 0)
            continue;
        leave(worker, run);
        run_stop(worker, run, action->reason);
        return true;
    }
    return false;
}

void inputs_return(struct worker *worker)
{
    struct run *run;

    while ((run = TAILQ_FIRST(&worker->fetching))) {
        leave(worker, run);
        run_return(worker, run);
    }
}
