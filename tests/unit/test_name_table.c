// needs: jobs
/* test_name_table.c: what is in it is found, as many as there are and whoever has gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/name_table.h"

#define N 1000u

struct thing {
    struct named named;
    char name[8];
    unsigned n_seen;
};

static struct thing things[N];

static void fill(struct name_table *table)
{
    memset(things, 0, sizeof things);
    for (unsigned i = 0; i < N; i++) {
        snprintf(things[i].name, sizeof things[i].name, "t%u", i);
        things[i].named.name = things[i].name;
        assert_int_equal(name_table_add(table, &things[i].named), ERR_OK);
    }
}

static void what_is_in_it_is_found_and_nothing_else(void **state)
{
    struct name_table table = {0};

    (void)state;
    assert_null(name_table_find(&table, "t1"));
    fill(&table);
    for (unsigned i = 0; i < N; i += 2)
        name_table_remove(&table, &things[i].named);
    for (unsigned i = 0; i < N; i++)
        assert_ptr_equal(name_table_find(&table, things[i].name), i % 2 ? &things[i].named : NULL);
    assert_null(name_table_find(&table, ""));
    assert_int_equal(table.n, N / 2);
    name_table_clear(&table);
}

static void a_walk_comes_to_each_once(void **state)
{
    struct name_table table = {0};
    struct named *named = NULL;

    (void)state;
    assert_null(name_table_next(&table, NULL));
    fill(&table);
    while ((named = name_table_next(&table, named)))
        ((struct thing *)named)->n_seen++;
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(things[i].n_seen, 1);
    name_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_it_is_found_and_nothing_else),
        cmocka_unit_test(a_walk_comes_to_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
