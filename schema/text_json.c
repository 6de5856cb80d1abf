/* text_json.c: JSON written straight into a text (RFC 8259). Strings are the only work: a run of
 * plain characters is copied as it is, the rest is escaped, and a byte that is no UTF-8 becomes
 * U+FFFD, so that no text of ours is ever refused by whoever reads it back. */
#include <string.h>

#include "schema/clock.h"
#include "schema/text.h"

static void comma(struct text *text)
{
    if (text->len && !text->failed && !strchr("{[:,", text->at[text->len - 1]))
        text_add(text, ",", 1);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Writes what the character at `at` needs; returns how many bytes of the input it took. */
static size_t escape(struct text *text, const char *at, size_t left)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*at;
    char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    size_t len;

    switch (c) {
    case '"':
        text_add(text, "\\\"", 2);
        return 1;
    case '\\':
        text_add(text, "\\\\", 2);
        return 1;
    case '\n':
        text_add(text, "\\n", 2);
        return 1;
    case '\r':
        text_add(text, "\\r", 2);
        return 1;
    case '\t':
        text_add(text, "\\t", 2);
        return 1;
    default:
        break;
    }
    if (c < 0x20) {
        text_add(text, code, sizeof code);
        return 1;
    }
    len = text_utf8_len(at, left);
    if (!len) {
        text_add(text, "\xef\xbf\xbd", 3);
        return 1;
    }
    text_add(text, at, len);
    return len;
}

void text_json_string(struct text *text, const char *str, size_t len)
{
    size_t from = 0, to = 0;

    comma(text);
    if (!text_room(text, len + 2))
        return;
    text_add(text, "\"", 1);
    while (to < len) {
        if (is_plain((unsigned char)str[to])) {
            to++;
            continue;
        }
        text_add(text, str + from, to - from);
        to += escape(text, str + to, len - to);
        from = to;
    }
    text_add(text, str + from, to - from);
    text_add(text, "\"", 1);
}

void text_json_key(struct text *text, const char *key)
{
    size_t len = strlen(key);
    char *at;

    if (!text_room(text, len + 4))
        return;
    comma(text);
    at = text->at + text->len;
    *at++ = '"';
    memcpy(at, key, len);
    memcpy(at + len, "\":", 3);
    text->len += len + 3;
}

void text_json_str(struct text *text, const char *key, const char *value)
{
    text_json_key(text, key);
    if (value)
        text_json_string(text, value, strlen(value));
    else
        text_add(text, "null", 4);
}

void text_json_strs(struct text *text, const char *key, char *const *values, unsigned n)
{
    text_json_key(text, key);
    text_add(text, "[", 1);
    for (unsigned i = 0; i < n; i++)
        text_json_string(text, values[i], strlen(values[i]));
    text_add(text, "]", 1);
}

void text_json_int(struct text *text, const char *key, int64_t value)
{
    text_json_key(text, key);
    text_int(text, value);
}

void text_json_bool(struct text *text, const char *key, bool value)
{
    text_json_key(text, key);
    if (value)
        text_add(text, "true", 4);
    else
        text_add(text, "false", 5);
}

/* A line end can only be white space between JSON's tokens, so a blank means the same. */
void text_json_raw(struct text *text, const char *key, const char *json, size_t len)
{
    size_t start;

    text_json_key(text, key);
    start = text->len;
    text_add(text, json, len);
    for (char *at = text->at + start; !text->failed && at < text->at + text->len; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
}

void text_json_time(struct text *text, const char *key, int64_t unix_ms)
{
    char quoted[CLOCK_TEXT_SIZE + 1];

    text_json_key(text, key);
    if (!unix_ms) {
        text_add(text, "null", 4);
        return;
    }
    quoted[0] = '"';
    clock_encode(unix_ms, quoted + 1);
    quoted[CLOCK_TEXT_SIZE] = '"'; /* in the place of the NUL */
    text_add(text, quoted, sizeof quoted);
}
