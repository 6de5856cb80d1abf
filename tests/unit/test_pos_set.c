// needs: jobs
/* test_pos_set.c: against a plain list, at random, with the gaps of either log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "jobs/pos_set.h"

#define N 6000

static int64_t plain_before(const bool *in, int64_t at)
{
    int64_t count = 0;

    for (int64_t i = 0; i < at; i++)
        count += in[i];
    return count;
}

/* Positions are i * gap + 1. */
static void run(int64_t gap, int end_of_ten, unsigned seed)
{
    static bool in[N];
    struct pos_set set = {0};
    int64_t newest = 0, count = 0;

    srand(seed);
    for (int64_t i = 0; i < N; i++)
        in[i] = false;
    for (int step = 0; step < 40000; step++) {
        int64_t at = rand() % N;
        if (rand() % 10 < end_of_ten && newest < N)
            at = newest++;
        if (rand() % 5 < 3) {
            count += !in[at];
            in[at] = true;
            assert_true(pos_set_add(&set, at * gap + 1));
        } else {
            count -= in[at];
            in[at] = false;
            pos_set_remove(&set, at * gap + 1);
        }
        assert_int_equal(set.count, count);
        assert_int_equal(pos_set_has(&set, at * gap + 1), in[at]);
        if (gap > 1)
            assert_false(pos_set_has(&set, at * gap + 2));
        if (step % 100 == 0) {
            int64_t oldest = 0;
            while (oldest < N && !in[oldest])
                oldest++;
            assert_int_equal(pos_set_oldest(&set), oldest < N ? oldest * gap + 1 : 0);
            assert_int_equal(pos_set_before(&set, at * gap + 1, N), plain_before(in, at));
        }
    }
    pos_set_clear(&set);
    assert_int_equal(set.count, 0);
}

static void it_counts_as_a_plain_list_does(void **state)
{
    (void)state;
    run(1, 0, 1);
    run(1, 9, 2);
    run(1024, 5, 3);
    run(INT64_C(3000000000), 5, 4); /* further apart than a chunk can reach */
}

static void what_comes_last_and_leaves_first_is_counted_all_the_way(void **state)
{
    struct pos_set set = {0};

    (void)state;
    for (int64_t pos = 1; pos <= 300000; pos++) {
        assert_true(pos_set_add(&set, pos));
        if (pos > 5000)
            pos_set_remove(&set, pos - 5000);
    }
    assert_int_equal(set.count, 5000);
    assert_int_equal(pos_set_oldest(&set), 295001);
    assert_int_equal(pos_set_before(&set, 300000, 10000), 4999);
    for (int64_t pos = 295001; pos <= 300000; pos++)
        pos_set_remove(&set, pos);
    assert_int_equal(pos_set_oldest(&set), 0);
    assert_int_equal(pos_set_before(&set, 300000, 10000), 0);
    pos_set_clear(&set);
}

static void a_count_ends_soon_after_its_bound(void **state)
{
    struct pos_set set = {0};
    int64_t count;

    (void)state;
    for (int64_t pos = 1; pos <= 50000; pos++)
        assert_true(pos_set_add(&set, pos));
    count = pos_set_before(&set, 50000, 10000);
    assert_true(count >= 10000 && count < 11000);
    pos_set_clear(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_counts_as_a_plain_list_does),
        cmocka_unit_test(what_comes_last_and_leaves_first_is_counted_all_the_way),
        cmocka_unit_test(a_count_ends_soon_after_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
