/* socket_frames.c: the little language of the WebSocket: one JSON object a message, named by its
 * `op`. What is no such thing closes the socket; what can be understood but not done is answered with
 * an error frame that carries a problem document, as HTTP would. */
#include <stdlib.h>
#include <string.h>

#include "api/problem.h"
#include "api/query.h"
#include "api/socket_priv.h"

#define REF_MAX 64

/* A message taken apart: what several ops have in common. */
struct op {
    json_t *root;
    const char *ref;            /* NULL: none */
    struct faults faults;
};

/* ---- what is told ---- */

void socket_tell(struct socket *socket, struct text *text)
{
    /* Without the memory for an answer the socket is closed: the client must not wait for it forever. */
    subscriber_push(socket->subscriber, text->failed ? NULL : frame_new(text->at, text->len));
    text_clear(text);
}

static void begin(struct text *text, const char *op, const char *ref)
{
    text_str(text, "{\"op\":\"");
    text_str(text, op);
    text_char(text, '"');
    if (ref)
        text_json_str(text, "ref", ref);
}

static void tell_subscribed(struct socket *socket, const char *ref, const char *job_id, const struct subscribed *subscribed)
{
    struct text text = {0};

    begin(&text, "subscribed", ref);
    if (job_id)
        text_json_str(&text, "job", job_id);
    else
        text_json_bool(&text, "all", true);
    text_json_bool(&text, "recovered", subscribed->recovered);
    text_json_str(&text, "cursor", subscribed->cursor);
    text_char(&text, '}');
    socket_tell(socket, &text);
}

enum err socket_subscribe(struct socket *socket, const char *ref, const char *job, const struct hub_filter *filter,
                          const char *after)
{
    struct subscribed subscribed;
    enum err err = job ? subscriber_add_job(socket->subscriber, job, after, &subscribed)
                       : subscriber_add_all(socket->subscriber, filter, after, &subscribed);

    if (!err)
        tell_subscribed(socket, ref, job, &subscribed);
    return err;
}

void socket_tell_error(struct socket *socket, const char *ref, enum err err, const char *detail, const struct faults *faults)
{
    struct text text = {0};

    begin(&text, "error", ref);
    text_json_key(&text, "problem");
    problem_encode(&text, err, detail, "/v1/ws", faults);
    text_char(&text, '}');
    socket_tell(socket, &text);
}

/* ---- what is asked ---- */

/* True where everything asked is well formed; else the error frame is out. */
static bool is_sound(struct socket *socket, const struct op *op)
{
    if (op->faults.n)
        socket_tell_error(socket, op->ref, ERR_INVALID, NULL, &op->faults);
    return op->faults.n == 0;
}

static void know_members(struct op *op, const char *const *names)
{
    const char *name;
    json_t *value;

    json_object_foreach(op->root, name, value) {
        const char *const *known = names;
        while (*known && strcmp(*known, name) != 0)
            known++;
        if (!*known) {
            struct text pointer = {0};
            text_printf(&pointer, "/%.64s", name);
            faults_add(&op->faults, pointer.failed ? "" : pointer.at, "is not a member of this op");
            text_clear(&pointer);
        }
    }
}

/* A string, or NULL when absent (or wrong, which is a fault). */
static const char *string_member(struct op *op, const char *name)
{
    json_t *value = json_object_get(op->root, name);
    char pointer[16];

    if (!value || (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value)))
        return json_string_value(value);
    snprintf(pointer, sizeof pointer, "/%s", name);
    faults_add(&op->faults, pointer, "must be a string");
    return NULL;
}

/* `all` is true or absent. */
static bool all_member(struct op *op)
{
    json_t *all = json_object_get(op->root, "all");

    if (all && !json_is_true(all))
        faults_add(&op->faults, "/all", "must be true");
    return all != NULL;
}

static void filter_value(struct op *op, struct hub_filter *filter, const char *name, const json_t *value)
{
    char pointer[16];

    if (json_is_string(value) && query_filter(filter, name, json_string_value(value)))
        return;
    snprintf(pointer, sizeof pointer, "/%s", name);
    faults_add(&op->faults, pointer, strcmp(name, "event") == 0 ? "must be a word such as job.succeeded, or a list of them"
                                                                : "must be a name of 1 to 64 characters");
}

