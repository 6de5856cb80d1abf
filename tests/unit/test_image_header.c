// needs: jobs
/* The header check at the door: right sizes of real files, and a sentence for everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/image_header.h"
#include "schema/clock.h"
#include "tests/support/load.h"

static enum err check(const void *bytes, size_t len, const char *media_type)
{
    char detail[256] = "";
    /* Exactly as long as it says, so that a sanitizer sees a byte too many. */
    void *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    enum err err = image_header_check(copy, len, media_type, detail, sizeof(detail));
    free(copy);
    assert_true(!err == !detail[0]);    /* a refusal has a sentence */
    return err;
}

static void real_images_have_their_size(void **state)
{
    static const struct { const char *path, *media_type; uint32_t width, height; } images[] = {
        { SOURCE_DIR "/deploy/try/page.jpg", "image/jpeg", 532, 939 },
        { SOURCE_DIR "/tests/flow/data/page.tif", "image/tiff", 1065, 1879 },
        { SOURCE_DIR "/tests/flow/data/picture.jpg", "image/jpeg", 1170, 1916 },
        { SOURCE_DIR "/tests/flow/data/qr.png", "image/png", 198, 198 },
    };
    struct image_header header;
    char detail[256];

    (void)state;
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        size_t len;
        unsigned char *bytes = load(images[i].path, &len);

        assert_int_equal(image_header_read(bytes, len, &header, detail, sizeof(detail)), ERR_OK);
        assert_string_equal(header.media_type, images[i].media_type);
        assert_int_equal(header.width, images[i].width);
        assert_int_equal(header.height, images[i].height);
        assert_int_equal(check(bytes, len, images[i].media_type), ERR_OK);
        assert_int_equal(check(bytes, len, NULL), ERR_OK);
        free(bytes);
    }
}

static void bytes_that_are_no_image_have_the_wrong_media_type(void **state)
{
    (void)state;
    assert_int_equal(check("GIF89a, and so on", 17, "image/png"), ERR_MEDIA_TYPE);
    assert_int_equal(check("\x89PNG", 4, "image/png"), ERR_MEDIA_TYPE);
    assert_int_equal(check("%PDF-1.7 and so on", 18, NULL), ERR_MEDIA_TYPE);
    assert_int_equal(check("", 0, "image/png"), ERR_INVALID);
}

static void an_image_under_another_name_is_refused(void **state)
{
    size_t len;
    unsigned char *bytes = load(SOURCE_DIR "/tests/flow/data/qr.png", &len);

    (void)state;
    assert_int_equal(check(bytes, len, "image/jpeg"), ERR_INVALID);
    assert_int_equal(check(bytes, len, "image/p"), ERR_INVALID);
    assert_int_equal(check(bytes, len, "IMAGE/PNG; q=1"), ERR_OK);
    free(bytes);
}

static void a_file_cut_inside_its_header_is_refused(void **state)
{
    static const char *const paths[] = { SOURCE_DIR "/deploy/try/page.jpg", SOURCE_DIR "/tests/flow/data/page.tif",
                                         SOURCE_DIR "/tests/flow/data/qr.png" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t len;
        unsigned char *bytes = load(paths[i], &len);
        bool was_fine = false;

        for (size_t n = 0; n <= (len < 1000 ? len : 1000); n++) {
            bool is_fine = check(bytes, n, NULL) == ERR_OK;

            assert_false(n < 20 && is_fine);
            assert_false(was_fine && !is_fine);
            was_fine = is_fine;
        }
        free(bytes);
    }
}

static void put32(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)(value >> 24);
    at[1] = (unsigned char)(value >> 16);
    at[2] = (unsigned char)(value >> 8);
    at[3] = (unsigned char)value;
}

