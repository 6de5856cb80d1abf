/* What a command says on its descriptor 3: a line {"percent":40,"message":"page 2 of 5"}, each member
 * optional: what a line does not name stays as it was. A line that is not that is passed over: progress
 * is a courtesy, not the result. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/executor_priv.h"

static void read_line(struct progress_lines *lines, struct task *task)
{
    json_t *root = json_loadb(lines->line, lines->len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *percent = json_object_get(root, "percent"), *message = json_object_get(root, "message");
    double value = json_number_value(percent);

    if (json_is_string(message)) {
        free(lines->message);
        lines->message = strdup(json_string_value(message));
        lines->is_untold = true;
    }
    if (json_is_number(percent)) {
        task->record.percent = value < 0 ? 0 : value > 100 ? 100 : (int)value;
        lines->is_untold = true;
    }
    json_decref(root);
}

void progress_lines_tell(struct progress_lines *lines, struct task *task)
{
    if (lines->is_untold && task_progress(task, task->record.percent, lines->message))
        lines->is_untold = false;
}

int progress_lines_wait(const struct progress_lines *lines)
{
    return lines->is_untold ? EXECUTOR_PROGRESS_MS : -1;
}

void progress_lines_clear(struct progress_lines *lines)
{
    free(lines->message);
    lines->message = NULL;
}

void progress_lines_add(struct progress_lines *lines, struct task *task, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n') {
            if (!lines->is_too_long)
                read_line(lines, task);
            lines->len = 0;
            lines->is_too_long = false;
        } else if (lines->len < sizeof lines->line) {
            lines->line[lines->len++] = bytes[i];
        } else {
            lines->is_too_long = true;
        }
    }
    progress_lines_tell(lines, task);
}
