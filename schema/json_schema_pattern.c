/* json_schema_pattern.c: `pattern`, by PCRE2, set to agree with ECMA-262 where they differ. A match
 * that would take too long is given up: a pattern with nested repeats must not stop a thread. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "schema/json_schema_priv.h"

#define MATCH_LIMIT 200000
#define HEAP_LIMIT_KIB 1024
#define SOURCE_MAX 4096

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits; /* only read while matching, so threads may share it */
    char source[];
};

enum err pattern_new(const char *source, struct pattern **ret_pattern, char *message, size_t size)
{
    /* $ only at the very end, \u0041 and \x41 as in JavaScript, \d and \w plain ASCII. */
    uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF |
                       PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C;
    struct pattern *pattern = NULL;
    size_t len = strlen(source), at;
    enum err err = ERR_INVALID;
    int code;

    if (len > SOURCE_MAX) {
        snprintf(message, size, "is over %d characters long", SOURCE_MAX);
        goto out;
    }
    err = ERR_NOMEM;
    pattern = calloc(1, sizeof *pattern + len + 1);
    if (!pattern)
        goto out;
    memcpy(pattern->source, source, len + 1);
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->limits)
        goto out;
    pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(pattern->limits, HEAP_LIMIT_KIB);
    pattern->code = pcre2_compile((PCRE2_SPTR)source, len, options, &code, &at, NULL);
    if (!pattern->code) {
        PCRE2_UCHAR why[128];
        err = code == PCRE2_ERROR_HEAP_FAILED ? ERR_NOMEM : ERR_INVALID;
        pcre2_get_error_message(code, why, sizeof why);
        snprintf(message, size, "is no pattern: %s at character %zu", (const char *)why, at);
        goto out;
    }
    *ret_pattern = pattern;
    return ERR_OK;
out:
    pattern_free(pattern);
    return err;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_code_free(pattern->code);
    pcre2_match_context_free(pattern->limits);
    free(pattern);
}

const char *pattern_source(const struct pattern *pattern)
{
    return pattern->source;
}

enum match pattern_match(const struct pattern *pattern, const char *subject, size_t len)
{
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    int rc;

    if (!found)
        return MATCH_TOO_LONG;
    rc = pcre2_match(pattern->code, (PCRE2_SPTR)subject, len, 0, 0, found, pattern->limits);
    pcre2_match_data_free(found);
    if (rc >= 0)
        return MATCH_YES;
    return rc == PCRE2_ERROR_NOMATCH ? MATCH_NO : MATCH_TOO_LONG;
}
