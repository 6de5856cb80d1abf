/* heartbeat.h: what this process says of itself a few times in a lease, and what it makes of what
 * others say. A small thread of its own, so that nothing else it does can hold a beat back. */
#ifndef BUZZER_JOBS_HEARTBEAT_H
#define BUZZER_JOBS_HEARTBEAT_H

#include "jobs/presence.h"
#include "jobs/sideband.h"
#include "jobs/types.h"
#include "jobs/worker.h"

/* A hash of the view right after *ret_pos (view_state_hash); any thread. */
typedef uint64_t heartbeat_state_fn(void *arg, int64_t *ret_pos);

/* The texts are copied; all else outlives the heartbeat. */
struct heartbeat_config {
    const char *name;              /* this life of this process (presence.h) */
    const char *url;               /* where its API answers others; NULL or "": nowhere */
    int64_t lease_ms;
    bool role_api;
    int slots;
    const struct types *types;
    struct worker *worker;         /* NULL: no worker */
    struct presence *presence;
    struct sideband *sideband;     /* NULL: there are no others */
    heartbeat_state_fn *state;     /* NULL: no view that others could have too */
    void *state_arg;
};

struct heartbeat;

/* Listens to the sideband from here on: before sideband_start, and freed after sideband_close. */
enum err heartbeat_new(const struct heartbeat_config *config, struct heartbeat **ret_heartbeat);
enum err heartbeat_start(struct heartbeat *heartbeat);
void heartbeat_stop(struct heartbeat *heartbeat);     /* says that this was the last, and ends the thread; before sideband_close */
void heartbeat_free(struct heartbeat *heartbeat);

#endif
