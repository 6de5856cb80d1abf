// needs: jobs
/* Commands: what they get, what they may not touch, and that nothing of them stays behind. */
#include "jobs/executor_priv.h"
#include "tests/support/world.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>

#define SCRIPTS 40

static char *const scripts[][2] = {
    {"upper", "tr a-z A-Z"},
    {"fails", "echo first; echo went wrong >&2; exit 7"},
    {"refuses", "echo not for me >&2; exit 65"},
    {"signals", "kill -SEGV $$"},
    {"lines", "printf '{\n \"a\": [1,\r\n2]\n}\n\n'"},
    {"not_json", "echo '{\"a\":'"},
    {"floods", "head -c 4000000 /dev/zero"},
    {"environment", "env | cut -d= -f1 | sort | tr '\\n' ' ' | sed 's/.*/\"&\"/'"},
    {"progress", "echo '{\"percent\":40,\"message\":\"page 2 of 5\"}' >&3; read -r x; echo 1"},
    {"reads_data", "d=$(tr -d '\"'); cat $d/buzzer.db >/dev/null 2>&1 && echo 1 || echo 0"},
    {"lists_data", "d=$(tr -d '\"'); ls $d >/dev/null 2>&1 && echo 1 || echo 0"},
    {"writes_out", "touch /tmp/buzzer-was-here 2>/dev/null && echo 1 || echo 0"},
    {"writes_in", "echo hi > file && mkdir -p a/b && cat file > a/b/c && ln -s / root && echo 1"},
    {"connects", "python3 -c 'import socket; socket.socket()' 2>/dev/null && echo 1 || echo 0"},
    {"may_connect", "python3 -c 'import socket; socket.socket()' 2>/dev/null && echo 1 || echo 0"},
    {"kills_parent", "kill -0 $PPID 2>/dev/null && echo 1 || echo 0"},
    {"eats", "python3 -c 'x = bytearray(1 << 30)' 2>/dev/null && echo 1 || echo 0"},
    {"descriptors", "ls /proc/self/fd | tr '\\n' ' ' | sed 's/.*/\"&\"/'; echo"},
    {"stays", "trap '' TERM INT HUP; (trap '' TERM; sleep 4242) & "
              "setsid sh -c \"trap '' TERM; sleep 4243 & sleep 4244\" & echo '{\"percent\":1}' >&3; sleep 4245; sleep 4246"},
    {"leaves", "setsid sleep 4247 >/dev/null 2>&1 3>&- & echo 1"},
    {"obeys", "trap 'echo bye >&2; exit 9' TERM; echo '{\"percent\":1}' >&3; while :; do sleep 0.05; done"},
};

static int set_up(void **state)
{
    static char *commands[SCRIPTS][4];
    struct world *world = world_new();

    for (unsigned i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct config_type *entry = world_type(world, scripts[i][0]);
        static char shell[] = "/bin/sh", option[] = "-c";
        commands[i][0] = shell;
        commands[i][1] = option;
        commands[i][2] = scripts[i][1];
        entry->command = commands[i];
        entry->n_command = 3;
        entry->memory_bytes = 512 << 20;
        entry->output_bytes = 1 << 20;
        entry->network = strcmp(scripts[i][0], "may_connect") == 0;
        if (strcmp(scripts[i][0], "upper") == 0) {
            static char text[] = "text/plain";
            entry->result_type = text;
        }
        if (strcmp(scripts[i][0], "stays") == 0)
            entry->kill_grace_ms = 200;
    }
    static char *missing[] = {(char *)(uintptr_t)"/no/such/program", NULL};
    struct config_type *entry = world_type(world, "missing");
    entry->command = missing;
    entry->n_command = 1;
    world_open(world, 2);
    *state = world;
    return 0;
}

/* result: what the command printed before its last line end. */
static void expect_result(struct world *world, const char *type, const char *input, const char *result)
{
    struct job *job = world_run(world, type, input, JOB_SUCCEEDED);
    char printed[256];

    snprintf(printed, sizeof printed, "%s\n", result);
    assert_non_null(job->result);
    assert_string_equal(job->result->bytes, printed);
    job_unref(job);
}

