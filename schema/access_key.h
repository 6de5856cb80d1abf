/* access_key.h: what lets a client in: a tenant, what it may do there, and a hash of the secret that
 * is shown once, when the key is made.
 *
 *   the key as its holder has it:   bz_ID_SECRET     ID: 12 hex digits, SECRET: 43 characters of base64url (256 bits)
 *
 * Only SHA-256 of the whole text is kept: the secret is random, so nothing slower is needed. */
#ifndef BUZZER_SCHEMA_ACCESS_KEY_H
#define BUZZER_SCHEMA_ACCESS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/err.h"
#include "schema/text.h"

#define ACCESS_KEY_ID_LEN 12
#define ACCESS_KEY_ID_SIZE (ACCESS_KEY_ID_LEN + 1)
#define ACCESS_KEY_TEXT_SIZE 64             /* "bz_" ID "_" SECRET and a NUL, with room */
#define ACCESS_KEYS_MAX 10000
#define SECRET_BYTES 32
#define SECRET_LEN 43
#define SECRET_SIZE (SECRET_LEN + 1)
#define TENANT_DEFAULT "default"

#define SCOPE_LIST(X)                                                                              \
    X(SUBMIT, "submit")                                                                            \
    X(READ, "read")                                                                                \
    X(CANCEL, "cancel")                                                                            \
    X(ADMIN, "admin")     /* includes the others */

enum scope_bit {
#define SCOPE_BIT(name, word) SCOPE_BIT_##name,
    SCOPE_LIST(SCOPE_BIT)
#undef SCOPE_BIT
    SCOPE_COUNT
};

enum scope {
#define SCOPE_ENUM(name, word) SCOPE_##name = 1 << SCOPE_BIT_##name,
    SCOPE_LIST(SCOPE_ENUM)
#undef SCOPE_ENUM
};

struct access_key {
    char id[ACCESS_KEY_ID_SIZE];
    unsigned char hash[32];                 /* SHA-256 of the key's text */
    unsigned scopes;                        /* of enum scope */
    int64_t created_at, expires_at;         /* wall ms; expires_at 0: never */
    bool is_revoked;                        /* in an event: this id is to go; nothing else of it counts */
    char *tenant, *name;                    /* owned; name may be NULL */
};

/* A new key: id, hash and the text to show once. ERR_NOMEM; ERR_INTERNAL: no randomness. */
enum err access_key_new(const char *tenant, const char *name, unsigned scopes, int64_t created_at, int64_t expires_at,
                        struct access_key **ret_key, char text[ACCESS_KEY_TEXT_SIZE]);
struct access_key *access_key_copy(const struct access_key *key);   /* NULL: no memory */
void access_key_free(struct access_key *key);
bool access_key_id_is_valid(const char *id, size_t len);
bool access_key_read_id(const char *text, char ret_id[ACCESS_KEY_ID_SIZE]);      /* false: not the shape of a key */
/* The id in a key's text and the hash of the whole; false: not the shape of a key. */
bool access_key_read(const char *text, char ret_id[ACCESS_KEY_ID_SIZE], unsigned char ret_hash[32]);
void access_key_hash_hex(const unsigned char hash[32], char hex[65]);
bool access_key_matches(const struct access_key *key, const unsigned char hash[32]);   /* in constant time */
bool scope_decode(const char *word, enum scope *ret_scope);
const char *scope_word(enum scope scope);
void scopes_encode(struct text *text, unsigned scopes);             /* the member "scopes" of an object (access_key_json.c) */
bool scopes_allow(unsigned scopes, unsigned wanted);                /* one of the wanted, or admin */

enum err secret_make(char ret_secret[SECRET_SIZE]);                 /* 256 random bits in base64url; ERR_INTERNAL: no randomness */
bool secret_is_same(const char *a, const char *b, size_t len);      /* takes as long whatever it finds */

#endif
