/* submit_input.c: the input of a submission, as JSON, as {"base64"} inside JSON, or as a raw body,
 * checked against what its type takes. */
#include "jobs/submit_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BYTES_MEDIA_TYPE "application/octet-stream"

/* "image/png" fits "image/png", "image/" "*" and "*" "/" "*", in any case and with any parameters. */
static bool fits(const char *pattern, const char *media_type, size_t len)
{
    size_t pattern_len = strlen(pattern);

    if (!strcmp(pattern, "*/*"))
        return true;
    if (pattern_len > 2 && !strcmp(pattern + pattern_len - 2, "/*"))
        return len >= pattern_len && !strncasecmp(pattern, media_type, pattern_len - 1);
    return len == pattern_len && !strncasecmp(pattern, media_type, len);
}

static bool media_type_fits(const struct job_type *type, const char *media_type)
{
    size_t len = strcspn(media_type, "; \t");

    if (!type->content_types)
        return true;
    for (unsigned i = 0; i < type->n_content_types; i++)
        if (fits(type->content_types[i], media_type, len))
            return true;
    return false;
}

static enum err check_bytes(struct submission *s, const char *media_type)
{
    char detail[256] = "";

    if (!s->type->check)
        return ERR_OK;
    enum err err = s->type->check(s->body->bytes, s->body->len, media_type, detail, sizeof(detail));
    if (err)
        submit_fault(s, "input", detail);
    return err == ERR_INVALID ? ERR_OK : err;
}

/* {"base64":"..."} and nothing beside it. */
static json_t *base64_of(json_t *value)
{
    json_t *text = json_object_size(value) == 1 ? json_object_get(value, "base64") : NULL;

    return json_is_string(text) ? text : NULL;
}

static enum err take_base64(struct submission *s, json_t *text)
{
    size_t len = json_string_length(text), n = 0;
    unsigned char *bytes = malloc(len / 4 * 3 + 1);
    enum err err = ERR_NOMEM;

    if (!bytes)
        goto out;
    err = ERR_OK;
    if (!submit_base64_decode(json_string_value(text), len, bytes, &n)) {
        submit_fault_in(s, "input", "base64",
                        "must be base64 (RFC 4648, section 4), padded and without white space");
        goto out;
    }
    s->body = body_new(BYTES_MEDIA_TYPE, bytes, n);
    err = s->body ? check_bytes(s, NULL) : ERR_NOMEM;
out:
    free(bytes);
    return err;
}

static void check_json(struct submission *s, json_t *value)
{
    char pointer[64];

    snprintf(pointer, sizeof(pointer), "%s/input", s->prefix);
    if (s->type->input_schema)
        json_schema_check(s->type->input_schema, value, pointer, s->faults);
    s->input = json_incref(value);
}

static struct body *print(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    struct body *body = text ? body_new("application/json", text, strlen(text)) : NULL;

    free(text);
    return body;
}

static enum err take_json(struct submission *s, json_t *value, const struct submit_span *span)
{
    check_json(s, value);
    s->body = span->at ? body_new("application/json", span->at, span->len) : print(value);
    return s->body ? ERR_OK : ERR_NOMEM;
}

enum err submit_take_input(struct submission *s, json_t *value, const struct submit_span *span)
{
    json_t *base64 = s->type->takes_bytes ? base64_of(value) : NULL;

    if (base64)
        return take_base64(s, base64);
    if (!s->type->takes_json) {
        submit_fault(s, "input", value ? "must be {\"base64\":\"...\"}: this type takes bytes" : "is missing");
        return ERR_OK;
    }
    if (value)
        return take_json(s, value, span);
    if (s->type->input_schema) {
        submit_fault(s, "input", "is missing");
        return ERR_OK;
    }
    json_t *nothing = json_null();   /* a type that asks for nothing in particular */
    return take_json(s, nothing, span);
}

static enum err take_raw_json(struct submission *s)
{
    struct submit_span unused;
    json_t *value = NULL;
    char pointer[64];

    snprintf(pointer, sizeof(pointer), "%s/input", s->prefix);
    enum err err = submit_parse(s->body->bytes, s->body->len, pointer, &unused, &value, s->faults);
    if (!err)
        check_json(s, value);
    json_decref(value);
    return err;
}

enum err submit_take_raw(struct submission *s, struct body *body)
{
    s->body = body_ref(body);
    if (body->is_json && s->type->takes_json)
        return take_raw_json(s);
    if (s->type->takes_bytes && media_type_fits(s->type, body->media_type))
        return check_bytes(s, body->media_type);
    submit_fault(s, "input", "is of a media type that this job type does not take");
    return ERR_MEDIA_TYPE;
}
