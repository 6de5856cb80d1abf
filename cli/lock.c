/* lock.c: DIR/lock, held with flock: the kernel lets go of it however the process ends. */
#include "cli/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum err lock_folder(const char *dir, int *ret_fd, char *message, size_t size)
{
    enum err err = ERR_CONFIG;
    char *path = NULL, pid[16];
    struct stat about;
    int fd = -1, len;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(message, size, "%s: cannot be made: %s", dir, strerror(errno));
        goto out;
    }
    if (stat(dir, &about) == 0 && !S_ISDIR(about.st_mode)) {
        snprintf(message, size, "%s is no folder: name another with --data", dir);
        goto out;
    }
    if (asprintf(&path, "%s/lock", dir) < 0) {
        path = NULL;
        err = ERR_NOMEM;
        snprintf(message, size, "out of memory");
        goto out;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        snprintf(message, size, "%s: cannot be opened: %s", path, strerror(errno));
        goto out;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? ERR_IN_USE : ERR_IO;
        memset(pid, 0, sizeof pid);
        if (read(fd, pid, sizeof pid - 1) < 0)
            pid[0] = '\0';
        if (err == ERR_IN_USE)
            snprintf(message, size,
                     "%s is in use by another process (%d): stop it, or name another folder with --data", dir,
                     atoi(pid));
        else
            snprintf(message, size, "%s: cannot be locked: %s", path, strerror(errno));
        goto out;
    }
    /* Whose it is, for the line above in somebody else's process. */
    len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        err = ERR_STORAGE_FULL;
        snprintf(message, size, "%s: cannot be written: %s", path, strerror(errno));
        goto out;
    }
    *ret_fd = fd;
    fd = -1;
    err = ERR_OK;
out:
    if (fd >= 0)
        close(fd);
    free(path);
    return err;
}
