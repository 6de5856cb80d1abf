// needs: jobs
/* The registry: what comes with the program, what the settings change and add. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "jobs/types_priv.h"

#define ABSENT .timeout_ms = -1, .kill_grace_ms = -1, .backoff_ms = -1, .backoff_max_ms = -1, .memory_bytes = -1, \
               .output_bytes = -1, .keep_ms = -1, .max_attempts = -1, .max_losses = -1, .concurrency = -1, .network = -1

static char *words[] = { (char *)"/bin/cat", (char *)"-", NULL };

static struct types *build(struct config_type *entries, unsigned n, const char *module)
{
    struct config config = { .types = entries, .n_types = n };
    struct types *types = NULL;
    char message[512] = "";

    if (types_build(&config, module, "deu|eng", &types, message, sizeof(message)))
        fail_msg("%s", message);
    return types;
}

static void the_built_in_types_have_their_defaults(void **state)
{
    struct types *types = build(NULL, 0, "/lib/images.so");
    const struct job_type *echo = types_find(types, "echo"), *ocr = types_find(types, "ocr");

    (void)state;
    assert_int_equal(types_count(types), 5);
    assert_true(echo->takes_bytes && echo->takes_json && echo->run == TYPE_HANDLER);
    assert_int_equal(echo->timeout_ms, 60000);
    assert_int_equal(echo->max_attempts, 3);
    assert_int_equal(echo->max_losses, 5);
    assert_int_equal(echo->memory_bytes, 1 << 30);
    assert_int_equal(echo->output_bytes, 16 << 20);
    assert_string_equal(echo->result_type, "application/json");
    assert_string_equal(ocr->shared_object, "/lib/images.so");
    assert_true(ocr->takes_bytes && !ocr->takes_json && ocr->check);
    assert_int_equal(ocr->n_content_types, 4);
    assert_int_equal(types_find(types, "primes")->timeout_ms, 600000);
    assert_true(types_find(types, "sleep")->timeout_ms > 86400000);
    types_free(types);
}

static void types_know_their_place(void **state)
{
    struct types *types = build(NULL, 0, NULL);

    (void)state;
    for (unsigned i = 0; i < types_count(types); i++) {
        assert_int_equal(types_at(types, i)->number, i);
        assert_ptr_equal(types_find(types, types_at(types, i)->name), types_at(types, i));
    }
    assert_null(types_at(types, types_count(types)));
    assert_null(types_find(types, "nothing"));
    assert_null(types_find(types, ""));
    types_free(types);
}

static void image_types_are_not_offered_without_their_module(void **state)
{
    struct config_type entry = { .name = (char *)"ocr", ABSENT };
    struct types *types;

    (void)state;
    entry.timeout_ms = 1000;
    types = build(&entry, 1, NULL);
    assert_null(types_find(types, "ocr"));
    assert_null(types_find(types, "barcode"));
    assert_non_null(types_find(types, "primes"));
    types_free(types);
}

static void an_entry_with_a_built_in_name_changes_just_what_it_names(void **state)
{
    struct config_type entry = { .name = (char *)"primes", ABSENT };

    (void)state;
    entry.concurrency = 2;
    entry.max_attempts = 1;
    struct types *types = build(&entry, 1, NULL);
    const struct job_type *primes = types_find(types, "primes");
    assert_int_equal(primes->concurrency, 2);
    assert_int_equal(primes->max_attempts, 1);
    assert_int_equal(primes->timeout_ms, 600000);
    assert_non_null(primes->input_schema);
    assert_true(primes->takes_json && !primes->takes_bytes && primes->run == TYPE_HANDLER);
    types_free(types);
}

static void a_command_is_copied_with_its_limits(void **state)
{
    struct config_type entry = { .name = (char *)"mine", .command = words, .n_command = 2,
                                 .result_type = (char *)"image/png", ABSENT };

    (void)state;
    entry.timeout_ms = 5000;
    entry.network = 1;
    struct types *types = build(&entry, 1, NULL);
    const struct job_type *mine = types_find(types, "mine");
    assert_int_equal(mine->run, TYPE_COMMAND);
    assert_string_equal(mine->command[0], "/bin/cat");
    assert_null(mine->command[2]);
    assert_int_equal(mine->timeout_ms, 5000);
    assert_int_equal(mine->kill_grace_ms, 500);
    assert_true(mine->network && mine->takes_bytes && mine->takes_json);
    types_free(types);
}

static void content_types_say_what_a_command_takes(void **state)
{
    char *images[] = { (char *)"image/*", NULL }, *json[] = { (char *)"application/json", NULL };
    struct config_type entries[] = {
        { .name = (char *)"images", .command = words, .n_command = 2, .content_types = images, .n_content_types = 1, ABSENT },
        { .name = (char *)"json", .command = words, .n_command = 2, .content_types = json, .n_content_types = 1, ABSENT },
    };
    struct types *types = build(entries, 2, NULL);
    const struct job_type *type = types_find(types, "images");

    (void)state;
    assert_true(type->takes_bytes && !type->takes_json);
    type = types_find(types, "json");
    assert_true(type->takes_json && !type->takes_bytes);
    types_free(types);
}

static void an_input_schema_that_cannot_be_read_is_named(void **state)
{
    char path[] = "/tmp/buzzer-schema-XXXXXX", message[512] = "";
    struct config_type entry = { .name = (char *)"mine", .command = words, .n_command = 2, .input_schema = path, ABSENT };
    struct config config = { .types = &entry, .n_types = 1 };
    struct types *types = NULL;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"type\":", 8), 8);
    assert_int_equal(types_build(&config, NULL, "", &types, message, sizeof(message)), ERR_CONFIG);
    assert_non_null(strstr(message, path));
    assert_int_equal(pwrite(fd, "{\"typo\":1}", 10, 0), 10);
    assert_int_equal(types_build(&config, NULL, "", &types, message, sizeof(message)), ERR_CONFIG);
    assert_non_null(strstr(message, path));
    assert_null(types);
    assert_int_equal(pwrite(fd, "{        }", 10, 0), 10);
    assert_int_equal(types_build(&config, NULL, "", &types, message, sizeof(message)), ERR_OK);
    assert_non_null(types_find(types, "mine")->input_schema);
    types_free(types);
    close(fd);
    unlink(path);
    assert_int_equal(types_build(&config, NULL, "", &types, message, sizeof(message)), ERR_CONFIG);
    assert_non_null(strstr(message, path));
}

static void a_type_is_described_as_json(void **state)
{
    struct types *types = build(NULL, 0, "/lib/images.so");

    (void)state;
    for (unsigned i = 0; i < types_count(types); i++) {
        struct text text = { 0 };

        type_encode(&text, types_at(types, i));
        assert_false(text.failed);
        json_t *root = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_object_size(root), 8);
        assert_string_equal(json_string_value(json_object_get(root, "name")), types_at(types, i)->name);
        assert_true(json_array_size(json_object_get(root, "content_types")) >= 1);
        assert_true(json_is_null(json_object_get(root, "concurrency")));
        assert_int_equal(json_is_object(json_object_get(root, "params")), types_at(types, i)->params_schema != NULL);
        json_decref(root);
        text_clear(&text);
    }
    types_free(types);
}

static void languages_are_those_with_data(void **state)
{
    char folder[] = "/tmp/buzzer-tessdata-XXXXXX", path[128], languages[64];
    static const char *const files[] = { "eng.traineddata", "osd.traineddata", "a|b.traineddata", ".traineddata", "pdf.ttf" };

    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("TESSDATA_PREFIX", folder, 1);
    types_find_languages(languages, sizeof(languages));
    assert_string_equal(languages, "");
    for (int make = 1; make >= 0; make--) {
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
            snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
            FILE *file = make ? fopen(path, "w") : NULL;
            assert_int_equal(make ? fclose(file) : unlink(path), 0);
        }
        types_find_languages(languages, sizeof(languages));
        assert_string_equal(languages, make ? "eng" : "");
    }
    unsetenv("TESSDATA_PREFIX");
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_types_have_their_defaults),
        cmocka_unit_test(types_know_their_place),
        cmocka_unit_test(image_types_are_not_offered_without_their_module),
        cmocka_unit_test(an_entry_with_a_built_in_name_changes_just_what_it_names),
        cmocka_unit_test(a_command_is_copied_with_its_limits),
        cmocka_unit_test(content_types_say_what_a_command_takes),
        cmocka_unit_test(an_input_schema_that_cannot_be_read_is_named),
        cmocka_unit_test(a_type_is_described_as_json),
        cmocka_unit_test(languages_are_those_with_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
