/* image_header.c: format and size of an image from its header alone, for the four formats the image
 * types take. Every read is bounds-checked against what was sent, every walk (JPEG segments, TIFF
 * pages) has an end of its own, so hostile bytes cost microseconds. */
#include "jobs/image_header.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define JPEG_SEGMENTS_MAX 1000u
#define TIFF_ENTRIES_MAX 4096u

/* Bytes sent, and the byte order of the format being read. */
struct view_of {
    const unsigned char *at;
    size_t len;
    bool little;
};

enum found { FOUND, CUT_SHORT, BROKEN, TOO_MANY_PIXELS, BIG_TIFF, ANIMATED };

static const char *const sentences[] = {
    [CUT_SHORT] = "the image ends before its header does",
    [BROKEN] = "the image's header is broken",
    [TOO_MANY_PIXELS] = "the image has more than 40 million pixels",
    [BIG_TIFF] = "BigTIFF is not read; save the image as plain TIFF",
    [ANIMATED] = "animated WebP is not read",
};

static bool has(const struct view_of *v, size_t offset, size_t n)
{
    return offset <= v->len && n <= v->len - offset;
}

/* n bytes at offset as a number; the caller has asked has(). */
static uint32_t number(const struct view_of *v, size_t offset, unsigned n)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < n; i++)
        value = value << 8 | v->at[offset + (v->little ? n - 1 - i : i)];
    return value;
}

static enum found size_is_fine(uint32_t width, uint32_t height)
{
    if (!width || !height)
        return BROKEN;
    return (uint64_t)width * height > IMAGE_PIXELS_MAX ? TOO_MANY_PIXELS : FOUND;
}

static enum found read_png(const struct view_of *v, struct image_header *header)
{
    if (!has(v, 0, 33))                 /* signature and the whole IHDR chunk */
        return CUT_SHORT;
    if (number(v, 8, 4) != 13 || memcmp(v->at + 12, "IHDR", 4) != 0)
        return BROKEN;
    header->width = number(v, 16, 4);
    header->height = number(v, 20, 4);
    if (header->width > INT32_MAX || header->height > INT32_MAX)
        return BROKEN;
    return size_is_fine(header->width, header->height);
}

static bool is_frame_header(unsigned marker)   /* SOF0..SOF15 but DHT, JPG and DAC */
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static enum found read_jpeg(const struct view_of *v, struct image_header *header)
{
    size_t offset = 2;

    for (unsigned i = 0; i < JPEG_SEGMENTS_MAX; i++) {
        if (!has(v, offset, 4))
            return CUT_SHORT;
        if (v->at[offset] != 0xff)
            return BROKEN;
        unsigned marker = v->at[offset + 1];
        if (marker == 0xff) {           /* a fill byte */
            offset++;
            continue;
        }
        if (marker == 0x00 || marker == 0xd9 || marker == 0xda)   /* end or pixels before a frame header */
            return BROKEN;
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {   /* stand alone */
            offset += 2;
            continue;
        }
        uint32_t segment = number(v, offset + 2, 2);
        if (segment < 2)
            return BROKEN;
        if (is_frame_header(marker)) {
            if (segment < 8)
                return BROKEN;
            if (!has(v, offset, 9))
                return CUT_SHORT;
            header->height = number(v, offset + 5, 2);
            header->width = number(v, offset + 7, 2);
            return size_is_fine(header->width, header->height);
        }
        offset += 2 + (size_t)segment;
    }
    return BROKEN;
}

/* A SHORT or LONG of one value; anything else has no business as a width. */
static bool tiff_value(const struct view_of *v, size_t entry, uint32_t *ret_value)
{
    uint32_t type = number(v, entry + 2, 2);

    if (number(v, entry + 4, 4) != 1 || (type != 3 && type != 4))
        return false;
    *ret_value = number(v, entry + 8, type == 3 ? 2 : 4);
    return true;
}

static enum found read_tiff_page(const struct view_of *v, size_t offset, uint32_t *ret_width,
                                 uint32_t *ret_height, uint32_t *ret_next)
{
    uint32_t width = 0, height = 0;

    if (!has(v, offset, 2))
        return CUT_SHORT;
    uint32_t n = number(v, offset, 2);
    if (n == 0 || n > TIFF_ENTRIES_MAX)
        return BROKEN;
    if (!has(v, offset + 2, (size_t)n * 12 + 4))
        return CUT_SHORT;
    for (uint32_t i = 0; i < n; i++) {
        size_t entry = offset + 2 + (size_t)i * 12;
        uint32_t tag = number(v, entry, 2);

        if ((tag == 256 && (width || !tiff_value(v, entry, &width))) ||
            (tag == 257 && (height || !tiff_value(v, entry, &height))))
            return BROKEN;              /* not a number, or a second one a decoder might prefer */
    }
    *ret_width = width;
    *ret_height = height;
    *ret_next = number(v, offset + 2 + (size_t)n * 12, 4);
    return size_is_fine(width, height);
}

