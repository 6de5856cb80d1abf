/* Removing what job code has made: links are never followed, and a folder nested too deep to walk
 * down is first moved up, so that no depth makes us run out of descriptors or stack. */
#include "jobs/executor_scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32
#define ROUNDS_MAX 100000

enum err scratch_path(const char *dir, const char *id, int epoch, char *ret_path, size_t size)
{
    int len = snprintf(ret_path, size, "%s/scratch/%s.%d", dir, id, epoch);
    return len > 0 && (size_t)len < size ? ERR_OK : ERR_IO;
}

enum err scratch_make(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return ERR_OK;
    if (errno == EEXIST) {
        scratch_remove(path);
        if (mkdir(path, 0700) == 0)
            return ERR_OK;
    }
    return errno == ENOSPC ? ERR_STORAGE_FULL : ERR_IO;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Empties the folder fd (taken over). True: something was moved up to top, which needs another go. */
static bool empty(int fd, int top, int depth)
{
    static unsigned n_moved;         /* a process has one thread that removes */
    bool again = false;
    DIR *dir = fdopendir(fd);

    if (!dir) {
        close(fd);
        return false;
    }
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char moved[32];
        if (is_dots(entry->d_name) || unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        if (errno != EISDIR && errno != EPERM)
            continue;
        if (depth >= DEPTH_MAX) {
            snprintf(moved, sizeof moved, "deep.%u", n_moved++);
            again |= renameat(fd, entry->d_name, top, moved) == 0;
            continue;
        }
        int below = fchmodat(fd, entry->d_name, 0700, 0) < 0
                        ? -1
                        : openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            again |= empty(below, top, depth + 1);
        unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
    return again;
}

static void empty_path(const char *path)
{
    bool again = true;

    for (int round = 0; again && round < ROUNDS_MAX; round++) {
        int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int fd = top < 0 ? -1 : openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        again = fd >= 0 && empty(fd, top, 0);
        if (top >= 0)
            close(top);
    }
}

void scratch_remove(const char *path)
{
    if (rmdir(path) == 0 || errno == ENOENT)
        return;
    chmod(path, 0700);
    empty_path(path);
    rmdir(path);
}

enum err scratch_reset(const char *dir)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/scratch", dir);

    if (len <= 0 || (size_t)len >= sizeof path)
        return ERR_IO;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return errno == ENOSPC ? ERR_STORAGE_FULL : ERR_IO;
    empty_path(path);
    return ERR_OK;
}
