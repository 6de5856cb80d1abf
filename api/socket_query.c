/* socket_query.c: what the handshake's query asks for: `?job=` (repeatable) and `?all=1` with the
 * filters, both from `?after=` on. Checked whole before the handshake is answered, so that a wrong
 * one gets a status instead of a socket that stays silent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/query.h"
#include "api/socket_priv.h"

#define ARGUMENTS_MAX 128       /* the subscriptions of one socket, and the rest */
#define ARGUMENT_BYTES 8192     /* as the request target */

static const struct query_name handshake_query[] = {
    {"job", QUERY_MANY}, {"all", 0}, {"after", 0}, {"type", 0}, {"queue", 0}, {"tag", 0}, {"event", QUERY_MANY}, {"ticket", 0}, {NULL, 0},
};

struct arguments {
    unsigned n;
    struct submit_param params[ARGUMENTS_MAX];  /* point into text */
    size_t text_len;
    char text[ARGUMENT_BYTES];
};

/* The library holds each argument, decoded, as a piece of its own. */
static enum err read_arguments(struct lws *wsi, struct arguments *arguments)
{
    for (int i = 0;; i++) {
        char *at = arguments->text + arguments->text_len;
        size_t room = sizeof arguments->text - arguments->text_len;
        int len = lws_hdr_copy_fragment(wsi, at, (int)room, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len < 0)
            return lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0 ? ERR_BAD_QUERY : ERR_OK;
        if (len == 0 || strcmp(at, "/") == 0)
            continue;                    /* an empty argument reaches us as a slash */
        if (arguments->n == ARGUMENTS_MAX || strlen(at) != (size_t)len)
            return ERR_BAD_QUERY;
        char *value = strchr(at, '=');
        if (value)
            *value++ = '\0';
        arguments->params[arguments->n++] = (struct submit_param){.name = at, .value = value ? value : ""};
        arguments->text_len += (size_t)len + 1;
    }
}

/* Filters narrow `all`, and mean nothing without it. */
static enum err read_filter(const struct arguments *arguments, bool *ret_all, struct hub_filter *filter,
                            char *detail, size_t size)
{
    const char *all = query_value(arguments->params, arguments->n, "all");

    if (all && strcmp(all, "1") != 0 && strcmp(all, "true") != 0) {
        snprintf(detail, size, "all is 1 or absent.");
        return ERR_BAD_QUERY;
    }
    for (unsigned i = 0; i < arguments->n; i++) {
        const struct submit_param *param = &arguments->params[i];
        if (query_is_filter(param->name) && (!all || !query_filter(filter, param->name, param->value))) {
            snprintf(detail, size, all ? "The value of %.16s cannot be." : "%.16s stands without all=1.", param->name);
            return ERR_BAD_QUERY;
        }
    }
    *ret_all = all != NULL;
    return ERR_OK;
}

static enum err add(struct socket *socket, const char *job, const struct hub_filter *filter, const char *after)
{
    if (socket_subscribe_later(socket, NULL, job, filter, after))
        return ERR_OK;
    return socket_subscribe(socket, NULL, job, filter, after);
}

static enum err subscribe(struct socket *socket, const struct arguments *arguments, char *detail, size_t size)
{
    const char *after = query_value(arguments->params, arguments->n, "after");
    struct hub_filter filter = {0};
    char log_id[LOG_ID_SIZE];
    int64_t pos;
    bool all = false;
    enum err err = query_check(arguments->params, arguments->n, handshake_query, detail, size);

    if (!err && after && !cursor_decode(after, strlen(after), log_id, &pos))
        err = ERR_BAD_CURSOR;
    if (!err)
        err = read_filter(arguments, &all, &filter, detail, size);
    if (!err && (all || query_value(arguments->params, arguments->n, "job")) && !socket_may(socket, SCOPE_READ))
        err = ERR_NO_RIGHT;
    if (!err && all)
        err = add(socket, NULL, &filter, after);
    for (unsigned i = 0; i < arguments->n && !err; i++) {
        if (strcmp(arguments->params[i].name, "job") == 0)
            err = add(socket, arguments->params[i].value, NULL, after);
    }
    if (err == ERR_BUSY) {
        snprintf(detail, size, "A socket may have %d subscriptions.", SUBSCRIPTIONS_MAX);
        err = ERR_BAD_QUERY;
    }
    return err;
}

enum err socket_subscribe_query(struct socket *socket, struct lws *wsi, char *detail, size_t size)
{
    struct arguments *arguments = NULL;
    enum err err;

    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) <= 0)
        return ERR_OK;
    arguments = malloc(sizeof *arguments);
    if (!arguments)
        return ERR_NOMEM;
    arguments->n = 0;
    arguments->text_len = 0;
    err = read_arguments(wsi, arguments);
    if (!err)
        err = subscribe(socket, arguments, detail, size);
    free(arguments);
    return err;
}
