// needs: schema
/* The settings: where they come from, what beats what, and what is said about a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/config_priv.h"

#define FLAGS(...)                                                                                           \
    (char *[])                                                                                               \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }
#define COUNT(...) ((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)))
#define LOAD(...)  load(COUNT(__VA_ARGS__), FLAGS(__VA_ARGS__))

struct world {
    char folder[32];
    struct config *config;
    char message[1024];
};
static struct world world;

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    strcpy(world.folder, "/tmp/test_config_XXXXXX");
    return mkdtemp(world.folder) && chdir(world.folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    config_free(world.config);
    unsetenv("BUZZER_SLOTS");
    unsetenv("BUZZER_DATA");
    unlink("settings.yaml");
    unlink("d/buzzer.yaml");
    rmdir("d");
    return chdir("/") == 0 && rmdir(world.folder) == 0 ? 0 : -1;
}

static enum err load(int argc, char **argv)
{
    config_free(world.config);
    world.config = NULL;
    return config_load(argc, argv, &world.config, world.message, sizeof world.message);
}

static enum err parse(const char *text)
{
    config_free(world.config);
    world.config = NULL;
    world.message[0] = '\0';
    assert_int_equal(config_new(&world.config), ERR_OK);
    return config_parse(world.config, "x.yaml", "/etc/buzzer", text, strlen(text), world.message,
                        sizeof world.message);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_says(const char *part)
{
    if (!strstr(world.message, part) || strchr(world.message, '\n'))
        fail_msg("'%s' is not in one line: '%s'", part, world.message);
}

static void without_a_word_everything_has_its_default(void **state)
{
    (void)state;
    assert_int_equal(config_load(0, NULL, &world.config, world.message, sizeof world.message), ERR_OK);
    assert_string_equal(world.config->listen_host, "127.0.0.1");
    assert_int_equal(world.config->listen_port, 8000);
    assert_string_equal(world.config->data, "buzzer-data");
    assert_null(world.config->config_file);
    assert_true(world.config->role_api && world.config->role_worker);
    assert_in_range(world.config->slots, 1, 1024);
    assert_in_range(world.config->http_threads, 1, 4);
    assert_int_equal(world.config->json_body_bytes, 1 << 20);
    assert_int_equal(world.config->body_bytes, 16 << 20);
    assert_int_equal(world.config->result_bytes, 16 << 20);
    assert_int_equal(world.config->max_waiting, 1000000);
    assert_int_equal(world.config->max_connections, 20000);
    assert_int_equal(world.config->drain_ms, 30000);
    assert_string_equal(world.config->log_level, "info");
    assert_true(world.config->demo_scale > 0.999 && world.config->demo_scale < 1.001);
    assert_int_equal(world.config->n_allow_origins, 0);
}

static void a_flag_beats_the_environment_which_beats_the_file(void **state)
{
    (void)state;
    write_file("settings.yaml", "slots: 3\ndrain_ms: 7\n");
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_OK);
    assert_int_equal(world.config->slots, 3);
    assert_int_equal(setenv("BUZZER_SLOTS", "4", 1), 0);
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_OK);
    assert_int_equal(world.config->slots, 4);
    assert_int_equal(LOAD("--config=settings.yaml", "--slots=5"), ERR_OK);
    assert_int_equal(world.config->slots, 5);
    assert_int_equal(world.config->drain_ms, 7);
    assert_string_equal(world.config->config_file, "settings.yaml");
}

static void the_data_folder_brings_its_own_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir("d", 0700), 0);
    write_file("d/buzzer.yaml", "slots: 9\n");
    assert_int_equal(setenv("BUZZER_DATA", "d", 1), 0);
    assert_int_equal(config_load(0, NULL, &world.config, world.message, sizeof world.message), ERR_OK);
    assert_int_equal(world.config->slots, 9);
    assert_string_equal(world.config->config_file, "d/buzzer.yaml");
}

static void lists_have_commas_in_flags(void **state)
{
    (void)state;
    assert_int_equal(LOAD("--roles", "worker", "--allow-origins", "https://a.example,https://b.example"),
                     ERR_OK);
    assert_false(world.config->role_api);
    assert_true(world.config->role_worker);
    assert_int_equal(world.config->n_allow_origins, 2);
    assert_string_equal(world.config->allow_origins[1], "https://b.example");
}

static void a_wrong_flag_is_named(void **state)
{
    static const struct {
        char *flag, *value;
        const char *said;
    } wrong[] = {
        {"--slotz", "3", "unknown option '--slotz'"},
        {"--slots", "three", "--slots must be a whole number from 0 to 1024, not 'three'"},
        {"--slots", "1025", "--slots"},
        {"--slots", "-1", "--slots"},
        {"--slots", "", "--slots"},
        {"--slots", "1 ", "--slots"},
        {"--slots", " 1", "--slots"},
        {"--slots", "99999999999999999999", "--slots"},
        {"--slots", NULL, "--slots needs a value"},
        {"--demo-scale", "nan", "--demo-scale must be a number"},
        {"--demo-scale", "1e3", "--demo-scale"},
        {"--roles", "api,cook", "not 'cook'"},
        {"--roles", "", "--roles"},
        {"--log-level", "loud", "--log-level"},
        {"--data", "", "--data"},
        {"--allow-origins", "a,,b", "--allow-origins"},
        {"--listen", "127.0.0.1", "ADDRESS:PORT"},
        {"--listen", "127.0.0.1:", "ADDRESS:PORT"},
        {"--listen", "127.0.0.1:65536", "ADDRESS:PORT"},
        {"--listen", "127.0.0.1:80x", "ADDRESS:PORT"},
        {"--listen", "192.168.0.256:8000", "literal address"},
        {"--listen", "[::g]:8000", "literal address"},
        {"--listen", "example.org:8000", "literal address"},
        {"--config", "nowhere.yaml", "nowhere.yaml: cannot be read"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        enum err err = load(wrong[i].value ? 2 : 1, FLAGS(wrong[i].flag, wrong[i].value));

        assert_int_equal(err, strcmp(wrong[i].flag, "--config") == 0 ? ERR_CONFIG : ERR_USAGE);
        assert_null(world.config);
        assert_says(wrong[i].said);
    }
    assert_int_equal(LOAD("--slots", "1", "--slots=2"), ERR_USAGE);
    assert_says("--slots stands there twice");
    assert_int_equal(setenv("BUZZER_SLOTS", "many", 1), 0);
    assert_int_equal(LOAD("--slots", "1"), ERR_USAGE); /* overridden, and still told */
    assert_says("BUZZER_SLOTS");
}

