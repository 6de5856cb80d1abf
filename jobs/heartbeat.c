/* The speaking half of a heartbeat: says who we are every sixth of a lease, and at the end that we
 * are leaving. Sooner when the worker begins or drains, since others wait for that; when somebody new
 * wants to know who is there; and when the last word did not come back, since nothing is claimed
 * before we hear ourselves. The table of who is there hears of it directly, so it works without
 * others too. */
#include "jobs/heartbeat.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/heartbeat_priv.h"
#include "schema/clock.h"
#include "schema/log.h"

#define LOOK_MS 100                /* how often it is looked whether the worker has news */
#define FIRST_MS 100               /* between beats until one has come back */
#define REPEAT_MS 1000             /* from then on: what did not come back by then is said again */

enum err heartbeat_new(const struct heartbeat_config *config, struct heartbeat **ret_heartbeat)
{
    struct heartbeat *heartbeat = calloc(1, sizeof *heartbeat);
    pthread_condattr_t attr;

    assert(config->lease_ms > 0);
    if (!heartbeat)
        return ERR_NOMEM;
    heartbeat->config = *config;
    heartbeat->config.name = heartbeat->config.url = NULL;
    snprintf(heartbeat->name, sizeof heartbeat->name, "%s", config->name);
    if (config->url)
        snprintf(heartbeat->url, sizeof heartbeat->url, "%s", config->url);
    heartbeat->started_at = clock_wall_ms();
    pthread_mutex_init(&heartbeat->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&heartbeat->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (config->sideband)
        sideband_listen(config->sideband, heartbeat_hear, heartbeat);
    *ret_heartbeat = heartbeat;
    return ERR_OK;
}

void heartbeat_free(struct heartbeat *heartbeat)
{
    if (!heartbeat)
        return;
    assert(!heartbeat->has_thread);
    pthread_cond_destroy(&heartbeat->wake);
    pthread_mutex_destroy(&heartbeat->lock);
    free(heartbeat);
}

bool heartbeat_note_state(struct heartbeat *heartbeat, struct own_state *ret_state)
{
    struct own_state state = {0};

    if (!heartbeat->config.state)
        return false;
    state.hash = heartbeat->config.state(heartbeat->config.state_arg, &state.pos);
    if (state.pos == 0)
        return false;                                /* nothing folded yet */
    pthread_mutex_lock(&heartbeat->lock);
    unsigned newest = (heartbeat->n_states + HEARTBEAT_KEPT - 1) % HEARTBEAT_KEPT;
    if (heartbeat->n_states == 0 || heartbeat->states[newest].pos != state.pos)
        heartbeat->states[heartbeat->n_states++ % HEARTBEAT_KEPT] = state;
    pthread_mutex_unlock(&heartbeat->lock);
    *ret_state = state;
    return true;
}

/* The host is the part of the name before the folder's. */
static void fill_names(const struct heartbeat *heartbeat, struct beat *beat)
{
    const char *name = heartbeat->name, *dot = strrchr(name, '.');

    snprintf(beat->name, sizeof beat->name, "%s", name);
    snprintf(beat->host, sizeof beat->host, "%.*s", (int)(dot ? dot - name : 0), name);
    snprintf(beat->version, sizeof beat->version, "%s", BUZZER_VERSION);
    snprintf(beat->url, sizeof beat->url, "%s", heartbeat->url);
}

static enum err fill_types(const struct types *types, struct beat *beat)
{
    for (unsigned i = 0; i < types_count(types) && beat->n_types < PRESENCE_TYPES_MAX; i++) {
        beat->types[beat->n_types] = strdup(types_at(types, i)->name);
        if (!beat->types[beat->n_types])
            return ERR_NOMEM;
        beat->n_types++; // NOLINT(clang-analyzer-unix.Malloc): beat_clear frees it
    }
    return ERR_OK;
}

static enum err fill(struct heartbeat *heartbeat, bool is_last, struct beat *beat)
{
    const struct heartbeat_config *config = &heartbeat->config;
    struct own_state state;

