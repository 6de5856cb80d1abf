/* The listening half of a heartbeat: who is there is noted, workers' beats go on to ours, and two
 * things that must never be are looked for: a view that differs from ours at the same position, and
 * a second process that has a copy of our data folder. */
#include <stdlib.h>
#include <string.h>

#include "jobs/heartbeat_priv.h"
#include "schema/clock.h"
#include "schema/log.h"
#include "schema/metric.h"

/* When we sent the one that has come back; 0: too long ago to know, or not by this life. */
static int64_t sent_at(struct heartbeat *heartbeat, const struct beat *beat)
{
    int64_t sent_ms = 0;

    if (strcmp(beat->name, heartbeat->name) != 0)
        return 0;
    pthread_mutex_lock(&heartbeat->lock);
    if (beat->seq > 0 && beat->seq <= heartbeat->seq && heartbeat->seq - beat->seq < HEARTBEAT_KEPT)
        sent_ms = heartbeat->sent_ms[beat->seq % HEARTBEAT_KEPT];
    if (sent_ms && beat->seq > heartbeat->heard_seq)
        heartbeat->heard_seq = beat->seq;
    pthread_mutex_unlock(&heartbeat->lock);
    return sent_ms;
}

/* Our hash at pos, if we have looked at our view just there. */
static bool hash_at(struct heartbeat *heartbeat, int64_t pos, uint64_t *ret_hash)
{
    bool found = false;

    pthread_mutex_lock(&heartbeat->lock);
    for (unsigned i = 0; i < HEARTBEAT_KEPT && i < heartbeat->n_states && !found; i++) {
        found = heartbeat->states[i].pos == pos;
        if (found)
            *ret_hash = heartbeat->states[i].hash;
    }
    pthread_mutex_unlock(&heartbeat->lock);
    return found;
}

static void compare_views(struct heartbeat *heartbeat, const struct beat *beat)
{
    struct own_state now;
    uint64_t ours;

    heartbeat_note_state(heartbeat, &now);           /* often, so that there is something to compare */
    if (!beat->state_hash[0] || !hash_at(heartbeat, beat->pos, &ours) ||
        strtoull(beat->state_hash, NULL, 16) == ours)
        return;
    METRIC_INC(VIEWS_DIFFER);
    if (heartbeat->told_views_differ)
        return;
    heartbeat->told_views_differ = true;
    log_error("VIEWS DIFFER: at position %lld of the log this process and %s hold different states. One of the two "
              "data folders is damaged, or the programs are of versions that do not go together: stop the one that is "
              "wrong and start it anew with an empty folder",
              (long long)beat->pos, beat->name);
}

/* An earlier life of ours cannot speak any more. What it said before may still come in, all at once:
 * so it must go on for longer than that. */
static void look_for_twin(struct heartbeat *heartbeat, const struct beat *beat, int64_t mono_ms)
{
    const char *name = heartbeat->name;

    if (strcmp(beat->name, name) == 0 || !node_is_same(beat->name, name) || beat->leaving)
        return;
    if (strcmp(beat->name, heartbeat->twin) != 0) {
        memcpy(heartbeat->twin, beat->name, sizeof heartbeat->twin);
        heartbeat->twin_since_ms = mono_ms;
    }
    if (heartbeat->told_copied || mono_ms - heartbeat->twin_since_ms < heartbeat->config.lease_ms / 3)
        return;
    heartbeat->told_copied = true;
    log_error("THE DATA FOLDER WAS COPIED: %s (process %d on %s) lives under the same name of folder as this process, "
              "and each will declare the other's jobs lost. Stop one of the two, and delete the file `node` in its "
              "data folder before it starts again",
              beat->name, beat->pid, beat->host);
}

/* Who is new says so once, and who wants a copy of a view until it has one: both are answered at once. */
static void answer(struct heartbeat *heartbeat, const struct beat *beat)
{
    if (beat->seq != 1 && !beat->ticket[0])
        return;
    pthread_mutex_lock(&heartbeat->lock);
    heartbeat->is_asked = true;
    pthread_cond_signal(&heartbeat->wake);
    pthread_mutex_unlock(&heartbeat->lock);
}

void heartbeat_take(struct heartbeat *heartbeat, const struct beat *beat, bool is_own, int64_t mono_ms)
{
    int64_t sent_ms = sent_at(heartbeat, beat);

    if (!is_own) {
        answer(heartbeat, beat);
        presence_on_beat(heartbeat->config.presence, beat, mono_ms);
        compare_views(heartbeat, beat);
        look_for_twin(heartbeat, beat, mono_ms);
    }
    if (heartbeat->config.worker && beat->role_worker)
        worker_on_beat(heartbeat->config.worker, beat, sent_ms, mono_ms);
}

void heartbeat_hear(void *arg, enum sideband_kind kind, const char *text, size_t len, bool is_own)
{
    struct beat beat = {0};

    if (kind != SIDEBAND_BEAT)
        return;
    enum err err = beat_decode(text, len, &beat);
    if (err) {
        log_debug("a heartbeat cannot be read: %s", err_word(err));
        return;
    }
    heartbeat_take(arg, &beat, is_own, clock_mono_ms());
    beat_clear(&beat);
}