static void any_literal_address_can_be_listened_on(void **state)
{
    static const struct {
        char *text;
        const char *host;
        int port;
    } good[] = {
        {"127.0.0.1:0", "127.0.0.1", 0},   {"127.9.9.9:1", "127.9.9.9", 1}, {"[::1]:65535", "::1", 65535},
        {"localhost:80", "127.0.0.1", 80}, {":80", "127.0.0.1", 80},        {"0.0.0.0:80", "0.0.0.0", 80},
        {"[::]:80", "::", 80},             {"192.0.2.1:80", "192.0.2.1", 80},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(LOAD("--listen", good[i].text), ERR_OK);
        assert_string_equal(world.config->listen_host, good[i].host);
        assert_int_equal(world.config->listen_port, good[i].port);
    }
}

static void a_type_is_read_whole(void **state)
{
    const struct config_type *type;

    (void)state;
    assert_int_equal(
        parse("types:\n"
              "  - name: thumbnail\n    command: [bin/convert, \"-\", \"\"]\n    result_type: image/png\n"
              "    input_schema: thumbnail.schema.json\n    timeout_ms: 60000\n    max_attempts: 3\n"
              "    content_types: [image/png, image/jpeg]\n    network: true\n    memory_bytes: 1073741824\n"
              "  - name: mine\n    shared_object: ./mine.so\n"
              "  - name: ocr\n    concurrency: 1\n"),
        ERR_OK);
    assert_int_equal(world.config->n_types, 3);
    type = &world.config->types[0];
    assert_string_equal(type->command[0], "/etc/buzzer/bin/convert");
    assert_string_equal(type->command[1], "-");
    assert_string_equal(type->command[2], "");
    assert_null(type->command[3]);
    assert_int_equal(type->n_command, 3);
    assert_string_equal(type->input_schema, "/etc/buzzer/thumbnail.schema.json");
    assert_int_equal(type->timeout_ms, 60000);
    assert_int_equal(type->memory_bytes, 1073741824);
    assert_int_equal(type->max_attempts, 3);
    assert_int_equal(type->network, 1);
    assert_int_equal(type->n_content_types, 2);
    assert_int_equal(type->keep_ms, -1);
    assert_int_equal(type->max_losses, -1);
    assert_int_equal(type->concurrency, -1);
    type = &world.config->types[1];
    assert_string_equal(type->shared_object, "/etc/buzzer/./mine.so");
    assert_null(type->command);
    assert_int_equal(type->network, -1);
    assert_int_equal(world.config->types[2].concurrency, 1);
}

