// needs: cli
/* What is drawn on a terminal: lines that fit, are drawn over, and cannot be used to drive it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/board.h"

#define ID       "01m82cw39b0bxvdcdspnsjarwb"
#define START_MS 1795341600000 /* 2026-11-22T10:00:00Z */

struct world {
    struct board board;
    char *text;
    size_t len, seen;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        return -1;
    world->board.out = open_memstream(&world->text, &world->len);
    world->board.width = 120;
    *state = world;
    return world->board.out ? 0 : -1;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    fclose(world->board.out);
    free(world->text);
    free(world);
    return 0;
}

static void tell(struct world *world, const char *id, const char *job_state, int percent, const char *message,
                 int64_t now_ms)
{
    json_t *job =
        json_pack("{s:s,s:s,s:s,s:s,s:{s:i,s:s}}", "id", id, "type", "ocr", "state", job_state, "started_at",
                  "2026-11-22T10:00:00.000Z", "progress", "percent", percent, "message", message);

    assert_non_null(job);
    board_take(&world->board, job, now_ms);
    json_decref(job);
}

/* What was drawn since last asked. */
static const char *drawn(struct world *world)
{
    const char *from;

    fflush(world->board.out);
    from = world->text + world->seen;
    world->seen = world->len;
    return from;
}

static void a_running_job_is_one_line_drawn_over(void **state)
{
    struct world *world = *state;

    tell(world, ID, "running", 40, "page 2 of 5", START_MS + 1500);
    assert_string_equal(drawn(world), ID " running   [####------]  40%    1.5s ocr: page 2 of 5");
    tell(world, ID, "running", 60, "page 3 of 5", START_MS + 2500);
    assert_string_equal(drawn(world), "\r\033[J" ID " running   [######----]  60%    2.5s ocr: page 3 of 5");
}

static void a_final_line_stays(void **state)
{
    struct world *world = *state;

    tell(world, ID, "running", 40, "", START_MS);
    drawn(world);
    tell(world, ID, "succeeded", 40, "", START_MS + 100);
    assert_string_equal(drawn(world), "\r\033[J" ID " succeeded [##########] 100%    0.1s ocr\n");
    assert_int_equal(world->board.n, 0);
    board_draw(&world->board, START_MS);
    assert_string_equal(drawn(world), "");
}

static void what_is_said_stands_above_what_is_drawn(void **state)
{
    struct world *world = *state;

    tell(world, ID, "running", 40, "", START_MS);
    drawn(world);
    board_say(&world->board, "a \033 gap");
    assert_string_equal(drawn(world), "\r\033[Ja ? gap\n");
    board_draw(&world->board, START_MS);
    assert_int_equal(strncmp(drawn(world), ID, 26), 0); /* drawn anew, with nothing to erase */
}

static void several_jobs_have_a_line_each(void **state)
{
    struct world *world = *state;
    const char *text;

    tell(world, ID, "running", 1, "one", START_MS);
    tell(world, "01m82cw39b0bxvdcdspnsjarwc", "running", 2, "two", START_MS);
    drawn(world);
    board_draw(&world->board, START_MS);
    text = drawn(world);
    assert_int_equal(strncmp(text, "\r\033[1A\033[J" ID, 6 + 26), 0);
    assert_non_null(strstr(text, "one\n"));
    assert_non_null(strstr(text, "two"));
}

static void more_jobs_than_rows_are_left_out(void **state)
{
    struct world *world = *state;
    char id[27];

    for (int i = 0; i < BOARD_ROWS + 5; i++) {
        snprintf(id, sizeof id, "01m82cw39b0bxvdcdspnsjar%02d", i);
        tell(world, id, "running", 0, "", START_MS);
    }
    assert_int_equal(world->board.n, BOARD_ROWS);
    tell(world, "01m82cw39b0bxvdcdspnsjar00", "failed", 0, "", START_MS);
    assert_int_equal(world->board.n, BOARD_ROWS - 1);
}

static void a_message_cannot_drive_the_terminal(void **state)
{
    struct world *world = *state;

    tell(world, ID, "running", 0,
         "\033[2J\x07\xc2\x9b"
         "31m\r\n",
         START_MS);
    assert_non_null(strstr(drawn(world), "ocr: ?[2J??31m??"));
}

static void a_line_fits_the_terminal_in_whole_characters(void **state)
{
    struct world *world = *state;
    const char *text;
    size_t columns = 0;

    world->board.width = 80;
    tell(world, ID, "running", 0,
         "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
         "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
         START_MS);
    text = drawn(world);
    for (const char *c = text; *c; c++)
        columns += ((unsigned char)*c & 0xc0) != 0x80;
    assert_int_equal(columns, 79);
    assert_int_equal((unsigned char)text[strlen(text) - 1], 0xa4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_running_job_is_one_line_drawn_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_final_line_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_said_stands_above_what_is_drawn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_jobs_have_a_line_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_jobs_than_rows_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_cannot_drive_the_terminal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_fits_the_terminal_in_whole_characters, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
