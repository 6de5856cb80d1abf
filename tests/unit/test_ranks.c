// needs: jobs
/* test_ranks.c: against a plain list, at random; and the pace behind the estimate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "jobs/ranks.h"

static void ranks_are_those_of_a_plain_count(void **state)
{
    static signed char priority[60000];       /* by position: -1 not queued */
    struct ranks *ranks = ranks_new();
    int64_t pos = 1, start;

    (void)state;
    srand(7);
    for (size_t i = 0; i < 60000; i++)
        priority[i] = -1;
    for (int step = 0; step < 60000; step++) {
        if (rand() % 3 && pos < 59990) {
            pos += 1 + rand() % 3;
            if (pos >= 60000)
                break;
            priority[pos] = (signed char)(rand() % 10);
            assert_true(ranks_add(ranks, 1, priority[pos], pos));
        } else {
            int64_t gone = rand() % (pos + 1);
            if (rand() % 2)                    /* mostly the oldest leave */
                for (gone = 1; gone < pos && priority[gone] < 0; gone++)
                    ;
            ranks_remove(ranks, 1, priority[gone] < 0 ? 0 : priority[gone], gone);
            priority[gone] = -1;
        }
        if (step % 500 == 0) {
            int64_t asked = rand() % (pos + 1), expected = 0;
            for (int64_t other = 0; other <= pos; other++)
                expected += priority[other] > priority[asked] || (priority[other] == priority[asked] && other < asked);
            if (priority[asked] < 0)
                expected = -1;
            else if (expected > RANKS_MAX)
                expected = RANKS_MAX;
            assert_int_equal(ranks_position(ranks, 1, priority[asked] < 0 ? 0 : priority[asked], asked, 0, &start), expected);
        }
    }
    assert_int_equal(ranks_position(ranks, 2, 0, 1, 0, &start), -1);
    ranks_clear(ranks);
    assert_int_equal(ranks_position(ranks, 1, 5, pos, 0, &start), -1);
    ranks_free(ranks);
}

static void the_estimate_follows_the_pace_and_needs_one(void **state)
{
    struct ranks *ranks = ranks_new();
    int64_t start = -1;

    (void)state;
    for (int64_t pos = 1; pos <= 100; pos++)
        assert_true(ranks_add(ranks, 1, 5, pos));
    assert_int_equal(ranks_position(ranks, 1, 5, 41, 1000, &start), 40);
    assert_int_equal(start, 0);
    for (int i = 0; i < 20; i++)
        ranks_started(ranks, 1, 991 + i / 2);                /* 20 in ten seconds: two a second */
    assert_int_equal(ranks_position(ranks, 1, 5, 41, 1000, &start), 40);
    assert_int_equal(start, 1020);
    assert_int_equal(ranks_position(ranks, 1, 5, 41, 1100, &start), 40);
    assert_int_equal(start, 0);                              /* a pace of long ago says nothing */
    ranks_free(ranks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_those_of_a_plain_count),
        cmocka_unit_test(the_estimate_follows_the_pace_and_needs_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
