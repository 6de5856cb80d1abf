// needs: api
/* test_tickets.c: one use, thirty seconds, and no more of them than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/tickets.h"

#define KEY "0123456789ab"

static int open_tickets(void **state)
{
    *state = tickets_new();
    return *state ? 0 : -1;
}

static int close_tickets(void **state)
{
    tickets_free(*state);
    return 0;
}

static void a_ticket_is_good_once(void **state)
{
    char ticket[TICKET_SIZE], key_id[ACCESS_KEY_ID_SIZE] = "";

    assert_int_equal(tickets_make(*state, KEY, 1000, ticket), ERR_OK);
    assert_int_equal(strlen(ticket), TICKET_SIZE - 1);
    assert_true(tickets_take(*state, ticket, 1001, key_id));
    assert_string_equal(key_id, KEY);
    assert_false(tickets_take(*state, ticket, 1002, key_id));
}

static void a_ticket_is_over_after_its_time(void **state)
{
    char first[TICKET_SIZE], second[TICKET_SIZE], key_id[ACCESS_KEY_ID_SIZE];

    assert_int_equal(tickets_make(*state, "", 1000, first), ERR_OK);
    assert_int_equal(tickets_make(*state, "", 1000, second), ERR_OK);
    assert_true(tickets_take(*state, first, 1000 + TICKET_MS - 1, key_id));
    assert_string_equal(key_id, "");
    assert_false(tickets_take(*state, second, 1000 + TICKET_MS, key_id));
}

static void what_was_never_given_is_no_ticket(void **state)
{
    char ticket[TICKET_SIZE], wrong[TICKET_SIZE + 1], key_id[ACCESS_KEY_ID_SIZE];

    assert_int_equal(tickets_make(*state, KEY, 1000, ticket), ERR_OK);
    for (size_t i = 0; i < TICKET_SIZE - 1; i++) {
        memcpy(wrong, ticket, TICKET_SIZE);
        wrong[i] = ticket[i] == '1' ? '2' : '1';
        assert_false(tickets_take(*state, wrong, 1001, key_id));
        wrong[i] = '\0';
        assert_false(tickets_take(*state, wrong, 1001, key_id));
    }
    memcpy(wrong, ticket, TICKET_SIZE - 1);
    memcpy(wrong + TICKET_SIZE - 1, "x", 2);
    assert_false(tickets_take(*state, wrong, 1001, key_id));
    memcpy(wrong, "ffff", 4); /* beyond the last place */
    wrong[TICKET_SIZE - 1] = '\0';
    assert_false(tickets_take(*state, wrong, 1001, key_id));
    assert_true(tickets_take(*state, ticket, 1001, key_id)); /* none of that used it up */
}

static void a_place_that_was_never_given_out_opens_nothing(void **state)
{
    char wrong[TICKET_SIZE] = "0005", key_id[ACCESS_KEY_ID_SIZE];

    memset(wrong + 4, 'A', SECRET_LEN);
    assert_false(tickets_take(*state, wrong, 1, key_id));
}

static void there_is_room_for_so_many_and_then_again_for_as_many(void **state)
{
    char ticket[TICKET_SIZE];

    for (int64_t now = 1000; now < 1000 + 3 * TICKET_MS; now += TICKET_MS) {
        for (unsigned i = 0; i < TICKETS_MAX; i++)
            assert_int_equal(tickets_make(*state, KEY, now, ticket), ERR_OK);
        assert_int_equal(tickets_make(*state, KEY, now, ticket), ERR_BUSY);
        assert_int_equal(tickets_make(*state, KEY, now + TICKET_MS - 1, ticket), ERR_BUSY);
    }
}

int main(void)
{
#define WITH_TICKETS(test) cmocka_unit_test_setup_teardown(test, open_tickets, close_tickets)
    const struct CMUnitTest tests[] = {
        WITH_TICKETS(a_ticket_is_good_once),
        WITH_TICKETS(a_ticket_is_over_after_its_time),
        WITH_TICKETS(what_was_never_given_is_no_ticket),
        WITH_TICKETS(a_place_that_was_never_given_out_opens_nothing),
        WITH_TICKETS(there_is_room_for_so_many_and_then_again_for_as_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
