/* submit.c: from a submission that was read to an append for the log. Two ways lead here, JSON and
 * raw bytes with a query; both become members of an object and one input, so both mean the same. */
#include "jobs/submit_priv.h"

#include <stdio.h>
#include <string.h>

#define POINTER_SIZE 256

/* RFC 6901: ~ and / inside a name are written ~0 and ~1. */
static void add_name(char pointer[POINTER_SIZE], const char *name)
{
    size_t n = strlen(pointer);

    pointer[n++] = '/';
    for (; *name && n < POINTER_SIZE - 8; name++) {
        pointer[n++] = *name == '/' ? '~' : *name;
        if (*name == '~' || *name == '/')
            pointer[n++] = *name == '~' ? '0' : '1';
    }
    while (*name && n && ((unsigned char)pointer[n - 1] & 0xc0) == 0x80)
        n--;                        /* cut: not amid a character */
    pointer[n] = '\0';
}

void submit_fault_in(struct submission *s, const char *parent, const char *member, const char *detail)
{
    char pointer[POINTER_SIZE];

    snprintf(pointer, sizeof(pointer), "%s", s->prefix);
    if (parent)
        add_name(pointer, parent);
    add_name(pointer, member);
    faults_add(s->faults, pointer, "%s", detail);
}

void submit_fault(struct submission *s, const char *member, const char *detail)
{
    submit_fault_in(s, NULL, member, detail);
}

static void init(struct submission *s, const struct types *types, const char *prefix, int64_t now_ms,
                 struct faults *faults)
{
    *s = (struct submission){ .types = types, .prefix = prefix, .faults = faults, .now_ms = now_ms, .queue = "default" };
    for (unsigned i = 0; i < NUMBER_COUNT; i++)
        s->number[i] = -1;
    s->number[NUMBER_PRIORITY] = PRIORITY_DEFAULT;
}

static void clear(struct submission *s)
{
    json_decref(s->input);
    body_unref(s->body);
}

static void take_type(struct submission *s, const json_t *value)
{
    const char *name = json_string_value(value);

    if (!value)
        submit_fault(s, "type", "is missing");
    else if (!name || !name_is_valid(name, json_string_length(value)))
        submit_fault(s, "type", "must be the name of a job type; GET /v1/types lists them");
    else if (!(s->type = types_find(s->types, name)))
        submit_fault(s, "type", "is no job type of this service; GET /v1/types lists them");
}

static void take_members(struct submission *s, json_t *root, bool has_input)
{
    const char *name;
    json_t *value;

    take_type(s, json_object_get(root, "type"));
    json_object_foreach(root, name, value)
        if (strcmp(name, "type") != 0 && !(has_input && !strcmp(name, "input")))
            submit_take_option(s, name, value);
    submit_check_options(s);
}

static int64_t given_or(int64_t number, int64_t otherwise)
{
    return number >= 0 ? number : otherwise;
}

/* The defaults of its type. They are the service's, may change, and are no part of the fingerprint. */
static void fill_numbers(struct submission *s)
{
    const struct job_type *type = s->type;

    s->number[NUMBER_TIMEOUT_MS] = given_or(s->number[NUMBER_TIMEOUT_MS], type->timeout_ms);
    s->number[NUMBER_MAX_ATTEMPTS] = given_or(s->number[NUMBER_MAX_ATTEMPTS], type->max_attempts);
    s->number[NUMBER_KEEP_MS] = given_or(s->number[NUMBER_KEEP_MS], type->keep_ms);
}

static int64_t time_to_run(const struct submission *s)
{
    int64_t at = s->run_at ? s->run_at : s->now_ms + given_or(s->number[NUMBER_DELAY_MS], 0);

    return at > s->now_ms ? at : 0;     /* a time that has come is none */
}

static bool copy(char **ret, const char *text)
{
    *ret = strdup(text);
    return *ret;
}

static enum err fill_spec(struct spec *spec, const struct submission *s, const char *key, const char *traceparent)
{
    spec->priority = (int)s->number[NUMBER_PRIORITY];
    spec->created_at = s->now_ms;
    spec->run_at = time_to_run(s);
    spec->expires_at = s->number[NUMBER_EXPIRES_IN_MS] > 0 ? s->now_ms + s->number[NUMBER_EXPIRES_IN_MS] : 0;
    spec->keep_ms = s->number[NUMBER_KEEP_MS];
    spec->timeout_ms = s->number[NUMBER_TIMEOUT_MS];
    spec->max_attempts = (int)s->number[NUMBER_MAX_ATTEMPTS];
    spec->max_losses = s->type->max_losses;
    if (!copy(&spec->type, s->type->name) || !copy(&spec->queue, s->queue))
        return ERR_NOMEM;
    if (s->params && !(spec->params = json_dumps(s->params, JSON_COMPACT)))
        return ERR_NOMEM;
    if (traceparent && !copy(&spec->traceparent, traceparent))
        return ERR_NOMEM;
    for (; spec->n_tags < s->n_tags; spec->n_tags++)
        if (!copy(&spec->tags[spec->n_tags], s->tags[spec->n_tags]))
            return ERR_NOMEM;
    if (key && !copy(&spec->idempotency_key, key))
        return ERR_NOMEM;
    return ERR_OK;
}