    fill_names(heartbeat, beat);
    beat->pid = (int)getpid();
    beat->started_at = heartbeat->started_at;
    beat->at = clock_wall_ms();
    beat->role_api = config->role_api;
    beat->leaving = is_last;
    if (heartbeat_note_state(heartbeat, &state)) {
        beat->pos = state.pos;
        snprintf(beat->state_hash, sizeof beat->state_hash, "%016" PRIx64, state.hash);
    }
    if (!config->worker)
        return ERR_OK;
    beat->role_worker = worker_load(config->worker, &beat->running, &beat->draining);
    beat->slots = config->slots;
    return fill_types(config->types, beat);
}

static void say(struct heartbeat *heartbeat, bool is_last)
{
    struct beat beat = {0};
    struct text text = {0};

    if (fill(heartbeat, is_last, &beat))
        goto out;                                    /* no memory: as if it had been lost on its way */
    pthread_mutex_lock(&heartbeat->lock);
    beat.seq = ++heartbeat->seq;
    heartbeat->said_works = beat.role_worker;
    heartbeat->said_draining = beat.draining;
    heartbeat->sent_ms[beat.seq % HEARTBEAT_KEPT] = clock_mono_ms();
    pthread_mutex_unlock(&heartbeat->lock);
    presence_on_beat(heartbeat->config.presence, &beat, clock_mono_ms());
    beat_encode(&text, &beat);
    if (heartbeat->config.sideband && !text.failed)
        sideband_say(heartbeat->config.sideband, SIDEBAND_BEAT, beat.name, text.at, text.len);
out:
    text_clear(&text);
    beat_clear(&beat);
}

static bool has_news(const struct heartbeat *heartbeat)
{
    bool works = false, draining = false;
    int running;

    if (heartbeat->config.worker)
        works = worker_load(heartbeat->config.worker, &running, &draining);
    return works != heartbeat->said_works || draining != heartbeat->said_draining;
}

/* How long until the next one is due; with the lock. */
static int64_t due_in(const struct heartbeat *heartbeat)
{
    int64_t in = heartbeat->config.lease_ms / BEATS_IN_LEASE;
    int64_t repeat_ms = heartbeat->heard_seq ? REPEAT_MS : FIRST_MS;

    if (heartbeat->is_asked || has_news(heartbeat))
        return 0;
    if (heartbeat->config.sideband && heartbeat->heard_seq < heartbeat->seq && repeat_ms < in)
        in = repeat_ms;
    return in - (clock_mono_ms() - heartbeat->sent_ms[heartbeat->seq % HEARTBEAT_KEPT]);
}

static bool wait_for_next(struct heartbeat *heartbeat)
{
    int64_t in;

    pthread_mutex_lock(&heartbeat->lock);
    while (!heartbeat->must_stop && (in = due_in(heartbeat)) > 0) {
        struct timespec until = clock_mono_after(in < LOOK_MS ? in : LOOK_MS);
        pthread_cond_timedwait(&heartbeat->wake, &heartbeat->lock, &until);
    }
    heartbeat->is_asked = false;
    bool must_stop = heartbeat->must_stop;
    pthread_mutex_unlock(&heartbeat->lock);
    return !must_stop;
}

static void *beat_on(void *arg)
{
    struct heartbeat *heartbeat = arg;

    log_set_component("heartbeat");
    do
        say(heartbeat, false);
    while (wait_for_next(heartbeat));
    say(heartbeat, true);
    return NULL;
}

enum err heartbeat_start(struct heartbeat *heartbeat)
{
    if (pthread_create(&heartbeat->thread, NULL, beat_on, heartbeat))
        return ERR_NOMEM;
    heartbeat->has_thread = true;
    return ERR_OK;
}

void heartbeat_stop(struct heartbeat *heartbeat)
{
    if (!heartbeat || !heartbeat->has_thread)
        return;
    pthread_mutex_lock(&heartbeat->lock);
    heartbeat->must_stop = true;
    pthread_cond_signal(&heartbeat->wake);
    pthread_mutex_unlock(&heartbeat->lock);
    pthread_join(heartbeat->thread, NULL);
    heartbeat->has_thread = false;
}