static void a_command_found_on_the_path_keeps_its_name(void **state)
{
    (void)state;
    assert_int_equal(parse("types:\n  - {name: a, command: [cat, ./x]}\n"), ERR_OK);
    assert_string_equal(world.config->types[0].command[0], "cat");
    assert_string_equal(world.config->types[0].command[1], "./x");
}

static void a_fault_in_the_file_is_told_in_one_line(void **state)
{
    static const struct {
        const char *text, *said;
    } wrong[] = {
        {"slotz: 3\n", "x.yaml: unknown key 'slotz'"},
        {"slots: two\n", "x.yaml: slots must be a whole number from 0 to 1024, not 'two'"},
        {"slots:\n", "slots"},
        {"slots: [1]\n", "x.yaml: slots, near line 1: a single value is wanted here"},
        {"slots: 1\nslots: 2\n", "slots, near line 1: stands there twice"},
        {"roles: api\n", "x.yaml: roles, near line 1: a list is wanted here"},
        {"config: other.yaml\n", "unknown key 'config'"},
        {"listen: example.org:80\n", "literal address"},
        {"- slots\n", "x.yaml"},
        {"slots: *x\n", "near line 1"},
        {"slots: &x 1\ndrain_ms: *x\n", "near line 2"},
        {"slots: \x01\n", "control characters"},
        {"a: b: c\n", "x.yaml"},
        {"types: {}\n", "types, near line 1: a list is wanted here"},
        {"types:\n  - name: a\n", "type 1 'a' needs a command or a shared_object"},
        {"types:\n  - command: [a]\n", "type 1 has no name"},
        {"types:\n  - {name: a, command: [a], shared_object: b}\n", "type 1 'a' has both"},
        {"types:\n  - {name: echo, command: [a]}\n", "type 1 'echo' is built in"},
        {"types:\n  - {name: a b, command: [a]}\n", "has a name that is none"},
        {"types:\n  - {name: a, command: [a]}\n  - {name: a, command: [a]}\n",
         "type 2 'a' stands there twice"},
        {"types:\n  - {name: a, command: [\"\"]}\n", "command must not have an empty entry"},
        {"types:\n  - {name: a, command: [a], network: 1}\n",
         "type 1 'a': network must be true or false, not '1'"},
        {"types:\n  - {name: a, command: [a], timeout_ms: 0}\n", "timeout_ms must be"},
        {"types:\n  - {name: a, command: [a], result_type: png}\n", "result_type"},
        {"types:\n  - {name: a, command: [a], comand: [b]}\n", "unknown key 'comand'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(wrong[i].text), ERR_CONFIG);
        assert_says(wrong[i].said);
    }
}

static void a_file_of_comments_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(parse(""), ERR_OK);
    assert_int_equal(parse("# slots: 4\n"), ERR_OK);
    assert_int_equal(world.config->slots, 0);
}

