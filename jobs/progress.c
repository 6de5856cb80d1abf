/* Progress across machines. A line that comes in is believed only as far as the view here bears it
 * out: the job runs, in that very attempt, and this node has read at least as far as who said it. */
#include "jobs/progress.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/view.h"
#include "schema/clock.h"
#include "schema/log.h"

#define LINE_MAX_LEN 32768         /* a message of 2 KiB, every byte of it escaped, and more */

struct progress_feed {
    char *dir;
    struct sideband *sideband;
    worker_progress_fn *fn;
    void *arg;
    struct reader *reader;         /* the sideband's thread: opened with the first line */
};

void progress_encode(struct text *text, const struct change *change)
{
    const struct job *job = change->job;

    text_char(text, '{');
    text_json_str(text, "job", job->spec->id);
    text_json_int(text, "epoch", job->epoch);
    if (job->progress.percent >= 0)
        text_json_int(text, "percent", job->progress.percent);
    if (job->progress.message)
        text_json_str(text, "message", job->progress.message);
    text_json_int(text, "pos", change->pos);
    text_char(text, '}');
}

/* Absent: -1. */
static bool read_percent(const json_t *value, int *ret_percent)
{
    *ret_percent = value ? (int)json_integer_value(value) : -1;
    return !value || (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= 100);
}

static bool read_message(const json_t *value, char **ret_message)
{
    *ret_message = value ? strdup(json_string_value(value)) : NULL;
    return !value || *ret_message;
}

enum err progress_decode(const char *json, size_t len, struct progress_line *ret_line)
{
    struct progress_line line = {0};
    json_t *root = len > LINE_MAX_LEN ? NULL : json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(root, "job"), *epoch = json_object_get(root, "epoch");
    const json_t *pos = json_object_get(root, "pos"), *message = json_object_get(root, "message");
    enum err err = ERR_CORRUPT;

    if (!json_is_string(id) || !id_is_valid(json_string_value(id), json_string_length(id)))
        goto out;
    if (!json_is_integer(epoch) || json_integer_value(epoch) < 1 || json_integer_value(epoch) > INT_MAX)
        goto out;
    if (!json_is_integer(pos) || json_integer_value(pos) < 1 || (message && !json_is_string(message)))
        goto out;
    if (!read_percent(json_object_get(root, "percent"), &line.progress.percent))
        goto out;
    err = ERR_NOMEM;
    if (!read_message(message, &line.progress.message))
        goto out;
    memcpy(line.job, json_string_value(id), ID_SIZE);
    line.epoch = (int)json_integer_value(epoch);
    line.pos = json_integer_value(pos);
    *ret_line = line;
    err = ERR_OK;
out:
    json_decref(root);
    return err;
}

/* A batch of one: the job as the view has it, with the progress told; takes over the line's message. */
static enum err changes_of(struct reader *reader, struct progress_line *line, struct changes **ret_changes)
{
    struct changes *changes = NULL;
    struct job *job = NULL;
    enum err err = reader_job(reader, line->job, &job);

    if (!err && (job->state != JOB_RUNNING || job->epoch != line->epoch || job->pos < line->pos))
        err = ERR_NOT_FOUND;
    if (!err)
        err = job_own(&job);
    if (!err && !(changes = changes_new(1)))
        err = ERR_NOMEM;
    if (err)
        goto out;
    free(job->progress.message);
    job->progress = line->progress;
    line->progress = (struct progress){.percent = -1};
    changes->at[0] = (struct change){.kind = CHANGE_PROGRESS, .pos = job->pos, .at = clock_wall_ms(), .job = job};
    changes->n = 1;
    changes->last_pos = job->pos;
    job = NULL;
    *ret_changes = changes;
out:
    job_unref(job);
    return err;
}

void progress_hear(void *arg, enum sideband_kind kind, const char *text, size_t len, bool is_own)
{
    struct progress_feed *feed = arg;
    struct progress_line line = {0};
    struct changes *changes = NULL;

    if (kind != SIDEBAND_PROGRESS || is_own)         /* our own was told right away */
        return;
    enum err err = progress_decode(text, len, &line);
    if (!err && !feed->reader)
        err = reader_open(feed->dir, &feed->reader);
    if (!err)
        err = changes_of(feed->reader, &line, &changes);
    if (!err)
        feed->fn(feed->arg, changes);
    else if (err != ERR_NOT_FOUND)                   /* too early or too late here */
        log_debug("progress from elsewhere is not told: %s", err_word(err));
    changes_unref(changes);
    free(line.progress.message);
}

enum err progress_new(const char *dir, struct sideband *sideband, worker_progress_fn *fn, void *arg,
                      struct progress_feed **ret_feed)
{
    struct progress_feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return ERR_NOMEM;
    *feed = (struct progress_feed){.dir = strdup(dir), .sideband = sideband, .fn = fn, .arg = arg};
    if (!feed->dir) {
        free(feed);
        return ERR_NOMEM;
    }
    if (sideband && fn)
        sideband_listen(sideband, progress_hear, feed);
    *ret_feed = feed;
    return ERR_OK;
}

void progress_tell(void *arg, struct changes *changes)
{
    struct progress_feed *feed = arg;

    if (feed->fn)
        feed->fn(feed->arg, changes);
    for (unsigned i = 0; feed->sideband && i < changes->n; i++) {
        struct text text = {0};
        progress_encode(&text, &changes->at[i]);
        if (!text.failed)
            sideband_say(feed->sideband, SIDEBAND_PROGRESS, changes->at[i].job->spec->id, text.at, text.len);
        text_clear(&text);
    }
}

void progress_free(struct progress_feed *feed)
{
    if (!feed)
        return;
    reader_close(feed->reader);
    free(feed->dir);
    free(feed);
}
