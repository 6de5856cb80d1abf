/* routes_keys.c: access keys are made, listed and revoked, and tickets handed out. Whether a key may
 * come or go is decided by the fold, in the order of the log; looking first only finds the plain cases
 * before anything is written, and says which rule it was that refused. */
#include <stdlib.h>
#include <string.h>

#include "api/job_reply.h"
#include "api/key_request.h"
#include "api/query.h"
#include "api/router.h"
#include "api/server_priv.h"
#include "api/tickets.h"
#include "schema/clock.h"
#include "schema/media_type.h"

static const struct query_name no_query[] = {{NULL, 0}};

/* A key on its way into the log, or out of use. */
struct key_order {
    struct request *request;
    struct pending *pending;
    char id[ACCESS_KEY_ID_SIZE];
    char secret[ACCESS_KEY_TEXT_SIZE];   /* "": it is revoked */
};

static void key_order_free(void *state)
{
    struct key_order *order = state;

    if (!order)
        return;
    pending_forget(order->pending);
    explicit_bzero(order->secret, sizeof order->secret);
    free(order);
}

/* What the fold goes by, as it is now. */
struct census {
    const char *id;
    int64_t now_ms;
    unsigned n;
    bool is_there, is_admin;             /* the key `id` */
    unsigned n_other_admins;             /* not over yet */
};

static void count_key(void *arg, const struct access_key *key)
{
    struct census *census = arg;
    bool is_it = strcmp(key->id, census->id) == 0;
    bool is_admin = key->scopes & SCOPE_ADMIN;

    census->n++;
    census->is_there |= is_it;
    census->is_admin |= is_it && is_admin;
    census->n_other_admins += !is_it && is_admin && (!key->expires_at || key->expires_at > census->now_ms);
}

static enum err take_census(const struct thread *thread, const char *id, struct census *ret_census)
{
    *ret_census = (struct census){.id = id, .now_ms = thread_now_ms(thread)};
    return reader_keys(thread->reader, count_key, ret_census);
}

static enum err may_make(const struct thread *thread, const struct access_key *key)
{
    struct census census;
    enum err err = take_census(thread, key->id, &census);

    if (err)
        return err;
    if (census.n == 0 && !(key->scopes & SCOPE_ADMIN))
        return ERR_FIRST_KEY;
    return census.n >= ACCESS_KEYS_MAX ? ERR_BUSY : ERR_OK;
}

static enum err may_revoke(const struct thread *thread, const char *id)
{
    struct census census;
    enum err err = take_census(thread, id, &census);

    if (err)
        return err;
    if (!census.is_there)
        return ERR_NOT_FOUND;
    return census.is_admin && census.n_other_admins == 0 ? ERR_LAST_ADMIN : ERR_OK;
}

static void reply_key_problem(struct request *request, enum err err, const struct faults *faults)
{
    reply_problem(request, err,
                  err == ERR_NOT_FOUND ? "There is no such key." : err == ERR_BUSY ? "There are too many keys." : NULL,
                  faults);
}

static void answer_made(struct request *request, const struct access_key *key, const char *secret)
{
    struct text text = {0};

    key_encode(&text, key, secret);
    reply_json(request, 201, &text);
    text_clear(&text);
}

static void on_ordered(void *owner, struct append *append, unsigned n)
{
    struct key_order *order = owner;
    struct request *request = order->request;
    const struct thread *thread = request_thread(request);
    enum err err = append->err;

    (void)n;
    order->pending = NULL;
    if (!err && append->outcome != OUTCOME_ACCEPTED) {
        err = order->secret[0] ? may_make(thread, append->event.key) : may_revoke(thread, order->id);
        err = err ? err : ERR_INTERNAL;
    }
    if (err)
        reply_key_problem(request, err, NULL);
    else if (order->secret[0])
        answer_made(request, append->event.key, order->secret);
    else
        reply_empty(request, 204);
}

/* Takes over the key. */
static void give_order(struct request *request, struct access_key *key, const char *secret)
{
    struct thread *thread = request_thread(request);
    struct append *append = append_new(EVENT_KEY, NULL, thread_now_ms(thread));
    struct key_order *order = calloc(1, sizeof *order);
    enum err err = ERR_NOMEM;

    if (append && order) {
        order->request = request;
        memcpy(order->id, key->id, sizeof order->id);
        memcpy(order->secret, secret, strlen(secret));
        append->event.key = key;
        key = NULL;
        err = thread_append(thread, append, 1, on_ordered, order, &order->pending);
    }
    if (err) {
        append_free(append);
        access_key_free(key);
        key_order_free(order);
        reply_problem(request, err, NULL, NULL);
        return;
    }
    request_set_state(request, order, key_order_free);
}

void route_make_key(struct request *request)
{
    const struct thread *thread = request_thread(request);
    const char *content_type = request_header(request, HEADER_CONTENT_TYPE);
    struct access_key *key = NULL;
    struct faults faults = {0};
    char secret[ACCESS_KEY_TEXT_SIZE] = "";
    size_t len;
    const char *text = request_body(request, &len);
    enum err err = ERR_MEDIA_TYPE;

    if (!request_knows(request, no_query))
        return;
    if (content_type && media_type_is(content_type, "application/json"))
        err = key_request_decode(text, len, thread_now_ms(thread), &key, secret, &faults);
    if (!err)
        err = may_make(thread, key);
    if (err) {
        reply_key_problem(request, err, &faults);
        access_key_free(key);
    } else {
        give_order(request, key, secret);
    }
    faults_clear(&faults);
    explicit_bzero(secret, sizeof secret);
}

void route_revoke_key(struct request *request)
{
    const char *id = request_id(request);
    struct access_key *key = NULL;
    enum err err = ERR_NOT_FOUND;

    if (!request_knows(request, no_query))
        return;
    if (id && access_key_id_is_valid(id, strlen(id)))
        err = may_revoke(request_thread(request), id);
    if (!err && !(key = calloc(1, sizeof *key)))
        err = ERR_NOMEM;
    if (err) {
        reply_key_problem(request, err, NULL);
        return;
    }
    memcpy(key->id, id, ACCESS_KEY_ID_SIZE);
    key->is_revoked = true;
    give_order(request, key, "");
}

static void list_key(void *arg, const struct access_key *key)
{
    struct text *text = arg;

    if (!text->failed && text->at[text->len - 1] == '}')
        text_char(text, ',');
    key_encode(text, key, NULL);
}

void route_keys(struct request *request)
{
    struct text text = {0};
    enum err err;

    if (!request_knows(request, no_query))
        return;
    text_str(&text, "{\"keys\":[");
    err = text.failed ? ERR_NOMEM : reader_keys(request_thread(request)->reader, list_key, &text);
    text_str(&text, "]}");
    if (err)
        reply_problem(request, err, NULL, NULL);
    else
        reply_json(request, 200, &text);
    text_clear(&text);
}

void route_make_ticket(struct request *request)
{
    struct thread *thread = request_thread(request);
    struct text text = {0};
    char ticket[TICKET_SIZE];
    enum err err;

    if (!request_knows(request, no_query))
        return;
    err = tickets_make(thread->server->tickets, principal_key_id(request_principal(request)), clock_mono_ms(), ticket);
    if (err) {
        reply_problem(request, err, NULL, NULL);
        return;
    }
    text_char(&text, '{');
    text_json_str(&text, "ticket", ticket);
    text_json_time(&text, "expires_at", thread_now_ms(thread) + TICKET_MS);
    text_char(&text, '}');
    reply_json(request, 201, &text);
    text_clear(&text);
}
