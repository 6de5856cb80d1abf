/* heartbeat_priv.h: what the two halves of it share: the one that speaks and the one that listens. */
#ifndef BUZZER_JOBS_HEARTBEAT_PRIV_H
#define BUZZER_JOBS_HEARTBEAT_PRIV_H

#include <pthread.h>

#include "jobs/heartbeat.h"

#define BEATS_IN_LEASE 6
#define HEARTBEAT_KEPT 64u         /* of what we said, and of the states our view was in */

struct own_state {
    int64_t pos;
    uint64_t hash;
};

struct heartbeat {
    struct heartbeat_config config;
    char name[PRESENCE_NAME_SIZE], url[256];
    int64_t started_at;            /* wall */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;          /* guards what follows, up to `listening` */
    pthread_cond_t wake;
    bool must_stop;
    bool is_asked;                 /* somebody new is there and wants to know who else is */
    int64_t seq, heard_seq;        /* of the newest beat said, and of the newest that has come back */
    bool said_works, said_draining;        /* what the newest said of the worker */
    int64_t sent_ms[HEARTBEAT_KEPT];       /* mono, by seq */
    struct own_state states[HEARTBEAT_KEPT];
    unsigned n_states;             /* ever kept; the newest replaces the oldest */

    /* listening: the sideband's thread only */
    bool told_views_differ, told_copied;
    char twin[PRESENCE_NAME_SIZE]; /* another life with our folder's name */
    int64_t twin_since_ms;
};

/* heartbeat_hear.c: a sideband_fn; and what it does with a beat, at mono_ms. */
void heartbeat_hear(void *heartbeat, enum sideband_kind kind, const char *text, size_t len, bool is_own);
void heartbeat_take(struct heartbeat *heartbeat, const struct beat *beat, bool is_own, int64_t mono_ms);
/* What this view is right now, remembered; false: it has no hash. Takes the lock. */
bool heartbeat_note_state(struct heartbeat *heartbeat, struct own_state *ret_state);

#endif
