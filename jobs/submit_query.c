/* submit_query.c: type and options out of a query string or a form, turned into the object that a
 * JSON submission would have been, so that one code checks both. */
#include "jobs/submit_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A decimal integer becomes a number; whatever else stays a string, which a number's check refuses. */
static json_t *value_of(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    char *end;

    errno = 0;
    if (digits && !text[digits]) {
        long long number = strtoll(text, &end, 10);
        if (!errno)
            return json_integer(number);
    }
    return json_string(text);
}

static bool is_text_option(const char *name)
{
    return !strcmp(name, "type") || !strcmp(name, "queue") || !strcmp(name, "run_at");
}

static bool is_utf8(const char *text)
{
    for (size_t left = strlen(text), n; left; text += n, left -= n) {
        n = text_utf8_len(text, left);
        if (!n)
            return false;
    }
    return true;
}

/* False: no memory. A name that stands twice is a fault. */
static bool put(struct submission *s, json_t *object, const char *parent, const char *name, json_t *value)
{
    if (json_object_get(object, name)) {
        submit_fault_in(s, parent, name, "stands there twice");
        json_decref(value);
        return true;
    }
    return !json_object_set_new(object, name, value);
}

static bool take(struct submission *s, json_t *root, const struct submit_param *param)
{
    static const char prefix[] = "param.";
    bool is_param = !strncmp(param->name, prefix, strlen(prefix)), is_tag = !strcmp(param->name, "tag");
    json_t *value;

    if (!is_utf8(param->name) || !is_utf8(param->value)) {
        submit_fault(s, param->name, "is not UTF-8");
        return true;
    }
    if (!strcmp(param->name, "tags") || !strcmp(param->name, "params")) {
        submit_fault(s, param->name, "is not known here: tag=... and param.NAME=... are");
        return true;
    }
    value = is_param || is_tag || is_text_option(param->name) ? json_string(param->value) : value_of(param->value);
    if (!value)
        return false;
    if (is_tag)
        return !json_array_append_new(json_object_get(root, "tags"), value);
    if (is_param)
        return put(s, json_object_get(root, "params"), "params", param->name + strlen(prefix), value);
    return put(s, root, NULL, param->name, value);
}

enum err submit_query(const struct submit_param *params, unsigned n_params, json_t **ret_root, struct submission *s)
{
    json_t *root = json_pack("{s:[], s:{}}", "tags", "params");

    if (!root)
        return ERR_NOMEM;
    for (unsigned i = 0; i < n_params; i++) {
        if (!take(s, root, &params[i])) {
            json_decref(root);
            return ERR_NOMEM;
        }
    }
    *ret_root = root;
    return ERR_OK;
}
