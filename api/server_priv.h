/* server_priv.h: what the HTTP threads share. */
#ifndef BUZZER_API_SERVER_PRIV_H
#define BUZZER_API_SERVER_PRIV_H

#include <stdatomic.h>

#include "api/server.h"
#include "api/thread.h"

struct article;
struct barrier;
struct tickets;

#define BODIES_MAX (256LL * 1024 * 1024)   /* bytes of request bodies held at once, over all threads */

struct server {
    struct server_config setup;
    unsigned n_threads;
    struct thread *threads;
    struct article *article;
    struct barrier *barrier;
    int port;
    atomic_bool ready, draining;
    atomic_bool is_copying;            /* a snapshot is being made, on a thread that outlives its request */
    atomic_uint keys_version;          /* counted up when an access key came or went (auth.h) */
    atomic_bool may_be_open;           /* while there is no key: local, and what the log holds is known */
    struct tickets *tickets;
    atomic_llong body_bytes;
    atomic_int n_connections;
    atomic_llong folded_pos;   /* everything in the log up to here can be read */
};

#endif
