/* Jobs in and out of lanes. Strictly first in, first out: what is at the head of the line gets the
 * next free executor, and nothing behind it passes. At most `slots` lanes are in use at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "jobs/worker_priv.h"
#include "schema/clock.h"

#define LANE_COST_US 10000         /* as much short work is given to one executor at once */
#define BEGUN_AFTER_MS 5           /* the scheduler is told of a beginning only if the job did not end by then */
#define STUCK_AFTER_MS 10000       /* an executor that takes so long to begin never will */
#define LONG_AFTER_MS 20           /* what lies behind a job that takes so long is taken back */

static struct lane_slot *slot_at(const struct process *process, unsigned index)
{
    return &process->lane->slots[index % LANE_SLOTS];
}

static bool has_room(const struct process *process, const struct run *run)
{
    return run->cost_us >= 0 && process->cost_us >= 0 && process->n < LANE_SLOTS &&
           process->cost_us + run->cost_us <= LANE_COST_US;
}

/* An idle executor if a slot is free, else a busy one that will be done with its short jobs soon. */
static struct process *choose(struct worker *worker, const struct run *run)
{
    bool is_sealed = run->type->run == TYPE_HANDLER;
    bool has_slot = worker->n_busy + worker->n_fetching < (unsigned)worker->config.slots;
    struct process *process, *best = NULL;

    TAILQ_FOREACH(process, &worker->processes, link) {
        if (process->is_sealed != is_sealed || process->is_stopping || process->is_broken)
            continue;
        if (process->n == 0 ? !has_slot : !has_room(process, run))
            continue;
        if (!best || process->n < best->n)
            best = process;
    }
    if (has_slot && (!best || best->n > 0)) {
        struct process *fresh = pool_spawn(worker, is_sealed);
        if (fresh)
            best = fresh;
    }
    return best;
}

static size_t command_len(char *const *command)
{
    size_t len = 0;
    for (; command && *command; command++)
        len += strlen(*command) + 1;
    return len;
}

/* Encodes straight into the executor's write buffer. */
static bool encode(struct process *process, unsigned slot, const struct run *run, const struct body *input)
{
    const struct job_type *type = run->type;
    const struct spec *spec = run->job->spec;
    const char *fields[FIELD_COUNT] = {
        [FIELD_ID] = spec->id,
        [FIELD_TYPE] = type->name,
        [FIELD_MEDIA_TYPE] = input->media_type,
        [FIELD_PARAMS] = spec->params ? spec->params : "{}",
        [FIELD_TRACEPARENT] = spec->traceparent ? spec->traceparent : "",
        [FIELD_SHARED_OBJECT] = type->shared_object ? type->shared_object : "",
        [FIELD_RESULT_TYPE] = type->result_type ? type->result_type : "",
        [FIELD_INPUT] = input->bytes,
    };
    struct wire_job job = {.memory_bytes = type->memory_bytes, .output_bytes = type->output_bytes,
                           .attempt = run->job->attempt, .epoch = run->job->epoch, .network = type->network};
    struct wire_header header = {.kind = WIRE_JOB, .slot = (uint16_t)slot};
    size_t total = sizeof job + FIELD_COUNT;

    for (unsigned i = 0; i < FIELD_COMMAND; i++)
        job.len[i] = (uint32_t)(i == FIELD_INPUT ? input->len : strlen(fields[i]));
    job.len[FIELD_COMMAND] = (uint32_t)command_len(type->command);
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        total += job.len[i];
    header.len = (uint32_t)total;
    if (!text_room(&process->out, sizeof header + total))
        return false;
    text_add(&process->out, (const char *)&header, sizeof header);
    text_add(&process->out, (const char *)&job, sizeof job);
    for (unsigned i = 0; i < FIELD_COMMAND; i++)
        text_add(&process->out, fields[i], job.len[i] + 1);
    for (char *const *argument = type->command; argument && *argument; argument++)
        text_add(&process->out, *argument, strlen(*argument) + 1);
    text_add(&process->out, "", 1);
    return true;
}

static void give(struct worker *worker, struct process *process, struct run *run)
{
    unsigned slot = (process->first + process->n) % LANE_SLOTS;

    if (!encode(process, slot, run, run->input)) {
        text_clear(&process->out);
        process->is_broken |= process->n > 0;      /* frames of others may have gone with it */
        process->out_at = 0;
        ends_with(worker, run, JOB_ERROR_HANDLER_ERROR, true, "the service has no memory for the input");
        return;
    }
    body_unref(run->input);
    run->input = NULL;
    atomic_store_explicit(&process->lane->slots[slot].state, SLOT_WAITING, memory_order_release);
    process->runs[slot] = run;
    if (process->n++ == 0) {
        worker->n_busy++;
        process->head_since_ms = worker->mono_ms;
        process->cost_us = 0;
    }
    process->cost_us = run->cost_us < 0 || process->cost_us < 0 ? -1 : process->cost_us + run->cost_us;
    if (process->frame_max < (size_t)run->type->output_bytes + sizeof(struct attempt_record) + EXECUTOR_MESSAGE_MAX)
        process->frame_max = (size_t)run->type->output_bytes + sizeof(struct attempt_record) + EXECUTOR_MESSAGE_MAX;
}

