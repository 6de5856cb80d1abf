/* hub_world.h: a real view in a temp folder, a reader, a hub, and a recorder played by hand: events
 * are committed one by one, and their batches delivered at once or later. */
#ifndef BUZZER_TESTS_UNIT_HUB_WORLD_H
#define BUZZER_TESTS_UNIT_HUB_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "jobs/eventlog.h"
#include "jobs/view.h"
#include "notifier/hub_priv.h"

#define MAIL_MAX 4096

struct world {
    char dir[64];
    struct view *view;
    struct reader *reader;
    struct hub *hub;
    struct changes *mail[MAIL_MAX];    /* committed, not delivered yet */
    unsigned n_mail;
    unsigned n_wakes;
    int64_t now_ms;
};

static inline void world_wake(struct subscriber *subscriber, void *owner)
{
    struct world *world = owner;

    (void)subscriber;
    world->n_wakes++;
}

static inline int world_open(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    char message[256];

    assert_non_null(world);
    strcpy(world->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/hub_XXXXXX" : "/tmp/hub_XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    assert_int_equal(view_open(world->dir, VIEW_IS_LOG, &world->view, message, sizeof message), ERR_OK);
    assert_int_equal(reader_open(world->dir, &world->reader), ERR_OK);
    assert_int_equal(hub_new(world->reader, world_wake, &world->hub), ERR_OK);
    world->now_ms = 1795341600000;
    *state = world;
    return 0;
}

static inline int world_close(void **state)
{
    struct world *world = *state;
    char command[128];

    for (unsigned i = 0; i < world->n_mail; i++)
        changes_unref(world->mail[i]);
    hub_free(world->hub);
    reader_close(world->reader);
    view_close(world->view);
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

/* ---- the recorder ---- */

/* Takes the event over; returns its position. Its batch goes into the mail. */
static inline int64_t world_commit(struct world *world, struct event *event)
{
    struct changes *changes = changes_new(1);
    struct view_step step = {0};

    assert_non_null(changes);
    assert_true(world->n_mail < MAIL_MAX);
    event->pos = view_next_pos(world->view);
    event->at = world->now_ms;
    assert_int_equal(view_begin(world->view), ERR_OK);
    assert_int_equal(view_apply(world->view, event, &step), ERR_OK);
    assert_int_equal(view_commit(world->view), ERR_OK);
    changes->last_pos = event->pos;
    if (step.outcome == OUTCOME_ACCEPTED && step.changed)
        changes->at[changes->n++] = (struct change){step.told, event->pos, event->at, job_ref(step.job)};
    job_unref(step.job);
    world->mail[world->n_mail++] = changes;
    event_clear(event);
    return changes->last_pos;
}

static inline void deliver_one_mail(struct world *world)
{
    struct changes *changes = world->mail[0];

    memmove(world->mail, world->mail + 1, --world->n_mail * sizeof(struct changes *));
    hub_deliver(world->hub, changes);
    changes_unref(changes);
}

static inline void deliver_mail(struct world *world)
{
    while (world->n_mail > 0)
        deliver_one_mail(world);
}

/* The mailbox was full: what is in it is lost. */
static inline void lose_mail(struct world *world)
{
    while (world->n_mail > 0)
        changes_unref(world->mail[--world->n_mail]);
}

static inline int64_t commit_kind(struct world *world, enum event_kind kind, const char *id, int epoch)
{
    struct event event;

    world->now_ms += kind == EVENT_REMOVED ? KEEP_MS_DEFAULT : 1; /* not before its time */
    event_init(&event, kind, id, world->now_ms);
    event.epoch = epoch;
    if (kind == EVENT_CLAIMED)
        event.worker = strdup("tester");
    if (kind == EVENT_DONE)
        event.body = body_new("application/json", "1", 1);
    if (kind == EVENT_FAILED)
        event.error = (struct job_error){.code = JOB_ERROR_HANDLER_ERROR, .retryable = false};
    return world_commit(world, &event);
}

static inline int64_t commit_submitted_by(struct world *world, const char *tenant, const char *type, const char *queue,
                                          const char *tag, char ret_id[ID_SIZE])
{
    struct event event;
    struct spec *spec = spec_new();

    assert_non_null(spec);
    world->now_ms++;
    id_make(world->now_ms, ret_id);
    memcpy(spec->id, ret_id, ID_SIZE);
    spec->tenant = tenant ? strdup(tenant) : NULL;
    spec->type = strdup(type);
    spec->queue = strdup(queue);
    if (tag)
        spec->tags[spec->n_tags++] = strdup(tag);
    spec->priority = PRIORITY_DEFAULT;
    spec->created_at = world->now_ms;
    spec->keep_ms = KEEP_MS_DEFAULT;
    spec->timeout_ms = 60000;
    spec->max_attempts = 1;
    spec->max_losses = MAX_LOSSES_DEFAULT;
    event_init(&event, EVENT_SUBMITTED, ret_id, world->now_ms);
    event.spec = spec;
    event.body = body_new("application/json", "{}", 2);
    return world_commit(world, &event);
}

static inline int64_t commit_submitted(struct world *world, const char *type, const char *queue, const char *tag,
                                       char ret_id[ID_SIZE])
{
    return commit_submitted_by(world, NULL, type, queue, tag, ret_id);
}

/* The same, heard of at once. */
static inline int64_t happens(struct world *world, enum event_kind kind, const char *id, int epoch)
{
    int64_t pos = commit_kind(world, kind, id, epoch);

    deliver_mail(world);
    return pos;
}

static inline int64_t submitted(struct world *world, const char *type, char ret_id[ID_SIZE])
{
    int64_t pos = commit_submitted(world, type, "default", NULL, ret_id);

    deliver_mail(world);
    return pos;
}

/* ---- the listener ---- */

static inline struct subscriber *listener(struct world *world)
{
    struct subscriber *subscriber = NULL;

    assert_int_equal(subscriber_new(world->hub, world, &subscriber), ERR_OK);
    return subscriber;
}

/* What waits in the queue, as "queued running ", taken out of it. */
static inline const char *taken(struct subscriber *subscriber)
{
    static char words[65536];
    struct frame *frame;
    size_t len = 0;

    words[0] = '\0';
    while ((frame = subscriber_next(subscriber))) {
        int n = snprintf(words + len, sizeof words - len, "%s ",
                         frame->kind == CHANGE_COUNT ? "answer" : change_word(frame->kind));

        assert_true(n > 0 && (size_t)n < sizeof words - len);
        len += (size_t)n;
        frame_unref(frame);
    }
    return words;
}

/* The same after everything there is to catch up. */
static inline const char *told(struct subscriber *subscriber)
{
    static char words[65536];

    words[0] = '\0';
    do {
        subscriber_catch_up(subscriber);
        assert_false(subscriber_too_slow(subscriber));
        strcat(words, taken(subscriber));
    } while (!subscriber_is_empty(subscriber));
    return words;
}

static inline const char *cursor_at(const struct world *world, int64_t pos)
{
    static char cursor[CURSOR_SIZE];

    cursor_encode(reader_log_id(world->reader), pos, cursor);
    return cursor;
}

#endif
