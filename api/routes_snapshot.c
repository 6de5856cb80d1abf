/* routes_snapshot.c: a copy of this node's view, for a new node to start from, or for a backup. The
 * copy is made by a thread of its own, so that serving goes on, and is sent from a file that has no
 * name any more. One is made at a time: it costs as much disk as the view has.
 *
 * Who may have it: an administrator's key, or a ticket whose hash the asking node has just told in
 * its heartbeat. Whoever can write there can read the whole log anyway. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/job_reply.h"
#include "api/query.h"
#include "api/router.h"
#include "api/server_priv.h"
#include "schema/clock.h"
#include "schema/log.h"

#define PIECE_BYTES (120 * 1024) /* one write of the answer */

/* Between the thread that copies and the request, which may be gone by then. */
struct copying {
    struct thread *thread;
    struct snapshot *snapshot; /* the HTTP thread's alone; NULL: the request has ended */
    enum err err;
    char path[];
};

struct snapshot {
    struct request *request;
    struct copying *copying;   /* under way */
    int fd;
    char *piece;
};

static void snapshot_free(void *state)
{
    struct snapshot *snapshot = state;

    if (snapshot->copying)
        snapshot->copying->snapshot = NULL;
    if (snapshot->fd >= 0)
        close(snapshot->fd);
    free(snapshot->piece);
    free(snapshot);
}

static void copying_end(struct copying *copying)
{
    if (unlink(copying->path) < 0 && errno != ENOENT)
        log_warn("%s cannot be removed: %s", copying->path, strerror(errno));
    atomic_store(&copying->thread->server->is_copying, false);
    free(copying);
}

static void on_writable(struct request *request)
{
    struct snapshot *snapshot = request_state(request);
    ssize_t n = read(snapshot->fd, snapshot->piece, PIECE_BYTES);

    if (n > 0) {
        reply_stream_write(request, snapshot->piece, (size_t)n);
        reply_stream_want(request);
        return;
    }
    if (n < 0)
        log_warn("a copy of the view cannot be read: %s", strerror(errno));
    reply_stream_end(request); /* too short for its Content-Length, if reading failed */
}

static void begin(struct snapshot *snapshot)
{
    struct request *request = snapshot->request;
    struct stat file;
    char length[24];

    if (fstat(snapshot->fd, &file) < 0) {
        reply_problem(request, ERR_IO, NULL, NULL);
        return;
    }
    snprintf(length, sizeof length, "%lld", (long long)file.st_size);
    reply_header(request, "content-length", length);
    reply_stream_want(request); /* before the head goes out, which may already end the request (HEAD) */
    reply_stream(request, "application/vnd.sqlite3", on_writable);
}

/* On the HTTP thread again. */
static void on_copied(void *arg)
{
    struct copying *copying = arg;
    struct snapshot *snapshot = copying->snapshot;
    enum err err = copying->err;

    if (snapshot) {
        snapshot->copying = NULL;
        if (!err && (snapshot->fd = open(copying->path, O_RDONLY | O_CLOEXEC)) < 0)
            err = ERR_IO;
    }
    copying_end(copying);
    if (!snapshot)
        return;
    if (err)
        reply_problem(snapshot->request, err, NULL, NULL);
    else
        begin(snapshot);
}

static void *copy(void *arg)
{
    struct copying *copying = arg;
    int64_t before = clock_mono_ms();

    log_set_component("snapshot");
    unlink(copying->path); /* left behind by a process that was killed at it */
    copying->err = view_snapshot(copying->thread->setup->config->data, copying->path);
    if (copying->err)
        log_error("the view cannot be copied: %s", err_sentence(copying->err));
    else
        log_info("the view was copied in %lld ms", (long long)(clock_mono_ms() - before));
    if (!thread_post(copying->thread, on_copied, copying))
        copying_end(copying);
    return NULL;
}

static enum err start(struct snapshot *snapshot)
{
    struct thread *thread = request_thread(snapshot->request);
    const char *dir = thread->setup->config->data;
    struct copying *copying = malloc(sizeof *copying + strlen(dir) + 32);
    pthread_t id;

    if (!copying)
        return ERR_NOMEM;
    copying->thread = thread;
    copying->snapshot = snapshot;
    sprintf(copying->path, "%s/copy-out.db", dir);
    if (pthread_create(&id, NULL, copy, copying)) {
        free(copying);
        return ERR_NOMEM;
    }
    pthread_detach(id);
    snapshot->copying = copying;
    return ERR_OK;
}

struct asked {
    char hash[65];
    bool found;
};

static void is_his(void *arg, const struct beat *beat, int64_t last_seen_at)
{
    struct asked *asked = arg;

    (void)last_seen_at;
    asked->found |= beat->ticket[0] && strcmp(beat->ticket, asked->hash) == 0;
}

static bool has_ticket(const struct request *request)
{
    const char *ticket = request_param(request, "ticket");
    struct asked asked = {.found = false};
    char id[ACCESS_KEY_ID_SIZE];
    unsigned char hash[32];

    if (!ticket || !access_key_read(ticket, id, hash))
        return false;
    access_key_hash_hex(hash, asked.hash);
    presence_each(request_thread(request)->setup->presence, clock_mono_ms(), is_his, &asked);
    return asked.found;
}

static enum err may_have_it(const struct request *request)
{
    struct thread *thread = request_thread(request);
    struct principal *principal = NULL;
    enum err err;

    if (has_ticket(request))
        return ERR_OK;
    err = auth_check(thread->auth, request_header(request, HEADER_AUTHORIZATION), thread_now_ms(thread), &principal);
    if (!err && !principal_may(principal, SCOPE_ADMIN))
        err = ERR_NO_RIGHT;
    principal_unref(principal);
    return err;
}

void route_snapshot(struct request *request)
{
    static const struct query_name names[] = {{"ticket", 0}, {NULL, 0}};
    struct server *server = request_thread(request)->server;
    struct snapshot *snapshot = NULL;
    enum err err;

    if (!request_knows(request, names))
        return;
    err = may_have_it(request);
    if (err) {
        reply_problem(request, err, NULL, NULL);
        return;
    }
    err = ERR_NOMEM;
    if (atomic_exchange(&server->is_copying, true)) {
        reply_problem(request, ERR_BUSY, NULL, NULL);
        return;
    }
    snapshot = calloc(1, sizeof *snapshot);
    if (snapshot) {
        snapshot->request = request;
        snapshot->fd = -1;
        snapshot->piece = malloc(PIECE_BYTES);
        err = snapshot->piece ? start(snapshot) : ERR_NOMEM;
    }
    if (err) {
        atomic_store(&server->is_copying, false);
        if (snapshot)
            snapshot_free(snapshot);
        reply_problem(request, err, NULL, NULL);
        return;
    }
    request_set_state(request, snapshot, snapshot_free);
}