/* How many processes of the machine sleep for one of the odd times that only these scripts use. */
static unsigned count_sleepers(void)
{
    unsigned n = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *entry = readdir(proc); entry; entry = readdir(proc)) {
        char path[300], line[256] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        FILE *file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!file)
            continue;
        size_t len = fread(line, 1, sizeof line - 1, file);
        fclose(file);
        n += len > 10 && memcmp(line, "sleep\000424", 9) == 0;
    }
    closedir(proc);
    return n;
}

static unsigned count_scratch(const struct world *world)
{
    char path[128];
    unsigned n = 0;
    snprintf(path, sizeof path, "%s/scratch", world->dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void a_command_gets_its_input_and_gives_its_output(void **state)
{
    struct world *world = *state;
    struct body *body = NULL;
    struct blob blob;
    size_t len = 900000;
    char *input = malloc(len), id[ID_SIZE];

    memset(input, 'b', len);
    world_submit_bytes(world, "upper", "text/plain", input, len, id);
    struct job *job = world_await(world, id, JOB_SUCCEEDED);
    assert_int_equal(reader_body(world->reader, job->result_pos, &body, &blob), ERR_OK);
    assert_int_equal(body->len, len);
    assert_int_equal(body->bytes[len - 1], 'B');
    assert_string_equal(body->media_type, "text/plain");
    body_unref(body);
    job_unref(job);
    free(input);
}

static void a_json_result_is_kept_as_it_was_printed(void **state)
{
    expect_result(*state, "lines", "{}", "{\n \"a\": [1,\r\n2]\n}\n");
}

static void an_exit_code_fails_with_the_end_of_standard_error(void **state)
{
    world_expect_failure(*state, "fails", JOB_ERROR_HANDLER_ERROR, "exit code 7: went wrong");
}

static void exit_code_65_is_bad_input(void **state)
{
    world_expect_failure(*state, "refuses", JOB_ERROR_BAD_INPUT, "not for me");
}

static void a_signal_is_a_crash(void **state)
{
    world_expect_failure(*state, "signals", JOB_ERROR_CRASHED, "SIGSEGV");
}

static void a_missing_program_fails_and_says_so(void **state)
{
    world_expect_failure(*state, "missing", JOB_ERROR_HANDLER_ERROR, "No such file");
}

static void output_that_is_not_json_is_bad_output(void **state)
{
    world_expect_failure(*state, "not_json", JOB_ERROR_BAD_OUTPUT, "not JSON");
}

static void too_much_output_is_bad_output(void **state)
{
    world_expect_failure(*state, "floods", JOB_ERROR_BAD_OUTPUT, "output_bytes");
}

static void a_command_sees_nothing_of_the_environment_but_what_is_named(void **state)
{
    setenv("SECRET_OF_THE_SERVICE", "1", 1);
    setenv("LANG", "C.UTF-8", 1);
    struct job *job = world_run(*state, "environment", "{}", JOB_SUCCEEDED);
    /* PWD and _ are the shell's own. */
    assert_string_equal(job->result->bytes, "\"HOME JOB_ATTEMPT JOB_ID JOB_TYPE LANG PATH PWD \"");
    job_unref(job);
}

static void lines_on_descriptor_3_are_progress(void **state)
{
    struct world *world = *state;
    expect_result(world, "progress", "{}\n", "1");
    world_await_progress(world);
    assert_int_equal(world->last_percent, 40);
}

static void the_data_folder_cannot_be_read(void **state)
{
    struct world *world = *state;
    char input[128];
    snprintf(input, sizeof input, "\"%s\"", world->dir);
    expect_result(world, "reads_data", input, "0");
    expect_result(world, "lists_data", input, "0");
}

static void only_the_scratch_folder_can_be_written_and_it_goes(void **state)
{
    expect_result(*state, "writes_out", "{}", "0");
    expect_result(*state, "writes_in", "{}", "1");
    assert_int_equal(count_scratch(*state), 0);
}

static void sockets_need_the_network_setting(void **state)
{
    expect_result(*state, "connects", "{}", "0");
    expect_result(*state, "may_connect", "{}", "1");
}

static void processes_outside_cannot_be_signalled(void **state)
{
    expect_result(*state, "kills_parent", "{}", "0");
}

static void memory_has_its_limit(void **state)
{
    if (EXECUTOR_IS_SANITIZED)
        skip();
    expect_result(*state, "eats", "{}", "0");
}

static void no_descriptor_is_inherited_but_four(void **state)
{
    expect_result(*state, "descriptors", "{}", "\"0 1 2 3 4 \"");    /* 4: ls reads the folder itself */
}

static void what_ignores_sigterm_is_gone_within_a_second_of_a_cancel(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    world_submit(world, "stays", "{}", id);
    world_await_progress(world);
    while (count_sleepers() < 4)
        usleep(1000);
    int64_t start = clock_mono_ms();
    world_cancel(world, id);
    job_unref(world_await(world, id, JOB_CANCELLED));
    while (count_sleepers() > 0 && clock_mono_ms() - start < 5000)
        usleep(1000);
    assert_true(clock_mono_ms() - start < 1000);
    while (count_scratch(world) > 0 && clock_mono_ms() - start < 5000)
        usleep(1000);
    assert_int_equal(count_scratch(world), 0);
}

static void what_a_finished_command_leaves_behind_is_ended(void **state)
{
    expect_result(*state, "leaves", "{}", "1");
    assert_int_equal(count_sleepers(), 0);
}

static void a_command_that_obeys_sigterm_ends_in_its_grace(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];

    world_submit(world, "obeys", "{}", id);
    world_await_progress(world);
    int64_t start = clock_mono_ms();
    world_cancel(world, id);
    job_unref(world_await(world, id, JOB_CANCELLED));
    assert_true(clock_mono_ms() - start < 450);       /* kill_grace_ms is 500 */
    expect_result(world, "writes_in", "{}", "1");   /* the executor lives on */
}

static void an_executor_dies_with_all_its_command_started_when_the_service_does(void **state)
{
    struct world *world = *state;
    char id[ID_SIZE];
    pid_t pid;

    /* A service of its own, in a child of ours, which is killed without warning. */
    world_stop(world);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_open(world, 2);
        world_submit(world, "stays", "{}", id);
        for (;;)
            pause();
    }
    int64_t start = clock_mono_ms();
    while (count_sleepers() < 4 && clock_mono_ms() - start < 10000)
        usleep(1000);
    assert_int_equal(count_sleepers(), 4);
    kill(pid, SIGKILL);
    start = clock_mono_ms();
    while (count_sleepers() > 0 && clock_mono_ms() - start < 5000)
        usleep(1000);
    assert_true(clock_mono_ms() - start < 1000);
    world->n_final = 0;
    world_open(world, 2);
}

