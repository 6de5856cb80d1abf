/* What job code says, looked at before it becomes part of a job: a result that claims to be JSON is
 * checked here, on our side of the process boundary, without building anything; messages are made
 * valid UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "jobs/worker_priv.h"

#define DEPTH_MAX 512u

struct scan {
    const unsigned char *at, *end;
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

/* The length of a well-formed UTF-8 sequence (RFC 3629) at `at`; 0: it is none. */
static size_t utf8_len(const unsigned char *at, const unsigned char *end)
{
    size_t left = (size_t)(end - at), len;
    unsigned char low = 0x80, high = 0xbf;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (left < len)
        return 0;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static int hex4(struct scan *scan)
{
    int value = 0;

    if (scan->end - scan->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = *scan->at++, lower = c | 32;
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + (lower - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* After the backslash. Half a surrogate pair stands for nothing; NUL ends strings elsewhere. */
static bool scan_escape(struct scan *scan)
{
    if (scan->at == scan->end)
        return false;
    int c = *scan->at++;
    if (c != 'u')
        return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
    int value = hex4(scan);
    if (value >= 0xd800 && value <= 0xdbff) {
        if (scan->end - scan->at < 2 || scan->at[0] != '\\' || scan->at[1] != 'u')
            return false;
        scan->at += 2;
        value = hex4(scan);
        return value >= 0xdc00 && value <= 0xdfff;
    }
    return value >= 0 && !(value >= 0xdc00 && value <= 0xdfff);
}

static bool scan_string(struct scan *scan)
{
    if (scan->at == scan->end || *scan->at != '"')
        return false;
    scan->at++;
    while (scan->at < scan->end) {
        unsigned char c = *scan->at;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c < 0x20)
            return false;
        if (c == '\\') {
            scan->at++;
            if (!scan_escape(scan))
                return false;
            continue;
        }
        size_t len = c < 0x80 ? 1 : utf8_len(scan->at, scan->end);
        if (len == 0)
            return false;
        scan->at += len;
    }
    return false;
}

static bool scan_digits(struct scan *scan)
{
    const unsigned char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start;
}

static bool scan_number(struct scan *scan)
{
    if (*scan->at == '-')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '0')
        scan->at++;
    else if (!scan_digits(scan))
        return false;
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (scan->at < scan->end && (*scan->at | 32) == 'e') {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        return scan_digits(scan);
    }
    return true;
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return false;
    scan->at += len;
    return true;
}

static bool scan_scalar(struct scan *scan)
{
    switch (*scan->at) {
    case '"':
        return scan_string(scan);
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    default:
        return scan_number(scan);
    }
}

static bool scan_key(struct scan *scan)
{
    skip_space(scan);
    if (!scan_string(scan))
        return false;
    skip_space(scan);
    return scan->at < scan->end && *scan->at++ == ':';
}

/* Opens containers down to the first value that is none, or to an empty one. */
static bool scan_down(struct scan *scan, unsigned char *stack, unsigned *depth)
{
    for (;;) {
        skip_space(scan);
        if (scan->at == scan->end)
            return false;
        unsigned char open = *scan->at;
        if (open != '{' && open != '[')
            return scan_scalar(scan);
        scan->at++;
        skip_space(scan);
        if (scan->at < scan->end && *scan->at == open + 2) {     /* '[' + 2 is ']', '{' + 2 is '}' */
            scan->at++;
            return true;
        }
        if (*depth == DEPTH_MAX)
            return false;
        stack[(*depth)++] = open;
        if (open == '{' && !scan_key(scan))
            return false;
    }
}

bool text_is_json(const char *bytes, size_t len)
{
    const unsigned char *start = (const unsigned char *)bytes;
    struct scan scan = {start, start + len};
    unsigned char stack[DEPTH_MAX];
    unsigned depth = 0;

    for (;;) {
        if (!scan_down(&scan, stack, &depth))
            return false;
        for (;;) {                                   /* close what ends here */
            skip_space(&scan);
            if (depth == 0)
                return scan.at == scan.end;
            if (scan.at == scan.end)
                return false;
            unsigned char c = *scan.at++, open = stack[depth - 1];
            if (c == ',') {
                if (open == '{' && !scan_key(&scan))
                    return false;
                break;
            }
            if (c != open + 2)
                return false;
            depth--;
        }
    }
}

char *text_clean(const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + len;
    char *copy = malloc(len + 1), *to = copy;

    if (!copy)
        return NULL;
    while (at < end && *at) {
        size_t n = utf8_len(at, end);
        if (n == 1 && (*at < 0x20 || *at == 0x7f) && *at != '\n' && *at != '\t')
            n = 0;
        if (n == 0) {
            *to++ = '?';
            at++;
            continue;
        }
        memcpy(to, at, n);
        to += n;
        at += n;
    }
    *to = '\0';
    return copy;
}
