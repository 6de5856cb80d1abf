/* routes_list.c: many jobs, page by page, and the types there are. */
#include <string.h>

#include "api/hold.h"
#include "api/job_reply.h"
#include "api/page_token.h"
#include "api/query.h"
#include "api/router.h"

#define PAGE_SIZE_DEFAULT 50
#define PAGE_SIZE_MAX 500
#define PAGE_BYTES (1024 * 1024) /* results stand in the jobs: a page ends early when it has grown to this */

static const struct query_name list_query[] = {
    {"state", 0}, {"type", 0}, {"queue", 0}, {"tag", 0}, {"page_size", 0}, {"page_token", 0}, {"after", 0}, {NULL, 0},
};

/* False: the request has been answered. The filter borrows from the query. */
static bool list_filter(struct request *request, struct job_filter *ret_filter)
{
    static const char *const names[] = {"type", "queue", "tag"};
    const char *state = request_param(request, "state");
    const char *values[3];

    if (state && !job_state_decode(state, &ret_filter->state)) {
        reply_problem(request, ERR_BAD_QUERY, "state is not one of the states of a job.", NULL);
        return false;
    }
    for (unsigned i = 0; i < 3; i++) {
        values[i] = request_param(request, names[i]);
        if (values[i] && !name_is_valid(values[i], strlen(values[i]))) {
            reply_problem(request, ERR_BAD_QUERY, "type, queue and tag are names of 1 to 64 characters.", NULL);
            return false;
        }
    }
    ret_filter->has_state = state != NULL;
    ret_filter->type = values[0];
    ret_filter->queue = values[1];
    ret_filter->tag = values[2];
    return true;
}

static void reply_page(struct request *request, struct job *const *jobs, unsigned n, int64_t next_seq)
{
    struct thread *thread = request_thread(request);
    struct text text = {0};
    char token[PAGE_TOKEN_SIZE] = "";

    text_str(&text, "{\"jobs\":[");
    for (unsigned i = 0; i < n; i++) {
        if (i && text.len > PAGE_BYTES) {
            next_seq = jobs[i - 1]->seq;
            break;
        }
        if (i)
            text_char(&text, ',');
        job_tell(&text, thread, jobs[i]);
    }
    text_char(&text, ']');
    if (next_seq)
        page_token_encode(reader_log_id(thread->reader), next_seq, token);
    text_json_str(&text, "next_page_token", token);
    text_char(&text, '}');
    reply_json(request, 200, &text);
    text_clear(&text);
}

void route_list(struct request *request)
{
    struct thread *thread = request_thread(request);
    struct job_filter filter = {0};
    struct job *jobs[PAGE_SIZE_MAX];
    unsigned n = 0;
    const char *size, *token;
    int64_t page_size = PAGE_SIZE_DEFAULT, before_seq = 0, next_seq = 0;
    enum err err;

    if (!request_knows(request, list_query) || !list_filter(request, &filter) || !hold_for_cursor(request))
        return;
    size = request_param(request, "page_size");
    if (size && !query_number(size, 1, PAGE_SIZE_MAX, &page_size)) {
        reply_problem(request, ERR_BAD_QUERY, "page_size is a number from 1 on.", NULL);
        return;
    }
    token = request_param(request, "page_token");
    if (token && *token && !page_token_decode(token, reader_log_id(thread->reader), &before_seq)) {
        reply_problem(request, ERR_BAD_PAGE_TOKEN, NULL, NULL);
        return;
    }
    filter.tenant = principal_tenant(request_principal(request));
    err = reader_list(thread->reader, &filter, (unsigned)page_size, before_seq, jobs, &n, &next_seq);
    if (err)
        reply_problem(request, err, NULL, NULL);
    else
        reply_page(request, jobs, n, next_seq);
    for (unsigned i = 0; i < n; i++)
        job_unref(jobs[i]);
}

void route_types(struct request *request)
{
    static const struct query_name nothing[] = {{NULL, 0}};
    const struct types *types = request_thread(request)->setup->types;
    struct text text = {0};

    if (!request_knows(request, nothing))
        return;
    text_str(&text, "{\"types\":[");
    for (unsigned i = 0; i < types_count(types); i++) {
        if (i)
            text_char(&text, ',');
        type_encode(&text, types_at(types, i));
    }
    text_str(&text, "]}");
    reply_json(request, 200, &text);
    text_clear(&text);
}
