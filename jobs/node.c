/* The name of a data folder, and of one life of the process that has it: "host.NODE-INCARNATION".
 * The folder's part lets a process that comes back after a crash say at once that its own earlier
 * life is over; the random part keeps two lives apart in the log. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/presence.h"
#include "schema/id.h"

#define NODE_LEN (NODE_ID_SIZE - 1)
#define HOST_MAX (PRESENCE_NAME_SIZE - 2 * NODE_LEN - 3)
static const char hex[] = "0123456789abcdef";

static enum err err_of(int cause)
{
    return cause == ENOSPC || cause == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
}

/* ERR_NOT_FOUND: there is none yet. */
static enum err read_node(const char *path, char ret_node[NODE_ID_SIZE])
{
    char text[NODE_ID_SIZE + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    if (n < 0)
        return ERR_IO;
    if (n != NODE_ID_SIZE || text[NODE_LEN] != '\n')
        return ERR_CORRUPT;
    text[NODE_LEN] = '\0';
    if (strspn(text, hex) != NODE_LEN)
        return ERR_CORRUPT;
    memcpy(ret_node, text, NODE_ID_SIZE);
    return ERR_OK;
}

static enum err sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = fd < 0 || fsync(fd) < 0 ? err_of(errno) : ERR_OK;

    if (fd >= 0)
        close(fd);
    return err;
}

/* Written whole beside its place and then moved there, so that a power cut leaves a name or none. */
static enum err make_node(const char *dir, const char *path, char ret_node[NODE_ID_SIZE])
{
    char node[NODE_ID_SIZE + 1], *draft = NULL;
    enum err err = ERR_OK;
    int fd = -1;

    id_random_hex(node, NODE_LEN / 2);
    node[NODE_LEN] = '\n';
    if (asprintf(&draft, "%s.new", path) < 0)
        return ERR_NOMEM;
    if (unlink(draft) < 0 && errno != ENOENT)
        err = err_of(errno);
    if (!err && (fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        err = err_of(errno);
    if (!err && write(fd, node, NODE_ID_SIZE) != NODE_ID_SIZE)
        err = ERR_STORAGE_FULL;
    if (!err && fsync(fd) < 0)
        err = err_of(errno);
    if (fd >= 0)
        close(fd);
    if (!err && rename(draft, path) < 0)
        err = err_of(errno);
    if (!err)
        err = sync_folder(dir);
    if (!err) {
        node[NODE_LEN] = '\0';
        memcpy(ret_node, node, NODE_ID_SIZE);
    }
    free(draft);
    return err;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

enum err node_name(const char *dir, char ret_name[PRESENCE_NAME_SIZE])
{
    char node[NODE_ID_SIZE], host[HOST_MAX + 1] = "", *path = NULL;
    uint32_t life;

    if (asprintf(&path, "%s/node", dir) < 0)
        return ERR_NOMEM;
    enum err err = read_node(path, node);
    if (err == ERR_NOT_FOUND)
        err = make_node(dir, path, node);
    free(path);
    if (err)
        return err;
    if (gethostname(host, sizeof host - 1) < 0 || !host[0])
        strcpy(host, "local");
    for (char *at = host; *at; at++)
        if (!is_plain(*at))
            *at = '-';
    if (getentropy(&life, sizeof life) < 0)                      /* not out of a buffer that a fork has copied */
        return ERR_INTERNAL;
    snprintf(ret_name, PRESENCE_NAME_SIZE, "%s.%s-%08" PRIx32, host, node, life);
    return ERR_OK;
}

/* The node's part of a name: NODE_LEN digits between the last dot and a dash; NULL: it has none. */
static const char *node_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && strspn(dot + 1, hex) == NODE_LEN && dot[1 + NODE_LEN] == '-' ? dot + 1 : NULL;
}

bool node_is_same(const char *name, const char *other)
{
    const char *a = node_of(name), *b = node_of(other);

    return a && b ? memcmp(a, b, NODE_LEN) == 0 : strcmp(name, other) == 0;
}
