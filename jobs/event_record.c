/* event_record.c: records of the log, written and read. Every node reads every event of every other,
 * so the line in front of each event is scanned by hand when it stands in the order in which we
 * write it; anything else that says the same in JSON is read through a tree. */
#include "jobs/event_record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schema/hash.h"
#include "schema/media_type.h"

/* What a header line says; the strings point into the line or the tree. */
struct header {
    char kind[32];
    int64_t at;
    char job[ID_SIZE];
    const char *data;
    size_t data_len;
    char media[128];    /* "": no body follows */
    int64_t len;
};

/* ---- writing ---- */

void event_record_encode(struct text *text, const char *from, uint64_t n, const struct event *event)
{
    const struct body *body = event->blob.at ? NULL : event->body;

    text_str(text, "{\"from\":\"");
    text_str(text, from);
    text_str(text, "\",\"n\":");
    text_int(text, (int64_t)n);
    text_str(text, ",\"kind\":\"");
    text_str(text, event_kind_word(event->kind));
    text_str(text, "\",\"at\":");
    text_int(text, event->at);
    text_str(text, ",\"job\":\"");
    text_str(text, event->job);
    text_str(text, "\",\"data\":");
    event_encode(text, event);
    if (body) {
        text_json_str(text, "media", body->media_type);
        text_json_int(text, "len", (int64_t)body->len);
    }
    text_str(text, "}\n");
    if (body) {
        text_add(text, body->bytes, body->len);
        text_char(text, '\n');
    }
}

/* ---- scanning what we wrote ---- */

struct scan {
    const char *at, *end;
    bool failed; /* not in our order, or not ours at all */
};

static void scan_word(struct scan *scan, const char *word)
{
    size_t len = strlen(word);

    if (scan->failed || (size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        scan->failed = true;
    else
        scan->at += len;
}

static bool scan_is(const struct scan *scan, const char *word)
{
    size_t len = strlen(word);

    return !scan->failed && (size_t)(scan->end - scan->at) >= len && memcmp(scan->at, word, len) == 0;
}

/* Digits as we write them: no sign, no leading zero, at most 18 of them. */
static int64_t scan_int(struct scan *scan)
{
    const char *from = scan->at;
    int64_t value = 0;

    while (!scan->failed && scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && scan->at - from < 18)
        value = value * 10 + (*scan->at++ - '0');
    if (scan->at == from || (*from == '0' && scan->at - from > 1))
        scan->failed = true;
    return value;
}

/* The rest of a string up to its quote, without escapes, into a field of size bytes. */
static void scan_str(struct scan *scan, char *field, size_t size)
{
    const char *from = scan->at, *quote;

    if (scan->failed)
        return;
    quote = memchr(from, '"', (size_t)(scan->end - from));
    if (!quote || (size_t)(quote - from) >= size || memchr(from, '\\', (size_t)(quote - from)) ||
        memchr(from, '\0', (size_t)(quote - from))) {
        scan->failed = true;
        return;
    }
    memcpy(field, from, (size_t)(quote - from));
    field[quote - from] = '\0';
    scan->at = quote + 1;
}

/* Over an object to its end; whether it is one at all is found out when it is decoded. */
static void scan_object(struct scan *scan)
{
    const char *at = scan->at;
    unsigned depth = 0;
    bool in_string = false;

    for (; !scan->failed && at < scan->end; at++) {
        if (in_string) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                in_string = false;
        } else if (*at == '"') {
            in_string = true;
        } else if (*at == '{') {
            depth++;
        } else if (*at == '}' && (depth == 0 || --depth == 0)) {
            break;
        }
    }
    if (scan->failed || at >= scan->end || *scan->at != '{')
        scan->failed = true;
    else
        scan->at = at + 1;
}

static bool header_scan(const char *line, size_t len, struct header *header)
{
    struct scan scan = {line, line + len, false};
    char from[128];

    scan_word(&scan, "{\"from\":\"");
    scan_str(&scan, from, sizeof from);
    scan_word(&scan, ",\"n\":");
    scan_int(&scan);
    scan_word(&scan, ",\"kind\":\"");
    scan_str(&scan, header->kind, sizeof header->kind);
    scan_word(&scan, ",\"at\":");
    header->at = scan_int(&scan);
    scan_word(&scan, ",\"job\":\"");
    scan_str(&scan, header->job, sizeof header->job);
    scan_word(&scan, ",\"data\":");
    header->data = scan.at;
    scan_object(&scan);
    header->data_len = (size_t)(scan.at - header->data);
    if (scan_is(&scan, ",\"media\":\"")) {
        scan_word(&scan, ",\"media\":\"");
        scan_str(&scan, header->media, sizeof header->media);
        scan_word(&scan, ",\"len\":");
        header->len = scan_int(&scan);
    }
    scan_word(&scan, "}");
    return !scan.failed && scan.at == scan.end;
}

/* ---- any other order ---- */

static bool tree_str(const json_t *root, const char *name, bool must, char *field, size_t size)
{
    const json_t *value = json_object_get(root, name);
    size_t len = json_string_length(value);

    if (!value)
        return !must;
    if (!json_is_string(value) || len >= size || strlen(json_string_value(value)) != len)
        return false;
    memcpy(field, json_string_value(value), len + 1);
    return true;
}

static bool tree_int(const json_t *root, const char *name, bool must, int64_t *ret_value)
{
    const json_t *value = json_object_get(root, name);

    if (!value)
        return !must;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret_value = json_integer_value(value);
    return true;
}

/* Members that nobody knows yet are passed over: they cannot have been needed by this version. */
static enum err header_parse(const char *line, size_t len, struct header *header, char **ret_data)
{
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *data;
    int64_t n = 0;
    char from[128];
    enum err err = ERR_CORRUPT;

    *header = (struct header){0};
    data = json_object_get(root, "data");
    if (!tree_str(root, "from", true, from, sizeof from) || !tree_int(root, "n", true, &n) ||
        !tree_str(root, "kind", true, header->kind, sizeof header->kind) ||
        !tree_int(root, "at", true, &header->at) ||
        !tree_str(root, "job", false, header->job, sizeof header->job) || !json_is_object(data) ||
        !tree_str(root, "media", false, header->media, sizeof header->media) ||
        !tree_int(root, "len", header->media[0] != '\0', &header->len))
        goto out;
    *ret_data = json_dumps(data, JSON_COMPACT);
    err = *ret_data ? ERR_OK : ERR_NOMEM;
    header->data = *ret_data;
    header->data_len = *ret_data ? strlen(*ret_data) : 0;
out:
    json_decref(root);
    return err;
}

/* ---- events ---- */

/* The body that stands after the line, if one does; moves *at behind it. */
static enum err take_body(const struct header *header, const char **at, const char *end, struct event *event)
{
    if (!header->media[0])
        return ERR_OK;
    if (event->blob.at || !media_type_is_printable(header->media) || header->len >= end - *at || (*at)[header->len] != '\n')
        return ERR_CORRUPT;
    event->body = body_new(header->media, *at, (size_t)header->len);
    *at += header->len + 1;
    return event->body ? ERR_OK : ERR_NOMEM;
}

static enum err take_event(const char **at, const char *end, struct append **ret_append)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    struct header header = {0};
    struct append *append = NULL;
    enum event_kind kind;
    char *data = NULL;
    enum err err = ERR_CORRUPT;

    if (!newline)
        return ERR_CORRUPT;
    if (!header_scan(*at, (size_t)(newline - *at), &header)) {
        err = header_parse(*at, (size_t)(newline - *at), &header, &data);
        if (err)
            goto out;
        err = ERR_CORRUPT;
    }
    if (!event_kind_decode(header.kind, &kind) || (header.job[0] && !id_is_valid(header.job, strlen(header.job))))
        goto out;
    append = append_new(kind, header.job, header.at);
    err = append ? event_decode(header.data, header.data_len, &append->event) : ERR_NOMEM;
    *at = newline + 1;
    if (!err)
        err = take_body(&header, at, end, &append->event);
    if (!err) {
        *ret_append = append;
        append = NULL;
    }
out:
    append_free(append);
    free(data);
    return err;
}

