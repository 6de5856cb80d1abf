/* submit_key.c: the headers of a submission, and the fingerprint that tells whether a repeated
 * Idempotency-Key came with the same submission. JSON is compared by value: neither the order of
 * members nor the spelling of a number or string matters. */
#include "jobs/submit_priv.h"

#include <endian.h>
#include <math.h>
#include <string.h>

static bool is_printable(char c)
{
    return c >= 0x20 && c <= 0x7e;
}

/* As it is, or as a string of RFC 8941: in quotes, with \" and \\ inside. */
enum err submit_key_decode(const char *header, char key[SUBMIT_KEY_MAX + 1])
{
    size_t len = strlen(header), n = 0, i = 0;
    bool is_quoted = header[0] == '"';

    if (is_quoted) {
        if (len < 2 || header[len - 1] != '"')
            return ERR_BAD_KEY;
        i = 1;
        len--;
    }
    for (; i < len; i++) {
        char c = header[i];

        if (is_quoted && c == '"')
            return ERR_BAD_KEY;
        if (is_quoted && c == '\\') {
            c = ++i < len ? header[i] : '\0';
            if (c != '"' && c != '\\')
                return ERR_BAD_KEY;
        }
        if (!is_printable(c) || n == SUBMIT_KEY_MAX)
            return ERR_BAD_KEY;
        key[n++] = c;
    }
    key[n] = '\0';
    return n ? ERR_OK : ERR_BAD_KEY;
}

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") >= len;
}

static bool is_zero(const char *text, size_t len)
{
    return strspn(text, "0") >= len;
}

/* W3C Trace Context: version-trace-parent-flags. A later version may go on after a dash; its first
 * four fields are read as version 00, as the text asks for. */
bool submit_traceparent_decode(const char *header, char traceparent[SUBMIT_TRACEPARENT_LEN + 1])
{
    size_t len = strlen(header);

    if (len < SUBMIT_TRACEPARENT_LEN || !is_hex(header, 2) || header[2] != '-' || !is_hex(header + 3, 32) ||
        header[35] != '-' || !is_hex(header + 36, 16) || header[52] != '-' || !is_hex(header + 53, 2))
        return false;
    if (is_zero(header + 3, 32) || is_zero(header + 36, 16) || !memcmp(header, "ff", 2))
        return false;
    if (len > SUBMIT_TRACEPARENT_LEN && (is_zero(header, 2) || header[SUBMIT_TRACEPARENT_LEN] != '-'))
        return false;
    memcpy(traceparent, header, SUBMIT_TRACEPARENT_LEN);
    traceparent[SUBMIT_TRACEPARENT_LEN] = '\0';
    memcpy(traceparent, "00", 2);
    return true;
}

static uint64_t hash_int(int64_t number, uint64_t seed)
{
    uint64_t bytes = htole64((uint64_t)number);

    return submit_hash(&bytes, sizeof(bytes), seed);
}

static uint64_t hash_number(const json_t *value, uint64_t seed)
{
    double real = json_number_value(value);
    int64_t whole = json_integer_value(value);

    if (json_is_real(value)) {
        if (fabs(real) > 9007199254740992.0 || real != floor(real)) {
            const union {
                double real;
                int64_t bits;
            } number = {real};
            return hash_int(number.bits, submit_hash("r", 1, seed));
        }
        whole = (int64_t)real;
    }
    return hash_int(whole, submit_hash("i", 1, seed));
}

/* Depth is bounded by submit_is_too_deep and submit_parse. */
static uint64_t hash_json(const json_t *value, uint64_t seed)
{
    const char *name;
    size_t index;
    json_t *item;
    uint64_t sum = 0;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        json_object_foreach((json_t *)value, name, item)
            sum += hash_json(item, submit_hash(name, strlen(name), seed));   /* in any order */
        return hash_int((int64_t)sum, submit_hash("o", 1, seed));
    case JSON_ARRAY:
        seed = submit_hash("a", 1, seed);
        json_array_foreach(value, index, item)
            seed = hash_json(item, seed);
        return submit_hash("e", 1, seed);
    case JSON_STRING:
        return submit_hash(json_string_value(value), json_string_length(value), submit_hash("s", 1, seed));
    case JSON_INTEGER:
    case JSON_REAL:
        return hash_number(value, seed);
    case JSON_TRUE:
        return submit_hash("t", 1, seed);
    case JSON_FALSE:
        return submit_hash("f", 1, seed);
    case JSON_NULL:
        break;
    }
    return submit_hash("n", 1, seed);
}

static uint64_t hash_string(const char *text, uint64_t seed)
{
    return submit_hash(text, strlen(text), submit_hash("s", 1, seed));
}

uint64_t submit_fingerprint(const struct submission *s)
{
    uint64_t hash = hash_string(s->type->name, 0);

    if (s->input) {
        hash = hash_json(s->input, hash);
    } else {
        hash = hash_string(s->body->media_type, hash);
        hash = submit_hash(s->body->bytes, s->body->len, hash);
    }
    hash = s->params ? hash_json(s->params, hash) : submit_hash("n", 1, hash);
    hash = hash_string(s->queue, hash);
    for (unsigned i = 0; i < NUMBER_COUNT; i++)
        hash = hash_int(s->number[i], hash);
    hash = hash_int(s->run_at, hash);
    for (unsigned i = 0; i < s->n_tags; i++)
        hash = hash_string(s->tags[i], hash);
    return hash;
}