static void files_that_types_name_must_be_there(void **state)
{
    (void)state;
    write_file("settings.yaml", "types:\n  - {name: a, command: [cat]}\n  - {name: b, command: [/bin/sh]}\n");
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_OK);
    write_file("settings.yaml", "types:\n  - {name: a, shared_object: ./no.so}\n");
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_CONFIG);
    assert_says("type 1 'a': ");
    assert_says("/no.so: No such file");
    write_file("settings.yaml", "types:\n  - {name: a, command: [./settings.yaml]}\n");
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_CONFIG);
    assert_says("Permission denied");
    write_file("settings.yaml", "types:\n  - {name: echo, input_schema: no.json}\n");
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_CONFIG);
    assert_says("/no.json: No such file");
}

static void what_is_no_plain_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("settings.yaml", 0600), 0);
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_CONFIG);
    assert_says("not a settings file");
    assert_int_equal(LOAD("--config", "."), ERR_CONFIG);
    assert_int_equal(unlink("settings.yaml"), 0);
    write_file("settings.yaml", "");
    assert_int_equal(truncate("settings.yaml", CONFIG_FILE_BYTES + 1), 0);
    assert_int_equal(LOAD("--config", "settings.yaml"), ERR_CONFIG);
    assert_says("not a settings file");
}

/* The example with the comment marks taken away must be a settings file that changes nothing. */
static void the_example_says_the_defaults(void **state)
{
    char *text = NULL, plain[8192] = "", *line, *rest;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    config_example(out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(parse(text), ERR_OK);
    for (rest = text; (line = strsep(&rest, "\n"));) {
        bool is_setting = strncmp(line, "# ", 2) == 0 && line[2] >= 'a' && line[2] <= 'z' &&
                          strchr(line, ':') && strncmp(line, "# beats", 7) != 0 &&
                          strncmp(line, "# types", 7) != 0;

        if (is_setting) {
            assert_true(strlen(plain) + strlen(line) < sizeof plain);
            strcat(strcat(plain, line + 2), "\n");
        }
    }
    for (unsigned i = 0; i < n_settings; i++)
        if (settings[i].kind != SETTING_SOURCE)
            assert_non_null(strstr(plain, settings[i].name));
    assert_int_equal(parse(plain), ERR_OK);
    assert_string_equal(world.config->data, "/etc/buzzer/buzzer-data");
    assert_int_equal(world.config->max_connections, 20000);
    free(text);
}

static void the_man_page_knows_every_option(void **state)
{
    static char page[128 * 1024];
    FILE *file = fopen(SOURCE_DIR "/deploy/buzzer.1", "r");

    (void)state;
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    for (unsigned i = 0; i < n_settings; i++) {
        char flag[64];

        snprintf(flag, sizeof flag, ".It Fl Fl %s", settings[i].name);
        for (char *c = flag; *c; c++)
            if (*c == '_')
                *c = '-';
        if (!strstr(page, flag))
            fail_msg("%s is not in the man page", flag);
    }
    for (unsigned i = 0; i < n_type_settings; i++) {
        char item[64];

        snprintf(item, sizeof item, ".It Va %s", type_settings[i].name);
        if (!strstr(page, item))
            fail_msg("%s is not in the man page", item);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_word_everything_has_its_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flag_beats_the_environment_which_beats_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_data_folder_brings_its_own_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_have_commas_in_flags, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_flag_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_literal_address_can_be_listened_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_type_is_read_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_command_found_on_the_path_keeps_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fault_in_the_file_is_told_in_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_comments_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_types_name_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_plain_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_example_says_the_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_man_page_knows_every_option, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
