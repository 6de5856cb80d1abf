// needs: schema
/* test_id.c: ids that rise, never repeat, and cursors. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/id.h"

#define N_THREADS 4
#define N_EACH 20000

static void an_id_starts_with_its_milliseconds(void **state)
{
    char id[ID_SIZE];
    (void)state;

    /* The example of the ULID specification: 01ARZ3NDEK is 1469922850259. */
    id_make(1469922850259, id);
    assert_memory_equal(id, "01arz3ndek", 10);
    assert_int_equal(strlen(id), ID_LEN);
    assert_true(id_is_valid(id, strlen(id)));
}

static void ids_of_one_millisecond_rise(void **state)
{
    char before[ID_SIZE], id[ID_SIZE];
    (void)state;

    id_make(1000, before);
    for (int i = 0; i < 100000; i++) {
        id_make(1000, id);
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, sizeof id);
    }
}

static void a_time_that_does_not_fit_still_makes_an_id(void **state)
{
    char id[ID_SIZE];
    (void)state;

    id_make(INT64_MAX, id);
    assert_true(id_is_valid(id, ID_LEN));
    id_make(-2, id);
    assert_true(id_is_valid(id, ID_LEN));
}

static void a_later_millisecond_sorts_later(void **state)
{
    char early[ID_SIZE], late[ID_SIZE];
    (void)state;

    id_make(1795341600122, early);
    id_make(1795341600123, late);
    assert_true(strcmp(early, late) < 0);
}

static char (*made)[ID_SIZE];

static void *make_many(void *arg)
{
    char(*mine)[ID_SIZE] = arg;

    for (int i = 0; i < N_EACH; i++)
        id_make(5000 + i / 100, mine[i]);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void no_id_is_made_twice_by_any_thread(void **state)
{
    pthread_t threads[N_THREADS];
    (void)state;

    made = calloc((size_t)N_THREADS * N_EACH, sizeof *made);
    assert_non_null(made);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_many, made + i * N_EACH), 0);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(made, (size_t)N_THREADS * N_EACH, sizeof *made, compare);
    for (int i = 1; i < N_THREADS * N_EACH; i++)
        assert_string_not_equal(made[i - 1], made[i]);
    free(made);
}

static void what_is_no_id_is_told(void **state)
{
    static const char *const wrong[] = {
        "", "01arz3ndektsv4rrffq69g5fa", "01arz3ndektsv4rrffq69g5favv", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "81arz3ndektsv4rrffq69g5fav", "01arz3ndektsv4rrffq69g5fai", "01arz3ndektsv4rrffq69g5fal",
        "01arz3ndektsv4rrffq69g5fau", "01arz3ndektsv4rrffq69g5fa/",
    };
    (void)state;

    assert_true(id_is_valid("01arz3ndektsv4rrffq69g5fav", 26));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(id_is_valid(wrong[i], strlen(wrong[i])));
}

static void random_hex_has_the_length_asked_for(void **state)
{
    char a[33], b[33];
    (void)state;

    id_random_hex(a, 16);
    id_random_hex(b, 16);
    assert_int_equal(strlen(a), 32);
    assert_int_equal(strspn(a, "0123456789abcdef"), 32);
    assert_string_not_equal(a, b);
    assert_true(id_random() != id_random());
}

static void a_cursor_reads_back(void **state)
{
    static const int64_t positions[] = {0, 1, 1234, 999999999999999999};
    (void)state;

    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        char cursor[CURSOR_SIZE], log_id[LOG_ID_SIZE];
        int64_t pos = -1;
        cursor_encode("1f00a2c4", positions[i], cursor);
        assert_true(cursor_decode(cursor, strlen(cursor), log_id, &pos));
        assert_string_equal(log_id, "1f00a2c4");
        assert_int_equal(pos, positions[i]);
    }
}

static void what_is_no_cursor_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "1f00a2c4", "1f00a2c4-", "1f00a2c4-x", "1f00a2c4--1", "1F00A2C4-1", "1f00a2c-1", "1f00a2c4-01",
        "1f00a2c4-1 ", "1f00a2c4+1", "zf00a2c4-1", "1f00a2c4-1000000000000000000", "1f00a2c4-99999999999999999999999",
    };
    char log_id[LOG_ID_SIZE] = "same";
    int64_t pos = 42;
    (void)state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (cursor_decode(wrong[i], strlen(wrong[i]), log_id, &pos))
            fail_msg("%s was taken", wrong[i]);
    assert_string_equal(log_id, "same");
    assert_int_equal(pos, 42);
}

static void an_id_tells_when_it_was_made(void **state)
{
    static const int64_t times[] = {0, 1, 31, 32, 1795385704738, (INT64_C(1) << 48) - 1};
    char id[ID_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        id_make(times[i], id);
        assert_int_equal(id_time(id), times[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_tells_when_it_was_made),
        cmocka_unit_test(an_id_starts_with_its_milliseconds),
        cmocka_unit_test(ids_of_one_millisecond_rise),
        cmocka_unit_test(a_time_that_does_not_fit_still_makes_an_id),
        cmocka_unit_test(a_later_millisecond_sorts_later),
        cmocka_unit_test(no_id_is_made_twice_by_any_thread),
        cmocka_unit_test(what_is_no_id_is_told),
        cmocka_unit_test(random_hex_has_the_length_asked_for),
        cmocka_unit_test(a_cursor_reads_back),
        cmocka_unit_test(what_is_no_cursor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
