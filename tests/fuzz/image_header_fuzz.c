// needs: jobs
/* Any bytes as an image: the header check never reads beyond them, and what it lets through is small. */
#include "jobs/image_header.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_header header;
    char detail[256] = "";
    enum err err = image_header_read(data, size, &header, detail, sizeof(detail));

    if (err) {
        if (!detail[0])
            abort();
        return 0;
    }
    if (!header.width || !header.height || (uint64_t)header.width * header.height > IMAGE_PIXELS_MAX)
        abort();
    if (image_header_check(data, size, header.media_type, detail, sizeof(detail)))
        abort();
    if (image_header_check(data, size, "text/plain", detail, sizeof(detail)) != ERR_INVALID)
        abort();
    return 0;
}
