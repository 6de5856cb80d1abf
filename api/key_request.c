/* key_request.c: reads what a new key is to be, naming all that is wrong at once, and writes keys as
 * the API shows them. */
#include "api/key_request.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/clock.h"
#include "schema/job.h"

/* A string or absent (null counts as absent); else a fault and NULL. */
static const char *string_member(const json_t *root, const char *name, struct faults *faults)
{
    const json_t *value = json_object_get(root, name);
    char pointer[32];

    if (!value || json_is_null(value))
        return NULL;
    if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
        return json_string_value(value);
    snprintf(pointer, sizeof pointer, "/%s", name);
    faults_add(faults, pointer, "must be a string");
    return NULL;
}

static const char *read_tenant(const json_t *root, struct faults *faults)
{
    const char *tenant = string_member(root, "tenant", faults);

    if (tenant && !name_is_valid(tenant, strlen(tenant)))
        faults_add(faults, "/tenant", "must be a name of 1 to 64 characters of A-Z a-z 0-9 . _ - : /");
    return tenant ? tenant : TENANT_DEFAULT;
}

static const char *read_name(const json_t *root, struct faults *faults)
{
    const char *name = string_member(root, "name", faults);
    size_t len = name ? strlen(name) : 0;

    if (name && (len == 0 || len > KEY_NAME_MAX))
        faults_add(faults, "/name", "must have 1 to %d bytes", KEY_NAME_MAX);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) {
            faults_add(faults, "/name", "must not hold control characters");
            break;
        }
    }
    return name;
}

static unsigned read_scopes(const json_t *root, struct faults *faults)
{
    const json_t *words = json_object_get(root, "scopes");
    unsigned scopes = 0;

    if (!json_is_array(words) || json_array_size(words) == 0 || json_array_size(words) > SCOPE_COUNT) {
        faults_add(faults, "/scopes", "must list one or more of submit, read, cancel and admin");
        return 0;
    }
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));
        char pointer[32];
        enum scope scope;

        snprintf(pointer, sizeof pointer, "/scopes/%zu", i);
        if (!word || !scope_decode(word, &scope))
            faults_add(faults, pointer, "must be submit, read, cancel or admin");
        else if (scopes & scope)
            faults_add(faults, pointer, "stands there already");
        else
            scopes |= scope;
    }
    return scopes;
}

static int64_t read_expiry(const json_t *root, int64_t now_ms, struct faults *faults)
{
    const char *text = string_member(root, "expires_at", faults);
    int64_t at = 0;

    if (text && !clock_decode(text, strlen(text), &at))
        faults_add(faults, "/expires_at", "must be a time as in RFC 3339, such as 2027-01-31T00:00:00Z");
    else if (text && at <= now_ms)
        faults_add(faults, "/expires_at", "must be in the future");
    return at;
}

static void know_members(json_t *root, struct faults *faults)
{
    static const char *const names[] = {"tenant", "scopes", "name", "expires_at", NULL};
    const char *name;
    json_t *value;

    json_object_foreach(root, name, value) {
        const char *const *known = names;
        while (*known && strcmp(*known, name) != 0)
            known++;
        if (!*known) {
            char pointer[80];
            snprintf(pointer, sizeof pointer, "/%.70s", name);
            faults_add(faults, pointer, "is not a member of a key");
        }
    }
}

enum err key_request_decode(const char *text, size_t len, int64_t now_ms, struct access_key **ret_key,
                            char ret_text[ACCESS_KEY_TEXT_SIZE], struct faults *faults)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const char *tenant, *name;
    unsigned scopes;
    int64_t expires_at;
    enum err err = root ? ERR_INVALID : ERR_NOT_JSON;

    if (root && !json_is_object(root))
        faults_add(faults, "", "must be an object");
    if (!json_is_object(root))
        goto out;
    know_members(root, faults);
    tenant = read_tenant(root, faults);
    name = read_name(root, faults);
    scopes = read_scopes(root, faults);
    expires_at = read_expiry(root, now_ms, faults);
    if (!faults->n)
        err = access_key_new(tenant, name, scopes, now_ms, expires_at, ret_key, ret_text);
out:
    json_decref(root);
    return err;
}

void key_encode(struct text *text, const struct access_key *key, const char *secret)
{
    text_char(text, '{');
    text_json_str(text, "id", key->id);
    if (secret)
        text_json_str(text, "key", secret);
    text_json_str(text, "tenant", key->tenant ? key->tenant : TENANT_DEFAULT);
    scopes_encode(text, key->scopes);
    text_json_str(text, "name", key->name);
    text_json_time(text, "created_at", key->created_at);
    text_json_time(text, "expires_at", key->expires_at);
    text_char(text, '}');
}
