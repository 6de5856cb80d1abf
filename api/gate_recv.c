/* gate_recv.c: the gate at work. libwebsockets reads its sockets with recv(), and this program's own
 * recv() is found before the C library's, so no byte reaches the library that the gate has not seen:
 * no copy, no extra system call. Sockets that are not the gate's are passed through untouched. A
 * request whose head the gate has not seen is refused by the listener, so a build in which this did
 * not take effect serves nothing instead of serving unchecked. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/gate.h"
#include "api/problem.h"

struct gated {
    int fd;
    struct gate *gate;
    size_t stash_len;
    unsigned char *stash;        /* bytes sent ahead of their turn */
};

/* By file descriptor. The library tells of a closed socket only after the kernel may have given its
 * number to another thread: so a slot is taken by whoever accepts, and cleared only by its holder. */
static _Atomic(struct gated *) *table;
static size_t table_size;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_make(void)
{
    struct rlimit limit;

    table_size = 65536;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY && limit.rlim_max < 1048576)
        table_size = limit.rlim_max;
    table = calloc(table_size, sizeof *table);
    if (!table)
        table_size = 0;
}

static struct gated *gated_of(int fd)
{
    return fd >= 0 && (size_t)fd < table_size ? atomic_load_explicit(&table[fd], memory_order_relaxed) : NULL;
}

enum err gate_open(int fd, struct gated **ret_gated)
{
    struct gated *gated = NULL;

    pthread_once(&table_once, table_make);
    if (fd < 0 || (size_t)fd >= table_size)
        return ERR_BUSY;
    gated = calloc(1, sizeof *gated);
    if (!gated || !(gated->gate = gate_new())) {
        free(gated);
        return ERR_NOMEM;
    }
    gated->fd = fd;
    atomic_store(&table[fd], gated);
    *ret_gated = gated;
    return ERR_OK;
}

void gate_close(struct gated *gated)
{
    struct gated *mine = gated;

    if (!gated)
        return;
    atomic_compare_exchange_strong(&table[gated->fd], &mine, NULL);
    gate_free(gated->gate);
    free(gated->stash);
    free(gated);
}

const struct gate_head *gate_head_of(int fd)
{
    struct gated *gated = gated_of(fd);
    return gated ? gate_head(gated->gate) : NULL;
}

bool gate_next(int fd)
{
    struct gated *gated = gated_of(fd);

    if (!gated)
        return false;
    gate_release(gated->gate);
    return gated->stash_len > 0;
}

void gate_set_websocket(int fd)
{
    struct gated *gated = gated_of(fd);
    if (gated)
        gate_expect_frames(gated->gate);
}

/* The last words on this connection, said without the library: it must not see what was refused. */
static void refuse(int fd, bool websocket, enum err err)
{
    static const unsigned char close_1002[] = {0x88, 2, 1002 >> 8, 1002 & 255};
    struct text head = {0}, body = {0};
    unsigned char rest[4096];

    if (websocket) {
        text_add(&head, (const char *)close_1002, sizeof close_1002);
    } else {
        problem_encode(&body, err, NULL, NULL, NULL);
        text_printf(&head,
                    "HTTP/1.1 %d \r\ncontent-type: application/problem+json\r\ncontent-length: %zu\r\n"
                    "%sconnection: close\r\n\r\n",
                    err_status(err), body.len, err_status(err) == 503 ? "retry-after: 1\r\n" : "");
        if (!body.failed)
            text_add(&head, body.at, body.len);
    }
    if (!head.failed)
        (void)!send(fd, head.at, head.len, MSG_DONTWAIT | MSG_NOSIGNAL);   /* gone already: nothing more to do */
    shutdown(fd, SHUT_WR);
    /* Bytes left unread would turn the close into a reset that can overtake the answer. */
    for (int i = 0; i < 64 && syscall(SYS_recvfrom, fd, rest, sizeof rest, MSG_DONTWAIT, NULL, NULL) > 0; i++)
        ;
    text_clear(&head);
    text_clear(&body);
}

static bool stash_keep(struct gated *gated, const unsigned char *bytes, size_t len)
{
    unsigned char *grown = NULL;

    if (len == 0)
        return true;
    if (gated->stash_len + len > GATE_STASH || !(grown = realloc(gated->stash, gated->stash_len + len)))
        return false;
    gated->stash = grown;
    memcpy(gated->stash + gated->stash_len, bytes, len);
    gated->stash_len += len;
    return true;
}

static void stash_drop(struct gated *gated, size_t len)
{
    gated->stash_len -= len;
    memmove(gated->stash, gated->stash + len, gated->stash_len);
    if (gated->stash_len == 0) {
        free(gated->stash);
        gated->stash = NULL;
    }
}

/* Bytes that came ahead of their turn: more of them wait, and an end of the stream is passed on. */
static ssize_t read_while_held(struct gated *gated, int fd)
{
    unsigned char ahead[4096];
    ssize_t n = syscall(SYS_recvfrom, fd, ahead, sizeof ahead, 0, NULL, NULL);

    if (n <= 0)
        return n;
    if (!stash_keep(gated, ahead, (size_t)n)) {
        refuse(fd, false, ERR_BUSY);
        return 0;
    }
    errno = EAGAIN;
    return -1;
}

/* buf has GATE_INSERT_MAX bytes of room after the n that came, or else nothing can be said: 0. */
static ssize_t insert(const struct gate *gate, unsigned char *buf, ssize_t n, bool has_room)
{
    ssize_t at;
    const char *lines = gate_insert(gate, &at);
    size_t len = strlen(lines);

    if (len == 0)
        return n;
    if (!has_room)
        return 0;
    memmove(buf + at + len, buf + at, (size_t)(n - at));
    memcpy(buf + at, lines, len);
    return n + (ssize_t)len;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    struct gated *gated = gated_of(fd);
    enum err err = ERR_OK;
    ssize_t n, pass;
    bool has_room;

    if (!gated || flags)
        return syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
    if (gate_is_held(gated->gate))
        return read_while_held(gated, fd);
    has_room = len > GATE_INSERT_MAX;
    if (has_room)
        len -= GATE_INSERT_MAX;

    if (gated->stash_len) {
        n = (ssize_t)(len < gated->stash_len ? len : gated->stash_len);
        memcpy(buf, gated->stash, (size_t)n);
        pass = gate_feed(gated->gate, buf, (size_t)n, &err);
        if (pass > 0)
            stash_drop(gated, (size_t)pass);
    } else {
        n = syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
        if (n <= 0)
            return n;
        pass = gate_feed(gated->gate, buf, (size_t)n, &err);
        if (pass >= 0 && !stash_keep(gated, (unsigned char *)buf + pass, (size_t)(n - pass)))
            err = ERR_BUSY;
    }
    if (!err)
        return insert(gated->gate, buf, pass, has_room);
    refuse(fd, gate_is_websocket(gated->gate), err);
    return 0;
}
