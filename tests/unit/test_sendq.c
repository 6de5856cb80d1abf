// needs: notifier
/* The queue's promises: order, bounds, and what gives way to what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "notifier/sendq.h"

/* A frame with a text of len bytes. */
static struct frame *make(enum change_kind kind, int64_t seq, int64_t pos, size_t len)
{
    static char text[SENDQ_BYTES * 2];
    struct frame *frame = frame_new(text, len);

    assert_non_null(frame);
    frame->kind = kind;
    frame->seq = seq;
    frame->pos = pos;
    return frame;
}

static enum err push(struct sendq *q, enum change_kind kind, int64_t seq, int64_t pos, size_t len)
{
    struct frame *frame = make(kind, seq, pos, len);
    enum err err = sendq_push(q, frame);

    frame_unref(frame);
    return err;
}

static int64_t take_pos(struct sendq *q)
{
    struct frame *frame = sendq_take(q);
    int64_t pos = frame ? frame->pos : -1;

    frame_unref(frame);
    return pos;
}

static void frames_come_out_in_the_order_they_went_in(void **state)
{
    struct sendq q = {0};
    int64_t in = 0, out = 0;

    (void)state;
    for (unsigned round = 0; round < 50; round++) { /* longer and shorter again, around the ring's seam */
        for (unsigned i = 0; i < 1 + (round * 7) % 40; i++)
            assert_int_equal(push(&q, CHANGE_QUEUED, 1, ++in, 10), ERR_OK);
        for (unsigned i = 0; i < 1 + (round * 5) % 40 && out < in; i++)
            assert_int_equal(take_pos(&q), ++out);
    }
    while (out < in)
        assert_int_equal(take_pos(&q), ++out);
    assert_null(sendq_take(&q));
    assert_null(sendq_peek(&q));
    sendq_clear(&q);
}

static void an_empty_queue_owns_no_memory(void **state)
{
    struct sendq q = {0};

    (void)state;
    for (unsigned i = 0; i < SENDQ_FEW; i++)
        push(&q, CHANGE_QUEUED, 1, i, 10);
    assert_null(q.ring);
    push(&q, CHANGE_QUEUED, 1, 99, 10);
    assert_non_null(q.ring);
    while (q.len)
        take_pos(&q);
    assert_null(q.ring);
    assert_int_equal(q.bytes, 0);
}

static void a_queue_takes_so_many_frames_and_no_more(void **state)
{
    struct sendq q = {0};

    (void)state;
    for (unsigned i = 0; i < SENDQ_FRAMES; i++)
        assert_int_equal(push(&q, CHANGE_QUEUED, 1, i, 10), ERR_OK);
    assert_int_equal(push(&q, CHANGE_QUEUED, 1, 9999, 10), ERR_BUSY);
    assert_int_equal(q.len, SENDQ_FRAMES);
    take_pos(&q);
    assert_int_equal(push(&q, CHANGE_QUEUED, 1, 9999, 10), ERR_OK);
    sendq_clear(&q);
    assert_int_equal(q.len, 0);
}

static void a_queue_takes_so_many_bytes_and_no_more(void **state)
{
    struct sendq q = {0};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(push(&q, CHANGE_QUEUED, 1, i, SENDQ_BYTES / 4 - 4), ERR_OK);
    assert_int_equal(push(&q, CHANGE_QUEUED, 1, 5, 1), ERR_BUSY);
    sendq_clear(&q);
}

static void a_frame_of_any_size_fits_an_empty_queue(void **state)
{
    struct sendq q = {0};

    (void)state;
    assert_int_equal(push(&q, CHANGE_SUCCEEDED, 1, 1, SENDQ_BYTES * 2), ERR_OK);
    assert_int_equal(push(&q, CHANGE_SUCCEEDED, 2, 2, 10), ERR_BUSY);
    sendq_clear(&q);
}

