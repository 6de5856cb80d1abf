/* A heartbeat to and from its line of JSON. What comes in was written by a process that may be of
 * another version, or be no process of ours at all: every member is checked before it is believed. */
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/presence.h"
#include "schema/job.h"

#define BEAT_LEN_MAX 65536         /* as long as 256 names and all else can make it, and more */
#define SLOTS_MAX 100000

static const char host_marks[] = "._-";
static const char url_marks[] = "._-~:/?#[]@!$&'()*+,;=%";
static const char version_marks[] = "._-+~";

void beat_clear(struct beat *beat)
{
    for (unsigned i = 0; i < beat->n_types; i++)
        free(beat->types[i]);
    *beat = (struct beat){0};
}

enum err beat_copy(struct beat *to, const struct beat *from)
{
    struct beat copy = *from;

    for (copy.n_types = 0; copy.n_types < from->n_types; copy.n_types++) {
        copy.types[copy.n_types] = strdup(from->types[copy.n_types]);
        if (!copy.types[copy.n_types]) {
            beat_clear(&copy);
            return ERR_NOMEM;
        }
    }
    beat_clear(to);
    *to = copy;
    return ERR_OK;
}

void beat_encode(struct text *text, const struct beat *beat)
{
    text_char(text, '{');
    text_json_str(text, "name", beat->name);
    text_json_int(text, "seq", beat->seq);
    text_json_int(text, "at", beat->at);
    text_json_str(text, "host", beat->host);
    text_json_int(text, "pid", beat->pid);
    text_json_str(text, "version", beat->version);
    text_json_int(text, "started_at", beat->started_at);
    text_json_bool(text, "api", beat->role_api);
    text_json_bool(text, "worker", beat->role_worker);
    text_json_bool(text, "draining", beat->draining);
    text_json_bool(text, "leaving", beat->leaving);
    text_json_str(text, "url", beat->url);
    text_json_str(text, "ticket", beat->ticket);
    text_json_int(text, "pos", beat->pos);
    text_json_str(text, "state_hash", beat->state_hash);
    text_json_int(text, "slots", beat->slots);
    text_json_int(text, "running", beat->running);
    text_json_strs(text, "types", beat->types, beat->n_types);
    text_char(text, '}');
}

static bool is_word(char c, const char *marks)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(marks, c));
}

/* Letters, digits and marks only, and room for them. */
static bool read_word(const json_t *root, const char *key, const char *marks, char *ret_word, size_t size)
{
    const json_t *value = json_object_get(root, key);
    const char *word = json_string_value(value);
    size_t len = json_string_length(value);

    if (!word || len >= size)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_word(word[i], marks))
            return false;
    memcpy(ret_word, word, len + 1);
    return true;
}

/* Nothing, or so many hex digits as there is room for. */
static bool read_hex(const json_t *root, const char *key, char *ret_hex, size_t size)
{
    if (!read_word(root, key, "", ret_hex, size))
        return false;
    return !*ret_hex || (strlen(ret_hex) == size - 1 && strspn(ret_hex, "0123456789abcdef") == size - 1);
}

static bool read_number(const json_t *root, const char *key, int64_t max, int64_t *ret_number)
{
    const json_t *value = json_object_get(root, key);

    *ret_number = json_integer_value(value);
    return json_is_integer(value) && *ret_number >= 0 && *ret_number <= max;
}

static bool read_small(const json_t *root, const char *key, int max, int *ret_number)
{
    int64_t number;
    bool ok = read_number(root, key, max, &number);

    *ret_number = ok ? (int)number : 0;
    return ok;
}

static bool read_flag(const json_t *root, const char *key, bool *ret_flag)
{
    const json_t *value = json_object_get(root, key);

    *ret_flag = json_is_true(value);
    return json_is_boolean(value);
}

static bool read_url(const json_t *root, char *ret_url, size_t size)
{
    if (!read_word(root, "url", url_marks, ret_url, size))
        return false;
    return !*ret_url || strncmp(ret_url, "http://", 7) == 0 || strncmp(ret_url, "https://", 8) == 0;
}

static enum err read_types(const json_t *root, struct beat *beat)
{
    const json_t *types = json_object_get(root, "types");

    if (!json_is_array(types) || json_array_size(types) > PRESENCE_TYPES_MAX)
        return ERR_CORRUPT;
    for (size_t i = 0; i < json_array_size(types); i++) {
        const json_t *type = json_array_get(types, i);
        if (!json_is_string(type) || !name_is_valid(json_string_value(type), json_string_length(type)))
            return ERR_CORRUPT;
        beat->types[beat->n_types] = strdup(json_string_value(type));
        if (!beat->types[beat->n_types])
            return ERR_NOMEM;
        beat->n_types++;
    }
    return ERR_OK;
}

enum err beat_decode(const char *json, size_t len, struct beat *ret_beat)
{
    struct beat beat = {0};
    json_t *root = len > BEAT_LEN_MAX ? NULL : json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    enum err err = ERR_CORRUPT;

    if (!json_is_object(root))
        goto out;
    if (!read_word(root, "name", host_marks, beat.name, sizeof beat.name) || !beat.name[0] ||
        !read_word(root, "host", host_marks, beat.host, sizeof beat.host) ||
        !read_word(root, "version", version_marks, beat.version, sizeof beat.version) ||
        !read_url(root, beat.url, sizeof beat.url) ||
        !read_hex(root, "ticket", beat.ticket, sizeof beat.ticket) ||
        !read_hex(root, "state_hash", beat.state_hash, sizeof beat.state_hash))
        goto out;
    if (!read_number(root, "pos", INT64_MAX, &beat.pos) || !read_number(root, "seq", INT64_MAX, &beat.seq) ||
        !read_number(root, "started_at", INT64_MAX, &beat.started_at) || !read_number(root, "at", INT64_MAX, &beat.at) ||
        !read_small(root, "pid", INT_MAX, &beat.pid) || !read_small(root, "slots", SLOTS_MAX, &beat.slots) ||
        !read_small(root, "running", SLOTS_MAX, &beat.running))
        goto out;
    if (!read_flag(root, "api", &beat.role_api) || !read_flag(root, "worker", &beat.role_worker) ||
        !read_flag(root, "draining", &beat.draining) || !read_flag(root, "leaving", &beat.leaving))
        goto out;
    err = read_types(root, &beat);
    if (err)
        goto out;
    *ret_beat = beat;
    beat = (struct beat){0};
out:
    beat_clear(&beat);
    json_decref(root);
    return err;
}
