/* config_file.c: the settings file. libcyaml reads YAML against a schema made from the two tables;
 * every value arrives as text and goes the same way as a flag's (config_value.c). The file may be
 * hostile: its size and its lists are bounded, and aliases, which can grow without end, are off. */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/config_priv.h"

#define VALUE_BYTES  8192
#define LIST_ENTRIES 256

/* How each kind stands in the file. */
#define FILE_MEMBER_SCALAR(name) char *name;
#define FILE_MEMBER_LIST(name)                                                                               \
    char **name;                                                                                             \
    unsigned name##_count;
#define FILE_FIELD_SCALAR(s, name)                                                                           \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, s, name, 0, VALUE_BYTES),
#define FILE_FIELD_LIST(s, name)                                                                             \
    CYAML_FIELD_SEQUENCE(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, s, name, &word_schema, 0,          \
                         LIST_ENTRIES),
#define FILE_PLACE_SCALAR(s, name) {true, offsetof(s, name), 0},
#define FILE_PLACE_LIST(s, name)   {true, offsetof(s, name), offsetof(s, name##_count)},

#define FILE_KIND_ADDRESS(what, ...) what##_SCALAR(__VA_ARGS__)
#define FILE_KIND_TEXT               FILE_KIND_ADDRESS
#define FILE_KIND_PATH               FILE_KIND_ADDRESS
#define FILE_KIND_LEVEL              FILE_KIND_ADDRESS
#define FILE_KIND_INT                FILE_KIND_ADDRESS
#define FILE_KIND_SIZE               FILE_KIND_ADDRESS
#define FILE_KIND_REAL               FILE_KIND_ADDRESS
#define FILE_KIND_BOOL               FILE_KIND_ADDRESS
#define FILE_KIND_ROLES(what, ...)   what##_LIST(__VA_ARGS__)
#define FILE_KIND_WORDS              FILE_KIND_ROLES
#define FILE_KIND_COMMAND            FILE_KIND_ROLES
#define FILE_KIND_SOURCE(what, ...)  what##_NONE(__VA_ARGS__)
#define FILE_MEMBER_NONE(name)
#define FILE_FIELD_NONE(s, name)
#define FILE_PLACE_NONE(s, name) {false, 0, 0},

/* The file as libcyaml leaves it: texts. */
struct file_type {
#define ROW(name, kind, ...) FILE_KIND_##kind(FILE_MEMBER, name)
    TYPE_SETTING_LIST(ROW)
#undef ROW
};
struct file {
#define ROW(name, kind, ...) FILE_KIND_##kind(FILE_MEMBER, name)
    SETTING_LIST(ROW)
#undef ROW
    struct file_type *types;
    unsigned types_count;
};

static const cyaml_schema_value_t word_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, VALUE_BYTES),
};
/* clang-format off */
static const cyaml_schema_field_t type_fields[] = {
#define ROW(name, kind, ...) FILE_KIND_##kind(FILE_FIELD, struct file_type, name)
    TYPE_SETTING_LIST(ROW)
#undef ROW
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t type_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_type, type_fields),
};
static const cyaml_schema_field_t file_fields[] = {
#define ROW(name, kind, ...) FILE_KIND_##kind(FILE_FIELD, struct file, name)
    SETTING_LIST(ROW)
#undef ROW
    CYAML_FIELD_SEQUENCE("types", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, types, &type_schema, 0,
                         CONFIG_TYPES_MAX),
    CYAML_FIELD_END,
};
/* clang-format on */
static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields),
};

/* Where row i of a table is in the struct. */
struct place {
    bool is_there;
    size_t at, at_count;
};
static const struct place file_places[] = {
#define ROW(name, kind, ...) FILE_KIND_##kind(FILE_PLACE, struct file, name)
    SETTING_LIST(ROW)
#undef ROW
};
static const struct place type_places[] = {
#define ROW(name, kind, ...) FILE_KIND_##kind(FILE_PLACE, struct file_type, name)
    TYPE_SETTING_LIST(ROW)
#undef ROW
};

/* What libcyaml says about a fault comes in several lines; the first says what, one of the next where. */
struct complaint {
    char what[200], where[200];
};

__attribute__((format(printf, 3, 0)))
static void complaint_hear(cyaml_log_t level, void *arg, const char *format, va_list args)
{
    struct complaint *complaint = arg;
    char line[200];

    (void)level;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "Load: Backtrace", 15) == 0)
        return;
    if (strncmp(line, "Load: ", 6) == 0 && !complaint->what[0])
        strcpy(complaint->what, line + 6);
    else if (!complaint->where[0])
        strcpy(complaint->where, line);
}

/* The innermost place named: "slots, near line 3", as far as it is known. */
static void complaint_place(const struct complaint *complaint, char *place, size_t size)
{
    const char *field = strstr(complaint->where, "field '"), *line = strstr(complaint->where, "(line: ");

    snprintf(place, size, "%.*s%s%s%.*s", field ? (int)strcspn(field + 7, "'") : 0, field ? field + 7 : "",
             field && line ? ", " : "", line ? "near line " : "",
             line ? (int)strspn(line + 7, "0123456789") : 0, line ? line + 7 : "");
}