/* Hands the body over to the append on ERR_OK. */
static enum err make_append(struct submission *s, const struct submit_headers *headers, struct append **ret_append)
{
    char key[SUBMIT_KEY_MAX + 1], traceparent[SUBMIT_TRACEPARENT_LEN + 1], id[ID_SIZE];
    bool has_key = headers->idempotency_key, has_trace = false;
    struct append *append = NULL;
    enum err err = has_key ? submit_key_decode(headers->idempotency_key, key) : ERR_OK;

    if (err)
        return err;
    if (headers->traceparent)
        has_trace = submit_traceparent_decode(headers->traceparent, traceparent);
    err = ERR_NOMEM;
    id_make(s->now_ms, id);
    append = append_new(EVENT_SUBMITTED, id, s->now_ms);
    if (!append)
        goto out;
    append->event.spec = spec_new();
    if (!append->event.spec)
        goto out;
    memcpy(append->event.spec->id, id, sizeof(id));
    if (has_key)
        append->event.spec->fingerprint = submit_fingerprint(s);
    fill_numbers(s);
    err = fill_spec(append->event.spec, s, has_key ? key : NULL, has_trace ? traceparent : NULL);
    if (err)
        goto out;
    append->event.body = s->body;
    s->body = NULL;
    *ret_append = append;
    append = NULL;
out:
    append_free(append);
    return err;
}

static bool has_faults(const struct faults *faults)
{
    return faults->n || faults->n_dropped;
}

static enum err finish(struct submission *s, enum err err, const struct submit_headers *headers,
                       struct append **ret_append)
{
    if (!err && has_faults(s->faults))
        err = ERR_INVALID;
    if (!err)
        err = make_append(s, headers, ret_append);
    clear(s);
    return err;
}

static enum err submit_tree(const struct types *types, json_t *root, const struct submit_span *input,
                            const char *prefix, const struct submit_headers *headers, int64_t now_ms,
                            struct append **ret_append, struct faults *faults)
{
    struct submission s;
    enum err err;

    if (!json_is_object(root)) {
        faults_add(faults, prefix, "must be an object");
        return ERR_INVALID;
    }
    init(&s, types, prefix, now_ms, faults);
    take_members(&s, root, true);
    err = s.type ? submit_take_input(&s, json_object_get(root, "input"), input) : ERR_INVALID;
    return finish(&s, err, headers, ret_append);
}

enum err submit_json(const struct types *types, json_t *root, const char *pointer_prefix,
                     const struct submit_headers *headers, int64_t now_ms,
                     struct append **ret_append, struct faults *faults)
{
    struct submit_span nowhere = { 0 };

    if (submit_is_too_deep(root)) {
        faults_add(faults, pointer_prefix, "is nested more than %d deep", SUBMIT_DEPTH_MAX);
        return ERR_INVALID;
    }
    return submit_tree(types, root, &nowhere, pointer_prefix, headers, now_ms, ret_append, faults);
}

enum err submit_json_text(const struct types *types, const char *text, size_t len,
                          const struct submit_headers *headers, int64_t now_ms,
                          struct append **ret_append, struct faults *faults)
{
    struct submit_span input;
    json_t *root = NULL;
    enum err err = submit_parse(text, len, "", &input, &root, faults);

    if (!err)
        err = submit_tree(types, root, &input, "", headers, now_ms, ret_append, faults);
    json_decref(root);
    return err;
}

enum err submit_raw(const struct types *types, const struct submit_param *params, unsigned n_params,
                    struct body *body, const struct submit_headers *headers, int64_t now_ms,
                    struct append **ret_append, struct faults *faults)
{
    struct submission s;
    json_t *root = NULL;
    enum err err;

    init(&s, types, "", now_ms, faults);
    err = submit_query(params, n_params, &root, &s);
    if (err)
        return err;
    take_members(&s, root, false);
    err = s.type ? submit_take_raw(&s, body) : ERR_INVALID;
    err = finish(&s, err, headers, ret_append);
    if (!err)
        body_unref(body);   /* taken over: the append holds a reference of its own */
    json_decref(root);
    return err;
}
