/* access_key_json.c: an access key as the log keeps it: the words of the API, the hash in hex. The
 * key itself is in no log: who has only this text cannot get in with it. */
#include <stdlib.h>
#include <string.h>

#include "schema/members_priv.h"

#define NAME_OF_KEY_MAX 1024

static void hash_encode(struct text *text, const unsigned char hash[32])
{
    char hex[65];

    access_key_hash_hex(hash, hex);
    text_json_str(text, "hash", hex);
}

void scopes_encode(struct text *text, unsigned scopes)
{
    text_json_key(text, "scopes");
    text_char(text, '[');
    for (unsigned bit = 0; bit < SCOPE_COUNT; bit++)
        if (scopes & (1u << bit)) {
            const char *word = scope_word((enum scope)(1u << bit));
            text_json_string(text, word, strlen(word));
        }
    text_char(text, ']');
}

void access_key_encode(struct text *text, const struct access_key *key)
{
    text_char(text, '{');
    text_json_str(text, "id", key->id);
    if (key->is_revoked) {
        text_json_bool(text, "revoked", true);
    } else {
        if (key->tenant && strcmp(key->tenant, TENANT_DEFAULT) != 0)
            text_json_str(text, "tenant", key->tenant);
        if (key->name)
            text_json_str(text, "name", key->name);
        scopes_encode(text, key->scopes);
        hash_encode(text, key->hash);
        text_json_int(text, "created_at", key->created_at);
        if (key->expires_at)
            text_json_int(text, "expires_at", key->expires_at);
    }
    text_char(text, '}');
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(const char *hex, unsigned char hash[32])
{
    if (!hex || strlen(hex) != 64)
        return false;
    for (unsigned i = 0; i < 32; i++) {
        int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool read_id(const char *id, char ret_id[ACCESS_KEY_ID_SIZE])
{
    if (!id || !access_key_id_is_valid(id, strlen(id)))
        return false;
    memcpy(ret_id, id, ACCESS_KEY_ID_SIZE);
    return true;
}

static bool read_scopes(const json_t *words, unsigned *ret_scopes)
{
    unsigned scopes = 0;

    if (!json_is_array(words) || json_array_size(words) > SCOPE_COUNT)
        return false;
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));
        enum scope scope;
        if (!word || !scope_decode(word, &scope))
            return false;
        scopes |= scope;
    }
    *ret_scopes = scopes;
    return true;
}

static enum err read_tenant(const char *tenant, struct access_key *key)
{
    if (!tenant)
        tenant = TENANT_DEFAULT;
    if (!name_is_valid(tenant, strlen(tenant)))
        return ERR_CORRUPT;
    key->tenant = strdup(tenant);
    return key->tenant ? ERR_OK : ERR_NOMEM;
}

/* What a key has that was made and not revoked. */
static enum err read_made(struct members *members, struct access_key *key)
{
    enum err err = read_tenant(members_str(members, "tenant"), key);

    key->name = members_copy(members, "name");
    key->created_at = members_int(members, "created_at", 0, INT64_MAX, 0);
    key->expires_at = members_int(members, "expires_at", 0, INT64_MAX, 0);
    if (!err && (!read_scopes(members_get(members, "scopes"), &key->scopes) ||
                 !read_hash(members_str(members, "hash"), key->hash) ||
                 (key->name && strlen(key->name) > NAME_OF_KEY_MAX)))
        err = ERR_CORRUPT;
    return err;
}

enum err access_key_decode(const json_t *value, struct access_key **ret_key)
{
    struct access_key *key = calloc(1, sizeof *key);
    struct members members;
    enum err err = ERR_NOMEM;

    if (!key)
        goto out;
    members_open(&members, value);
    err = read_id(members_str(&members, "id"), key->id) ? ERR_OK : ERR_CORRUPT;
    key->is_revoked = members_bool(&members, "revoked");
    if (!err && !key->is_revoked)
        err = read_made(&members, key);
    if (!err)
        err = members_close(&members);
    if (err)
        goto out;
    *ret_key = key;
    key = NULL;
out:
    access_key_free(key);
    return err;
}