static void forty_million_pixels_are_the_limit(void **state)
{
    unsigned char png[33] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    (void)state;
    put32(png + 16, 8000);
    put32(png + 20, 5000);
    assert_int_equal(check(png, sizeof(png), NULL), ERR_OK);
    put32(png + 20, 5001);
    assert_int_equal(check(png, sizeof(png), NULL), ERR_INVALID);
    put32(png + 16, 100000);
    put32(png + 20, 100000);
    assert_int_equal(check(png, sizeof(png), NULL), ERR_INVALID);
    put32(png + 16, 0);
    assert_int_equal(check(png, sizeof(png), NULL), ERR_INVALID);
    put32(png + 16, 0x80000001);
    put32(png + 20, 1);
    assert_int_equal(check(png, sizeof(png), NULL), ERR_INVALID);
}

static void webp_sizes_are_read_in_all_three_forms(void **state)
{
    static const unsigned char lossy[30] = "RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x40\x01\xf0\0";
    static const unsigned char lossless[30] = "RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\x3f\xc1\x3b\0";
    unsigned char extended[30] = "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0";
    const unsigned char *const forms[] = { lossy, lossless, extended };
    struct image_header header;
    char detail[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(image_header_read(forms[i], 30, &header, detail, sizeof(detail)), ERR_OK);
        assert_int_equal(header.width, 320);
        assert_int_equal(header.height, 240);
        assert_int_equal(check(forms[i], 29, NULL), ERR_INVALID);
    }
    extended[20] = 0x02;
    assert_int_equal(check(extended, 30, "image/webp"), ERR_INVALID);   /* animated */
    extended[20] = 0;
    extended[26] = extended[29] = 0xff;
    assert_int_equal(check(extended, 30, "image/webp"), ERR_INVALID);   /* huge */
}

/* One directory with a width and a height, and the offset of the next. */
static void put_tiff_page(unsigned char *at, uint32_t width, uint32_t height, uint32_t next)
{
    memcpy(at, "\0\x02\x01\0\0\x04\0\0\0\x01", 10);
    put32(at + 10, width);
    memcpy(at + 14, "\x01\x01\0\x04\0\0\0\x01", 8);
    put32(at + 22, height);
    put32(at + 26, next);
}

static void every_page_of_a_tiff_is_looked_at(void **state)
{
    unsigned char tiff[8 + 60] = "MM\0*\0\0\0\x08";

    (void)state;
    put_tiff_page(tiff + 8, 100, 100, 38);
    put_tiff_page(tiff + 38, 100, 100, 0);
    assert_int_equal(check(tiff, sizeof(tiff), "image/tiff"), ERR_OK);
    put_tiff_page(tiff + 38, 20000, 20000, 0);
    assert_int_equal(check(tiff, sizeof(tiff), "image/tiff"), ERR_INVALID);
    put_tiff_page(tiff + 38, 100, 100, 8);          /* round in a circle: it ends all the same */
    assert_int_equal(check(tiff, sizeof(tiff), "image/tiff"), ERR_OK);
    put_tiff_page(tiff + 38, 100, 100, 60);         /* beyond the end */
    assert_int_equal(check(tiff, sizeof(tiff), "image/tiff"), ERR_INVALID);
    tiff[3] = '+';
    assert_int_equal(check(tiff, sizeof(tiff), "image/tiff"), ERR_INVALID);
}

static void a_hostile_jpeg_costs_less_than_a_millisecond(void **state)
{
    size_t len = 16u << 20;
    unsigned char *bytes = malloc(len);
    char detail[256];
    struct image_header header;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0xff, len);           /* nothing but fill bytes */
    bytes[1] = 0xd8;
    int64_t before = clock_mono_us();
    for (int i = 0; i < 100; i++)
        assert_int_equal(image_header_read(bytes, len, &header, detail, sizeof(detail)), ERR_INVALID);
    assert_true(clock_mono_us() - before < 100 * 1000);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_images_have_their_size),
        cmocka_unit_test(bytes_that_are_no_image_have_the_wrong_media_type),
        cmocka_unit_test(an_image_under_another_name_is_refused),
        cmocka_unit_test(a_file_cut_inside_its_header_is_refused),
        cmocka_unit_test(forty_million_pixels_are_the_limit),
        cmocka_unit_test(webp_sizes_are_read_in_all_three_forms),
        cmocka_unit_test(every_page_of_a_tiff_is_looked_at),
        cmocka_unit_test(a_hostile_jpeg_costs_less_than_a_millisecond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
