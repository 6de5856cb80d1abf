/* media_type.c: takes a media type at its word only if it is one: it is stored and sent back. */
#include "schema/media_type.h"

#include <string.h>
#include <strings.h>

static const char *skip_token(const char *at)
{
    return at + strspn(at, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* NULL: the quotes do not close. */
static const char *skip_quoted(const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && *++at == '\0')
            return NULL;
    }
    return *at ? at + 1 : NULL;
}

bool media_type_is_valid(const char *header)
{
    const char *slash = skip_token(header), *at;

    if (slash == header || *slash != '/')
        return false;
    at = skip_token(slash + 1);
    if (at == slash + 1)
        return false;
    for (;;) {
        at += strspn(at, " \t");
        if (*at == '\0')
            return true;
        if (*at++ != ';')
            return false;
        at += strspn(at, " \t");
        if (*at == ';' || *at == '\0') /* an empty parameter may stand there */
            continue;
        const char *equals = skip_token(at);
        if (equals == at || *equals != '=')
            return false;
        at = equals[1] == '"' ? skip_quoted(equals + 1) : skip_token(equals + 1);
        if (!at || at == equals + 1)
            return false;
    }
}

bool media_type_is_printable(const char *header)
{
    const char *at = header;

    while (*at >= ' ' && *at <= '~')
        at++;
    return at > header && !*at;
}

bool media_type_is(const char *header, const char *media_type)
{
    size_t len = strlen(media_type);

    return strncasecmp(header, media_type, len) == 0 && (header[len] == '\0' || strchr("; \t", header[len]));
}
