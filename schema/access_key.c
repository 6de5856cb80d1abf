/* access_key.c: making and checking keys; the rules are in access_key.h. The only file that knows the
 * cryptographic library: one hash, and comparisons that take as long whatever they find. */
#include "schema/access_key.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PREFIX "bz_"
#define PREFIX_LEN 3
#define ID_AT PREFIX_LEN
#define SECRET_AT (ID_AT + ACCESS_KEY_ID_LEN + 1)
#define TEXT_LEN (SECRET_AT + SECRET_LEN)

_Static_assert(TEXT_LEN < ACCESS_KEY_TEXT_SIZE, "a key fits its text");

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex_digits[] = "0123456789abcdef";

static const char *const scope_words[SCOPE_COUNT] = {
#define SCOPE_WORD(name, word) [SCOPE_BIT_##name] = word,
    SCOPE_LIST(SCOPE_WORD)
#undef SCOPE_WORD
};

static enum err random_bytes(unsigned char *bytes, size_t len)
{
    while (len) {
        ssize_t n = getrandom(bytes, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_INTERNAL;
        bytes += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

/* 32 bytes as 43 digits of base64url, the last of which holds four bits. */
static void encode(const unsigned char *bytes, char *ret_text)
{
    unsigned held = 0, n_held = 0;

    for (unsigned i = 0; i < SECRET_BYTES; i++) {
        held = held << 8 | bytes[i];
        for (n_held += 8; n_held >= 6; n_held -= 6)
            *ret_text++ = digits[held >> (n_held - 6) & 63];
    }
    *ret_text++ = digits[held << (6 - n_held) & 63];
    *ret_text = '\0';
}

enum err secret_make(char ret_secret[SECRET_SIZE])
{
    unsigned char bytes[SECRET_BYTES];
    enum err err = random_bytes(bytes, sizeof bytes);

    if (!err)
        encode(bytes, ret_secret);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return err;
}

bool secret_is_same(const char *a, const char *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

static bool hash(const char *text, size_t len, unsigned char ret_hash[32])
{
    unsigned size = 0;

    return EVP_Digest(text, len, ret_hash, &size, EVP_sha256(), NULL) == 1 && size == 32;
}

enum err access_key_new(const char *tenant, const char *name, unsigned scopes, int64_t created_at, int64_t expires_at,
                        struct access_key **ret_key, char text[ACCESS_KEY_TEXT_SIZE])
{
    struct access_key *key = calloc(1, sizeof *key);
    unsigned char id[ACCESS_KEY_ID_LEN / 2];
    enum err err = ERR_NOMEM;

    if (!key)
        goto out;
    key->tenant = strdup(tenant);
    key->name = name ? strdup(name) : NULL;
    if (!key->tenant || (name && !key->name))
        goto out;
    err = random_bytes(id, sizeof id);
    if (err)
        goto out;
    for (unsigned i = 0; i < sizeof id; i++) {
        key->id[2 * i] = hex_digits[id[i] >> 4];
        key->id[2 * i + 1] = hex_digits[id[i] & 15];
    }
    key->scopes = scopes;
    key->created_at = created_at;
    key->expires_at = expires_at;
    memcpy(text, PREFIX, PREFIX_LEN);
    memcpy(text + ID_AT, key->id, ACCESS_KEY_ID_LEN);
    text[SECRET_AT - 1] = '_';
    err = secret_make(text + SECRET_AT);
    if (!err && !hash(text, TEXT_LEN, key->hash))
        err = ERR_INTERNAL;
    if (err)
        goto out;
    *ret_key = key;
    key = NULL;
out:
    access_key_free(key);
    return err;
}

struct access_key *access_key_copy(const struct access_key *key)
{
    struct access_key *copy = malloc(sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *key;
    copy->tenant = key->tenant ? strdup(key->tenant) : NULL;
    copy->name = key->name ? strdup(key->name) : NULL;
    if ((key->tenant && !copy->tenant) || (key->name && !copy->name)) {
        access_key_free(copy);
        return NULL;
    }
    return copy;
}

void access_key_free(struct access_key *key)
{
    if (!key)
        return;
    free(key->tenant);
    free(key->name);
    free(key);
}

bool access_key_id_is_valid(const char *id, size_t len)
{
    return len == ACCESS_KEY_ID_LEN && strspn(id, hex_digits) >= len;
}

/* The shape alone: nothing is known of whether there is such a key. */
bool access_key_read_id(const char *text, char ret_id[ACCESS_KEY_ID_SIZE])
{
    if (strlen(text) != TEXT_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0 || text[SECRET_AT - 1] != '_' ||
        !access_key_id_is_valid(text + ID_AT, ACCESS_KEY_ID_LEN) || strspn(text + SECRET_AT, digits) < SECRET_LEN)
        return false;
    memcpy(ret_id, text + ID_AT, ACCESS_KEY_ID_LEN);
    ret_id[ACCESS_KEY_ID_LEN] = '\0';
    return true;
}

bool access_key_read(const char *text, char ret_id[ACCESS_KEY_ID_SIZE], unsigned char ret_hash[32])
{
    return access_key_read_id(text, ret_id) && hash(text, TEXT_LEN, ret_hash);
}

void access_key_hash_hex(const unsigned char hash[32], char hex[65])
{
    for (unsigned i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", hash[i]);
}

bool access_key_matches(const struct access_key *key, const unsigned char sent[32])
{
    return CRYPTO_memcmp(key->hash, sent, sizeof key->hash) == 0;
}

bool scope_decode(const char *word, enum scope *ret_scope)
{
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        if (strcmp(word, scope_words[i]) == 0) {
            *ret_scope = (enum scope)(1U << i);
            return true;
        }
    }
    return false;
}

const char *scope_word(enum scope scope)
{
    unsigned bit = 0;

    while (bit < SCOPE_COUNT && 1U << bit != (unsigned)scope)
        bit++;
    assert(bit < SCOPE_COUNT);
    return scope_words[bit];
}

bool scopes_allow(unsigned scopes, unsigned wanted)
{
    return scopes & (wanted | SCOPE_ADMIN);
}