static void complaint_tell(const struct complaint *complaint, const char *name, cyaml_err_t err,
                           char *message, size_t size)
{
    static const struct {
        const char *said, *meant;
    } words[] = {
        {"Expecting SEQUENCE", "a list is wanted here"},
        {"Expecting MAPPING", "settings are wanted here, name: value"},
        {"Expecting STRING", "a single value is wanted here"},
    };
    const char *what = complaint->what[0] ? complaint->what : cyaml_strerror(err);
    char place[220];

    complaint_place(complaint, place, sizeof place);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncmp(what, words[i].said, strlen(words[i].said)) == 0)
            what = words[i].meant;
    if (strncmp(what, "Unexpected key: ", 16) == 0)
        snprintf(message, size, "%s: unknown key '%.80s' %s", name, what + 16, place);
    else if (strncmp(what, "Mapping field already seen: ", 28) == 0)
        snprintf(message, size, "%s: %s: stands there twice", name, place);
    else
        snprintf(message, size, "%s: %s%s%s", name, place, place[0] ? ": " : "", what);
}

/* Takes what stands in the struct at from into the one at base. */
static enum err take(const struct setting *list, const struct place *places, unsigned n, const void *from,
                     void *base, const char *name, const char *folder, char *message, size_t size)
{
    for (unsigned i = 0; i < n; i++) {
        const char *place = (const char *)from + places[i].at;
        char *text = places[i].is_there ? *(char *const *)(const void *)place : NULL;
        char **items = &text;
        unsigned n_items = 1;
        char why[200];
        enum err err;

        if (!text) /* a list's pointer is looked at as one to text here: only whether it is there */
            continue;
        if (setting_is_list(&list[i])) {
            items = *(char **const *)(const void *)place;
            n_items = *(const unsigned *)(const void *)((const char *)from + places[i].at_count);
        }
        err = setting_set(&list[i], base, items, n_items, folder, why, sizeof why);
        if (err == ERR_CONFIG)
            snprintf(message, size, "%s: %s %s", name, list[i].name, why);
        if (err)
            return err;
    }
    return ERR_OK;
}

static void type_init(struct config_type *type)
{
    *type = (struct config_type){
        .timeout_ms = -1,
        .kill_grace_ms = -1,
        .backoff_ms = -1,
        .backoff_max_ms = -1,
        .memory_bytes = -1,
        .output_bytes = -1,
        .keep_ms = -1,
        .max_attempts = -1,
        .max_losses = -1,
        .concurrency = -1,
        .network = -1,
    };
}

static enum err take_types(const struct file *file, struct config *config, const char *name,
                           const char *folder, char *message, size_t size)
{
    if (!file->types_count)
        return ERR_OK;
    config->types = calloc(file->types_count, sizeof *config->types);
    if (!config->types)
        return ERR_NOMEM;
    for (unsigned i = 0; i < file->types_count; i++) {
        const char *type_name = file->types[i].name;
        char where[400];
        enum err err;

        snprintf(where, sizeof where, "%.200s: type %u%s%.64s%s", name, i + 1, type_name ? " '" : "",
                 type_name ? type_name : "", type_name ? "'" : "");
        type_init(&config->types[config->n_types++]);
        err = take(type_settings, type_places, n_type_settings, &file->types[i], &config->types[i], where,
                   folder, message, size);
        if (err)
            return err;
    }
    return config_check_types(config, name, message, size);
}

enum err config_parse(struct config *config, const char *name, const char *folder, const void *text,
                      size_t len, char *message, size_t size)
{
    struct complaint complaint = {0};
    cyaml_config_t cyaml = {
        .log_fn = complaint_hear,
        .log_ctx = &complaint,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    struct file *file = NULL;
    cyaml_err_t said = cyaml_load_data(text, len, &cyaml, &file_schema, (cyaml_data_t **)&file, NULL);
    enum err err = ERR_OK;

    if (said == CYAML_ERR_OOM)
        return ERR_NOMEM;
    if (said) {
        complaint_tell(&complaint, name, said, message, size);
        return ERR_CONFIG;
    }
    if (!file) /* nothing but comments */
        return ERR_OK;
    err = take(settings, file_places, n_settings, file, config, name, folder, message, size);
    if (!err)
        err = take_types(file, config, name, folder, message, size);
    cyaml_free(&cyaml, &file_schema, file, 0);
    return err;
}

/* The folder a file is in, absolute: what the paths in it are relative to. Yours. */
static char *folder_of(const char *path)
{
    char *whole = realpath(path, NULL), *slash;

    if (!whole)
        return NULL;
    slash = strrchr(whole, '/');
    slash[slash == whole] = '\0';
    return whole;
}

enum err config_read(struct config *config, const char *path, bool must_exist, char *message, size_t size)
{
    enum err err = ERR_CONFIG;
    char *text = NULL, *folder = NULL;
    size_t len = 0;
    ssize_t got = 1;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe by that name must not hold us up */

    if (fd < 0 && errno == ENOENT && !must_exist)
        return ERR_OK;
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(message, size, "%s: cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_BYTES) {
        snprintf(message, size, "%s: not a settings file (a plain file of at most %d bytes)", path,
                 CONFIG_FILE_BYTES);
        goto out;
    }
    folder = folder_of(path);
    text = malloc(CONFIG_FILE_BYTES);
    if (!folder || !text) {
        err = ERR_NOMEM;
        goto out;
    }
    while (got > 0 && len < CONFIG_FILE_BYTES) {
        got = read(fd, text + len, CONFIG_FILE_BYTES - len);
        if (got > 0)
            len += (size_t)got;
    }
    if (got < 0) {
        snprintf(message, size, "%s: cannot be read: %s", path, strerror(errno));
        goto out;
    }
    err = config_parse(config, path, folder, text, len, message, size);
    if (!err && !config->config_file) {
        config->config_file = strdup(path);
        if (!config->config_file)
            err = ERR_NOMEM;
    }
out:
    if (fd >= 0)
        close(fd);
    free(folder);
    free(text);
    return err;
}
