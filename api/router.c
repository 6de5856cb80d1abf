/* router.c: from method and path to a row of the table. */
#include "api/router.h"

#include <stdio.h>
#include <string.h>

/* A pattern has at most one {id}; it matches one segment, up to the `:verb` that follows it. A {name} is
 * whatever stands between: names of queues may hold slashes and colons. */
static bool pattern_matches(const char *pattern, const char *path, char *ret_id, size_t id_size)
{
    const char *open = strchr(pattern, '{'), *close, *suffix;
    size_t before, rest, len;

    if (!open)
        return strcmp(pattern, path) == 0;
    close = strchr(open, '}');
    suffix = close + 1;
    before = (size_t)(open - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    len = strlen(path + before);
    rest = strlen(suffix);
    if (len <= rest || strcmp(path + before + len - rest, suffix) != 0)
        return false;
    len -= rest;
    if (len >= id_size)
        return false;
    if (open[1] != 'n' && (memchr(path + before, '/', len) || memchr(path + before, ':', len)))
        return false;
    memcpy(ret_id, path + before, len);
    ret_id[len] = '\0';
    return true;
}

static const char *method_word(enum method method)
{
    return method == METHOD_GET ? "GET, HEAD" : method == METHOD_POST ? "POST" : "DELETE";
}

enum err route_find(enum method method, const char *path, const struct route **ret_route, char *ret_id,
                    size_t id_size, char *ret_allow, size_t allow_size)
{
    enum method wanted = method == METHOD_HEAD ? METHOD_GET : method;
    bool known = false;

    ret_id[0] = ret_allow[0] = '\0';
    for (const struct route *route = routes; route->pattern; route++) {
        if (!pattern_matches(route->pattern, path, ret_id, id_size))
            continue;
        if (route->method == wanted) {
            *ret_route = route;
            return ERR_OK;
        }
        size_t len = strlen(ret_allow);
        snprintf(ret_allow + len, allow_size - len, "%s%s", known ? ", " : "", method_word(route->method));
        known = true;
    }
    return known ? ERR_METHOD : ERR_NOT_FOUND;
}
