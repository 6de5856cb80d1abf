/* The table of handlers. A shared object is loaded once for each executor (dlopen counts) and stays. */
#include "jobs/handlers.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const struct buzzer_handler builtin[] = {
    {BUZZER_HANDLER_ABI, "echo", handler_echo},
    {BUZZER_HANDLER_ABI, "sleep", handler_sleep},
    {BUZZER_HANDLER_ABI, "primes", handler_primes},
    {0, NULL, NULL},
};

static const struct buzzer_handler *find_in(const struct buzzer_handler *handlers, const char *type)
{
    for (; handlers->name; handlers++)
        if (strcmp(handlers->name, type) == 0)
            return handlers;
    return NULL;
}

static const struct buzzer_handler *load(const char *path, char *message, size_t size)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct buzzer_handler *handlers = object ? dlsym(object, "buzzer_handlers") : NULL;

    if (!handlers) {
        const char *why = dlerror();
        snprintf(message, size, "the shared object cannot be loaded: %s", why ? why : "it has no buzzer_handlers");
    }
    return handlers;
}

const struct buzzer_handler *handlers_find(const char *type, const char *shared_object, char *message, size_t size)
{
    const struct buzzer_handler *handlers = shared_object[0] ? load(shared_object, message, size) : builtin;

    if (!handlers)
        return NULL;
    const struct buzzer_handler *handler = find_in(handlers, type);
    if (!handler) {
        snprintf(message, size, "there is no handler named %s", type);
    } else if (handler->abi != BUZZER_HANDLER_ABI) {
        snprintf(message, size, "the handler was built for another version (%d, not %d)", handler->abi,
                 BUZZER_HANDLER_ABI);
        handler = NULL;
    }
    return handler;
}
