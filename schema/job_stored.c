/* job_stored.c: spec and attempts as the log and the view keep them: the words of the API, times as
 * milliseconds, and whatever has its usual value left out, for this text is written for every job.
 * What is read back is checked as if a stranger had written it: a damaged disk may have. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "schema/access_key.h"
#include "schema/job_json.h"
#include "schema/members_priv.h"

#define QUEUE_DEFAULT "default"
#define MAX_ATTEMPTS_DEFAULT 1
#define IDEMPOTENCY_KEY_MAX 255
#define TRACEPARENT_MAX 256
#define ATTEMPTS_STORED_MAX 100000 /* more than retries on request will ever add up to */

static void encode_int(struct text *text, const char *key, int64_t value, int64_t usual)
{
    if (value != usual)
        text_json_int(text, key, value);
}

void spec_encode(struct text *text, const struct spec *spec)
{
    text_char(text, '{');
    text_json_str(text, "type", spec->type);
    if (strcmp(spec->queue, QUEUE_DEFAULT) != 0)
        text_json_str(text, "queue", spec->queue);
    if (spec->tenant && strcmp(spec->tenant, TENANT_DEFAULT) != 0)
        text_json_str(text, "tenant", spec->tenant);
    encode_int(text, "priority", spec->priority, PRIORITY_DEFAULT);
    encode_int(text, "created_at", spec->created_at, 0);
    encode_int(text, "run_at", spec->run_at, 0);
    encode_int(text, "expires_at", spec->expires_at, 0);
    encode_int(text, "keep_ms", spec->keep_ms, KEEP_MS_DEFAULT);
    encode_int(text, "timeout_ms", spec->timeout_ms, 0);
    encode_int(text, "max_attempts", spec->max_attempts, MAX_ATTEMPTS_DEFAULT);
    encode_int(text, "max_losses", spec->max_losses, MAX_LOSSES_DEFAULT);
    if (spec->params)
        text_json_raw(text, "params", spec->params, strlen(spec->params));
    if (spec->traceparent)
        text_json_str(text, "traceparent", spec->traceparent);
    if (spec->idempotency_key)
        text_json_str(text, "idempotency_key", spec->idempotency_key);
    if (spec->fingerprint) { /* as text: 64 bits without a sign are no JSON integer */
        text_json_key(text, "fingerprint");
        text_printf(text, "\"%016" PRIx64 "\"", spec->fingerprint);
    }
    if (spec->n_tags)
        text_json_strs(text, "tags", spec->tags, spec->n_tags);
    text_char(text, '}');
}

static enum err read_name(const char *name, const char *absent, char **ret_name)
{
    if (!name)
        name = absent;
    if (!name || !name_is_valid(name, strlen(name)))
        return ERR_CORRUPT;
    *ret_name = strdup(name);
    return *ret_name ? ERR_OK : ERR_NOMEM;
}

/* The usual tenant is NULL, however it came to be written. */
static enum err read_tenant(const char *name, char **ret_tenant)
{
    return name && strcmp(name, TENANT_DEFAULT) != 0 ? read_name(name, NULL, ret_tenant) : ERR_OK;
}

static enum err read_tags(const json_t *tags, struct spec *spec)
{
    enum err err = ERR_OK;

    if (!tags)
        return ERR_OK;
    if (!json_is_array(tags) || json_array_size(tags) > TAGS_MAX)
        return ERR_CORRUPT;
    for (size_t i = 0; i < json_array_size(tags) && !err; i++) {
        char *tag = NULL;
        err = read_name(json_string_value(json_array_get(tags, i)), NULL, &tag);
        if (!err)
            spec->tags[spec->n_tags++] = tag;
    }
    return err;
}

static enum err read_params(const json_t *params, char **ret_params)
{
    if (!params)
        return ERR_OK;
    if (!json_is_object(params))
        return ERR_CORRUPT;
    *ret_params = json_dumps(params, JSON_COMPACT);
    return *ret_params ? ERR_OK : ERR_NOMEM;
}

static enum err read_fingerprint(const char *hex, uint64_t *ret_fingerprint)
{
    if (!hex)
        return ERR_OK;
    if (strlen(hex) != 16 || strspn(hex, "0123456789abcdef") != 16)
        return ERR_CORRUPT;
    *ret_fingerprint = strtoull(hex, NULL, 16);
    return ERR_OK;
}

static enum err check_lengths(const struct spec *spec)
{
    if (spec->idempotency_key && (!spec->idempotency_key[0] || strlen(spec->idempotency_key) > IDEMPOTENCY_KEY_MAX))
        return ERR_CORRUPT;
    if (spec->traceparent && strlen(spec->traceparent) > TRACEPARENT_MAX)
        return ERR_CORRUPT;
    return ERR_OK;
}

