/* text.c: a growing piece of text. What is written into it as JSON stands in text_json.c. */
#include "schema/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

void text_clear(struct text *text)
{
    free(text->at);
    *text = (struct text){0};
}

void text_reset(struct text *text)
{
    text->len = 0;
    text->failed = false;
    if (text->at)
        text->at[0] = '\0';
}

char *text_take(struct text *text, size_t *ret_len)
{
    char *at = NULL;

    if (text_room(text, 0)) { /* so that an empty text is "" and not NULL */
        at = text->at;
        if (ret_len)
            *ret_len = text->len;
        *text = (struct text){0};
    }
    text_clear(text);
    return at;
}

static bool grow(struct text *text, size_t more)
{
    size_t cap = text->cap ? text->cap : FIRST_CAP;
    char *at = NULL;

    if (!text->failed && more < SIZE_MAX / 4 && text->len < SIZE_MAX / 4) {
        while (cap <= text->len + more)
            cap *= 2;
        at = realloc(text->at, cap);
    }
    if (!at) {
        text->failed = true;
        return false;
    }
    text->at = at;
    text->at[text->len] = '\0';
    text->cap = cap;
    return true;
}

bool text_room(struct text *text, size_t more)
{
    if (!text->failed && more < text->cap - text->len) /* len < cap, or both are 0 */
        return true;
    return grow(text, more);
}

void text_add(struct text *text, const char *bytes, size_t len)
{
    if (!len || !text_room(text, len))
        return;
    memcpy(text->at + text->len, bytes, len);
    text->len += len;
    text->at[text->len] = '\0';
}

void text_str(struct text *text, const char *str)
{
    text_add(text, str, strlen(str));
}

void text_char(struct text *text, char c)
{
    text_add(text, &c, 1);
}

void text_int(struct text *text, int64_t value)
{
    char digits[20];
    char *at = digits + sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0)
        *--at = '-';
    text_add(text, at, (size_t)(digits + sizeof digits - at));
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args, again;
    int need;

    if (!text_room(text, 64))
        return;
    va_start(args, format);
    va_copy(again, args);
    need = vsnprintf(text->at + text->len, text->cap - text->len, format, args);
    if (need < 0) {
        text->at[text->len] = '\0';
        text->failed = true;
    } else if ((size_t)need < text->cap - text->len) {
        text->len += (size_t)need;
    } else {
        text->at[text->len] = '\0';
        if (text_room(text, (size_t)need)) {
            vsnprintf(text->at + text->len, text->cap - text->len, format, again);
            text->len += (size_t)need;
        }
    }
    va_end(again);
    va_end(args);
}

size_t text_utf8_len(const char *str, size_t len)
{
    const unsigned char *at = (const unsigned char *)str;
    unsigned char low = 0x80, high = 0xbf;
    size_t need;

    if (!len)
        return 0;
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        need = 2;
    else if ((at[0] & 0xf0) == 0xe0)
        need = 3;
    else if (at[0] >= 0xf0 && at[0] <= 0xf4)
        need = 4;
    else
        return 0;
    if (len < need)
        return 0;
    if (at[0] == 0xe0)
        low = 0xa0; /* shorter forms exist */
    else if (at[0] == 0xed)
        high = 0x9f; /* surrogates are no characters */
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f; /* past U+10FFFF */
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return need;
}
