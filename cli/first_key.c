/* first_key.c: a key that nobody knows would lock its own service for good, so the file comes first, whole
 * and synced, and the log second: whatever happens in between, the next start finds the file and goes on. */
#include "cli/first_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/view.h"
#include "schema/log.h"

#define NAME "administrator"

/* What `done` needs, on the recorder's thread. */
struct order {
    char path[PATH_MAX];
};

static void count_key(void *arg, const struct access_key *key)
{
    (void)key;
    ++*(unsigned *)arg;
}

static enum err count_keys(const char *dir, unsigned *ret_n)
{
    struct reader *reader = NULL;
    enum err err = reader_open(dir, &reader);

    *ret_n = 0;
    if (!err)
        err = reader_keys(reader, count_key, ret_n);
    reader_close(reader);
    return err;
}

/* ERR_NOT_FOUND: there is no such file. */
static enum err read_text(const char *path, char text[ACCESS_KEY_TEXT_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat about;
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (fstat(fd, &about) == 0 && about.st_mode & 077)
        log_warn("%s can be read by others: chmod 600 it, or replace the key", path);
    n = read(fd, text, ACCESS_KEY_TEXT_SIZE - 1);
    close(fd);
    if (n < 0)
        return ERR_IO;
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return ERR_OK;
}

static bool write_all(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return write(fd, "\n", 1) == 1 && fsync(fd) == 0;
}

static bool sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Under another name until it is whole: half a key is worse than none. What an interrupted start left
 * under that name was never used. */
static enum err write_text(const char *dir, const char *path, const char *text)
{
    char whole[PATH_MAX + 8];
    enum err err = ERR_IO;
    int fd;

    snprintf(whole, sizeof whole, "%s.new", path);
    (void)unlink(whole);
    fd = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ERR_IO;
    if (write_all(fd, text) && link(whole, path) == 0) /* unlike rename, never over another */
        err = sync_folder(dir) ? ERR_OK : ERR_IO;
    close(fd);
    (void)unlink(whole);
    return err;
}

/* A key whose text is known already, as the log wants it. */
static enum err key_of_text(const char *text, int64_t now_ms, struct access_key **ret_key)
{
    struct access_key found = {.scopes = SCOPE_ADMIN, .created_at = now_ms, .tenant = (char[]){TENANT_DEFAULT},
                               .name = (char[]){NAME}};

    if (!access_key_read(text, found.id, found.hash))
        return ERR_CONFIG;
    *ret_key = access_key_copy(&found);
    return *ret_key ? ERR_OK : ERR_NOMEM;
}

static enum err find_or_make(const char *dir, const char *path, int64_t now_ms, struct access_key **ret_key)
{
    char text[ACCESS_KEY_TEXT_SIZE];
    enum err err = read_text(path, text);

    if (!err) {
        err = key_of_text(text, now_ms, ret_key);
    } else if (err == ERR_NOT_FOUND) {
        err = access_key_new(TENANT_DEFAULT, NAME, SCOPE_ADMIN, now_ms, 0, ret_key, text);
        if (!err)
            err = write_text(dir, path, text);
    }
    explicit_bzero(text, sizeof text);
    return err;
}

/* The recorder's thread. Ignored means that another node was first, and its key is as good. */
static void on_appended(struct append *append)
{
    struct order *order = append->owner;

    if (append->err)
        log_error("the administrator's key could not be put into the log (%s); the next start tries again",
                  err_sentence(append->err));
    else if (append->outcome == OUTCOME_ACCEPTED)
        log_info("keys are needed from now on; the administrator's is in %s", order->path);
    free(order);
    append_free(append);
}

static enum err put(struct eventlog *log, struct access_key *key, const char *path, int64_t now_ms)
{
    struct append *append = append_new(EVENT_KEY, NULL, now_ms);
    struct order *order = calloc(1, sizeof *order);
    enum err err = ERR_NOMEM;

    if (append && order) {
        snprintf(order->path, sizeof order->path, "%s", path);
        append->done = on_appended;
        append->owner = order;
        append->event.key = key;
        key = NULL;
        err = eventlog_append(log, append, true);
    }
    if (err) {
        append_free(append);
        access_key_free(key);
        free(order);
    }
    return err;
}

enum err first_key(const char *dir, struct eventlog *log, int64_t now_ms)
{
    struct access_key *key = NULL;
    char path[PATH_MAX];
    unsigned n;
    enum err err = count_keys(dir, &n);

    if (!err && n)
        return ERR_OK;
    if (snprintf(path, sizeof path, "%s/admin.key", dir) >= (int)sizeof path)
        return ERR_IO;
    if (!err)
        err = find_or_make(dir, path, now_ms, &key);
    if (!err) {
        err = put(log, key, path, now_ms);
        key = NULL;
    }
    if (err)
        log_error("no administrator's key: %s: %s", path,
                  err == ERR_CONFIG ? "what stands there is no key" : err_sentence(err));
    access_key_free(key);
    return err;
}
