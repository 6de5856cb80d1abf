/* scheduler_bench.h: a scheduler alone, with the real fold as its log, a made-up clock and no process
 * anywhere. A test submits, lets time pass, says how attempts end, and looks at what comes out. */
#ifndef BUZZER_TESTS_SCHEDULER_BENCH_H
#define BUZZER_TESTS_SCHEDULER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/fold.h"
#include "jobs/scheduler_priv.h"

#define OURS "this-1"
#define JOBS_MAX 4096
#define START_MS 1000000

struct bench {
    struct types *types;
    struct scheduler *s;
    struct job *jobs[JOBS_MAX];
    unsigned n_jobs;
    int64_t pos, wall, mono;
    struct event sent[JOBS_MAX];        /* appended, not yet folded */
    unsigned n_sent;
    struct job *started[JOBS_MAX];
    unsigned n_started;
    struct scheduler_action killed;
    unsigned n_killed;
};

static inline char *name(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

static inline void make_scheduler(struct bench *b, int slots)
{
    struct scheduler_config config = {.types = b->types, .worker = OURS, .slots = slots, .seed = 7};
    assert_int_equal(scheduler_new(&config, &b->s), ERR_OK);
    scheduler_seed_begin(b->s, 0);
    scheduler_seed_end(b->s);
}

static inline int set_up(void **state)
{
    static char *command[] = {(char *)(uintptr_t)"/bin/true", NULL};
    struct config_type entries[3] = {{.name = name("one")}, {.name = name("two")}, {.name = name("few")}};
    struct config config = {.types = entries, .n_types = 3, .result_bytes = 1 << 20};
    struct bench *b = calloc(1, sizeof *b);
    char message[256];

    for (unsigned i = 0; i < 3; i++) {
        entries[i].command = command;
        entries[i].n_command = 1;
        entries[i].timeout_ms = 5000;
        entries[i].kill_grace_ms = entries[i].memory_bytes = entries[i].output_bytes = entries[i].keep_ms = -1;
        entries[i].backoff_ms = 1000;
        entries[i].backoff_max_ms = 3000;
        entries[i].max_attempts = 4;
        entries[i].max_losses = entries[i].network = -1;
        entries[i].concurrency = i == 2 ? 1 : -1;
    }
    if (types_new(&config, &b->types, message, sizeof message))
        fail_msg("%s", message);
    b->wall = b->mono = START_MS;
    make_scheduler(b, 2);
    *state = b;
    return 0;
}

static inline void forget_started(struct bench *b)
{
    while (b->n_started)
        job_unref(b->started[--b->n_started]);
}

static inline int tear_down(void **state)
{
    struct bench *b = *state;
    scheduler_free(b->s);
    forget_started(b);
    while (b->n_sent)
        event_clear(&b->sent[--b->n_sent]);
    for (unsigned i = 0; i < b->n_jobs; i++)
        job_unref(b->jobs[i]);
    types_free(b->types);
    free(b);
    return 0;
}

static inline void id_of(unsigned n, char id[ID_SIZE])
{
    snprintf(id, ID_SIZE, "%026u", n);
}

/* Folds an event and tells the scheduler of it, as the recorder does. */
static inline enum fold tell(struct bench *b, struct event *event)
{
    struct job **job = &b->jobs[b->n_jobs];
    enum change_kind told = CHANGE_COUNT;

    for (unsigned i = 0; i < b->n_jobs; i++)
        if (strcmp(b->jobs[i]->spec->id, event->job) == 0)
            job = &b->jobs[i];
    event->pos = ++b->pos;
    enum fold folded = fold(job, event, &told);
    if (folded == FOLD_CREATED)
        b->n_jobs++;
    if (folded != FOLD_IGNORED) {
        assert_int_equal(job_own(job), ERR_OK);
        (*job)->pos = event->pos;
        struct change change = {.kind = told, .pos = event->pos, .at = event->at, .job = *job};
        assert_int_equal(scheduler_on_change(b->s, &change, b->wall, b->mono), ERR_OK);
    }
    event_clear(event);
    return folded;
}

static inline enum fold tell_simple(struct bench *b, enum event_kind kind, unsigned n)
{
    char id[ID_SIZE];
    struct event event;
    id_of(n, id);
    event_init(&event, kind, id, b->wall);
    return tell(b, &event);
}

struct wish {
    const char *type, *queue;
    int priority;
    int64_t run_at, expires_at;
};

static inline void submit(struct bench *b, unsigned n, struct wish wish)
{
    struct event event;
    struct spec *spec = spec_new();

    id_of(n, spec->id);
    spec->type = strdup(wish.type ? wish.type : "one");
    spec->queue = strdup(wish.queue ? wish.queue : "default");
    spec->priority = wish.priority;
    spec->run_at = wish.run_at;
    spec->expires_at = wish.expires_at;
    spec->timeout_ms = 5000;
    spec->max_attempts = 4;
    spec->max_losses = MAX_LOSSES_DEFAULT;
    event_init(&event, EVENT_SUBMITTED, spec->id, b->wall);
    event.spec = spec;
    assert_int_equal(tell(b, &event), FOLD_CREATED);
}

/* Lets the scheduler say all it has to say. */
static inline void hear(struct bench *b)
{
    struct scheduler_action action;

    for (;;) {
        switch (scheduler_next(b->s, b->wall, b->mono, &action)) {
        case SCHEDULER_NOTHING:
            return;
        case SCHEDULER_APPEND:
            b->sent[b->n_sent++] = action.event;
            break;
        case SCHEDULER_START:
            b->started[b->n_started++] = action.job;
            break;
        case SCHEDULER_KILL:
            b->killed = action;
            b->n_killed++;
            break;
        }
    }
}

/* The log takes what was appended so far; what comes of it is heard. */
static inline void fold_sent(struct bench *b)
{
    struct event sent[64];
    unsigned n = b->n_sent < 64 ? b->n_sent : 64;

    memcpy(sent, b->sent, n * sizeof *sent);
    memmove(b->sent, b->sent + n, (b->n_sent - n) * sizeof *sent);
    b->n_sent -= n;
    for (unsigned i = 0; i < n; i++)
        tell(b, &sent[i]);
    hear(b);
}

static inline void settle(struct bench *b)
{
    hear(b);
    while (b->n_sent)
        fold_sent(b);
}

static inline void pass(struct bench *b, int64_t ms)
{
    b->wall += ms;
    b->mono += ms;
    scheduler_tick(b->s, b->wall, b->mono);
    hear(b);
}

static inline void end(struct bench *b, struct job *job, bool ok, int64_t run_us)
{
    struct attempt_end how = {.ok = ok, .run_us = run_us, .progress.percent = -1};
    if (ok)
        how.result = body_new("application/json", "1", 1);
    else
        how.error = (struct job_error){.code = JOB_ERROR_HANDLER_ERROR, .retryable = true, .message = strdup("no")};
    scheduler_on_end(b->s, job->spec->id, job->epoch, &how, b->wall, b->mono);
}

static inline struct job *job_at(struct bench *b, unsigned n)
{
    char id[ID_SIZE];
    id_of(n, id);
    for (unsigned i = 0; i < b->n_jobs; i++)
        if (strcmp(b->jobs[i]->spec->id, id) == 0)
            return b->jobs[i];
    return NULL;
}

static inline unsigned number_of(const struct job *job)
{
    return (unsigned)strtoul(job->spec->id, NULL, 10);
}

static inline enum job_state state_of(struct bench *b, unsigned n)
{
    return job_at(b, n)->state;
}

/* The log refuses all that was sent. */
static inline void refuse_all(struct bench *b)
{
    while (b->n_sent) {
        struct event event = b->sent[--b->n_sent];
        scheduler_on_refused(b->s, &event, ERR_STORAGE_FULL, b->mono);
        event_clear(&event);
    }
}

#endif
