/* What executors say, read as if an enemy had written it: lengths are checked, records copied out of
 * shared memory before they are looked at, text cleaned, JSON checked. What does not fit ends the
 * executor, and its job as crashed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "jobs/executor_priv.h"
#include "jobs/worker_priv.h"
#include "schema/metric.h"

#define READS_MAX 32               /* of one executor in one turn */
#define PROGRESS_EVERY_MS 90

/* Why there is no success, by what the executor said. */
static const struct {
    enum job_error_code code;
    bool retryable;
    const char *message;           /* where the job code gave none */
} failures[ATTEMPT_OUTCOME_COUNT] = {
    [ATTEMPT_FAILED] = {JOB_ERROR_HANDLER_ERROR, true, "the handler failed"},
    [ATTEMPT_BAD_INPUT] = {JOB_ERROR_BAD_INPUT, false, "the handler refused the input"},
    [ATTEMPT_NO_MEMORY] = {JOB_ERROR_OUT_OF_MEMORY, true, "the handler ran out of memory"},
    [ATTEMPT_BAD_OUTPUT] = {JOB_ERROR_BAD_OUTPUT, true, "the result is not one"},
    [ATTEMPT_CRASHED] = {JOB_ERROR_CRASHED, true, "the command crashed"},
};

static void fill_error(struct attempt_end *end, enum job_error_code code, bool retryable, const char *message,
                       size_t len)
{
    end->ok = false;
    end->error = (struct job_error){.code = code, .retryable = retryable, .message = text_clean(message, len)};
}

void ends_with(struct worker *worker, struct run *run, enum job_error_code code, bool retryable, const char *message)
{
    struct attempt_end end = {.progress.percent = -1};

    fill_error(&end, code, retryable, message, strlen(message));
    run_end(worker, run, &end);
}

static bool media_type_is_plain(const char *media_type)
{
    for (const char *at = media_type; *at; at++)
        if (*at < 0x20 || *at > 0x7e)
            return false;
    return strchr(media_type, '/') != NULL;
}

/* record is our own copy; bytes may lie in shared memory and are copied once. A large result may be on its
 * way through the socket for a while, so that it is here only now does not say that it came after the kill. */
static void end_run(struct worker *worker, struct run *run, const struct lane_slot *slot, struct attempt_record *record,
                    const char *bytes)
{
    struct attempt_end end = {.run_us = record->run_us, .progress.percent = -1};
    bool done = record->outcome == ATTEMPT_DONE;

    record->media_type[sizeof record->media_type - 1] = '\0';
    if (end.run_us < 0 || end.run_us > INT64_MAX / 1000)
        end.run_us = 0;
    end.was_stopped = run->stopped_us &&
                      atomic_load_explicit(&slot->started_us, memory_order_relaxed) > run->stopped_us - end.run_us;
    if (run->progress.message || run->progress.percent >= 0) {
        end.progress = run->progress;
        run->progress = (struct progress){.percent = -1};
    }
    if (record->percent >= 0 && record->percent <= 100)
        end.progress.percent = record->percent;
    if (record->outcome >= ATTEMPT_OUTCOME_COUNT) {
        fill_error(&end, JOB_ERROR_CRASHED, true, "the executor broke the protocol", 31);
    } else if (!done) {
        const char *message = failures[record->outcome].message;
        fill_error(&end, failures[record->outcome].code, failures[record->outcome].retryable,
                   record->len ? bytes : message, record->len ? record->len : strlen(message));
    } else if (record->len > (uint64_t)run->type->output_bytes || !media_type_is_plain(record->media_type)) {
        fill_error(&end, JOB_ERROR_BAD_OUTPUT, true, failures[ATTEMPT_BAD_OUTPUT].message, 24);
    } else {
        end.result = body_new(record->media_type, bytes, record->len);
        end.ok = end.result != NULL;
        if (!end.result) {
            fill_error(&end, JOB_ERROR_OUT_OF_MEMORY, true, "the service has no memory for the result", 40);
        } else if (end.result->is_json && !text_is_json(end.result->bytes, end.result->len)) {
            body_unref(end.result);
            end.result = NULL;
            fill_error(&end, JOB_ERROR_BAD_OUTPUT, true, "the result is not JSON", 22);
        }
    }
    if (end.ok && !end.was_stopped && end.progress.percent >= 0)
        end.progress.percent = 100;            /* a handler need not say so when it is through */
    run_end(worker, run, &end);
}

void ends_from_slot(struct worker *worker, struct process *process, struct run *run, const struct lane_slot *slot)
{
    struct attempt_record record = slot->record;
    char bytes[LANE_BYTES];

    if (record.len > LANE_BYTES) {
        record.len = 0;
        record.outcome = ATTEMPT_OUTCOME_COUNT;
        process->is_broken = true;
    }
    memcpy(bytes, slot->bytes, record.len);
    end_run(worker, run, slot, &record, bytes);
}

