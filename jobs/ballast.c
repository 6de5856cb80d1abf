/* ballast.c: a file of 16 MiB that holds nothing but its place. */
#include "jobs/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(const char *dir, char path[4096])
{
    snprintf(path, 4096, "%s/ballast", dir);
}

enum err ballast_lay(const char *dir)
{
    char path[4096];
    int fd, cause;

    path_of(dir, path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
    do
        cause = posix_fallocate(fd, 0, BALLAST_BYTES);
    while (cause == EINTR);
    close(fd);
    if (!cause)
        return ERR_OK;
    unlink(path); /* a part of it would only take what others need */
    return cause == ENOSPC || cause == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
}

void ballast_drop(const char *dir)
{
    char path[4096];

    path_of(dir, path);
    unlink(path); /* gone already is as good */
}
