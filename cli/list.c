/* list.c: `buzzer list`: a table on a terminal, one job a line as JSON otherwise. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/job_show.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/say.h"

#define PAGE 500 /* the service gives no more at once */

static bool read_limit(const char *text, long *ret_limit)
{
    char *end;

    errno = 0;
    *ret_limit = text ? strtol(text, &end, 10) : 100;
    if (!text || (!errno && end != text && !*end && *ret_limit > 0))
        return true;
    say("--limit must be a whole number from 1 on, not '%s'", text);
    return false;
}

static int get_page(struct client *client, const struct options *options, long size, const char *token,
                    json_t **ret_page)
{
    struct text target = {0};
    char number[24];
    int code = EX_SOFTWARE;

    snprintf(number, sizeof number, "%ld", size < PAGE ? size : PAGE);
    text_str(&target, "/v1/jobs");
    query_add(&target, "state", options->state);
    query_add(&target, "type", options->type);
    query_add(&target, "queue", options->queue);
    query_add(&target, "tag", options->tag);
    query_add(&target, "page_size", number);
    query_add(&target, "page_token", token);
    if (!target.failed)
        code = client_get_json(client, target.at, ret_page);
    text_clear(&target);
    return code;
}

/* Prints the page; gives how many jobs there were. */
static long put_page(json_t *page, bool as_table)
{
    json_t *job;
    size_t i;

    json_array_foreach(json_object_get(page, "jobs"), i, job)
    {
        if (as_table)
            job_show_row(stdout, job);
        else
            json_put_line(stdout, job);
    }
    return (long)i;
}

int command_list(int argc, char **argv)
{
    struct options options = {0};
    struct client *client = NULL;
    json_t *page = NULL, *before = NULL;
    bool as_table, more = true;
    long left;
    int first, code = options_read(argc, argv, OPTION_JSON | OPTION_STATE | OPTION_FILTER | OPTION_LIMIT, 0,
                                   0, &options, &first);

    if (!code && !read_limit(options.limit, &left))
        code = EX_USAGE;
    if (!code)
        code = options_client(&options, &client);
    as_table = !options.json && isatty(STDOUT_FILENO);
    while (!code && more && left > 0) {
        code = get_page(client, &options, left, before ? job_text(before, "next_page_token") : NULL, &page);
        if (code)
            break;
        if (as_table && !before)
            job_show_head(stdout);
        left -= put_page(page, as_table);
        json_decref(before);
        before = page;
        page = NULL;
        more = job_text(before, "next_page_token")[0] != '\0';
    }
    if (!code && !say_written())
        code = EX_SOFTWARE;
    json_decref(before);
    client_free(client);
    return code;
}
