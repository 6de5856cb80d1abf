/* types_settings.c: entries of `types:` in the settings. One with a built-in's name changes just
 * what it names; any other makes a type that runs a command or a shared object. The settings have
 * been checked when they were read (schema/config_types.c): names are valid and stand once, and what
 * is not built in has a command or a shared object. */
#include "jobs/types_priv.h"

#include <stdio.h>
#include <string.h>

static enum err read_schema(const struct config_type *entry, struct job_type *type, char *message, size_t size)
{
    json_error_t error;
    char fault[512];
    struct json_schema *schema = NULL;
    json_t *document = json_load_file(entry->input_schema, JSON_REJECT_DUPLICATES, &error);
    enum err err = ERR_CONFIG;

    if (!document) {
        snprintf(message, size, "types: %s: input_schema %s: %s (line %d)", entry->name, entry->input_schema,
                 error.text, error.line);
        return ERR_CONFIG;
    }
    err = json_schema_new(document, &schema, fault, sizeof(fault));
    json_decref(document);
    if (err == ERR_NOMEM)
        return err;
    if (err) {
        snprintf(message, size, "types: %s: input_schema %s: %s", entry->name, entry->input_schema, fault);
        return ERR_CONFIG;
    }
    json_schema_free(type->input_schema);
    type->input_schema = schema;
    return ERR_OK;
}

static bool names(char *const *list, unsigned n, const char *word)
{
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(list[i], word))
            return true;
    return false;
}

/* A type of the user's takes JSON and bytes alike, unless content_types says otherwise. */
static void decide_kinds(const struct config_type *entry, struct job_type *type)
{
    bool json_named = names(entry->content_types, entry->n_content_types, "application/json");

    type->takes_json = !entry->content_types || json_named || entry->input_schema;
    type->takes_bytes = !entry->content_types || entry->n_content_types > (json_named ? 1u : 0u);
}

static void take_number(int64_t *member, int64_t value)
{
    if (value >= 0)
        *member = value;
}

static void take_int(int *member, int value)
{
    if (value >= 0)
        *member = value;
}

static bool take_strings(const struct config_type *entry, struct job_type *type)
{
    return (!entry->description || type_set(&type->description, entry->description)) &&
           (!entry->result_type || type_set(&type->result_type, entry->result_type)) &&
           (!entry->content_types || type_set_list(&type->content_types, &type->n_content_types,
                                                   entry->content_types, entry->n_content_types));
}

static bool take_run(const struct config_type *entry, struct job_type *type)
{
    if (entry->command) {
        if (!type_set_list(&type->command, NULL, entry->command, entry->n_command))
            return false;
        type->run = TYPE_COMMAND;
    } else if (entry->shared_object) {
        if (!type_set(&type->shared_object, entry->shared_object))
            return false;
        type->run = TYPE_HANDLER;
    }
    return true;
}

static void take_limits(const struct config_type *entry, struct job_type *type)
{
    take_number(&type->timeout_ms, entry->timeout_ms);
    take_number(&type->kill_grace_ms, entry->kill_grace_ms);
    take_number(&type->backoff_ms, entry->backoff_ms);
    take_number(&type->backoff_max_ms, entry->backoff_max_ms);
    take_number(&type->memory_bytes, entry->memory_bytes);
    take_number(&type->output_bytes, entry->output_bytes);
    take_number(&type->keep_ms, entry->keep_ms);
    take_int(&type->max_attempts, entry->max_attempts);
    take_int(&type->max_losses, entry->max_losses);
    take_int(&type->concurrency, entry->concurrency);
    if (entry->network >= 0)
        type->network = entry->network > 0;
}

enum err types_add_settings(struct types *types, const struct config_type *entry, char *message, size_t size)
{
    struct job_type *type = types_named(types, entry->name);

    if (!type) {
        if (!entry->command && !entry->shared_object)
            return ERR_OK;   /* settings of a built-in type whose parts are not installed here */
        type = types_add(types, entry->name);
        if (!type)
            return ERR_NOMEM;
        decide_kinds(entry, type);
    }
    if (!take_strings(entry, type) || !take_run(entry, type))
        return ERR_NOMEM;
    take_limits(entry, type);
    return entry->input_schema ? read_schema(entry, type, message, size) : ERR_OK;
}
