// needs: notifier
/* The bytes of a frame are what RFC 6455 (5.2) wants of an unmasked text message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "notifier/frame.h"

static void check(size_t len, const unsigned char *header, unsigned header_len)
{
    char *text = malloc(len + 1);
    struct frame *frame;

    assert_non_null(text);
    memset(text, 'x', len + 1);
    frame = frame_new(text, len);
    assert_non_null(frame);
    assert_int_equal(frame->header_len, header_len);
    assert_int_equal(frame->len, header_len + len);
    assert_memory_equal(frame->bytes, header, header_len);
    assert_memory_equal(frame->bytes + header_len, text, len);
    frame_unref(frame);
    free(text);
}

static void a_short_text_has_its_length_in_seven_bits(void **state)
{
    (void)state;
    check(0, (const unsigned char *)"\x81\x00", 2);
    check(1, (const unsigned char *)"\x81\x01", 2);
    check(125, (const unsigned char *)"\x81\x7d", 2);
}

static void a_longer_text_has_its_length_in_two_bytes(void **state)
{
    (void)state;
    check(126, (const unsigned char *)"\x81\x7e\x00\x7e", 4);
    check(1000, (const unsigned char *)"\x81\x7e\x03\xe8", 4);
    check(65535, (const unsigned char *)"\x81\x7e\xff\xff", 4);
}

static void a_long_text_has_its_length_in_eight_bytes(void **state)
{
    (void)state;
    check(65536, (const unsigned char *)"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    check(70000, (const unsigned char *)"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70", 10);
}

static void an_answer_has_no_place_in_the_log(void **state)
{
    struct frame *frame = frame_new("{}", 2);

    (void)state;
    assert_int_equal(frame->pos, 0);
    assert_int_equal(frame->seq, 0);
    assert_int_equal(frame->kind, CHANGE_COUNT);
    frame_unref(frame);
}

static void a_frame_lives_until_its_last_reference_goes(void **state)
{
    struct frame *frame = frame_new("{}", 2);

    (void)state;
    assert_ptr_equal(frame_ref(frame), frame);
    assert_int_equal(frame->refs, 2);
    frame_unref(frame);
    assert_int_equal(frame->refs, 1);
    assert_memory_equal(frame->bytes, "\x81\x02{}", 4);
    frame_unref(frame);
    frame_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_text_has_its_length_in_seven_bits),
        cmocka_unit_test(a_longer_text_has_its_length_in_two_bytes),
        cmocka_unit_test(a_long_text_has_its_length_in_eight_bytes),
        cmocka_unit_test(an_answer_has_no_place_in_the_log),
        cmocka_unit_test(a_frame_lives_until_its_last_reference_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