enum err spec_read(const json_t *value, const char *id, struct spec **ret_spec)
{
    struct spec *spec = NULL;
    struct members members;
    enum err err = ERR_CORRUPT;

    if (!id_is_valid(id, strlen(id)))
        goto out;
    err = ERR_NOMEM;
    spec = spec_new();
    if (!spec)
        goto out;
    memcpy(spec->id, id, ID_SIZE);
    members_open(&members, value);
    spec->priority = (int)members_int(&members, "priority", 0, PRIORITY_MAX, PRIORITY_DEFAULT);
    spec->created_at = members_int(&members, "created_at", 0, INT64_MAX, 0);
    spec->run_at = members_int(&members, "run_at", 0, INT64_MAX, 0);
    spec->expires_at = members_int(&members, "expires_at", 0, INT64_MAX, 0);
    spec->keep_ms = members_int(&members, "keep_ms", 0, INT64_MAX, KEEP_MS_DEFAULT);
    spec->timeout_ms = members_int(&members, "timeout_ms", 0, INT64_MAX, 0);
    spec->max_attempts = (int)members_int(&members, "max_attempts", 0, MAX_ATTEMPTS_MAX, MAX_ATTEMPTS_DEFAULT);
    spec->max_losses = (int)members_int(&members, "max_losses", 0, INT_MAX, MAX_LOSSES_DEFAULT);
    spec->traceparent = members_copy(&members, "traceparent");
    spec->idempotency_key = members_copy(&members, "idempotency_key");
    err = read_name(members_str(&members, "type"), NULL, &spec->type);
    if (!err)
        err = read_name(members_str(&members, "queue"), QUEUE_DEFAULT, &spec->queue);
    if (!err)
        err = read_tenant(members_str(&members, "tenant"), &spec->tenant);
    if (!err)
        err = read_params(members_get(&members, "params"), &spec->params);
    if (!err)
        err = read_fingerprint(members_str(&members, "fingerprint"), &spec->fingerprint);
    if (!err)
        err = read_tags(members_get(&members, "tags"), spec);
    if (!err)
        err = check_lengths(spec);
    if (!err)
        err = members_close(&members);
    if (err)
        goto out;
    *ret_spec = spec;
    spec = NULL;
out:
    spec_unref(spec);
    return err;
}

enum err spec_decode(const char *json, size_t len, const char *id, struct spec **ret_spec)
{
    json_t *root = members_parse(json, len);
    enum err err = root ? spec_read(root, id, ret_spec) : ERR_CORRUPT;

    json_decref(root);
    return err;
}

void job_attempts_encode(struct text *text, const struct job *job)
{
    text_char(text, '[');
    for (unsigned i = 0; i < job->n_attempts; i++) {
        const struct attempt *attempt = &job->attempts[i];
        text_str(text, i ? ",{" : "{");
        text_json_int(text, "attempt", attempt->number);
        if (attempt->worker)
            text_json_str(text, "worker", attempt->worker);
        encode_int(text, "started_at", attempt->started_at, 0);
        encode_int(text, "finished_at", attempt->finished_at, 0);
        if (attempt->error.code != JOB_ERROR_NONE) {
            text_json_key(text, "error");
            error_encode(text, &attempt->error);
        }
        text_char(text, '}');
    }
    text_char(text, ']');
}

static enum err read_attempt(const json_t *value, struct attempt *attempt)
{
    struct members members;
    enum err err;

    members_open(&members, value);
    attempt->number = (int)members_int(&members, "attempt", 0, INT_MAX, 0);
    attempt->worker = members_copy(&members, "worker");
    attempt->started_at = members_int(&members, "started_at", 0, INT64_MAX, 0);
    attempt->finished_at = members_int(&members, "finished_at", 0, INT64_MAX, 0);
    err = error_decode(members_get(&members, "error"), &attempt->error);
    return err ? err : members_close(&members);
}

enum err job_attempts_decode(const char *json, size_t len, struct job *job)
{
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    size_t n = json_array_size(root);
    enum err err = ERR_CORRUPT;

    if (!json_is_array(root) || n > ATTEMPTS_STORED_MAX || job->n_attempts)
        goto out;
    err = ERR_OK;
    if (!n)
        goto out;
    job->attempts = calloc(n, sizeof *job->attempts);
    if (!job->attempts) {
        err = ERR_NOMEM;
        goto out;
    }
    for (size_t i = 0; i < n && !err; i++)
        err = read_attempt(json_array_get(root, i), &job->attempts[job->n_attempts++]);
out:
    json_decref(root);
    return err;
}
