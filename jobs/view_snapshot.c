/* view_snapshot.c: a copy of the whole view as of one moment, that a new node can start from: rows
 * and the place in the log come from one read transaction, so they fit each other. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "jobs/view_priv.h"

/* Not there before, and nobody else's to read: inputs and hashes of keys are in it. */
static enum err make_file(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
    *ret_fd = fd;
    return ERR_OK;
}

static enum err copy_into(struct db *db, const char *path)
{
    static const char *const sql[] = {"VACUUM INTO ?1"};
    enum err err = db_prepare(db, sql, 1);

    if (!err)
        bind_str(db->at[0], 1, path);
    return err ? err : db_step(db, 0);
}

enum err view_snapshot(const char *dir, const char *path)
{
    struct db db = {0};
    int fd = -1;
    enum err err = make_file(path, &fd);

    if (err)
        return err;
    err = db_open(&db, dir, SQLITE_OPEN_READONLY);
    if (!err)
        err = copy_into(&db, path);
    db_close(&db);
    if (!err && fsync(fd))
        err = errno == ENOSPC || errno == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
    close(fd);
    if (err)
        unlink(path);
    return err;
}
