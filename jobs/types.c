/* types.c: the registry of job types. It is built once, sorted by name, and then only read, so
 * every thread may look into it without a lock. */
#include "jobs/types_priv.h"

#include <stdlib.h>
#include <string.h>

#include "schema/job.h"

struct types {
    struct job_type *at;
    unsigned n, cap;
};

bool type_set(char **member, const char *value)
{
    char *copy = strdup(value);

    if (!copy)
        return false;
    free(*member);
    *member = copy;
    return true;
}

static void list_free(char **list)
{
    for (char **item = list; item && *item; item++)
        free(*item);
    free(list);
}

bool type_set_list(char ***list, unsigned *ret_n, char *const *values, unsigned n)
{
    char **copy = calloc((size_t)n + 1, sizeof(*copy));

    if (!copy)
        return false;
    for (unsigned i = 0; i < n; i++) {
        copy[i] = strdup(values[i]);
        if (!copy[i]) {
            list_free(copy);
            return false;
        }
    }
    list_free(*list);
    *list = copy;
    if (ret_n)
        *ret_n = n;
    return true;
}

bool type_init(struct job_type *type, const char *name)
{
    *type = (struct job_type){
        .timeout_ms = 60 * 1000,
        .kill_grace_ms = 500,
        .backoff_ms = 1000,
        .backoff_max_ms = 600 * 1000,
        .memory_bytes = 1LL << 30,
        .output_bytes = 16LL << 20,
        .keep_ms = KEEP_MS_DEFAULT,
        .max_attempts = 3,
        .max_losses = MAX_LOSSES_DEFAULT,
    };
    return type_set(&type->name, name) && type_set(&type->description, "") &&
           type_set(&type->result_type, "application/json");
}

void type_clear(struct job_type *type)
{
    free(type->name);
    free(type->description);
    list_free(type->content_types);
    json_schema_free(type->input_schema);
    json_schema_free(type->params_schema);
    free(type->result_type);
    list_free(type->command);
    free(type->shared_object);
    *type = (struct job_type){ 0 };
}

struct job_type *types_add(struct types *types, const char *name)
{
    if (types->n == types->cap) {
        unsigned cap = types->cap ? types->cap * 2 : 16;
        struct job_type *at = reallocarray(types->at, cap, sizeof(*at));

        if (!at)
            return NULL;
        types->at = at;
        types->cap = cap;
    }
    struct job_type *type = &types->at[types->n];
    if (!type_init(type, name)) {
        type_clear(type);
        return NULL;
    }
    types->n++;
    return type;
}

struct job_type *types_named(struct types *types, const char *name)
{
    for (unsigned i = 0; i < types->n; i++)
        if (!strcmp(types->at[i].name, name))
            return &types->at[i];
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct job_type *)a)->name, ((const struct job_type *)b)->name);
}

enum err types_build(const struct config *config, const char *images_module, const char *languages,
                     struct types **ret_types, char *message, size_t size)
{
    struct types *types = calloc(1, sizeof(*types));
    enum err err = ERR_NOMEM;

    if (!types)
        goto out;
    err = types_add_builtin(types, images_module, languages);
    for (unsigned i = 0; !err && i < config->n_types; i++)
        err = types_add_settings(types, &config->types[i], message, size);
    if (err)
        goto out;
    qsort(types->at, types->n, sizeof(*types->at), by_name);
    for (unsigned i = 0; i < types->n; i++)
        types->at[i].number = i;
    *ret_types = types;
    types = NULL;
out:
    if (err == ERR_NOMEM)
        snprintf(message, size, "no memory for the job types");
    types_free(types);
    return err;
}

enum err types_new(const struct config *config, struct types **ret_types, char *message, size_t size)
{
    char module[4096], languages[1024];
    enum err err;

    types_find_images(module, sizeof(module));
    types_find_languages(languages, sizeof(languages));
    err = types_build(config, module[0] ? module : NULL, languages, ret_types, message, size);
    for (unsigned i = 0; !err && i < (*ret_types)->n; i++)       /* a type's own limit may only be lower */
        if ((*ret_types)->at[i].output_bytes > config->result_bytes)
            (*ret_types)->at[i].output_bytes = config->result_bytes;
    return err;
}

void types_free(struct types *types)
{
    if (!types)
        return;
    for (unsigned i = 0; i < types->n; i++)
        type_clear(&types->at[i]);
    free(types->at);
    free(types);
}

const struct job_type *types_find(const struct types *types, const char *name)
{
    unsigned low = 0, high = types->n;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = strcmp(name, types->at[middle].name);

        if (order == 0)
            return &types->at[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

unsigned types_count(const struct types *types)
{
    return types->n;
}

const struct job_type *types_at(const struct types *types, unsigned number)
{
    return number < types->n ? &types->at[number] : NULL;
}