static void want_to_write(struct worker *worker, struct process *process, bool wants)
{
    struct epoll_event event = {.events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = process};

    if (process->wants_to_write == wants)
        return;
    process->wants_to_write = wants;
    if (epoll_ctl(worker->epoll, EPOLL_CTL_MOD, process->socket, &event) < 0)
        process->is_broken = true;
}

void lanes_flush(struct worker *worker, struct process *process)
{
    while (process->out_at < process->out.len) {
        ssize_t n = send(process->socket, process->out.at + process->out_at, process->out.len - process->out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            want_to_write(worker, process, errno == EAGAIN);   /* anything else: its death is on its way */
            return;
        }
        process->out_at += (size_t)n;
    }
    want_to_write(worker, process, false);
    process->out_at = 0;
    if (process->out.cap > 1024 * 1024)
        text_clear(&process->out);
    else
        text_reset(&process->out);
}

void lanes_feed(struct worker *worker)
{
    struct process *process;
    struct run *run;

    while ((run = TAILQ_FIRST(&worker->queue))) {
        enum input input = inputs_load(worker, run);
        if (input == INPUT_AWAY)
            continue;
        process = input == INPUT_HERE ? choose(worker, run) : NULL;
        if (!process)
            break;
        TAILQ_REMOVE(&worker->queue, run, link);
        give(worker, process, run);
    }
    TAILQ_FOREACH(process, &worker->processes, link)
        if (process->out.len > process->out_at && !process->wants_to_write)
            lanes_flush(worker, process);
}

void lanes_collect(struct worker *worker, struct process *process)
{
    unsigned before = process->n;

    while (process->n > 0) {
        struct lane_slot *slot = slot_at(process, process->first);
        struct run *run = process->runs[process->first];
        enum slot_state state = lane_state(slot);
        if (state != SLOT_DONE && state != SLOT_SKIPPED)
            break;
        if (run && state == SLOT_SKIPPED) {
            process->is_broken = true;
            break;
        }
        process->runs[process->first] = NULL;
        if (run)
            ends_from_slot(worker, process, run, slot);
        atomic_store_explicit(&slot->state, SLOT_FREE, memory_order_relaxed);
        process->first = (process->first + 1) % LANE_SLOTS;
        process->n--;
    }
    if (process->n == before)
        return;
    process->head_since_ms = worker->mono_ms;
    if (process->n > 0)
        return;
    worker->n_busy--;
    process->cost_us = 0;
    process->frame_max = sizeof(struct attempt_record) + EXECUTOR_MESSAGE_MAX;
    if (process->is_stopping && !process->was_killed) {        /* its command has ended in its grace */
        process->is_stopping = false;
        process->kill_at_ms = 0;
    }
}

void lanes_take_back(struct worker *worker, struct process *process)
{
    for (unsigned i = process->n; i > 0; i--) {                /* from the back, so that the order stays */
        unsigned index = (process->first + i - 1) % LANE_SLOTS;
        struct run *run = process->runs[index];
        if (!run || !lane_move(&process->lane->slots[index], SLOT_WAITING, SLOT_REVOKED))
            continue;
        process->runs[index] = NULL;
        TAILQ_INSERT_HEAD(&worker->queue, run, link);
    }
}

void lanes_watch(struct worker *worker)
{
    struct process *process;

    TAILQ_FOREACH(process, &worker->processes, link) {
        if (process->n == 0)
            continue;
        lanes_collect(worker, process);
        struct run *run = process->n ? process->runs[process->first] : NULL;
        int64_t age_ms = worker->mono_ms - process->head_since_ms;
        if (!run || age_ms < BEGUN_AFTER_MS)
            continue;
        if (lane_state(slot_at(process, process->first)) != SLOT_TAKEN) {
            process->is_broken |= age_ms >= STUCK_AFTER_MS;
            continue;
        }
        if (!run->is_begun) {
            run->is_begun = true;
            scheduler_on_started(worker->scheduler, run->job->spec->id, run->job->epoch, process->head_since_ms);
        }
        if (age_ms >= LONG_AFTER_MS && process->cost_us >= 0) {
            process->cost_us = -1;
            lanes_take_back(worker, process);
        }
    }
}

/* Ends the run that action names if it is in this lane. */
bool lanes_stop(struct worker *worker, struct process *process, const struct scheduler_action *action)
{
    for (unsigned i = 0; i < process->n; i++) {
        unsigned index = (process->first + i) % LANE_SLOTS;
        struct run *run = process->runs[index];
        if (!run || run->job->epoch != action->epoch || strcmp(run->job->spec->id, action->id) != 0)
            continue;
        if (lane_move(&process->lane->slots[index], SLOT_WAITING, SLOT_REVOKED)) {
            process->runs[index] = NULL;
            run_return(worker, run);
            return true;
        }
        if (action->reason == KILL_AHEAD)
            return true;
        lanes_take_back(worker, process);          /* so that no other job begins there and is hit instead */
        ends_read(worker, process);
        lanes_collect(worker, process);
        bool at_once = process->is_sealed || action->reason == KILL_FENCED;
        if (process->runs[index] != run)
            return true;
        if (!run->stopped_us)
            run->stopped_us = clock_mono_us();
        pool_kill(worker, process, at_once ? 0 : run->type->kill_grace_ms);
        return true;
    }
    return false;
}
