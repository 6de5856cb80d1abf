/* log_world.h: what the tests of the log, the fold and the view build their worlds from: a folder
 * that goes away, submissions, and a view that takes one event at a time. */
#ifndef BUZZER_TESTS_LOG_WORLD_H
#define BUZZER_TESTS_LOG_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/eventlog.h"
#include "jobs/fold.h"
#include "jobs/view.h"

#define T0 INT64_C(1763805600000) /* when these worlds begin */
#define DAY (24LL * 3600 * 1000)

static inline void folder_make_under(const char *parent, char dir[64])
{
    snprintf(dir, 64, "%s/buzzer-test-XXXXXX", parent);
    assert_non_null(mkdtemp(dir));
}

/* In memory where that can be: most of these tests are not about what a disk keeps, but wait for it. */
static inline void folder_make(char dir[64])
{
    folder_make_under(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", dir);
}

static inline void folder_remove(const char dir[64])
{
    DIR *open = opendir(dir);

    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));) {
        char path[64 + sizeof entry->d_name];
        snprintf(path, sizeof path, "%.63s/%s", dir, entry->d_name);
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(path), 0);
    }
    closedir(open);
    assert_int_equal(rmdir(dir), 0);
}

static inline void id_of(unsigned number, char id[ID_SIZE])
{
    snprintf(id, ID_SIZE, "01kb%022u", number);
}

static inline struct spec *spec_of(const char *id)
{
    struct spec *spec = spec_new();

    assert_non_null(spec);
    strcpy(spec->id, id);
    spec->priority = PRIORITY_DEFAULT;
    spec->created_at = T0;
    spec->keep_ms = 1000;
    spec->timeout_ms = 60000;
    spec->max_attempts = 3;
    spec->max_losses = MAX_LOSSES_DEFAULT;
    spec->type = strdup("echo");
    spec->queue = strdup("default");
    return spec;
}

static inline struct event event_of(enum event_kind kind, unsigned number, int64_t pos, int64_t at)
{
    struct event event;
    char id[ID_SIZE];

    id_of(number, id);
    event_init(&event, kind, id, at);
    event.pos = pos;
    if (kind == EVENT_SUBMITTED) {
        event.spec = spec_of(id);
        event.body = body_new("application/json", "{\"below\":10}", 12);
        assert_non_null(event.body);
    }
    return event;
}

static inline void event_fails(struct event *event, int64_t retry_at)
{
    event->error = (struct job_error){
        .code = JOB_ERROR_HANDLER_ERROR, .retryable = retry_at != 0, .message = strdup("it broke")};
    event->retry_at = retry_at;
}

/* ---- a view, one event a transaction ---- */

struct world {
    char dir[64];
    enum view_kind kind;
    struct view *view;
};

static inline void world_open(struct world *world)
{
    char message[256];

    if (view_open(world->dir, world->kind, &world->view, message, sizeof message))
        fail_msg("%s", message);
}

static inline void world_make_of(struct world *world, enum view_kind kind)
{
    world->kind = kind;
    folder_make(world->dir);
    world_open(world);
}

static inline void world_make(struct world *world)
{
    world_make_of(world, VIEW_IS_LOG);
}

static inline void world_end(struct world *world)
{
    view_close(world->view);
    folder_remove(world->dir);
}

/* Applies the event at the position it has. */
static inline enum outcome world_apply_at(struct world *world, struct event *event, struct view_step *ret_step)
{
    struct view_step step;

    assert_int_equal(view_begin(world->view), ERR_OK);
    assert_int_equal(view_apply(world->view, event, &step), ERR_OK);
    assert_int_equal(view_commit(world->view), ERR_OK);
    if (ret_step)
        *ret_step = step;
    else
        job_unref(step.job);
    return (enum outcome)step.outcome;
}

/* Applies the event at the next position and clears it; returns the outcome. */
static inline enum outcome world_apply(struct world *world, struct event *event, struct view_step *ret_step)
{
    enum outcome outcome;

    event->pos = view_next_pos(world->view);
    outcome = world_apply_at(world, event, ret_step);
    event_clear(event);
    return outcome;
}

static inline void world_genesis(struct world *world, const char *log_id, uint64_t seal)
{
    struct event event;

    event_init(&event, EVENT_GENESIS, NULL, T0);
    event.pos = 1;
    event.seal = seal;
    strcpy(event.log_id, log_id);
    assert_int_equal(world_apply_at(world, &event, NULL), OUTCOME_ACCEPTED);
}

static inline enum outcome world_tell(struct world *world, enum event_kind kind, unsigned number, int epoch,
                                      int64_t at)
{
    struct event event = event_of(kind, number, 0, at);

    event.epoch = epoch;
    if (kind == EVENT_CLAIMED)
        event.worker = strdup("host-1");
    if (kind == EVENT_DONE)
        event.body = body_new("application/json", "{\"count\":4}", 11);
    if (kind == EVENT_FAILED)
        event_fails(&event, at + 1000);
    return world_apply(world, &event, NULL);
}

/* ---- submissions with an idempotency key ---- */

static inline struct event keyed(unsigned number, const char *key, uint64_t fingerprint, int64_t at)
{
    struct event event = event_of(EVENT_SUBMITTED, number, 0, at);

    event.spec->idempotency_key = strdup(key);
    event.spec->fingerprint = fingerprint;
    return event;
}

static inline enum outcome submit_keyed(struct world *world, unsigned number, const char *key, uint64_t fingerprint,
                                        int64_t at, struct view_step *ret_step)
{
    struct event event = keyed(number, key, fingerprint, at);

    return world_apply(world, &event, ret_step);
}

/* ---- dumps ---- */

static inline void dump_line(void *arg, const char *text, size_t len)
{
    text_add(arg, text, len);
    text_char(arg, '\n');
}

static inline char *dump_of(const char *dir)
{
    struct text text = {0};

    assert_int_equal(view_dump(dir, dump_line, &text), ERR_OK);
    return text_take(&text, NULL);
}

static inline void assert_replays(const char *dir)
{
    char to[64], message[256], *before, *after;

    folder_make(to);
    if (view_replay(dir, to, message, sizeof message))
        fail_msg("%s", message);
    before = dump_of(dir);
    after = dump_of(to);
    assert_string_equal(before, after);
    free(before);
    free(after);
    folder_remove(to);
}

#endif
