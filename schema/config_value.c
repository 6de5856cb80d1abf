/* config_value.c: from the text of a setting to its value in the struct, kind by kind; and the two
 * tables themselves. */
#include "schema/config_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ADDRESS(s, member) offsetof(s, listen_host), offsetof(s, listen_port)
#define AT_ROLES(s, member)   offsetof(s, role_api), offsetof(s, role_worker)
#define AT_WORDS(s, member)   offsetof(s, member), offsetof(s, n_##member)
#define AT_COMMAND            AT_WORDS
#define AT_TEXT(s, member)    offsetof(s, member), 0
#define AT_PATH               AT_TEXT
#define AT_SOURCE             AT_TEXT
#define AT_LEVEL              AT_TEXT
#define AT_INT                AT_TEXT
#define AT_SIZE               AT_TEXT
#define AT_REAL               AT_TEXT
#define AT_BOOL               AT_TEXT

const struct setting settings[] = {
#define ROW(name, kind, member, initial, min, max, value, help)                                              \
    {#name, SETTING_##kind, AT_##kind(struct config, member), initial, min, max, value, help},
    SETTING_LIST(ROW)
#undef ROW
};
const struct setting type_settings[] = {
#define ROW(name, kind, member, initial, min, max, value, help)                                              \
    {#name, SETTING_##kind, AT_##kind(struct config_type, member), initial, min, max, value, help},
    TYPE_SETTING_LIST(ROW)
#undef ROW
};
const unsigned n_settings = sizeof settings / sizeof settings[0];
const unsigned n_type_settings = sizeof type_settings / sizeof type_settings[0];

bool setting_is_list(const struct setting *setting)
{
    return setting->kind == SETTING_ROLES || setting->kind == SETTING_WORDS ||
           setting->kind == SETTING_COMMAND;
}

static void *member(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void words_free(char **words, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        free(words[i]);
    free(words);
}

/* The path as seen from folder; the caller's. NULL: no memory. */
static char *path_from(const char *folder, const char *path)
{
    char *whole;

    if (!folder || path[0] == '/')
        return strdup(path);
    if (asprintf(&whole, "%s/%s", folder, path) < 0)
        return NULL;
    return whole;
}

static enum err set_text(char **place, char *copy)
{
    if (!copy)
        return ERR_NOMEM;
    free(*place);
    *place = copy;
    return ERR_OK;
}

/* "127.0.0.1:8000", "[::1]:8000", "localhost:8000" or ":8000". */
static enum err set_address(const struct setting *setting, void *base, const char *text, char *why,
                            size_t size)
{
    char host[INET6_ADDRSTRLEN] = "127.0.0.1";
    const char *colon = strrchr(text, ':'), *from = text, *to = colon;
    char *end;
    struct in_addr v4;
    struct in6_addr v6;
    long port;

    errno = 0;
    port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtol(colon + 1, &end, 10) : -1;
    if (port < 0 || port > 65535 || errno || *end) {
        snprintf(why, size, "must be ADDRESS:PORT, such as 127.0.0.1:8000, not '%.80s'", text);
        return ERR_CONFIG;
    }
    if (*from == '[' && to > from + 1 && to[-1] == ']') {
        from++;
        to--;
    }
    if (to > from && !(to - from == 9 && strncmp(from, "localhost", 9) == 0)) {
        if ((size_t)(to - from) >= sizeof host)
            to = from + sizeof host - 1;
        memcpy(host, from, (size_t)(to - from));
        host[to - from] = '\0';
    }
    if (inet_pton(AF_INET, host, &v4) != 1 && inet_pton(AF_INET6, host, &v6) != 1) {
        snprintf(why, size, "must begin with a literal address, such as 127.0.0.1 or [::1], not '%.80s'", host);
        return ERR_CONFIG;
    }
    *(int *)member(base, setting->at2) = (int)port;
    return set_text(member(base, setting->at), strdup(host));
}

static enum err set_roles(const struct setting *setting, void *base, char *const *items, unsigned n,
                          char *why, size_t size)
{
    bool api = false, worker = false;

    for (unsigned i = 0; i < n; i++) {
        bool is_api = strcmp(items[i], "api") == 0;

        if (!is_api && strcmp(items[i], "worker") != 0) {
            snprintf(why, size, "must be api, worker or both, not '%.80s'", items[i]);
            return ERR_CONFIG;
        }
        api |= is_api;
        worker |= !is_api;
    }
    if (!api && !worker) {
        snprintf(why, size, "must be api, worker or both, not empty");
        return ERR_CONFIG;
    }
    *(bool *)member(base, setting->at) = api;
    *(bool *)member(base, setting->at2) = worker;
    return ERR_OK;
}

static enum err set_level(const struct setting *setting, void *base, const char *text, char *why, size_t size)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};

    for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(text, levels[i]) == 0)
            return set_text(member(base, setting->at), strdup(text));
    snprintf(why, size, "must be error, warn, info or debug, not '%.80s'", text);
    return ERR_CONFIG;
}

