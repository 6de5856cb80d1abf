/* config_types.c: the rules that hold for the entries of `types:` as a whole. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/config_priv.h"
#include "schema/job.h"

static const char *const built_in[] = {"echo", "sleep", "primes", "ocr", "barcode"};

static bool is_built_in(const char *name)
{
    for (unsigned i = 0; i < sizeof built_in / sizeof built_in[0]; i++)
        if (strcmp(name, built_in[i]) == 0)
            return true;
    return false;
}

static const char *what_is_wrong(const struct config_type *type)
{
    if (!type->name)
        return "has no name";
    if (!name_is_valid(type->name, strlen(type->name)))
        return "has a name that is none: up to 64 of A-Z a-z 0-9 . _ - : /";
    if (is_built_in(type->name))
        return type->command || type->shared_object
                   ? "is built in: it takes neither command nor shared_object"
                   : NULL;
    if (!type->command && !type->shared_object)
        return "needs a command or a shared_object";
    if (type->command && type->shared_object)
        return "has both a command and a shared_object";
    if (type->result_type && !strchr(type->result_type, '/'))
        return "has a result_type that is no media type";
    return NULL;
}

enum err config_check_types(const struct config *config, const char *name, char *message, size_t size)
{
    for (unsigned i = 0; i < config->n_types; i++) {
        const struct config_type *type = &config->types[i];
        const char *wrong = what_is_wrong(type);

        for (unsigned k = 0; k < i && !wrong; k++)
            if (strcmp(config->types[k].name, type->name) == 0)
                wrong = "stands there twice";
        if (wrong) {
            snprintf(message, size, "%s: type %u%s%.64s%s %s", name, i + 1, type->name ? " '" : "",
                     type->name ? type->name : "", type->name ? "'" : "", wrong);
            return ERR_CONFIG;
        }
    }
    return ERR_OK;
}

static const char *file_missing(const struct config_type *type)
{
    if (type->shared_object && access(type->shared_object, R_OK) != 0)
        return type->shared_object;
    if (type->input_schema && access(type->input_schema, R_OK) != 0)
        return type->input_schema;
    /* One without a slash is looked for on the PATH of the executor. */
    return type->command && strchr(type->command[0], '/') && access(type->command[0], X_OK) != 0
               ? type->command[0]
               : NULL;
}

enum err config_check_files(const struct config *config, char *message, size_t size)
{
    for (unsigned i = 0; i < config->n_types; i++) {
        const char *missing = file_missing(&config->types[i]);

        if (missing) {
            snprintf(message, size, "%s: type %u '%s': %s: %s", config->config_file, i + 1,
                     config->types[i].name, missing, strerror(errno));
            return ERR_CONFIG;
        }
    }
    return ERR_OK;
}
