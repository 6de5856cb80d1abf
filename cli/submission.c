/* submission.c: the two ways of saying the same: one JSON object, or a raw body and a query. */
#include "cli/submission.h"

#include <jansson.h>
#include <string.h>

#include "cli/query.h"

bool pair_add(struct pair *pairs, unsigned *n, char *text)
{
    char *equals = strchr(text, '=');

    if (!equals || equals == text || *n == SUBMISSION_PAIRS)
        return false;
    *equals = '\0';
    pairs[(*n)++] = (struct pair){text, equals + 1};
    return true;
}

bool pair_is_there(const struct pair *pairs, unsigned n, const char *text)
{
    size_t len = strcspn(text, "=");

    for (unsigned i = 0; i < n; i++)
        if (strlen(pairs[i].name) == len && strncmp(pairs[i].name, text, len) == 0)
            return true;
    return false;
}

/* Numbers, true, false and whole JSON values as such; all else is a string. */
static void add_value(struct text *body, const char *value)
{
    json_t *json = json_loads(value, JSON_DECODE_ANY, NULL);

    if (json)
        text_str(body, value);
    else
        text_json_string(body, value, strlen(value));
    json_decref(json);
}

static bool is_tag(const struct pair *option)
{
    return strcmp(option->name, "tag") == 0;
}

/* The options whose values are strings whatever they look like. */
static bool is_string(const struct pair *option)
{
    return strcmp(option->name, "queue") == 0 || strcmp(option->name, "run_at") == 0;
}

static void add_key(struct text *body, const char *name)
{
    if (body->at[body->len - 1] != '{')
        text_char(body, ',');
    text_json_string(body, name, strlen(name));
    text_char(body, ':');
}

static void add_options(struct text *body, const struct submission *submission)
{
    bool tagged = false;

    for (unsigned i = 0; i < submission->n_options; i++) {
        const struct pair *option = &submission->options[i];

        if (is_tag(option))
            continue;
        add_key(body, option->name);
        if (is_string(option))
            text_json_string(body, option->value, strlen(option->value));
        else
            add_value(body, option->value);
    }
    for (unsigned i = 0; i < submission->n_options; i++) {
        if (!is_tag(&submission->options[i]))
            continue;
        text_str(body, tagged ? "," : ",\"tags\":[");
        text_json_string(body, submission->options[i].value, strlen(submission->options[i].value));
        tagged = true;
    }
    if (tagged)
        text_char(body, ']');
}

static void encode_json(const struct submission *submission, struct text *body)
{
    text_char(body, '{');
    text_json_str(body, "type", submission->type);
    if (submission->input.bytes)
        text_json_raw(body, "input", submission->input.bytes, submission->input.len);
    if (submission->n_params && !body->failed) {
        text_json_key(body, "params");
        text_char(body, '{');
        for (unsigned i = 0; i < submission->n_params && !body->failed; i++) {
            add_key(body, submission->params[i].name);
            add_value(body, submission->params[i].value);
        }
        text_char(body, '}');
    }
    if (!body->failed)
        add_options(body, submission);
    text_char(body, '}');
}

static void encode_query(const struct submission *submission, struct text *target)
{
    query_add(target, "type", submission->type);
    for (unsigned i = 0; i < submission->n_options; i++)
        query_add(target, submission->options[i].name, submission->options[i].value);
    for (unsigned i = 0; i < submission->n_params; i++) {
        struct text name = {0};

        text_str(&name, "param.");
        text_str(&name, submission->params[i].name);
        if (!name.failed)
            query_add(target, name.at, submission->params[i].value);
        target->failed |= name.failed;
        text_clear(&name);
    }
}

enum err submission_encode(const struct submission *submission, struct text *ret_target,
                           struct text *ret_body)
{
    text_str(ret_target, "/v1/jobs");
    if (submission->input.is_json)
        encode_json(submission, ret_body);
    else
        encode_query(submission, ret_target);
    return ret_target->failed || ret_body->failed ? ERR_NOMEM : ERR_OK;
}
