/* Files, with Landlock. Its rules only ever allow, and a rule for a folder holds for all below it;
 * so "everything but the data folder" is spelled as each sibling along the way down to it:
 *
 *     /  ── usr etc home ...  var ── log cache ...  lib ── dpkg ...  [buzzer]
 *           allowed           └── allowed           └── allowed     left out
 *
 * Of /dev only the harmless devices are there. Links are left out: what they point to has a rule of
 * its own where it really lies, or none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jobs/sandbox.h"

#define SIBLINGS_MAX 4096     /* in one folder; what lies beyond cannot be read, which harms nobody else */

/* Newer than the headers of the oldest system this builds on. */
#define ACCESS_REFER (1ULL << 13)
#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_AND_CONNECT 3ULL
#define SCOPE_SOCKETS_AND_SIGNALS 3ULL

#define ACCESS_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define ACCESS_OF_FILE                                                                             \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

struct ruleset_attr {
    uint64_t fs, net, scoped;
};

static int abi_version(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool sandbox_files_supported(void)
{
    return abi_version() > 0;
}

static uint64_t known_access(int abi)
{
    uint64_t access = (1ULL << 13) - 1;
    if (abi >= 2)
        access |= ACCESS_REFER;
    if (abi >= 3)
        access |= ACCESS_TRUNCATE;
    if (abi >= 5)
        access |= ACCESS_IOCTL_DEV;
    return access;
}

/* What cannot be opened is not there for the job either: no error. */
static enum err allow(int rules, int folder, const char *name, uint64_t access)
{
    struct stat stat;
    enum err err = ERR_OK;
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? ERR_NOMEM : ERR_OK;
    if (fstat(fd, &stat) < 0 || S_ISLNK(stat.st_mode))
        goto out;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = S_ISDIR(stat.st_mode) ? access : access & ACCESS_OF_FILE, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        err = ERR_IO;
out:
    close(fd);
    return err;
}

static enum err allow_siblings(int rules, const char *folder, const char *except)
{
    enum err err = ERR_OK;
    DIR *dir = opendir(folder);
    bool is_root = strcmp(folder, "/") == 0;

    if (!dir)
        return ERR_OK;
    for (unsigned n = 0; !err && n < SIBLINGS_MAX; n++) {
        const struct dirent *entry = readdir(dir);
        if (!entry)
            break;
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, except) == 0 ||
            (is_root && strcmp(name, "dev") == 0))
            continue;
        err = allow(rules, dirfd(dir), name, ACCESS_READ);
    }
    closedir(dir);
    return err;
}

static enum err allow_all_but(int rules, const char *data_dir)
{
    char path[PATH_MAX], folder[PATH_MAX] = "/";
    enum err err = ERR_OK;

    if (!realpath(data_dir, path))
        return ERR_IO;
    for (char *name = path; !err && name && name[1];) {
        char *end = strchr(name + 1, '/');
        if (end)
            *end = '\0';
        err = allow_siblings(rules, folder, name + 1);
        if (end)
            *end = '/';
        size_t len = end ? (size_t)(end - path) : strlen(path);
        memcpy(folder, path, len);
        folder[len] = '\0';
        name = end;
    }
    return err;
}

static enum err allow_devices(int rules)
{
    static const char *const written[] = {"/dev/null", "/dev/zero", "/dev/full"};
    static const char *const read_only[] = {"/dev/random", "/dev/urandom"};
    enum err err = ERR_OK;

    for (unsigned i = 0; !err && i < sizeof written / sizeof *written; i++)
        err = allow(rules, AT_FDCWD, written[i], ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
    for (unsigned i = 0; !err && i < sizeof read_only / sizeof *read_only; i++)
        err = allow(rules, AT_FDCWD, read_only[i], ACCESS_READ);
    return err;
}

enum err sandbox_files_enter(const struct sandbox *sandbox)
{
    int abi = abi_version();
    enum err err = ERR_OK;

    if (abi <= 0)
        return ERR_NOT_IMPLEMENTED;
    struct ruleset_attr attr = {.fs = known_access(abi),
                                .net = sandbox->network ? 0 : NET_BIND_AND_CONNECT,
                                .scoped = SCOPE_SOCKETS_AND_SIGNALS};
    size_t size = abi >= 6 ? sizeof attr : abi >= 4 ? sizeof attr - sizeof attr.scoped : sizeof attr.fs;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (rules < 0)
        return ERR_IO;
    err = allow_all_but(rules, sandbox->data_dir);
    if (!err)
        err = allow_devices(rules);
    for (const char *const *file = sandbox->readable; !err && file && *file; file++)
        err = allow(rules, AT_FDCWD, *file, ACCESS_READ);
    if (!err && sandbox->scratch)
        err = allow(rules, AT_FDCWD, sandbox->scratch, attr.fs & ~(ACCESS_DEVICES | ACCESS_IOCTL_DEV));
    if (!err && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        err = ERR_IO;
    close(rules);
    return err;
}