static void on_end(struct worker *worker, struct process *process, const struct wire_header *header,
                   const char *payload)
{
    struct attempt_record record;
    struct run *run = process->runs[header->slot];

    if (!run || header->len < sizeof record) {
        process->is_broken = true;
        return;
    }
    memcpy(&record, payload, sizeof record);
    if (record.len != header->len - sizeof record) {
        process->is_broken = true;
        return;
    }
    process->runs[header->slot] = NULL;
    atomic_store(&process->lane->slots[header->slot].state, SLOT_SKIPPED);
    end_run(worker, run, &process->lane->slots[header->slot], &record, payload + sizeof record);
}

static void tell_progress(struct worker *worker, struct run *run)
{
    struct changes *changes = NULL;
    struct job *job = job_ref(run->job);
    char *message = run->progress.message ? strdup(run->progress.message) : NULL;

    run->told_ms = worker->mono_ms;
    if (!worker->config.on_progress || (run->progress.message && !message) || job_own(&job))
        goto out;
    changes = changes_new(1);
    if (!changes)
        goto out;
    free(job->progress.message);
    job->progress = (struct progress){.percent = run->progress.percent, .message = message};
    message = NULL;
    changes->at[0] = (struct change){.kind = CHANGE_PROGRESS, .pos = job->pos, .at = worker->wall_ms, .job = job};
    changes->n = 1;
    changes->last_pos = job->pos;
    job = NULL;
    worker->config.on_progress(worker->config.on_progress_arg, changes);
out:
    changes_unref(changes);
    job_unref(job);
    free(message);
}

static void on_progress(struct worker *worker, struct process *process, const struct wire_header *header,
                        const char *payload)
{
    struct run *run = process->runs[header->slot];
    int32_t percent;

    if (header->len < sizeof percent || header->len > sizeof percent + EXECUTOR_MESSAGE_MAX) {
        process->is_broken = true;
        return;
    }
    memcpy(&percent, payload, sizeof percent);
    if (!run || percent > 100)
        return;
    free(run->progress.message);
    run->progress.message = NULL;
    run->progress.percent = percent;
    if (header->len > sizeof percent)
        run->progress.message = text_clean(payload + sizeof percent, header->len - sizeof percent);
    if (!run->told_ms || worker->mono_ms - run->told_ms >= PROGRESS_EVERY_MS)
        tell_progress(worker, run);
}

static void on_frame(struct worker *worker, struct process *process, const struct wire_header *header,
                     const char *payload)
{
    switch ((enum wire_kind)header->kind) {
    case WIRE_READY:
        process->is_ready = true;
        worker->n_early_deaths = 0;
        break;
    case WIRE_BELL:
        break;
    case WIRE_PROGRESS:
        on_progress(worker, process, header, payload);
        break;
    case WIRE_END:
        lanes_collect(worker, process);        /* those before it in the lane ended before it */
        on_end(worker, process, header, payload);
        break;
    default:
        process->is_broken = true;
    }
}

void ends_read(struct worker *worker, struct process *process)
{
    struct wire_header header;
    const char *payload;

    for (int i = 0; i < READS_MAX && !process->is_broken; i++) {
        enum err err = wire_read(&process->in, process->socket);
        if (err)
            break;                             /* nothing more, or its death is told by the pidfd */
        while (!process->is_broken && !(err = wire_next(&process->in, process->frame_max, &header, &payload)))
            on_frame(worker, process, &header, payload);
        if (err && err != ERR_AGAIN)
            process->is_broken = true;
        if (process->in.len == 0)
            break;                             /* whole frames: there is seldom more */
    }
}

void ends_by_death(struct worker *worker, struct process *process, struct run *run, int code, int status)
{
    char message[128];

    if (process->is_broken) {
        ends_with(worker, run, JOB_ERROR_CRASHED, true, "the executor broke the protocol");
    } else if (code == CLD_EXITED) {
        snprintf(message, sizeof message, "the handler ended its process with exit code %d", status);
        ends_with(worker, run, JOB_ERROR_CRASHED, true, message);
    } else if (status == SIGKILL && !process->was_killed) {
        ends_with(worker, run, JOB_ERROR_OUT_OF_MEMORY, true, "killed by the system, most likely for its memory");
    } else {
        const char *name = sigabbrev_np(status);
        snprintf(message, sizeof message, "ended by signal %d (SIG%s)", status, name ? name : "?");
        ends_with(worker, run, JOB_ERROR_CRASHED, true, message);
    }
}
