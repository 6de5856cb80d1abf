/* check_storage.c: the data folder: may we, is there room, and how long does a durable write take. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/check.h"
#include "schema/clock.h"

#define SPACE_FAIL (64ull << 20)
#define SPACE_WARN (1ull << 30)
#define WRITES     50
#define SLOW_US    20000

/* The data folder, or where it would be made. */
static void folder_at_hand(const struct config *config, char folder[4096])
{
    snprintf(folder, 4096, "%s", config->data);
    if (access(folder, F_OK) != 0) {
        char copy[4096];

        strcpy(copy, folder);
        snprintf(folder, 4096, "%s", dirname(copy));
    }
}

enum finding check_folder(const struct config *config)
{
    char folder[4096];

    folder_at_hand(config, folder);
    if (access(folder, W_OK | X_OK) != 0)
        return finding_tell(FINDING_FAIL, "data folder", "%s: %s", folder, strerror(errno));
    if (strcmp(folder, config->data) != 0)
        return finding_tell(FINDING_OK, "data folder", "%s will be made", config->data);
    return finding_tell(FINDING_OK, "data folder", "%s", config->data);
}

enum finding check_space(const struct config *config)
{
    struct statvfs fs;
    char folder[4096];
    unsigned long long bytes;

    folder_at_hand(config, folder);
    if (statvfs(folder, &fs) != 0)
        return finding_tell(FINDING_FAIL, "free space", "%s: %s", folder, strerror(errno));
    bytes = (unsigned long long)fs.f_bavail * fs.f_frsize;
    return finding_tell(bytes < SPACE_FAIL   ? FINDING_FAIL
                        : bytes < SPACE_WARN ? FINDING_WARN
                                             : FINDING_OK,
                        "free space", "%llu MiB", bytes >> 20);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

enum finding check_fsync(const struct config *config)
{
    char folder[4096], page[4096] = {0};
    int64_t us[WRITES];
    int fd;

    folder_at_hand(config, folder);
    fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return finding_tell(FINDING_WARN, "durable write", "not measured: %s", strerror(errno));
    for (unsigned i = 0; i < WRITES; i++) {
        int64_t from = clock_mono_us();

        if (write(fd, page, sizeof page) != (ssize_t)sizeof page || fdatasync(fd) != 0) {
            int why = errno;

            close(fd);
            return finding_tell(FINDING_FAIL, "durable write", "%s: %s", folder, strerror(why));
        }
        us[i] = clock_mono_us() - from;
    }
    close(fd);
    qsort(us, WRITES, sizeof us[0], by_size);
    return finding_tell(us[WRITES / 2] > SLOW_US ? FINDING_WARN : FINDING_OK, "durable write",
                        "%.2f ms (median of %d, slowest %.2f ms)", (double)us[WRITES / 2] / 1000, WRITES,
                        (double)us[WRITES - 1] / 1000);
}