static void waiting_progress_is_replaced_in_its_place(void **state)
{
    struct sendq q = {0};

    (void)state;
    push(&q, CHANGE_RUNNING, 1, 1, 10);
    push(&q, CHANGE_PROGRESS, 1, 100, 10);
    push(&q, CHANGE_QUEUED, 2, 2, 10);
    push(&q, CHANGE_PROGRESS, 1, 101, 30);
    push(&q, CHANGE_PROGRESS, 3, 300, 10);
    assert_int_equal(q.len, 4);
    assert_int_equal(take_pos(&q), 1);
    assert_int_equal(take_pos(&q), 101);
    assert_int_equal(take_pos(&q), 2);
    assert_int_equal(take_pos(&q), 300);
    assert_int_equal(q.bytes, 0);
    assert_int_equal(q.n_progress, 0);
}

static void progress_never_overtakes_a_state_of_its_job(void **state)
{
    struct sendq q = {0};

    (void)state;
    push(&q, CHANGE_PROGRESS, 1, 100, 10);
    push(&q, CHANGE_RETRYING, 1, 2, 10);
    push(&q, CHANGE_PROGRESS, 1, 101, 10);
    assert_int_equal(take_pos(&q), 100);
    assert_int_equal(take_pos(&q), 2);
    assert_int_equal(take_pos(&q), 101);
    sendq_clear(&q);
}

static void progress_is_left_out_where_there_is_no_room(void **state)
{
    struct sendq q = {0};

    (void)state;
    for (unsigned i = 0; i < SENDQ_FRAMES; i++)
        push(&q, CHANGE_QUEUED, 1, i, 10);
    assert_int_equal(push(&q, CHANGE_PROGRESS, 2, 100, 10), ERR_OK);
    assert_int_equal(q.len, SENDQ_FRAMES);
    assert_int_equal(q.n_progress, 0);
    sendq_clear(&q);
}

static void progress_gives_way_to_everything_else(void **state)
{
    struct sendq q = {0};

    (void)state;
    push(&q, CHANGE_RUNNING, 1, 1, 10);
    for (unsigned i = 1; i < SENDQ_FRAMES; i++)
        assert_int_equal(push(&q, CHANGE_PROGRESS, i, 1000 + i, 10), ERR_OK);
    assert_int_equal(q.len, SENDQ_FRAMES);
    assert_int_equal(push(&q, CHANGE_SUCCEEDED, 1, 2, 10), ERR_OK);
    assert_int_equal(q.len, 2);
    assert_int_equal(take_pos(&q), 1);
    assert_int_equal(take_pos(&q), 2);
    assert_int_equal(q.bytes, 0);
}

static void the_lowest_position_is_that_of_a_waiting_event(void **state)
{
    struct sendq q = {0};

    (void)state;
    assert_int_equal(sendq_lowest_pos(&q), INT64_MAX);
    push(&q, CHANGE_COUNT, 0, 0, 10);
    push(&q, CHANGE_PROGRESS, 5, 3, 10);
    assert_int_equal(sendq_lowest_pos(&q), INT64_MAX);
    push(&q, CHANGE_QUEUED, 1, 50, 10);
    push(&q, CHANGE_QUEUED, 1, 40, 10);
    assert_int_equal(sendq_lowest_pos(&q), 40);
    sendq_clear(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_in_the_order_they_went_in),
        cmocka_unit_test(an_empty_queue_owns_no_memory),
        cmocka_unit_test(a_queue_takes_so_many_frames_and_no_more),
        cmocka_unit_test(a_queue_takes_so_many_bytes_and_no_more),
        cmocka_unit_test(a_frame_of_any_size_fits_an_empty_queue),
        cmocka_unit_test(waiting_progress_is_replaced_in_its_place),
        cmocka_unit_test(progress_never_overtakes_a_state_of_its_job),
        cmocka_unit_test(progress_is_left_out_where_there_is_no_room),
        cmocka_unit_test(progress_gives_way_to_everything_else),
        cmocka_unit_test(the_lowest_position_is_that_of_a_waiting_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
