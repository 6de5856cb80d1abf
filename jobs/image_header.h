/* image_header.h: what an image says about itself in its first bytes: format and size. Used where
 * untrusted images come in, long before anything decodes them: a file of one megabyte may claim, or
 * really unfold to, gigabytes of pixels. Reads header bytes only, allocates nothing, any thread. */
#ifndef BUZZER_JOBS_IMAGE_HEADER_H
#define BUZZER_JOBS_IMAGE_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "schema/err.h"

#define IMAGE_PIXELS_MAX 40000000u
#define IMAGE_PAGES_MAX 50u          /* of a TIFF; later pages are never looked at */

struct image_header {
    const char *media_type;
    uint32_t width, height;          /* of the first page */
};

/* ERR_MEDIA_TYPE: none of PNG, JPEG, TIFF, WebP. ERR_INVALID: one of them, but broken, cut short or
 * too large. detail gets a sentence for the client. */
enum err image_header_read(const void *bytes, size_t len, struct image_header *ret_header,
                           char *detail, size_t size);
/* The same as a job type's check: media_type is what the client declared, NULL if it could not. */
enum err image_header_check(const void *bytes, size_t len, const char *media_type, char *detail, size_t size);

#endif