enum err event_record_decode(const char *bytes, size_t len, struct append **ret_list)
{
    const char *at = bytes, *end = bytes + len;
    struct append *list = NULL, **last = &list;
    enum err err = len ? ERR_OK : ERR_CORRUPT;

    for (unsigned n = 0; at < end && !err; n++) {
        err = n < EVENT_RECORD_EVENTS_MAX ? take_event(&at, end, last) : ERR_CORRUPT;
        if (!err)
            last = &(*last)->next;
    }
    if (err) {
        *last = NULL;
        for (struct append *next; list; list = next) {
            next = list->next;
            append_free(list);
        }
        return err;
    }
    *ret_list = list;
    return ERR_OK;
}

bool event_record_is_from(const char *bytes, size_t len, const char *from, uint64_t *ret_n)
{
    struct scan scan = {bytes, bytes + len, false};
    int64_t n;

    scan_word(&scan, "{\"from\":\"");
    scan_word(&scan, from);
    scan_word(&scan, "\",\"n\":");
    n = scan_int(&scan);
    if (scan.failed)
        return false;
    *ret_n = (uint64_t)n;
    return true;
}

/* ---- place and seal ---- */

static uint64_t seal_at(uint64_t hash, unsigned index)
{
    unsigned char bytes[2] = {(unsigned char)(index & 255), (unsigned char)(index >> 8)};

    hash = hash_bytes(hash, bytes, sizeof bytes);
    return hash ? hash : 1; /* 0 says that there is none */
}

uint64_t event_record_seal(const char *bytes, size_t len, unsigned index)
{
    return seal_at(hash_bytes(HASH_START, bytes, len), index);
}

void event_record_place(struct append *list, int64_t offset, const char *bytes, size_t len)
{
    uint64_t hash = hash_bytes(HASH_START, bytes, len);
    unsigned index = 0;

    for (; list; list = list->next, index++) {
        list->event.pos = EVENT_RECORD_POS(offset, index);
        list->event.seal = seal_at(hash, index);
    }
}