/* type, queue, tag and event; true when there is one. */
static bool filter_members(struct op *op, struct hub_filter *filter)
{
    static const char *const names[] = {"type", "queue", "tag", "event"};
    bool has_one = false;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_object_get(op->root, names[i]), *item;
        size_t at;
        if (!value)
            continue;
        has_one = true;
        if (strcmp(names[i], "event") == 0 && json_is_array(value)) {
            json_array_foreach(value, at, item)
                filter_value(op, filter, names[i], item);
        } else {
            filter_value(op, filter, names[i], value);
        }
    }
    return has_one;
}

static void subscribe(struct socket *socket, struct op *op)
{
    static const char *const members[] = {"op", "ref", "job", "all", "after", "type", "queue", "tag", "event", NULL};
    struct hub_filter filter = {0};
    const char *job = string_member(op, "job"), *after = string_member(op, "after");
    bool all = all_member(op), has_filter = filter_members(op, &filter);
    enum err err;

    know_members(op, members);
    if (all == (json_object_get(op->root, "job") != NULL))
        faults_add(&op->faults, "/job", "either job or all is needed, and not both");
    else if (has_filter && !all)
        faults_add(&op->faults, "/job", "a filter goes with all");
    if (!is_sound(socket, op))
        return;
    err = !socket_may(socket, SCOPE_READ) ? ERR_NO_RIGHT : after && !*after ? ERR_BAD_CURSOR : ERR_OK;
    if (!err && !socket_subscribe_later(socket, op->ref, job, &filter, after))
        err = socket_subscribe(socket, op->ref, job, &filter, after);
    if (err)
        socket_tell_error(socket, op->ref, err, err == ERR_BUSY ? "A socket may have 100 subscriptions." : NULL, NULL);
}

/* Said back only when there was nothing to end: what is wanted then already is so, but a typing error
 * in the id should not stay unseen. */
static void unsubscribe(struct socket *socket, struct op *op)
{
    static const char *const members[] = {"op", "ref", "job", "all", NULL};
    const char *job = string_member(op, "job");
    bool all = all_member(op);
    bool was_asking;
    enum err err;

    know_members(op, members);
    if (all == (json_object_get(op->root, "job") != NULL))
        faults_add(&op->faults, "/job", "either job or all is needed, and not both");
    if (!is_sound(socket, op))
        return;
    was_asking = socket_forget_asking(socket, job);
    err = job ? subscriber_remove_job(socket->subscriber, job) : subscriber_remove_all(socket->subscriber);
    if (err && !was_asking)
        socket_tell_error(socket, op->ref, err, "This socket has no such subscription.", NULL);
}

static void submit(struct socket *socket, struct op *op)
{
    static const char *const members[] = {"op", "ref", "job", NULL};

    know_members(op, members);
    if (!json_object_get(op->root, "job"))
        faults_add(&op->faults, "/job", "is needed: the submission");
    if (is_sound(socket, op))
        socket_submit(socket, op->ref, json_object_get(op->root, "job"));
}

static void pong(struct socket *socket, struct op *op)
{
    static const char *const members[] = {"op", "ref", NULL};
    struct text text = {0};

    know_members(op, members);
    if (!is_sound(socket, op))
        return;
    begin(&text, "pong", op->ref);
    text_char(&text, '}');
    socket_tell(socket, &text);
}

static const struct {
    const char *name;
    size_t max;
    void (*handle)(struct socket *socket, struct op *op);
} ops[] = {
    {"subscribe", SOCKET_FRAME_MAX, subscribe},
    {"unsubscribe", SOCKET_FRAME_MAX, unsubscribe},
    {"submit", SOCKET_SUBMIT_MAX, submit},
    {"ping", SOCKET_FRAME_MAX, pong},
};

int socket_message(struct socket *socket, const char *text, size_t len)
{
    struct op op = {.root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL)};
    const char *name = json_string_value(json_object_get(op.root, "op"));
    int code = len > SOCKET_FRAME_MAX ? SOCKET_TOO_BIG : SOCKET_NOT_A_FRAME;

    for (size_t i = 0; name && i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(name, ops[i].name) != 0)
            continue;
        code = len > ops[i].max ? SOCKET_TOO_BIG : 0;
        if (code)
            break;
        op.ref = string_member(&op, "ref");
        if (op.ref && strlen(op.ref) > REF_MAX) {
            faults_add(&op.faults, "/ref", "must have at most %d bytes", REF_MAX);
            op.ref = NULL;
        }
        ops[i].handle(socket, &op);
        break;
    }
    faults_clear(&op.faults);
    json_decref(op.root);
    return code;
}
