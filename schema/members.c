/* members.c: a JSON object read strictly; see members_priv.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "schema/members_priv.h"

json_t *members_parse(const char *json, size_t len)
{
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

static void fail(struct members *members, enum err err)
{
    if (!members->err)
        members->err = err;
}

void members_open(struct members *members, const json_t *object)
{
    *members = (struct members){.object = object};
    if (!json_is_object(object))
        fail(members, ERR_CORRUPT);
}

json_t *members_get(struct members *members, const char *name)
{
    json_t *value = json_object_get(members->object, name);

    if (value)
        members->n_seen++;
    return value;
}

int64_t members_int(struct members *members, const char *name, int64_t min, int64_t max, int64_t absent)
{
    json_t *value = members_get(members, name);

    if (!value)
        return absent;
    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max) {
        fail(members, ERR_CORRUPT);
        return absent;
    }
    return json_integer_value(value);
}

bool members_bool(struct members *members, const char *name)
{
    json_t *value = members_get(members, name);

    if (value && !json_is_boolean(value))
        fail(members, ERR_CORRUPT);
    return json_is_true(value);
}

const char *members_str(struct members *members, const char *name)
{
    json_t *value = members_get(members, name);

    if (value && !json_is_string(value))
        fail(members, ERR_CORRUPT);
    return json_string_value(value);
}

char *members_copy(struct members *members, const char *name)
{
    const char *str = members_str(members, name);
    char *copy = str ? strdup(str) : NULL;

    if (str && !copy)
        fail(members, ERR_NOMEM);
    return copy;
}

enum err members_close(struct members *members)
{
    if (members->n_seen != json_object_size(members->object))
        fail(members, ERR_CORRUPT);
    return members->err;
}

void error_encode(struct text *text, const struct job_error *error)
{
    text_char(text, '{');
    text_json_str(text, "code", job_error_word(error->code));
    text_json_str(text, "message", error->message ? error->message : "");
    text_json_int(text, "attempt", error->attempt);
    text_json_bool(text, "retryable", error->retryable);
    text_char(text, '}');
}

enum err error_decode(const json_t *value, struct job_error *ret_error)
{
    struct members members;
    struct job_error error = {0};
    const char *code;
    enum err err;

    if (!value)
        return ERR_OK;
    members_open(&members, value);
    code = members_str(&members, "code");
    if (!code || !job_error_decode(code, &error.code) || error.code == JOB_ERROR_NONE)
        fail(&members, ERR_CORRUPT);
    error.attempt = (int)members_int(&members, "attempt", 0, INT_MAX, 0);
    error.retryable = members_bool(&members, "retryable");
    error.message = members_copy(&members, "message");
    if (error.message && !error.message[0]) { /* how an absent one is written */
        free(error.message);
        error.message = NULL;
    }
    err = members_close(&members);
    if (err) {
        job_error_clear(&error);
        return err;
    }
    *ret_error = error;
    return ERR_OK;
}
