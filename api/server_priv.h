/* server_priv.h: what the HTTP threads share. */
#ifndef BUZZER_API_SERVER_PRIV_H
#define BUZZER_API_SERVER_PRIV_H

#include <stdatomic.h>

#include "api/server.h"
#include "api/thread.h"

struct article;

#define BODIES_MAX (256LL * 1024 * 1024)   /* bytes of request bodies held at once, over all threads */

struct server {
    struct server_config setup;
    unsigned n_threads;
    struct thread *threads;
    struct article *article;
    int port;
    atomic_bool ready, draining;
    atomic_bool is_copying;            /* a snapshot is being made, on a thread that outlives its request */
    atomic_llong body_bytes;
    atomic_int n_connections;
};

#endif
