/* multipart.h: multipart/form-data (RFC 7578) as submissions come in it: one file, and options as
 * fields. Strict: what is not exactly that is refused, with a sentence that says what is wrong. */
#ifndef BUZZER_API_MULTIPART_H
#define BUZZER_API_MULTIPART_H

#include "jobs/submit.h"
#include "schema/err.h"

#define MULTIPART_FIELDS_MAX 64
#define MULTIPART_FIELD_BYTES 8192     /* all names and values together */

struct multipart {
    const char *file;                  /* borrowed from the body */
    size_t file_len;
    char file_type[128];               /* application/octet-stream when the part does not say */
    unsigned n_fields;
    struct submit_param fields[MULTIPART_FIELDS_MAX];   /* point into text */
    size_t text_len;
    char text[MULTIPART_FIELD_BYTES];
};

/* content_type is the whole header. ERR_INVALID with a sentence in detail. No memory is taken. */
enum err multipart_decode(const char *content_type, const char *body, size_t len,
                          struct multipart *ret_multipart, char *detail, size_t size);

#endif
