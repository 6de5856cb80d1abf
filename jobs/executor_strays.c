/* Children are found in /proc/self/task/TID/children, for each thread. Only plain system calls are
 * used, since a process whose parent has died does this in a signal handler. */
#include "jobs/executor_strays.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 500
#define ROUND_NS 2000000L

struct dirent64_of_kernel {
    uint64_t inode;
    int64_t offset;
    unsigned short len;
    unsigned char type;
    char name[];
};

static bool is_known(pid_t pid, const pid_t *known, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (known[i] == pid)
            return true;
    return false;
}

static bool end(pid_t pid, const pid_t *known, unsigned n_known)
{
    if (pid <= 0 || is_known(pid, known, n_known))
        return false;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, WNOHANG);
    return true;
}

/* A list of numbers with a blank after each. */
static bool end_listed(int fd, const pid_t *known, unsigned n_known)
{
    char bytes[4096];
    ssize_t n;
    pid_t pid = 0;
    bool found = false;

    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] >= '0' && bytes[i] <= '9') {
                pid = pid * 10 + (bytes[i] - '0');
            } else {
                found |= end(pid, known, n_known);
                pid = 0;
            }
        }
    }
    return found;
}

bool strays_kill(const pid_t *known, unsigned n_known)
{
    _Alignas(struct dirent64_of_kernel) char list[4096];
    bool found = false;
    int tasks = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (tasks < 0)
        return false;
    for (;;) {
        long n = syscall(SYS_getdents64, tasks, list, sizeof list);
        if (n <= 0)
            break;
        for (long at = 0; at < n;) {
            const struct dirent64_of_kernel *entry = (const void *)(list + at);
            char path[64];
            size_t len = strlen(entry->name);
            at += entry->len;
            if (entry->name[0] == '.' || len + sizeof "/children" > sizeof path)
                continue;
            memcpy(path, entry->name, len);
            memcpy(path + len, "/children", sizeof "/children");
            int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
            if (fd < 0)
                continue;
            found |= end_listed(fd, known, n_known);
            close(fd);
        }
    }
    close(tasks);
    return found;
}

void strays_kill_all(void)
{
    static const struct timespec pause = {.tv_nsec = ROUND_NS};

    for (int round = 0; round < ROUNDS && strays_kill(NULL, 0); round++)
        nanosleep(&pause, NULL);
}
