/* auth.c: the table of keys of one thread. A key that was sent and found right once is remembered as
 * text, so the hash is taken once for each key and thread; what is compared is compared in constant
 * time. Keys are read anew as a whole: they change rarely, and are few (ACCESS_KEYS_MAX). */
#include "api/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/hash.h"
#include "schema/metric.h"

#define BEARER "Bearer "
#define SCOPES_ALL (SCOPE_SUBMIT | SCOPE_READ | SCOPE_CANCEL | SCOPE_ADMIN)

struct principal {
    unsigned refs;
    struct access_key *key;                  /* NULL: the open service */
    bool is_gone;                            /* revoked; or the service is not open any more */
    char text[ACCESS_KEY_TEXT_SIZE];         /* as it was sent and found right; "": not yet */
    struct principal *next;                  /* in its bucket */
};

LIST_HEAD(watch_list, auth_watch);

struct auth {
    struct reader *reader;
    const atomic_uint *version;
    const atomic_bool *may_be_open;
    unsigned seen;                           /* the version that the table is of */
    bool is_read;                            /* the keys were read at all */
    unsigned n_buckets, n;
    struct principal **buckets;              /* a power of two of them */
    struct principal *open;                  /* while there is no key */
    struct watch_list watches, ending;
    bool has_news;                           /* the sweep is to look at the watches */
    int64_t next_expiry;                     /* wall ms: when the next of the keys is over; INT64_MAX: never */
};

/* ---- one key ---- */

static struct principal *principal_new(const struct access_key *key)
{
    struct principal *principal = calloc(1, sizeof *principal);

    if (!principal)
        return NULL;
    principal->refs = 1;
    principal->key = key ? access_key_copy(key) : NULL;
    if (key && !principal->key) {
        free(principal);
        return NULL;
    }
    return principal;
}

struct principal *principal_ref(struct principal *principal)
{
    principal->refs++;
    return principal;
}

void principal_unref(struct principal *principal)
{
    if (!principal || --principal->refs)
        return;
    access_key_free(principal->key);
    free(principal);
}

static void principal_retire(struct principal *principal)
{
    if (principal)
        principal->is_gone = true;
    principal_unref(principal);
}

const char *principal_key_id(const struct principal *principal)
{
    return principal->key ? principal->key->id : "";
}

const char *principal_tenant(const struct principal *principal)
{
    return principal->key ? principal->key->tenant : NULL;
}

bool principal_may(const struct principal *principal, unsigned scopes)
{
    return scopes == 0 || scopes_allow(principal->key ? principal->key->scopes : SCOPES_ALL, scopes);
}

bool principal_owns(const struct principal *principal, const struct job *job)
{
    const char *tenant = job->spec->tenant ? job->spec->tenant : TENANT_DEFAULT;

    return !principal->key || strcmp(principal->key->tenant, tenant) == 0;
}

static bool is_over(const struct principal *principal, int64_t now_ms)
{
    return principal->is_gone ||
           (principal->key && principal->key->expires_at && principal->key->expires_at <= now_ms);
}

/* The default tenant goes without saying, so that jobs from before there were keys are its own. */
enum err principal_sign(const struct principal *principal, struct append *first)
{
    const char *tenant = principal_tenant(principal);