int main(int argc, char **argv)
{
    WORLD_MAIN(argc, argv);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_command_gets_its_input_and_gives_its_output),
        TEST(a_json_result_is_kept_as_it_was_printed),
        TEST(an_exit_code_fails_with_the_end_of_standard_error),
        TEST(exit_code_65_is_bad_input),
        TEST(a_signal_is_a_crash),
        TEST(a_missing_program_fails_and_says_so),
        TEST(output_that_is_not_json_is_bad_output),
        TEST(too_much_output_is_bad_output),
        TEST(a_command_sees_nothing_of_the_environment_but_what_is_named),
        TEST(lines_on_descriptor_3_are_progress),
        TEST(the_data_folder_cannot_be_read),
        TEST(only_the_scratch_folder_can_be_written_and_it_goes),
        TEST(sockets_need_the_network_setting),
        TEST(processes_outside_cannot_be_signalled),
        TEST(memory_has_its_limit),
        TEST(no_descriptor_is_inherited_but_four),
        TEST(what_ignores_sigterm_is_gone_within_a_second_of_a_cancel),
        TEST(what_a_finished_command_leaves_behind_is_ended),
        TEST(a_command_that_obeys_sigterm_ends_in_its_grace),
        TEST(an_executor_dies_with_all_its_command_started_when_the_service_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
