/* server.h: HTTP and WebSocket in and out. N threads, each with a libwebsockets context on its own
 * libev loop, its own SO_REUSEPORT listener, reader, hub and mailbox; a route never waits. */
#ifndef BUZZER_API_SERVER_H
#define BUZZER_API_SERVER_H

#include "jobs/eventlog.h"
#include "jobs/presence.h"
#include "jobs/ranks.h"
#include "jobs/recorder.h"
#include "jobs/types.h"
#include "schema/config.h"

struct server;

struct server_config {
    const struct config *config;
    const struct types *types;
    struct eventlog *log;
    const struct view *view;           /* counts only */
    struct ranks *ranks;               /* how many jobs go first */
    const struct recorder *recorder;   /* is the disk full? */
    struct presence *presence;         /* who else is there: GET /v1/workers */
};

enum err server_new(const struct server_config *config, struct server **ret_server, char *message, size_t size);
void server_on_changes(void *server, struct changes *changes);   /* a recorder_listener_fn; any thread */
void server_on_progress(void *server, struct changes *changes);  /* a worker_progress_fn; any thread */
enum err server_start(struct server *server);                    /* listens and serves */
int server_port(const struct server *server);
void server_set_ready(struct server *server, bool ready);        /* /readyz, any thread */
void server_drain(struct server *server);  /* any thread: refuse new work, 503 on /readyz; answers go on */
void server_stop(struct server *server);   /* any thread: tell sockets 1001, finish answers, end (within 2 s) */
void server_join(struct server *server);
void server_free(struct server *server);

#endif
