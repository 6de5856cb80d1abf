// needs: jobs
/* The name of a data folder: made once, kept, and never guessed at when it is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/presence.h"

static char dir[] = "/tmp/buzzer-test-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static char *inside(const char *file, char path[64])
{
    snprintf(path, 64, "%s/%s", dir, file);
    return path;
}

static int tear_down(void **state)
{
    char path[64];

    (void)state;
    unlink(inside("node", path));
    unlink(inside("node.new", path));
    return rmdir(dir);
}

static void write_node(const char *file, const char *text)
{
    char path[64];
    int fd = open(inside(file, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void a_folder_keeps_its_name_and_each_life_gets_its_own(void **state)
{
    char first[PRESENCE_NAME_SIZE], second[PRESENCE_NAME_SIZE], path[64];
    struct stat stat_of;

    (void)state;
    assert_int_equal(node_name(dir, first), ERR_OK);
    assert_int_equal(node_name(dir, second), ERR_OK);
    assert_string_not_equal(first, second);
    assert_true(node_is_same(first, second));
    assert_int_equal(stat(inside("node", path), &stat_of), 0);
    assert_int_equal(stat_of.st_size, NODE_ID_SIZE);
    assert_int_equal(stat_of.st_mode & 0777, 0600);
    assert_int_equal(access(inside("node.new", path), F_OK), -1);
}

static void another_folder_has_another_name(void **state)
{
    char first[PRESENCE_NAME_SIZE], second[PRESENCE_NAME_SIZE], path[64];

    (void)state;
    assert_int_equal(node_name(dir, first), ERR_OK);
    assert_int_equal(unlink(inside("node", path)), 0);
    assert_int_equal(node_name(dir, second), ERR_OK);
    assert_false(node_is_same(first, second));
}

static void what_a_crash_left_beside_it_is_no_harm(void **state)
{
    char name[PRESENCE_NAME_SIZE];

    (void)state;
    write_node("node.new", "0123");
    assert_int_equal(node_name(dir, name), ERR_OK);
}

static void a_damaged_name_is_told_and_left_alone(void **state)
{
    static const char *const damaged[] = {"", "0123abcd", "0123abc\n", "0123ABCD\n", "0123abcd\nmore", "../../x\n\n"};
    char name[PRESENCE_NAME_SIZE] = "as it was";

    (void)state;
    for (unsigned i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        write_node("node", damaged[i]);
        assert_int_equal(node_name(dir, name), ERR_CORRUPT);
        assert_string_equal(name, "as it was");
    }
    write_node("node", "0123abcd\n");
    assert_int_equal(node_name(dir, name), ERR_OK);
    assert_non_null(strstr(name, ".0123abcd-"));
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    char name[PRESENCE_NAME_SIZE];

    (void)state;
    assert_int_equal(node_name("/nonexistent/folder", name), ERR_IO);
}

static void names_are_the_same_by_the_folders_part_alone(void **state)
{
    (void)state;
    assert_true(node_is_same("a.0123abcd-00000001", "b.c.0123abcd-00000002"));
    assert_false(node_is_same("a.0123abcd-00000001", "a.0123abce-00000001"));
    assert_true(node_is_same("w1", "w1"));
    assert_false(node_is_same("w1", "w2"));
    assert_false(node_is_same("0123abcd-00000001", "0123abcd-00000002"));
    assert_false(node_is_same("a.0123abcd", "a.0123abcd-00000002"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_keeps_its_name_and_each_life_gets_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_folder_has_another_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_crash_left_beside_it_is_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_name_is_told_and_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_an_error, set_up, tear_down),
        cmocka_unit_test(names_are_the_same_by_the_folders_part_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