    if (!tenant || strcmp(tenant, TENANT_DEFAULT) == 0)
        return ERR_OK;
    for (struct append *append = first; append; append = append->next) {
        append->event.spec->tenant = strdup(tenant);
        if (!append->event.spec->tenant)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

/* ---- the table ---- */

/* Ids are random, and no client chooses them. */
static unsigned bucket_of(const char *id, unsigned n_buckets)
{
    return (unsigned)hash_bytes(HASH_START, id, strlen(id)) & (n_buckets - 1);
}

static struct principal *find(const struct auth *auth, const char *id)
{
    struct principal *principal = auth->n_buckets ? auth->buckets[bucket_of(id, auth->n_buckets)] : NULL;

    while (principal && strcmp(principal->key->id, id) != 0)
        principal = principal->next;
    return principal;
}

/* What is read, before it takes the place of what was. */
struct reading {
    const struct auth *auth;
    unsigned n, cap;
    struct principal **at;                   /* references */
    enum err err;
};

/* A key never changes: one that was known is taken over as it is, with those who hold it. */
static void on_key(void *arg, const struct access_key *key)
{
    struct reading *reading = arg;
    struct principal *known = find(reading->auth, key->id);

    if (reading->err)
        return;
    if (reading->n == reading->cap) {
        unsigned cap = reading->cap ? reading->cap * 2 : 16;
        struct principal **grown = realloc(reading->at, cap * sizeof(struct principal *));
        if (!grown) {
            reading->err = ERR_NOMEM;
            return;
        }
        reading->at = grown;
        reading->cap = cap;
    }
    if (known && access_key_matches(known->key, key->hash))
        known = principal_ref(known);
    else
        known = principal_new(key);
    if (known)
        reading->at[reading->n++] = known;
    else
        reading->err = ERR_NOMEM;
}

static void put(struct auth *auth, struct principal *principal)
{
    struct principal **bucket = &auth->buckets[bucket_of(principal->key->id, auth->n_buckets)];

    principal->next = *bucket;
    *bucket = principal;
    if (principal->key->expires_at && principal->key->expires_at < auth->next_expiry)
        auth->next_expiry = principal->key->expires_at;
}

/* The table's references go; whoever is not in the new table is gone for those who still hold them. */
static void drop_table(struct auth *auth)
{
    for (unsigned i = 0; i < auth->n_buckets; i++) {
        struct principal *principal, *next;
        for (principal = auth->buckets[i]; principal; principal = next) {
            next = principal->next;
            principal_retire(principal);
        }
    }
    free(auth->buckets);
    auth->buckets = NULL;
    auth->n_buckets = 0;
}

/* The new table takes over the references of what was read. */
static enum err set_table(struct auth *auth, struct reading *reading)
{
    unsigned n_buckets = 16;
    struct principal **buckets, *open = NULL;

    while (n_buckets < reading->n)
        n_buckets *= 2;
    buckets = calloc(n_buckets, sizeof(struct principal *));
    if (!buckets)
        return ERR_NOMEM;
    if (reading->n == 0) {
        open = auth->open ? principal_ref(auth->open) : principal_new(NULL);
        if (!open) {
            free(buckets);
            return ERR_NOMEM;
        }
    }
    drop_table(auth);
    principal_retire(auth->open);
    auth->open = open;
    if (open)
        open->is_gone = false; // NOLINT(clang-analyzer-unix.Malloc): it does not count references
    auth->buckets = buckets;
    auth->n_buckets = n_buckets;
    auth->n = reading->n;
    auth->next_expiry = INT64_MAX;
    for (unsigned i = 0; i < reading->n; i++) {
        reading->at[i]->is_gone = false;
        put(auth, reading->at[i]);
    }
    reading->n = 0;
    return ERR_OK;
}

/* The number is taken before the keys are read: what changes meanwhile is read once more. */
static enum err refresh(struct auth *auth)
{
    unsigned version = atomic_load_explicit(auth->version, memory_order_acquire);
    struct reading reading = {.auth = auth};
    enum err err;

    if (auth->is_read && version == auth->seen)
        return ERR_OK;
    err = reader_keys(auth->reader, on_key, &reading);
    if (!err)
        err = reading.err;
    if (!err)
        err = set_table(auth, &reading);
    if (!err) {
        auth->seen = version;
        auth->is_read = auth->has_news = true;
    }
    for (unsigned i = 0; i < reading.n; i++)
        principal_unref(reading.at[i]);
    free(reading.at);
    return err;
}

enum err auth_new(struct reader *reader, const atomic_uint *version, const atomic_bool *may_be_open,
                  struct auth **ret_auth)
{
    struct auth *auth = calloc(1, sizeof *auth);
    enum err err = ERR_NOMEM;

    if (!auth)
        return err;
    auth->reader = reader;
    auth->version = version;
    auth->may_be_open = may_be_open;
    auth->next_expiry = INT64_MAX;
    LIST_INIT(&auth->watches);
    LIST_INIT(&auth->ending);
    err = refresh(auth);
    if (err) {
        auth_free(auth);
        return err;
    }
    *ret_auth = auth;
    return ERR_OK;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    drop_table(auth);
    principal_unref(auth->open);
    free(auth);
}

/* ---- checking ---- */

static struct principal *open_principal(const struct auth *auth)
{
    return atomic_load_explicit(auth->may_be_open, memory_order_acquire) ? auth->open : NULL;
}

bool auth_is_open(struct auth *auth)
{
    return refresh(auth) == ERR_OK && open_principal(auth);
}

/* The scheme's name in any case (RFC 9110, 11.1); NULL: another scheme. */
static const char *bearer_of(const char *authorization)
{
    return authorization && strncasecmp(authorization, BEARER, strlen(BEARER)) == 0 ? authorization + strlen(BEARER)
                                                                                   : NULL;
}

/* Is the text that key's? Once it was, comparing the text is enough. */
static bool proves(struct principal *principal, const char *text)
{
    char id[ACCESS_KEY_ID_SIZE];
    unsigned char hash[32];
    size_t len = strlen(text);

    if (principal->text[0])
        return len == strlen(principal->text) && secret_is_same(principal->text, text, len);
    if (!access_key_read(text, id, hash) || !access_key_matches(principal->key, hash))
        return false;
    memcpy(principal->text, text, len + 1);
    return true;
}

static enum err give(struct principal *principal, int64_t now_ms, struct principal **ret_principal)
{
    if (!principal || is_over(principal, now_ms)) {
        METRIC_INC(AUTH_NO_KEY);
        return ERR_NO_KEY;
    }
    *ret_principal = principal_ref(principal);
    return ERR_OK;
}

enum err auth_check(struct auth *auth, const char *authorization, int64_t now_ms, struct principal **ret_principal)
{
    const char *text = bearer_of(authorization);
    struct principal *principal = NULL;
    char id[ACCESS_KEY_ID_SIZE];
    enum err err = refresh(auth);

    if (err)
        return err;
    if (auth->n == 0)
        return open_principal(auth) ? give(auth->open, now_ms, ret_principal) : ERR_BEHIND;
    if (text && access_key_read_id(text, id))
        principal = find(auth, id);
    if (principal && !proves(principal, text))
        principal = NULL;
    return give(principal, now_ms, ret_principal);
}

enum err auth_check_id(struct auth *auth, const char *key_id, int64_t now_ms, struct principal **ret_principal)
{
    enum err err = refresh(auth);

    if (err)
        return err;
    if (auth->n == 0 && !open_principal(auth))
        return ERR_BEHIND;
    return give(key_id[0] ? find(auth, key_id) : auth->open, now_ms, ret_principal);
}

bool principal_is_valid(struct auth *auth, const struct principal *principal, int64_t now_ms)
{
    return refresh(auth) == ERR_OK && !is_over(principal, now_ms);
}

/* ---- those who must not outlive their key ---- */

void auth_watch(struct auth *auth, struct auth_watch *watch, struct principal *principal,
                void (*ended)(struct auth_watch *watch))
{
    watch->principal = principal_ref(principal);
    watch->ended = ended;
    watch->is_listed = true;
    LIST_INSERT_HEAD(&auth->watches, watch, beside);
}

static void unlist(struct auth_watch *watch)
{
    if (watch->is_listed)
        LIST_REMOVE(watch, beside);
    watch->is_listed = false;
}

void auth_unwatch(struct auth_watch *watch)
{
    unlist(watch);
    principal_unref(watch->principal);
    watch->principal = NULL;
}

static void find_next_expiry(struct auth *auth, int64_t now_ms)
{
    auth->next_expiry = INT64_MAX;
    for (unsigned i = 0; i < auth->n_buckets; i++) {
        for (const struct principal *principal = auth->buckets[i]; principal; principal = principal->next) {
            int64_t at = principal->key->expires_at;
            if (at > now_ms && at < auth->next_expiry)
                auth->next_expiry = at;
        }
    }
}

/* First all are found, then each is told: who is told may free others. A table that cannot be read
 * just now is read at the next sweep. */
void auth_sweep(struct auth *auth, int64_t now_ms)
{
    struct auth_watch *watch, *next;

    if (refresh(auth) != ERR_OK || (!auth->has_news && now_ms < auth->next_expiry))
        return;
    auth->has_news = false;
    find_next_expiry(auth, now_ms);
    for (watch = LIST_FIRST(&auth->watches); watch; watch = next) {
        next = LIST_NEXT(watch, beside);
        if (is_over(watch->principal, now_ms)) {
            LIST_REMOVE(watch, beside);
            LIST_INSERT_HEAD(&auth->ending, watch, beside);
        }
    }
    while ((watch = LIST_FIRST(&auth->ending))) {
        unlist(watch);
        watch->ended(watch);
    }
}
