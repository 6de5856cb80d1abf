/* auth.h: who asks, and what they may. Each HTTP thread knows the service's keys by heart, so that a
 * request is checked without a lock, a hash or a read of the database: the recorder counts a number up
 * (server_priv.h: keys_version) before it answers whoever made or revoked a key, and every thread that
 * sees the number differ from the one it remembers reads the keys anew before it goes on.
 *
 * While there is no key at all the service is open: everybody is the one principal who may everything,
 * provided it listens on loopback only; elsewhere nobody gets in before the first key is known, nor
 * anywhere before the node knows whether there is one. */
#ifndef BUZZER_API_AUTH_H
#define BUZZER_API_AUTH_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "jobs/eventlog.h"
#include "jobs/view.h"
#include "schema/access_key.h"

struct auth;
struct principal;                  /* a key as one thread knows it; counted, of that thread alone */

/* version: the number described above. may_be_open: the service listens on loopback only, and this node
 * has read the log up to its end, so that no key is no key. */
enum err auth_new(struct reader *reader, const atomic_uint *version, const atomic_bool *may_be_open,
                  struct auth **ret_auth);
void auth_free(struct auth *auth);           /* after everybody who holds a principal or watches one */
/* No key exists, and the service may be open: then who comes by a name that is not loopback's must be
 * turned away (421). */
bool auth_is_open(struct auth *auth);
/* authorization: the value of that header, or NULL. A reference to let go of. ERR_NO_KEY; ERR_BEHIND: no
 * key is known yet, and the service may not be open; other errors: the keys could not be read. */
enum err auth_check(struct auth *auth, const char *authorization, int64_t now_ms, struct principal **ret_principal);
/* The same for a key id that was proven before (a ticket); "" is the open service. */
enum err auth_check_id(struct auth *auth, const char *key_id, int64_t now_ms, struct principal **ret_principal);
/* From the thread's sweep: ends those who watch a key that is gone or over. */
void auth_sweep(struct auth *auth, int64_t now_ms);

struct principal *principal_ref(struct principal *principal);
void principal_unref(struct principal *principal);
const char *principal_key_id(const struct principal *principal);     /* "" of the open service */
const char *principal_tenant(const struct principal *principal);     /* NULL of the open service: tenants mean nothing there */
bool principal_may(const struct principal *principal, unsigned scopes);      /* one of them; 0: any key will do */
bool principal_owns(const struct principal *principal, const struct job *job);
/* Is it still good? Looks for news first, so a revoked key is found out at once. */
bool principal_is_valid(struct auth *auth, const struct principal *principal, int64_t now_ms);
/* Marks the checked submissions of a list as its tenant's. */
enum err principal_sign(const struct principal *principal, struct append *first);

/* Something that must not outlive the key it was opened with: a socket, a stream. */
struct auth_watch {
    LIST_ENTRY(auth_watch) beside;
    struct principal *principal;             /* a reference; NULL: watches nothing */
    void (*ended)(struct auth_watch *watch); /* from auth_sweep, once; may free any watch */
    bool is_listed;
};
void auth_watch(struct auth *auth, struct auth_watch *watch, struct principal *principal,
                void (*ended)(struct auth_watch *watch));            /* takes a reference of its own */
void auth_unwatch(struct auth_watch *watch);                         /* lets go of it; twice is fine */

#endif
