/* fault.c: the list of faults and the `errors` array made of it. */
#include "schema/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A client chooses the names in a pointer, and may choose long ones. */
#define FAULT_TEXT_MAX 512

void faults_clear(struct faults *faults)
{
    for (unsigned i = 0; i < faults->n; i++) {
        free(faults->at[i].pointer);
        free(faults->at[i].detail);
    }
    memset(faults, 0, sizeof *faults);
}

/* Cut between characters. */
static void cut(char *str)
{
    size_t len = FAULT_TEXT_MAX;

    if (strlen(str) <= len)
        return;
    while (len && ((unsigned char)str[len] & 0xc0) == 0x80)
        len--;
    str[len] = '\0';
}

void faults_add(struct faults *faults, const char *pointer, const char *format, ...)
{
    char *where = NULL, *detail = NULL;
    va_list args;
    int len;

    if (faults->n == FAULTS_MAX) {
        faults->n_dropped++;
        return;
    }
    va_start(args, format);
    len = vasprintf(&detail, format, args);
    va_end(args);
    if (len < 0)
        detail = NULL; /* vasprintf leaves it undefined */
    where = strdup(pointer);
    if (!detail || !where) {
        free(detail);
        free(where);
        faults->n_dropped++; /* that there was one is still known */
        return;
    }
    cut(where);
    cut(detail);
    faults->at[faults->n++] = (struct fault){where, detail};
}

/* As a URI fragment (RFC 6901, 6): what RFC 3986 does not allow there is percent-encoded. */
static void encode_pointer(struct text *text, const char *pointer)
{
    text_str(text, "\"#");
    for (const char *at = pointer; *at; at++) {
        bool is_word = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (is_word || strchr("/-._~!$&'()*+,;=:@?", *at))
            text_char(text, *at);
        else
            text_printf(text, "%%%02X", (unsigned char)*at);
    }
    text_char(text, '"');
}

/* One step of a pointer, the way FastAPI has it: the place in an array as a number. */
static void encode_step(struct text *text, const char *step, size_t len)
{
    char name[FAULT_TEXT_MAX + 1];
    size_t n = 0;

    if (len && len < 10 && strspn(step, "0123456789") >= len && (step[0] != '0' || len == 1)) {
        text_char(text, ',');
        text_add(text, step, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        char c = step[i];
        if (c == '~' && i + 1 < len)
            c = step[++i] == '1' ? '/' : '~';
        name[n++] = c;
    }
    text_json_string(text, name, n);
}

static void encode_loc(struct text *text, const char *pointer)
{
    text_str(text, "[\"body\"");
    while (*pointer == '/') {
        size_t len = strcspn(++pointer, "/");
        encode_step(text, pointer, len);
        pointer += len;
    }
    text_char(text, ']');
}

void faults_encode(struct text *text, const struct faults *faults)
{
    text_char(text, '[');
    for (unsigned i = 0; i < faults->n; i++) {
        const struct fault *fault = &faults->at[i];
        text_str(text, i ? ",{\"pointer\":" : "{\"pointer\":");
        encode_pointer(text, fault->pointer);
        text_str(text, ",\"loc\":");
        encode_loc(text, fault->pointer);
        text_json_str(text, "detail", fault->detail);
        text_char(text, '}');
    }
    text_char(text, ']');
}
