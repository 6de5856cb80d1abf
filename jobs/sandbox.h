/* sandbox.h: what job code may touch. Entered once by a process, for good, just before it runs code
 * that is not ours: Landlock for files, seccomp for everything else. Where the kernel lacks one of
 * them the rest still holds, and the service says so loudly at its start. */
#ifndef BUZZER_JOBS_SANDBOX_H
#define BUZZER_JOBS_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/err.h"

struct sandbox {
    const char *data_dir;           /* never to be read; everything outside may be */
    const char *scratch;            /* the one folder that may be written to; NULL: none */
    const char *const *readable;    /* files that may be read even though they lie in data_dir; NULL-terminated */
    bool network;
    bool is_handler;                /* may start no process either */
};

enum err sandbox_enter(const struct sandbox *sandbox);

/* sandbox_files.c, sandbox_calls.c: the two halves. ERR_NOT_IMPLEMENTED: the kernel has no such thing. */
enum err sandbox_files_enter(const struct sandbox *sandbox);
enum err sandbox_calls_enter(const struct sandbox *sandbox);
bool sandbox_files_supported(void);
bool sandbox_calls_supported(void);

#endif
