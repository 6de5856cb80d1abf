// needs: schema
/* test_log.c: the lines a process writes. Whether standard error is a terminal is looked at once in
 * a process, so each test logs in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "schema/clock.h"
#include "schema/log.h"

/* Runs fn with standard error going to fd, and waits for it. */
static void run(int fd, void (*fn)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        dup2(fd, STDERR_FILENO);
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* What fn logs into a pipe, which is no terminal. */
static void logged(void (*fn)(void), char *out, size_t size)
{
    int ends[2];
    ssize_t len;
    size_t total = 0;

    assert_int_equal(pipe(ends), 0);
    run(ends[1], fn);
    close(ends[1]);
    while ((len = read(ends[0], out + total, size - 1 - total)) > 0)
        total += (size_t)len;
    close(ends[0]);
    out[total] = '\0';
}

static void log_one_warning(void)
{
    log_set_component("recorder");
    errno = ENOSPC;
    log_warn("disk %d: %m", 7);
    if (errno != ENOSPC)
        _exit(1);
}

static void a_line_is_one_json_object(void **state)
{
    char out[4096];
    json_t *root;
    int64_t ms;
    const char *time;
    (void)state;

    logged(log_one_warning, out, sizeof out);
    assert_string_equal(out + strlen(out) - 2, "}\n");
    root = json_loads(out, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(root, "component")), "recorder");
    assert_string_equal(json_string_value(json_object_get(root, "message")), "disk 7: No space left on device");
    time = json_string_value(json_object_get(root, "time"));
    assert_true(clock_decode(time, strlen(time), &ms));
    json_decref(root);
}

static void log_hostile(void)
{
    log_info("a\"b\\c\n{\"level\":\"error\"}\x1b[2J\xc2\x9b\x7f\xff%s", "\xc3\xbc");
}

static void a_client_cannot_forge_a_line(void **state)
{
    char out[4096];
    json_t *root;
    (void)state;

    logged(log_hostile, out, sizeof out);
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    assert_null(strchr(out, '\x1b'));
    assert_null(strchr(out, '\x7f'));
    root = json_loads(out, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "message")),
                        "a\"b\\c\n{\"level\":\"error\"}\x1b[2J\xc2\x9b\x7f\xef\xbf\xbd\xc3\xbc");
    json_decref(root);
}

static void log_at_all_levels(void)
{
    log_debug("not this");
    log_set_level(LOG_WARN);
    log_info("nor this");
    log_warn("this");
    log_set_level(LOG_DEBUG);
    log_debug("and this");
}

static void what_is_below_the_level_is_not_written(void **state)
{
    char out[4096];
    (void)state;

    logged(log_at_all_levels, out, sizeof out);
    assert_null(strstr(out, "not this"));
    assert_null(strstr(out, "nor this"));
    assert_non_null(strstr(out, "\"this\""));
    assert_non_null(strstr(out, "\"debug\""));
}

static void log_long(void)
{
    char bells[5000];

    memset(bells, '\a', sizeof bells - 1); /* six characters each when escaped */
    bells[sizeof bells - 1] = '\0';
    log_error("%s", bells);
}

static void a_long_message_is_cut_and_still_a_line(void **state)
{
    char out[16384];
    json_t *root;
    (void)state;

    logged(log_long, out, sizeof out);
    root = json_loads(out, 0, NULL);
    assert_non_null(root);
    assert_non_null(strstr(json_string_value(json_object_get(root, "message")), "\a..."));
    json_decref(root);
}

static void a_terminal_gets_plain_text(void **state)
{
    char out[4096] = "";
    int terminal = posix_openpt(O_RDWR | O_NOCTTY), end;
    struct termios mode;
    size_t total = 0;
    (void)state;

    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(end >= 0);
    assert_int_equal(tcgetattr(end, &mode), 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(end, TCSANOW, &mode), 0);

    run(end, log_one_warning);
    run(end, log_hostile);
    while (!strstr(out, "\xc3\xbc\n")) { /* it passes them on when it likes, one by one or together */
        ssize_t len = read(terminal, out + total, sizeof out - 1 - total);
        assert_true(len > 0);
        total += (size_t)len;
        out[total] = '\0';
    }
    assert_memory_equal(out + CLOCK_TEXT_SIZE - 1, " WARN recorder disk 7: No space left on device\n", 47);
    assert_non_null(strstr(out, " INFO main a\"b\\c\\u000a{\"level\":\"error\"}\\u001b[2J\\u009b\\u007f\xef\xbf\xbd\xc3\xbc\n"));
    close(end);
    close(terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(a_client_cannot_forge_a_line),
        cmocka_unit_test(what_is_below_the_level_is_not_written),
        cmocka_unit_test(a_long_message_is_cut_and_still_a_line),
        cmocka_unit_test(a_terminal_gets_plain_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
