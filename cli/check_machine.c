/* check_machine.c: what the kernel and the installed libraries must have. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "cli/check.h"

#define FILES_BESIDE 100 /* open files that are no connections */
#define PLUGIN       "libwebsockets-evlib_ev.so"

enum finding check_files(const struct config *config)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return finding_tell(FINDING_WARN, "open files", "%s", strerror(errno));
    if (limit.rlim_max < (rlim_t)config->max_connections + FILES_BESIDE)
        return finding_tell(FINDING_WARN, "open files",
                            "at most %llu, too few for max_connections %d; raise `ulimit -Hn`",
                            (unsigned long long)limit.rlim_max, config->max_connections);
    return finding_tell(FINDING_OK, "open files", "up to %llu", (unsigned long long)limit.rlim_max);
}

/* libwebsockets loads it by this name when the first context is made. */
enum finding check_event_loop(const struct config *config)
{
    void *plugin = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);

    (void)config;
    if (!plugin)
        return finding_tell(FINDING_FAIL, "event loop",
                            "%s is missing: apt-get install libwebsockets-evlib-ev", PLUGIN);
    dlclose(plugin);
    return finding_tell(FINDING_OK, "event loop", "libev");
}

enum finding check_landlock(const struct config *config)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    (void)config;
    if (version < 1)
        return finding_tell(FINDING_WARN, "landlock",
                            "the kernel has none (%s): jobs can write wherever the service can",
                            strerror(errno));
    return finding_tell(FINDING_OK, "landlock", "version %ld", version);
}

enum finding check_seccomp(const struct config *config)
{
    unsigned action = SECCOMP_RET_ERRNO;

    (void)config;
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0)
        return finding_tell(FINDING_WARN, "seccomp", "the kernel has none (%s): jobs have every system call",
                            strerror(errno));
    return finding_tell(FINDING_OK, "seccomp", "filters available");
}

enum finding check_clock(const struct config *config)
{
    struct timex timex = {0};
    struct tm local;
    time_t now = time(NULL);
    char text[64];
    int state = adjtimex(&timex);

    (void)config;
    if (!localtime_r(&now, &local) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z", &local) ||
        local.tm_year + 1900 < 2024)
        return finding_tell(FINDING_FAIL, "clock", "set wrong: job ids and times come from it");
    if (state == TIME_ERROR)
        return finding_tell(FINDING_WARN, "clock", "%s, kept by nobody: run a time service", text);
    return finding_tell(FINDING_OK, "clock", "%s", text);
}
