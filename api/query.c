/* query.c: strict reading of what stands after the `?`, and of the one preference we know. A typing
 * error in a filter that silently shows everything would be worse than a refusal. */
#include "api/query.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum err query_check(const struct submit_param *params, unsigned n_params, const struct query_name *names,
                     char *detail, size_t size)
{
    for (unsigned i = 0; i < n_params; i++) {
        const struct query_name *known = names;
        while (known->name && strcmp(known->name, params[i].name) != 0)
            known++;
        if (!known->name) {
            snprintf(detail, size, "The parameter %.64s is not known here.", params[i].name);
            return ERR_BAD_QUERY;
        }
        if (known->flags & QUERY_MANY)
            continue;
        for (unsigned before = 0; before < i; before++) {
            if (strcmp(params[before].name, params[i].name) == 0) {
                snprintf(detail, size, "The parameter %s stands twice.", known->name);
                return ERR_BAD_QUERY;
            }
        }
    }
    return ERR_OK;
}

const char *query_value(const struct submit_param *params, unsigned n_params, const char *name)
{
    for (unsigned i = 0; i < n_params; i++) {
        if (strcmp(params[i].name, name) == 0)
            return params[i].value;
    }
    return NULL;
}

/* len digits and nothing else, so that " 5", "+5" and "5e3" are none. */
static bool number_decode(const char *digits, size_t len, int64_t min, int64_t max, int64_t *ret_number)
{
    int64_t number = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        if (number <= max) /* past that it is lowered anyway, and must not overflow */
            number = number * 10 + (digits[i] - '0');
    }
    if (number < min)
        return false;
    *ret_number = number > max ? max : number;
    return true;
}

bool query_number(const char *value, int64_t min, int64_t max, int64_t *ret_number)
{
    return number_decode(value, strlen(value), min, max, ret_number);
}

bool query_is_filter(const char *name)
{
    return strcmp(name, "type") == 0 || strcmp(name, "queue") == 0 || strcmp(name, "tag") == 0 ||
           strcmp(name, "event") == 0;
}

bool query_filter(struct hub_filter *filter, const char *name, const char *value)
{
    enum change_kind kind;
    char *to = NULL;

    if (strcmp(name, "event") == 0) {
        if (strncmp(value, "job.", 4) != 0 || value[4] == '\0' || !change_decode(value + 4, &kind))
            return false;
        filter->events |= 1u << kind;
        return true;
    }
    if (strcmp(name, "type") == 0)
        to = filter->type;
    else if (strcmp(name, "queue") == 0)
        to = filter->queue;
    else
        to = filter->tag;
    if (!name_is_valid(value, strlen(value)))
        return false;
    memcpy(to, value, strlen(value) + 1); /* a valid name fits */
    return true;
}

bool prefer_wait(const char *header, int64_t max, int64_t *ret_seconds)
{
    static const char word[] = "wait";

    for (const char *at = header; at && *at;) {
        at += strspn(at, " \t,");
        size_t len = strcspn(at, ",");
        if (len > strlen(word) && strncasecmp(at, word, strlen(word)) == 0) {
            const char *end = at + strcspn(at, ",;");
            const char *value = at + strlen(word) + strspn(at + strlen(word), " \t");
            if (*value == '=') {
                value++;
                value += strspn(value, " \t\"");
                while (end > value && strchr(" \t\"", end[-1]))
                    end--;
                return number_decode(value, (size_t)(end - value), 0, max, ret_seconds);
            }
        }
        at += len;
    }
    return false;
}
