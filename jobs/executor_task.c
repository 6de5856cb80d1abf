/* One attempt of a handler, and what the handler may say while it runs. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/executor_priv.h"
#include "jobs/handlers.h"
#include "schema/clock.h"

#define JSON_TYPE "application/json"

void task_say(struct task *task, enum attempt_outcome outcome, const char *format, ...)
{
    va_list args;

    task->record.outcome = outcome;
    va_start(args, format);
    vsnprintf(task->message, sizeof task->message, format, args);
    va_end(args);
}

/* The newest counts, so a full socket is no reason to wait: the next one will get through. */
static void send_progress(const struct task *task, int32_t percent, const char *message)
{
    char frame[sizeof(struct wire_header) + sizeof percent + EXECUTOR_MESSAGE_MAX];
    size_t len = message ? strnlen(message, EXECUTOR_MESSAGE_MAX) : 0;
    struct wire_header header = {.len = (uint32_t)(sizeof percent + len), .kind = WIRE_PROGRESS,
                                 .slot = (uint16_t)task->slot};

    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, &percent, sizeof percent);
    if (len)
        memcpy(frame + sizeof header + sizeof percent, message, len);
    wire_try(EXECUTOR_SOCKET, frame, sizeof header + header.len);
}

bool task_progress(struct task *task, int percent, const char *message)
{
    int64_t now_ms = clock_mono_ms();

    percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    task->record.percent = percent;
    if (task->told_ms && now_ms - task->told_ms < EXECUTOR_PROGRESS_MS)
        return false;
    task->told_ms = now_ms;
    send_progress(task, percent, message);
    return true;
}

static void on_progress(struct buzzer_job *job, int percent, const char *message)
{
    task_progress(job->context, percent, message);
}

static int on_result(struct buzzer_job *job, const char *media_type, const void *bytes, size_t len)
{
    struct task *task = job->context;

    if (!media_type)
        media_type = JSON_TYPE;
    if (task->has_result || len > (uint64_t)task->wire.output_bytes || len > UINT32_MAX / 2 ||
        strlen(media_type) >= sizeof task->record.media_type) {
        task_say(task, ATTEMPT_BAD_OUTPUT, task->has_result ? "result() was called twice"
                                                            : "the result is larger than output_bytes");
        return -1;
    }
    char *copy = len ? malloc(len) : NULL;
    if (len && !copy) {
        task_say(task, ATTEMPT_NO_MEMORY, "no memory for the result");
        return -1;
    }
    if (len)
        memcpy(copy, bytes, len);
    strcpy(task->record.media_type, media_type);
    task->result = copy;
    task->record.len = (uint32_t)len;
    task->has_result = true;
    return 0;
}

static int on_fail(struct buzzer_job *job, const char *message)
{
    struct task *task = job->context;

    snprintf(task->message, sizeof task->message, "%s", message ? message : "");
    return 0;
}

static void conclude(struct task *task, int code)
{
    if (task->record.outcome != ATTEMPT_DONE)
        return;                           /* on_result has found fault already */
    if (code == BUZZER_DONE && !task->has_result)
        task_say(task, ATTEMPT_BAD_OUTPUT, "the handler gave no result");
    else if (code == BUZZER_BAD_INPUT)
        task->record.outcome = ATTEMPT_BAD_INPUT;
    else if (code == BUZZER_NO_MEMORY)
        task->record.outcome = ATTEMPT_NO_MEMORY;
    else if (code != BUZZER_DONE)
        task->record.outcome = ATTEMPT_FAILED;
}

void task_run_handler(struct task *task)
{
    struct buzzer_job job = {
        .id = task->fields[FIELD_ID],
        .type = task->fields[FIELD_TYPE],
        .attempt = task->wire.attempt,
        .media_type = task->fields[FIELD_MEDIA_TYPE],
        .input = task->fields[FIELD_INPUT],
        .input_len = task->wire.len[FIELD_INPUT],
        .params = task->fields[FIELD_PARAMS],
        .progress = on_progress,
        .result = on_result,
        .fail = on_fail,
        .context = task,
    };
    char message[512] = "";
    const struct buzzer_handler *handler =
        handlers_find(job.type, task->fields[FIELD_SHARED_OBJECT], message, sizeof message);

    if (!handler) {
        task_say(task, ATTEMPT_FAILED, "%s", message);
        return;
    }
    conclude(task, handler->run(&job));
}
