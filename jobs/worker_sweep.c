/* Where the worker reads the view as a whole: to know what there is to do when it starts (or has
 * missed something), which queues are paused, and which jobs' keep_ms are over. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/worker_priv.h"
#include "schema/log.h"

#define SWEEP_EVERY_MS 1000
#define SWEEP_STEP 100             /* what others append stands behind no more than this */
#define RESEED_PAUSE_MS 1000

struct seeding {
    struct worker *worker;
    enum err err;
};

static bool seed_one(void *arg, struct job *job)
{
    struct seeding *seeding = arg;

    seeding->err = scheduler_seed(seeding->worker->scheduler, job, seeding->worker->wall_ms);
    return seeding->err == ERR_OK;
}

struct paused {
    char **names;
    unsigned n;
    enum err err;
};

static void add_paused(void *arg, const char *queue)
{
    struct paused *paused = arg;
    char **names = paused->err ? NULL : realloc(paused->names, (paused->n + 1) * sizeof *names);

    if (names)
        paused->names = names;
    if (names && (names[paused->n] = strdup(queue)))
        paused->n++;
    else
        paused->err = ERR_NOMEM;
}

void worker_read_paused(struct worker *worker)
{
    struct paused paused = {0};
    enum err err = reader_paused(worker->reader, add_paused, &paused);

    if (!err)
        err = paused.err;
    if (!err)
        err = scheduler_set_paused(worker->scheduler, (const char *const *)paused.names, paused.n);
    if (err) {
        log_error("which queues are paused cannot be read (%s); trying again in a second", err_word(err));
        worker->reseed_at_ms = worker->mono_ms + RESEED_PAUSE_MS;
    }
    for (unsigned i = 0; i < paused.n; i++)
        free(paused.names[i]);
    free(paused.names);
}

void worker_seed(struct worker *worker)
{
    struct seeding seeding = {.worker = worker};

    worker->reseed_at_ms = 0;
    worker_read_paused(worker);                /* first: the seeding makes candidates */
    scheduler_seed_begin(worker->scheduler, reader_last_pos(worker->reader));
    enum err err = reader_unfinished(worker->reader, seed_one, &seeding);
    if (!err)
        err = seeding.err;
    if (err) {
        log_error("the waiting jobs cannot be read (%s); trying again in a second", err_word(err));
        worker->reseed_at_ms = worker->mono_ms + RESEED_PAUSE_MS;
    } else {
        scheduler_seed_end(worker->scheduler);
    }
}

int64_t sweep_next(const struct worker *worker)
{
    if (worker->is_draining || atomic_load_explicit(&worker->n_removals_out, memory_order_acquire) > 0)
        return INT_MAX;
    return worker->sweep_at_ms > worker->mono_ms ? worker->sweep_at_ms - worker->mono_ms : 0;
}

/* The last one of a step wakes the worker for the next. */
void sweep_on_answered(struct worker *worker)
{
    if (atomic_fetch_sub_explicit(&worker->n_removals_out, 1, memory_order_acq_rel) == 1)
        mailbox_wake(&worker->box);
}

/* A later sweep finds it again. */
void sweep_on_refused(struct worker *worker)
{
    worker->sweep_at_ms = worker->mono_ms + SWEEP_EVERY_MS;
}

/* One step at a time is on its way, so the pace is that of the log: what is read for the next one has been
 * folded, and a log that is away is not filled with the same removals over and over. */
void worker_sweep(struct worker *worker)
{
    char ids[SWEEP_STEP][ID_SIZE];
    unsigned n = 0;

    if (sweep_next(worker) > 0)
        return;
    worker->sweep_at_ms = worker->mono_ms + SWEEP_EVERY_MS;
    if (!peers_may_sweep(worker))
        return;
    enum err err = reader_removable(worker->reader, worker->wall_ms, SWEEP_STEP, ids, &n);
    if (err) {
        log_error("jobs to remove cannot be read: %s", err_word(err));
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        struct append *append = append_new(EVENT_REMOVED, ids[i], worker->wall_ms);
        if (!append)
            return;
        worker_append(worker, append);
        atomic_fetch_add_explicit(&worker->n_removals_out, 1, memory_order_relaxed);
    }
    if (n == SWEEP_STEP)
        worker->sweep_at_ms = worker->mono_ms;       /* there is more: when these have been answered */
}
