/* config.c: the settings of one run, from four places: the table's defaults, the file, the
 * environment, the command line; each overrides the one before. All of them are checked, also what
 * is overridden: a wrong value is never passed over. */
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/config_priv.h"

#define FLAG_BYTES   64
#define SETTINGS_MAX 32

#define ONE(...) +1
_Static_assert((SETTING_LIST(ONE)) <= SETTINGS_MAX, "room for every setting");
#undef ONE

static void flag_name(const struct setting *setting, char flag[FLAG_BYTES])
{
    snprintf(flag, FLAG_BYTES, "--%s", setting->name);
    for (char *c = flag; *c; c++)
        if (*c == '_')
            *c = '-';
}

static const char *environment(const struct setting *setting, char variable[FLAG_BYTES])
{
    snprintf(variable, FLAG_BYTES, "BUZZER_%s", setting->name);
    for (char *c = variable; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return getenv(variable);
}

/* One text, with commas where the setting is a list. */
static enum err set_from_text(const struct setting *setting, struct config *config, const char *text,
                              char *why, size_t size)
{
    char *copy = strdup(text), *items[256], *rest = copy;
    unsigned n = 0;
    enum err err;

    if (!copy)
        return ERR_NOMEM;
    if (!setting_is_list(setting))
        items[n++] = copy;
    else if (*copy)
        while (rest && n < sizeof items / sizeof items[0])
            items[n++] = strsep(&rest, ",");
    err = setting_set(setting, config, items, n, NULL, why, size);
    free(copy);
    return err;
}

enum err config_new(struct config **ret_config)
{
    struct config *config = calloc(1, sizeof *config);
    char why[200];
    enum err err = config ? ERR_OK : ERR_NOMEM;

    for (unsigned i = 0; i < n_settings && !err; i++)
        if (settings[i].initial)
            err = set_from_text(&settings[i], config, settings[i].initial, why, sizeof why);
    if (err) {
        config_free(config);
        return err;
    }
    *ret_config = config;
    return ERR_OK;
}

/* The texts of the command line by setting; they stay argv's. */
static enum err read_flags(int argc, char **argv, const char **given, char *message, size_t size)
{
    for (int k = 0; k < argc; k++) {
        size_t len = strcspn(argv[k], "=");
        char flag[FLAG_BYTES];
        unsigned i = 0;

        for (; i < n_settings; i++) {
            flag_name(&settings[i], flag);
            if (strlen(flag) == len && strncmp(flag, argv[k], len) == 0)
                break;
        }
        if (i == n_settings) {
            snprintf(message, size, "unknown option '%.80s'; `buzzer help serve` lists them", argv[k]);
            return ERR_USAGE;
        }
        if (given[i]) {
            snprintf(message, size, "%s stands there twice", flag);
            return ERR_USAGE;
        }
        if (!argv[k][len] && k + 1 == argc) {
            snprintf(message, size, "%s needs a value: %s", flag, settings[i].value);
            return ERR_USAGE;
        }
        given[i] = argv[k][len] ? argv[k] + len + 1 : argv[++k];
    }
    return ERR_OK;
}

static enum err apply(struct config *config, const struct setting *setting, const char *name,
                      const char *text, char *message, size_t size)
{
    char why[200];
    enum err err = set_from_text(setting, config, text, why, sizeof why);

    if (err != ERR_CONFIG)
        return err;
    snprintf(message, size, "%s %s", name, why);
    return ERR_USAGE;
}

static unsigned index_of(const char *name)
{
    unsigned i = 0;

    while (strcmp(settings[i].name, name) != 0)
        i++;
    return i;
}

/* The file named, or the one in the data folder; both may come from a flag or the environment. */
static enum err read_file(struct config *config, const char *const *given, char *message, size_t size)
{
    char variable[FLAG_BYTES];
    unsigned at_config = index_of("config"), at_data = index_of("data");
    const char *path = given[at_config] ? given[at_config] : environment(&settings[at_config], variable);
    const char *data = given[at_data] ? given[at_data] : environment(&settings[at_data], variable);
    char *usual;
    enum err err;

    if (path)
        return config_read(config, path, true, message, size);
    if (asprintf(&usual, "%s/buzzer.yaml", data ? data : config->data) < 0)
        return ERR_NOMEM;
    err = config_read(config, usual, false, message, size);
    free(usual);
    return err;
}

static int cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

enum err config_load(int argc, char **argv, struct config **ret_config, char *message, size_t size)
{
    const char *given[SETTINGS_MAX] = {NULL};
    struct config *config = NULL;
    enum err err = config_new(&config);

    message[0] = '\0';
    if (!err)
        err = read_flags(argc, argv, given, message, size);
    if (!err)
        err = read_file(config, given, message, size);
    for (unsigned i = 0; i < n_settings && !err; i++) {
        char name[FLAG_BYTES];
        const char *text = environment(&settings[i], name);

        if (text)
            err = apply(config, &settings[i], name, text, message, size);
        if (given[i] && !err) {
            flag_name(&settings[i], name);
            err = apply(config, &settings[i], name, given[i], message, size);
        }
    }
    if (!err)
        err = config_check_files(config, message, size);
    if (err) {
        if (!message[0])
            snprintf(message, size, "%s", err_sentence(err));
        config_free(config);
        return err;
    }
    if (!config->slots)
        config->slots = cores();
    if (!config->http_threads)
        config->http_threads = cores() < 2 ? 1 : cores() < 8 ? cores() / 2 : 4;
    *ret_config = config;
    return ERR_OK;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (unsigned i = 0; i < config->n_types; i++)
        settings_clear(type_settings, n_type_settings, &config->types[i]);
    free(config->types);
    settings_clear(settings, n_settings, config);
    free(config);
}

void config_help(FILE *out)
{
    for (unsigned i = 0; i < n_settings; i++) {
        char flag[FLAG_BYTES];
        int width;

        flag_name(&settings[i], flag);
        width = fprintf(out, "  %s %s", flag, settings[i].value);
        fprintf(out, "%*s%s", width < 28 ? 28 - width : 1, "", settings[i].help);
        if (settings[i].initial && strcmp(settings[i].initial, "0") != 0)
            fprintf(out, " (%s)", settings[i].initial);
        fputc('\n', out);
    }
}

void config_example(FILE *out)
{
    fputs(
        "# Settings of `buzzer serve`. What is commented out has the value shown. A flag (--http-threads 2)\n"
        "# beats the environment (BUZZER_HTTP_THREADS=2), which beats this file.\n\n",
        out);
    for (unsigned i = 0; i < n_settings; i++) {
        const struct setting *setting = &settings[i];
        const char *initial = setting->initial ? setting->initial : "";

        if (setting->kind == SETTING_SOURCE)
            continue;
        if (!*initial && !setting_is_list(setting))
            initial = "\"\"";
        if (setting_is_list(setting))
            fprintf(out, "# %s: [%s]   # %s\n", setting->name, initial, setting->help);
        else
            fprintf(out, "# %s: %s   # %s\n", setting->name, initial, setting->help);
    }
    fputs(
        "\n# Job types of your own, or limits for those that come with it (echo sleep primes ocr barcode).\n"
        "# Paths are relative to this file.\n"
        "# types:\n#   - name: thumbnail\n#     command: [/usr/bin/convert, \"-\", \"-resize\", \"200x\", "
        "\"png:-\"]\n"
        "#     result_type: image/png\n#   - name: mine\n#     shared_object: ./mine.so\n#   - name: ocr\n"
        "#     timeout_ms: 60000\n#\n# A type can be told:\n",
        out);
    for (unsigned i = 0; i < n_type_settings; i++)
        fprintf(out, "#   %-14s %-11s %s\n", type_settings[i].name, type_settings[i].value,
                type_settings[i].help);
}
