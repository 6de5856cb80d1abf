/* server.c: the HTTP threads as one: made, told, drained and ended together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/article.h"
#include "api/origin.h"
#include "api/barrier.h"
#include "api/server_priv.h"
#include "api/thread_priv.h"
#include "api/tickets.h"
#include "schema/clock.h"
#include "schema/log.h"

static void lws_says(int level, const char *line)
{
    size_t len = strlen(line);

    while (len && line[len - 1] == '\n')
        len--;
    if (level == LLL_ERR)
        log_warn("libwebsockets: %.*s", (int)len, line);
    else
        log_debug("libwebsockets: %.*s", (int)len, line);
}

/* Some events say nothing to any listener: who awaits them looks by itself. The recorder's thread. */
static void on_barrier_passed(void *arg)
{
    struct server *server = arg;

    for (unsigned i = 0; i < server->n_threads; i++)
        if (atomic_load(&server->threads[i].priv->awaiting))
            thread_wake(&server->threads[i]);
}

enum err server_new(const struct server_config *setup, struct server **ret_server, char *message, size_t size)
{
    struct server *server = calloc(1, sizeof *server);
    enum err err = ERR_NOMEM;
    int port = setup->config->listen_port;

    if (!server)
        goto out;
    lws_set_log_level(LLL_ERR | LLL_WARN, lws_says);
    server->setup = *setup;
    /* What a log kept elsewhere holds is known once the node has read it, and not before. */
    atomic_store(&server->may_be_open, eventlog_can_refuse(setup->log) && address_is_loopback(setup->config->listen_host));
    server->n_threads = (unsigned)setup->config->http_threads;
    server->threads = calloc(server->n_threads, sizeof *server->threads);
    server->tickets = tickets_new();
    if (!server->threads || !server->tickets)
        goto out;
    err = article_new(setup->config->demo_scale, &server->article);
    if (!err)
        err = barrier_new(setup->log, on_barrier_passed, server, &server->barrier);
    for (unsigned i = 0; i < server->n_threads && !err; i++) {
        struct thread *thread = &server->threads[i];
        thread->server = server;
        thread->setup = &server->setup;
        thread->number = i;
        err = thread_open(thread);
        if (!err)
            err = listener_open(thread, setup->config->listen_host, &port);
    }
    server->port = port;
    if (!err)
        atomic_store(&server->folded_pos, reader_last_pos(server->threads[0].reader));
out:
    if (err == ERR_IN_USE)
        snprintf(message, size, "%s:%d is in use; choose another with --listen", setup->config->listen_host, port);
    else if (err == ERR_CONFIG)
        snprintf(message, size, "%s:%d is no address of this machine, or not one for this user; choose another with --listen",
                 setup->config->listen_host, port);
    else if (err)
        snprintf(message, size, "cannot serve on %s:%d: %s", setup->config->listen_host, port, err_title(err));
    if (err) {
        server_free(server);
        return err;
    }
    *ret_server = server;
    return ERR_OK;
}

void server_on_changes(void *arg, struct changes *changes)
{
    struct server *server = arg;

    atomic_store(&server->folded_pos, changes->last_pos);
    if (changes->keys_changed) /* before whoever changed them is answered */
        atomic_fetch_add(&server->keys_version, 1);
    for (unsigned i = 0; i < server->n_threads; i++)
        thread_deliver(&server->threads[i], changes, false);
}

void server_on_progress(void *arg, struct changes *changes)
{
    struct server *server = arg;

    for (unsigned i = 0; i < server->n_threads; i++)
        thread_deliver(&server->threads[i], changes, true);
}

enum err server_start(struct server *server)
{
    enum err err = ERR_OK;

    for (unsigned i = 0; i < server->n_threads && !err; i++)
        err = thread_run(&server->threads[i]);
    return err;
}

int server_port(const struct server *server)
{
    return server->port;
}

void server_set_ready(struct server *server, bool ready)
{
    if (ready && address_is_loopback(server->setup.config->listen_host))
        atomic_store(&server->may_be_open, true);
    atomic_store(&server->ready, ready);
}

void server_drain(struct server *server)
{
    atomic_store(&server->draining, true);
    atomic_store(&server->ready, false);
}

void server_stop(struct server *server)
{
    for (unsigned i = 0; i < server->n_threads; i++) {
        atomic_store(&server->threads[i].priv->must_stop, true);
        thread_wake(&server->threads[i]);
    }
}

void server_join(struct server *server)
{
    for (unsigned i = 0; i < server->n_threads; i++)
        if (server->threads[i].priv->started)
            pthread_join(server->threads[i].priv->id, NULL);
    while (atomic_load(&server->is_copying)) /* rare, and the copy ends by itself */
        usleep(10000);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    article_free(server->article);
    barrier_free(server->barrier);
    for (unsigned i = 0; server->threads && i < server->n_threads; i++)
        thread_close(&server->threads[i]);
    free(server->threads);
    tickets_free(server->tickets);
    free(server);
}
