/* multipart.c: takes a form apart in one pass over the body that is already here. The boundary is
 * looked for as RFC 2046 writes it (CRLF, two dashes, the boundary), so any bytes may stand in the
 * file; bytes before the first boundary and after the last are passed over, as that text allows. */
#include "api/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/media_type.h"

#define BOUNDARY_MAX 70

struct span {
    const char *at;
    size_t len;
};

/* The value of a parameter of a header such as `form-data; name="a"`. Backslash escapes inside the
 * quotes are taken off; false: absent, broken or longer than there is room. */
static bool parameter(struct span header, const char *name, char *ret_value, size_t size)
{
    const char *at = header.at, *end = header.at + header.len;

    at = memchr(at, ';', (size_t)(end - at));
    while (at && at < end) {
        while (at < end && (*at == ';' || *at == ' ' || *at == '\t'))
            at++;
        const char *word = at;
        while (at < end && *at != '=' && *at != ';')
            at++;
        bool wanted = (size_t)(at - word) == strlen(name) && strncasecmp(word, name, strlen(name)) == 0;
        if (at == end || *at == ';')
            continue;
        at++;
        bool quoted = at < end && *at == '"';
        at += quoted;
        size_t len = 0;
        while (at < end && (quoted ? *at != '"' : *at != ';' && *at != ' ' && *at != '\t')) {
            if (quoted && *at == '\\' && at + 1 < end)
                at++;
            if (wanted) {
                if (len + 1 >= size)
                    return false;
                ret_value[len++] = *at;
            }
            at++;
        }
        if (quoted && (at == end || *at != '"'))
            return false;
        at += quoted;
        if (wanted) {
            ret_value[len] = '\0';
            return memchr(ret_value, '\0', len) == NULL;
        }
    }
    return false;
}

static bool boundary_decode(const char *content_type, char ret_boundary[BOUNDARY_MAX + 1])
{
    struct span header = {content_type, strlen(content_type)};

    return parameter(header, "boundary", ret_boundary, BOUNDARY_MAX + 1) && ret_boundary[0];
}

/* The line of a part's header block that has this name, without the name. */
static bool part_header(struct span head, const char *name, struct span *ret_value)
{
    const char *at = head.at, *end = head.at + head.len;

    while (at < end) {
        const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (!line_end)
            line_end = end;
        size_t len = strlen(name);
        if ((size_t)(line_end - at) > len && strncasecmp(at, name, len) == 0 && at[len] == ':') {
            at += len + 1;
            while (at < line_end && (*at == ' ' || *at == '\t'))
                at++;
            *ret_value = (struct span){at, (size_t)(line_end - at)};
            return true;
        }
        at = line_end == end ? end : line_end + 2;
    }
    return false;
}

/* Keeps a copy with a NUL after it; NULL: the fields are too large together. */
static const char *keep(struct multipart *form, const char *bytes, size_t len)
{
    if (len >= sizeof form->text - form->text_len)
        return NULL;
    char *copy = form->text + form->text_len;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    form->text_len += len + 1;
    return copy;
}

static const char *take_file(struct multipart *form, struct span head, struct span content)
{
    struct span type;

    if (form->file)
        return "There are two parts named file.";
    form->file = content.at;
    form->file_len = content.len;
    snprintf(form->file_type, sizeof form->file_type, "application/octet-stream");
    if (part_header(head, "content-type", &type)) {
        if (type.len == 0 || type.len >= sizeof form->file_type || memchr(type.at, '\0', type.len))
            return "The Content-Type of the part file is not a media type.";
        memcpy(form->file_type, type.at, type.len);
        form->file_type[type.len] = '\0';
        if (!media_type_is_valid(form->file_type))
            return "The Content-Type of the part file is not a media type.";
    }
    return NULL;
}

/* One part; what is wrong with it, or NULL. */
static const char *take_part(struct multipart *form, struct span head, struct span content)
{
    struct span disposition;
    char name[128];

    if (!part_header(head, "content-disposition", &disposition) || disposition.len < strlen("form-data") ||
        strncasecmp(disposition.at, "form-data", strlen("form-data")) != 0 ||
        !parameter(disposition, "name", name, sizeof name))
        return "A part has no Content-Disposition: form-data with a name.";
    if (strcmp(name, "file") == 0)
        return take_file(form, head, content);
    if (form->n_fields == MULTIPART_FIELDS_MAX)
        return "There are too many fields.";
    if (memchr(content.at, '\0', content.len))
        return "A field holds a NUL.";

    struct submit_param *field = &form->fields[form->n_fields];
    field->name = keep(form, name, strlen(name));
    field->value = field->name ? keep(form, content.at, content.len) : NULL;
    if (!field->value)
        return "The fields are too large together.";
    form->n_fields++;
    return NULL;
}

/* All parts from the first boundary on; what is wrong, or NULL. */
static const char *take_parts(struct multipart *form, const char *boundary, const char *body, size_t len)
{
    char delimiter[BOUNDARY_MAX + 5];
    size_t delimiter_len = (size_t)snprintf(delimiter, sizeof delimiter, "\r\n--%s", boundary);
    const char *end = body + len, *at = NULL;

    /* The very first boundary may stand at the start, with no CRLF before it. */
    if (len >= delimiter_len - 2 && memcmp(body, delimiter + 2, delimiter_len - 2) == 0)
        at = body + delimiter_len - 2;
    else if ((at = memmem(body, len, delimiter, delimiter_len)) != NULL)
        at += delimiter_len;
    while (at) {
        if (end - at >= 2 && memcmp(at, "--", 2) == 0)
            return NULL;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (end - at < 2 || memcmp(at, "\r\n", 2) != 0)
            return "A boundary is not followed by the end of its line.";
        /* Starting at that CRLF, so that a part without any header is found as well. */
        const char *next = memmem(at, (size_t)(end - at), delimiter, delimiter_len);
        const char *blank = next ? memmem(at, (size_t)(next - at), "\r\n\r\n", 4) : NULL;
        if (!next)
            break;
        if (!blank)
            return "A part has no blank line after its header.";
        struct span head = {at + 2, blank > at ? (size_t)(blank - at - 2) : 0};
        const char *wrong = take_part(form, head, (struct span){blank + 4, (size_t)(next - blank - 4)});
        if (wrong)
            return wrong;
        at = next + delimiter_len;
    }
    return "The last boundary is missing.";
}

enum err multipart_decode(const char *content_type, const char *body, size_t len,
                          struct multipart *ret_multipart, char *detail, size_t size)
{
    char boundary[BOUNDARY_MAX + 1];
    const char *wrong = "The Content-Type names no boundary of 1 to 70 characters.";

    ret_multipart->file = NULL;
    ret_multipart->file_len = 0;
    ret_multipart->n_fields = 0;
    ret_multipart->text_len = 0;
    if (boundary_decode(content_type, boundary)) {
        wrong = take_parts(ret_multipart, boundary, body, len);
        if (!wrong && !ret_multipart->file)
            wrong = "There is no part named file.";
    }
    if (!wrong)
        return ERR_OK;
    snprintf(detail, size, "%s", wrong);
    return ERR_INVALID;
}
