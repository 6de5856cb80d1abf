/* submit_text.c: JSON text on its way in. One pass before the parser measures the nesting (the
 * parser recurses) and remembers where "input" stands, so that it can be kept byte for byte as it
 * was sent, and need not be printed again from the tree. */
#include "jobs/submit_priv.h"

#include <string.h>

/* Past the closing quote of the string that begins at text[at], or len. */
static size_t string_end(const char *text, size_t len, size_t at, bool *ret_has_escape)
{
    for (at++; at < len; at++) {
        if (text[at] == '"')
            return at + 1;
        if (text[at] == '\\') {
            *ret_has_escape = true;
            at++;
        }
    }
    return len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(struct submit_span *span)
{
    while (span->len && is_space(span->at[0])) {
        span->at++;
        span->len--;
    }
    while (span->len && is_space(span->at[span->len - 1]))
        span->len--;
}

/* How deep the text nests (counting stops past SUBMIT_DEPTH_MAX) and where the value of a member of its
 * outermost object stands; the latter means something only in valid JSON whose names are unique, and is
 * not found (at NULL) if a name there is written with escapes. */
static unsigned scan(const char *text, size_t len, const char *member, struct submit_span *ret_span)
{
    size_t member_len = strlen(member), value = 0;
    unsigned depth = 0, deepest = 0;
    bool at_name = false, is_wanted = false, is_hidden = false;
    struct submit_span span = { 0 };

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '"') {
            bool has_escape = false;
            size_t end = string_end(text, len, i, &has_escape);

            if (depth == 1 && at_name) {
                is_hidden |= has_escape;
                is_wanted = end - i == member_len + 2 && !memcmp(text + i + 1, member, member_len);
            }
            i = end - 1;
        } else if (c == '{' || c == '[') {
            at_name = ++depth == 1 && c == '{';
            if (depth > deepest)
                deepest = depth;
            if (depth > SUBMIT_DEPTH_MAX)
                break;
        } else if (c == ':' && depth == 1) {
            at_name = false;
            value = is_wanted ? i + 1 : 0;
        } else if ((c == ',' && depth == 1) || c == '}' || c == ']') {
            if (depth == 1 && value) {
                span = (struct submit_span){ text + value, i - value };
                value = 0;
            }
            at_name = depth == 1;
            if (c != ',' && depth)
                depth--;
        }
    }
    if (span.at)
        trim(&span);
    *ret_span = is_hidden ? (struct submit_span){ 0 } : span;
    return deepest;
}

static bool is_deeper(const json_t *value, unsigned left)
{
    const char *key;
    size_t index;
    json_t *item;

    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (!left)
        return true;
    json_array_foreach((json_t *)value, index, item)
        if (is_deeper(item, left - 1))
            return true;
    json_object_foreach((json_t *)value, key, item)
        if (is_deeper(item, left - 1))
            return true;
    return false;
}

bool submit_is_too_deep(const json_t *value)
{
    return is_deeper(value, SUBMIT_DEPTH_MAX);
}

enum err submit_parse(const char *text, size_t len, const char *pointer, struct submit_span *ret_input,
                      json_t **ret_root, struct faults *faults)
{
    json_error_t error;

    if (scan(text, len, "input", ret_input) > SUBMIT_DEPTH_MAX) {
        faults_add(faults, pointer, "is nested more than %d deep", SUBMIT_DEPTH_MAX);
        return ERR_INVALID;
    }
    *ret_root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (*ret_root)
        return ERR_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return ERR_NOMEM;
    faults_add(faults, pointer, "%s (line %d, column %d)", error.text, error.line, error.column);
    return ERR_NOT_JSON;
}
