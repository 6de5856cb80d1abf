/* job_show.c: what of a job people want to see. */
#include "cli/job_show.h"

#include <string.h>

#include "cli/exit.h"
#include "cli/say.h"
#include "schema/job.h"

const char *job_text(json_t *job, const char *name)
{
    const char *text = json_string_value(json_object_get(job, name));

    return text ? text : "";
}

int job_is_over(json_t *job)
{
    enum job_state state;

    return job_state_decode(job_text(job, "state"), &state) && job_state_is_final(state);
}

int job_exit(json_t *job)
{
    return strcmp(job_text(job, "state"), "succeeded") == 0 ? EXIT_DONE : EXIT_NO;
}

static void line(FILE *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, "%-9s ", name);
    put_harmless(out, value);
    fputc('\n', out);
}

static void line_progress(FILE *out, json_t *job)
{
    json_t *progress = json_object_get(job, "progress"), *percent = json_object_get(progress, "percent");
    const char *message = job_text(progress, "message");
    char text[300];

    if (json_is_integer(percent))
        snprintf(text, sizeof text, "%d%%%s%.200s", (int)json_integer_value(percent), *message ? ", " : "",
                 message);
    else
        snprintf(text, sizeof text, "%.200s", message);
    line(out, "progress", text);
}

static void line_error(FILE *out, json_t *job)
{
    json_t *error = json_object_get(job, "error");
    char text[1100];

    if (!json_is_object(error))
        return;
    snprintf(text, sizeof text, "%.60s: %.1000s", job_text(error, "code"), job_text(error, "message"));
    line(out, "error", text);
}

void job_show(FILE *out, json_t *job)
{
    json_t *result = json_object_get(job, "result"), *position = json_object_get(job, "position");
    char text[100];

    line(out, "id", job_text(job, "id"));
    line(out, "type", job_text(job, "type"));
    line(out, "state", job_text(job, "state"));
    line(out, "queue", job_text(job, "queue"));
    if (json_is_integer(position)) {
        snprintf(text, sizeof text, "%lld before it", (long long)json_integer_value(position));
        line(out, "position", text);
    }
    snprintf(text, sizeof text, "%lld of %lld",
             (long long)json_integer_value(json_object_get(job, "attempt")),
             (long long)json_integer_value(json_object_get(job, "max_attempts")));
    line(out, "attempt", text);
    line_progress(out, job);
    line(out, "created", job_text(job, "created_at"));
    line(out, "runs at", job_text(job, "run_at"));
    line(out, "started", job_text(job, "started_at"));
    line(out, "finished", job_text(job, "finished_at"));
    line_error(out, job);
    if (result && !json_is_null(result)) {
        fprintf(out, "%-9s ", "result");
        json_put_line(out, result);
    }
}

static void column(FILE *out, const char *value, int width)
{
    char text[64];

    snprintf(text, sizeof text, "%-*.*s  ", width, width, value);
    put_harmless(out, text);
}

void job_show_head(FILE *out)
{
    fprintf(out, "%-26s  %-14s  %-9s  %-9s  %-24s  %s\n", "ID", "TYPE", "STATE", "ATTEMPT", "CREATED",
            "WHAT");
}

void job_show_row(FILE *out, json_t *job)
{
    json_t *progress = json_object_get(job, "progress"), *error = json_object_get(job, "error");
    char text[64];

    column(out, job_text(job, "id"), 26);
    column(out, job_text(job, "type"), 14);
    column(out, job_text(job, "state"), 9);
    snprintf(text, sizeof text, "%lld/%lld", (long long)json_integer_value(json_object_get(job, "attempt")),
             (long long)json_integer_value(json_object_get(job, "max_attempts")));
    column(out, text, 9);
    column(out, job_text(job, "created_at"), 24);
    snprintf(text, sizeof text, "%.50s",
             json_is_object(error) ? job_text(error, "message") : job_text(progress, "message"));
    put_harmless(out, text);
    fputc('\n', out);
}

void job_say_failure(json_t *job)
{
    json_t *error = json_object_get(job, "error");

    if (json_is_object(error))
        say("job %s %s: %s: %s", job_text(job, "id"), job_text(job, "state"), job_text(error, "code"),
            job_text(error, "message"));
    else
        say("job %s %s", job_text(job, "id"), job_text(job, "state"));
}

void json_put_line(FILE *out, json_t *json)
{
    json_dumpf(json, out, JSON_COMPACT | JSON_ENCODE_ANY);
    fputc('\n', out);
}

int job_put(json_t *job, int with_json)
{
    if (with_json) {
        json_put_line(stdout, job);
    } else {
        put_harmless(stdout, job_text(job, "id"));
        fputc(' ', stdout);
        put_harmless(stdout, json_is_true(json_object_get(job, "cancel_requested")) && !job_is_over(job)
                                 ? "cancel requested"
                                 : job_text(job, "state"));
        fputc('\n', stdout);
    }
    return say_written() ? EXIT_DONE : EX_SOFTWARE;
}
