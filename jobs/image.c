/* image.c: from a job's bytes to pixels, with Leptonica, and only ever from memory. The service has
 * looked at the header already; this looks again with the decoder's own eyes, because what decodes is
 * what counts. Runs in an executor with a limit on memory, so a bomb that gets here fails alone. */
#include "jobs/image_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS_MAX 40000000
#define PAGES_MAX 50u        /* later pages of a TIFF are left alone */

static int refuse(struct buzzer_job *job, const char *message)
{
    job->fail(job, message);
    return BUZZER_BAD_INPUT;
}

int image_no_memory(struct buzzer_job *job)
{
    job->fail(job, "out of memory");
    return BUZZER_NO_MEMORY;
}

static bool is_too_large(l_int32 width, l_int32 height)
{
    return width <= 0 || height <= 0 || (l_int64)width * height > PIXELS_MAX;
}

static l_int32 tiff_size(const struct image *image, unsigned page, l_int32 *width, l_int32 *height)
{
    return readHeaderMemTiff(image->bytes, image->len, (l_int32)page, width, height, NULL, NULL, NULL, NULL, NULL);
}

static int open_tiff(struct buzzer_job *job, struct image *image)
{
    l_int32 width, height;

    for (image->n_pages = 0; image->n_pages < PAGES_MAX; image->n_pages++) {
        if (tiff_size(image, image->n_pages, &width, &height))
            break;
        if (is_too_large(width, height))
            return refuse(job, "a page of the image has no pixels, or more than 40 million");
        if (image->n_pages == 0) {
            image->width = width;
            image->height = height;
        }
    }
    return image->n_pages ? 0 : refuse(job, "the image cannot be decoded");
}

int image_open(struct buzzer_job *job, struct image *image)
{
    l_int32 format = IFF_UNKNOWN;

    setMsgSeverity(L_SEVERITY_NONE);    /* what is wrong is told to the client, not to standard error */
    *image = (struct image){ .bytes = job->input, .len = job->input_len, .n_pages = 1 };
    if (image->len < 12 || findFileFormatBuffer(image->bytes, &format))
        return refuse(job, "the input is no image");
    image->is_tiff = L_FORMAT_IS_TIFF(format);
    if (!image->is_tiff && format != IFF_PNG && format != IFF_JFIF_JPEG && format != IFF_WEBP)
        return refuse(job, "the input is no PNG, JPEG, TIFF or WebP image");
    if (image->is_tiff)
        return open_tiff(job, image);
    if (pixReadHeaderMem(image->bytes, image->len, NULL, &image->width, &image->height, NULL, NULL, NULL))
        return refuse(job, "the image cannot be decoded");
    if (is_too_large(image->width, image->height))
        return refuse(job, "the image has no pixels, or more than 40 million");
    return 0;
}

int image_page(struct buzzer_job *job, const struct image *image, unsigned page, PIX **ret_pix)
{
    PIX *pix = image->is_tiff ? pixReadMemTiff(image->bytes, image->len, (l_int32)page)
                              : pixReadMem(image->bytes, image->len);

    if (!pix)
        return refuse(job, "the image cannot be decoded");
    PIX *opaque = pixRemoveAlpha(pix);  /* transparent means white, as on a page */
    pixDestroy(&pix);
    if (!opaque)
        return image_no_memory(job);
    *ret_pix = opaque;
    return 0;
}

void image_progress(struct buzzer_job *job, const struct image *image, unsigned page, int percent)
{
    int whole = ((int)page * 100 + percent) / (int)image->n_pages;
    char message[48];

    snprintf(message, sizeof(message), "page %u of %u", page + 1, image->n_pages);
    job->progress(job, whole, image->n_pages > 1 ? message : NULL);
}

int image_finish(struct buzzer_job *job, json_t *result)
{
    char *text = result ? json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(5)) : NULL;

    json_decref(result);
    if (!text)
        return image_no_memory(job);
    int refused = job->result(job, NULL, text, strlen(text));
    free(text);
    return refused ? BUZZER_FAILED : BUZZER_DONE;
}

json_t *image_string(const char *bytes, size_t len)
{
    json_t *string = json_stringn(bytes, len);

    if (string || !len)
        return string;
    char *utf8 = malloc(len * 2);
    size_t n = 0;
    if (!utf8)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c >= 0x80)
            utf8[n++] = (char)(0xc0 | c >> 6);
        utf8[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
    }
    string = json_stringn(utf8, n);
    free(utf8);
    return string;
}