static enum err set_whole(const struct setting *setting, void *base, const char *text, char *why, size_t size)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || strchr("+ \t\n\v\f\r", text[0]) || value < setting->min ||
        value > setting->max) {
        snprintf(why, size, "must be a whole number from %lld to %lld, not '%.80s'", (long long)setting->min,
                 (long long)setting->max, text);
        return ERR_CONFIG;
    }
    if (setting->kind == SETTING_INT)
        *(int *)member(base, setting->at) = (int)value;
    else
        *(int64_t *)member(base, setting->at) = value;
    return ERR_OK;
}

static enum err set_real(const struct setting *setting, void *base, const char *text, char *why, size_t size)
{
    size_t plain = strspn(text, "0123456789."); /* no signs, exponents, hexadecimal, infinity or NaN */
    char *end;
    double value = strtod(text, &end);

    if (!plain || text[plain] || *end || !(value >= (double)setting->min && value <= (double)setting->max)) {
        snprintf(why, size, "must be a number from %lld to %lld, not '%.80s'", (long long)setting->min,
                 (long long)setting->max, text);
        return ERR_CONFIG;
    }
    *(double *)member(base, setting->at) = value;
    return ERR_OK;
}

static enum err set_bool(const struct setting *setting, void *base, const char *text, char *why, size_t size)
{
    bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0) {
        snprintf(why, size, "must be true or false, not '%.80s'", text);
        return ERR_CONFIG;
    }
    *(int *)member(base, setting->at) = yes;
    return ERR_OK;
}

static enum err set_words(const struct setting *setting, void *base, char *const *items, unsigned n,
                          const char *folder, char *why, size_t size)
{
    char ***place = member(base, setting->at);
    unsigned *count = member(base, setting->at2);
    char **words;

    if (n < setting->min || n > setting->max) {
        snprintf(why, size, "must have %lld to %lld entries, not %u", (long long)setting->min,
                 (long long)setting->max, n);
        return ERR_CONFIG;
    }
    words = calloc(n + 1, sizeof *words);
    if (!words)
        return ERR_NOMEM;
    for (unsigned i = 0; i < n; i++) {
        bool is_path = setting->kind == SETTING_COMMAND && i == 0 && strchr(items[0], '/');

        words[i] = is_path ? path_from(folder, items[i]) : strdup(items[i]);
        if (!words[i]) {
            words_free(words, i);
            return ERR_NOMEM;
        }
        if (!items[i][0] && (setting->kind != SETTING_COMMAND || i == 0)) {
            snprintf(why, size, "must not have an empty entry");
            words_free(words, i + 1);
            return ERR_CONFIG;
        }
    }
    words_free(*place, *count);
    *place = words;
    *count = n;
    return ERR_OK;
}

enum err setting_set(const struct setting *setting, void *base, char *const *items, unsigned n,
                     const char *folder, char *why, size_t size)
{
    const char *text = n ? items[0] : "";
    size_t len = strlen(text);

    switch (setting->kind) {
    case SETTING_ROLES:
        return set_roles(setting, base, items, n, why, size);
    case SETTING_WORDS:
    case SETTING_COMMAND:
        return set_words(setting, base, items, n, folder, why, size);
    case SETTING_ADDRESS:
        return set_address(setting, base, text, why, size);
    case SETTING_LEVEL:
        return set_level(setting, base, text, why, size);
    case SETTING_INT:
    case SETTING_SIZE:
        return set_whole(setting, base, text, why, size);
    case SETTING_REAL:
        return set_real(setting, base, text, why, size);
    case SETTING_BOOL:
        return set_bool(setting, base, text, why, size);
    case SETTING_PATH:
    case SETTING_SOURCE:
        if (!len || len >= PATH_MAX) {
            snprintf(why, size, len ? "is too long for a path" : "must be a path, not empty");
            return ERR_CONFIG;
        }
        return set_text(member(base, setting->at), path_from(folder, text));
    case SETTING_TEXT:
        break;
    }
    if ((int64_t)len < setting->min || (int64_t)len > setting->max) {
        snprintf(why, size, "must have %lld to %lld characters", (long long)setting->min,
                 (long long)setting->max);
        return ERR_CONFIG;
    }
    return set_text(member(base, setting->at), strdup(text));
}

void settings_clear(const struct setting *list, unsigned n, void *base)
{
    for (unsigned i = 0; i < n; i++) {
        enum setting_kind kind = list[i].kind;

        if (kind == SETTING_WORDS || kind == SETTING_COMMAND)
            words_free(*(char ***)member(base, list[i].at), *(unsigned *)member(base, list[i].at2));
        else if (kind == SETTING_TEXT || kind == SETTING_PATH || kind == SETTING_SOURCE ||
                 kind == SETTING_LEVEL || kind == SETTING_ADDRESS)
            free(*(char **)member(base, list[i].at));
    }
}
