/* presence.h: who else is there. Every process of a service on many machines says a few times in a
 * lease that it is alive, and what it is (a heartbeat); the others keep the newest of each. Lossy: a
 * heartbeat that does not arrive is replaced by the next. Who is dead is decided from these alone,
 * by clocks that only measure spans (jobs/scheduler.h).
 *
 * On the embedded log there is one process, and its own heartbeat goes into its table directly. */
#ifndef BUZZER_JOBS_PRESENCE_H
#define BUZZER_JOBS_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/err.h"
#include "schema/text.h"

#define NODE_ID_SIZE 9             /* 8 hex digits: a data folder's own name */
#define PRESENCE_NAME_SIZE 96      /* "host.NODE-INCARNATION": one life of one process */
#define PRESENCE_TYPES_MAX 256
#define PRESENCE_MAX 1024          /* processes known at once; the longest silent makes room */

struct beat {
    char name[PRESENCE_NAME_SIZE];
    char host[64], version[16];
    char url[256];                 /* where its API answers others; "": nowhere */
    char ticket[65];               /* hex SHA-256 of a one-time word: it wants a snapshot; "": no */
    char state_hash[17];           /* of its view right after position `pos` */
    int64_t pos;
    int64_t seq;                   /* rises with each beat of one life: which of them has come back */
    int64_t started_at, at;        /* wall ms */
    int pid;
    bool role_api, role_worker, draining, leaving;   /* leaving: this is its last */
    int slots, running;
    unsigned n_types;
    char *types[PRESENCE_TYPES_MAX];   /* owned: names of what a worker can run */
};

/* presence_beat.c */
void beat_clear(struct beat *beat);
enum err beat_copy(struct beat *to, const struct beat *from);        /* what `to` held is cleared; ERR_NOMEM leaves it */
void beat_encode(struct text *text, const struct beat *beat);        /* one line of JSON */
/* ERR_CORRUPT; ERR_NOMEM. Members it does not know are passed over: a newer version may say more. */
enum err beat_decode(const char *json, size_t len, struct beat *ret_beat);

struct presence;

struct presence *presence_new(int64_t lease_ms);   /* a member silent for longer is forgotten; NULL: no memory */
void presence_free(struct presence *presence);
void presence_on_beat(struct presence *presence, const struct beat *beat, int64_t mono_ms);   /* any thread; copies */
/* Any thread: calls fn for each member heard of within the lease, under the table's lock: fn must not
 * wait. last_seen_at: wall ms by this machine's clock. */
typedef void presence_fn(void *arg, const struct beat *beat, int64_t last_seen_at);
void presence_each(struct presence *presence, int64_t mono_ms, presence_fn *fn, void *arg);

/* node.c: DIR/node holds the folder's own name, made at the first start; a copied folder is noticed
 * when two live processes bear it. name: "host.NODE-INCARNATION", fresh for each life. The folder's
 * lock is held. ERR_CORRUPT: the file is not as it was written; ERR_IO, ERR_STORAGE_FULL;
 * ERR_INTERNAL: no randomness. */
enum err node_name(const char *dir, char ret_name[PRESENCE_NAME_SIZE]);
bool node_is_same(const char *name, const char *other);              /* the same folder, whichever life */

#endif
