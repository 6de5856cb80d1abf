/* json_schema_place.c: places in a document as JSON pointers (RFC 6901): written for faults, followed
 * for $ref. */
#include <stdlib.h>
#include <string.h>

#include "schema/json_schema_priv.h"

void place_write(struct text *text, const struct place *place)
{
    if (!place)
        return;
    place_write(text, place->up);
    text_char(text, '/');
    if (!place->key) {
        text_int(text, (int64_t)place->index);
        return;
    }
    for (const char *at = place->key; *at; at++) {
        if (*at == '~')
            text_add(text, "~0", 2);
        else if (*at == '/')
            text_add(text, "~1", 2);
        else
            text_char(text, *at);
    }
}

/* %XX first, then ~1 and ~0, as RFC 6901, 6 says; in place, as neither makes it longer. */
static bool decode_percents(char *str)
{
    char *to = str;

    for (const char *at = str; *at; at++) {
        char hex[3] = {0};
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        memcpy(hex, at + 1, strnlen(at + 1, 2));
        if (strspn(hex, "0123456789abcdefABCDEF") != 2 || strcmp(hex, "00") == 0)
            return false;
        *to++ = (char)strtoul(hex, NULL, 16);
        at += 2;
    }
    *to = '\0';
    return true;
}

static void decode_tildes(char *str)
{
    char *to = str;

    for (const char *at = str; *at; at++) {
        if (at[0] == '~' && (at[1] == '0' || at[1] == '1'))
            *to++ = *++at == '1' ? '/' : '~';
        else
            *to++ = *at;
    }
    *to = '\0';
}

static const json_t *follow(const json_t *from, const char *step)
{
    char *end;
    unsigned long index;

    if (!json_is_array(from))
        return json_object_get(from, step);
    if (step[0] < '0' || step[0] > '9')
        return NULL;
    index = strtoul(step, &end, 10);
    return *end ? NULL : json_array_get(from, index);
}

enum err ref_find(const json_t *document, const char *pointer, const json_t **ret_target)
{
    char *copy = strdup(pointer), *step = copy;
    enum err err = ERR_NOT_FOUND;

    if (!copy)
        return ERR_NOMEM;
    if (!decode_percents(copy))
        goto out;
    while (document && step && *step == '/') {
        char *next = strchr(++step, '/');
        if (next)
            *next = '\0';
        decode_tildes(step);
        document = follow(document, step);
        if (next)
            *next = '/';
        step = next;
    }
    if (!document || (step && *step))
        goto out; /* step is NULL after a last step, "" for the whole document */
    *ret_target = document;
    err = ERR_OK;
out:
    free(copy);
    return err;
}