/* Each page that will be decoded has to be of a bearable size, not only the first. */
static enum found read_tiff(const struct view_of *v, struct image_header *header)
{
    uint32_t offset, next = 0;

    if (!has(v, 0, 8))
        return CUT_SHORT;
    if (number(v, 2, 2) == 43)
        return BIG_TIFF;
    offset = number(v, 4, 4);
    if (offset < 8)
        return BROKEN;
    for (unsigned page = 0; page < IMAGE_PAGES_MAX && offset; page++, offset = next) {
        uint32_t width, height;
        enum found found = read_tiff_page(v, offset, &width, &height, &next);

        if (found != FOUND)
            return found;
        if (page == 0) {
            header->width = width;
            header->height = height;
        }
    }
    return FOUND;
}

static enum found read_webp(const struct view_of *v, struct image_header *header)
{
    if (!has(v, 0, 30))                 /* the shortest first chunk that tells a size */
        return CUT_SHORT;
    if ((uint64_t)number(v, 4, 4) + 8 > v->len)
        return CUT_SHORT;
    if (!memcmp(v->at + 12, "VP8 ", 4)) {
        if (memcmp(v->at + 23, "\x9d\x01\x2a", 3) != 0)
            return BROKEN;
        header->width = number(v, 26, 2) & 0x3fff;
        header->height = number(v, 28, 2) & 0x3fff;
    } else if (!memcmp(v->at + 12, "VP8L", 4)) {
        if (v->at[20] != 0x2f)
            return BROKEN;
        uint32_t bits = number(v, 21, 4);
        header->width = (bits & 0x3fff) + 1;
        header->height = (bits >> 14 & 0x3fff) + 1;
    } else if (!memcmp(v->at + 12, "VP8X", 4)) {
        if (v->at[20] & 0x02)
            return ANIMATED;
        header->width = number(v, 24, 3) + 1;
        header->height = number(v, 27, 3) + 1;
    } else {
        return BROKEN;
    }
    return size_is_fine(header->width, header->height);
}

struct format {
    const char *media_type;
    bool little;
    enum found (*read)(const struct view_of *v, struct image_header *header);
};

static const struct format png = { "image/png", false, read_png };
static const struct format jpeg = { "image/jpeg", false, read_jpeg };
static const struct format tiff_little = { "image/tiff", true, read_tiff };
static const struct format tiff_big = { "image/tiff", false, read_tiff };
static const struct format webp = { "image/webp", true, read_webp };

static const struct format *format_of(const unsigned char *at, size_t len)
{
    if (len >= 8 && !memcmp(at, "\x89PNG\r\n\x1a\n", 8))
        return &png;
    if (len >= 3 && !memcmp(at, "\xff\xd8\xff", 3))
        return &jpeg;
    if (len >= 4 && (!memcmp(at, "II*\0", 4) || !memcmp(at, "II+\0", 4)))
        return &tiff_little;
    if (len >= 4 && (!memcmp(at, "MM\0*", 4) || !memcmp(at, "MM\0+", 4)))
        return &tiff_big;
    if (len >= 12 && !memcmp(at, "RIFF", 4) && !memcmp(at + 8, "WEBP", 4))
        return &webp;
    return NULL;
}

enum err image_header_read(const void *bytes, size_t len, struct image_header *ret_header,
                           char *detail, size_t size)
{
    struct image_header header = { 0 };

    if (!len) {
        snprintf(detail, size, "there is no image: the input is empty");
        return ERR_INVALID;
    }
    const struct format *format = format_of(bytes, len);
    if (!format) {
        snprintf(detail, size, "the bytes are no PNG, JPEG, TIFF or WebP image");
        return ERR_MEDIA_TYPE;
    }
    struct view_of v = { .at = bytes, .len = len, .little = format->little };
    enum found found = format->read(&v, &header);
    if (found != FOUND) {
        snprintf(detail, size, "%s", sentences[found]);
        return ERR_INVALID;
    }
    header.media_type = format->media_type;
    *ret_header = header;
    return ERR_OK;
}

enum err image_header_check(const void *bytes, size_t len, const char *media_type, char *detail, size_t size)
{
    struct image_header header;
    enum err err = image_header_read(bytes, len, &header, detail, size);

    if (err || !media_type)
        return err;
    size_t declared = strcspn(media_type, "; \t");
    if (declared != strlen(header.media_type) || strncasecmp(media_type, header.media_type, declared) != 0) {
        snprintf(detail, size, "declared as %.*s, but the bytes are %s", (int)(declared > 100 ? 100 : declared),
                 media_type, header.media_type);
        return ERR_INVALID;
    }
    return ERR_OK;
}
