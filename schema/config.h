/* config.h: the settings of `buzzer serve`. One table (config_priv.h) holds every option with its
 * default, bounds and help; flags, environment, YAML file, --help and the example file all come
 * from it, and the man page's list is held against it. A flag beats the environment, which beats
 * the file. */
#ifndef BUZZER_SCHEMA_CONFIG_H
#define BUZZER_SCHEMA_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "schema/err.h"

/* One entry of `types:`. What is absent is -1, NULL or 0 as said, and takes the default (or, for
 * the name of a built-in type, leaves that type as it is). */
struct config_type {
    char *name;
    char *description;
    char **command;          /* NULL-terminated argument list, or NULL; a first word with a slash is made absolute */
    unsigned n_command;
    char *shared_object;     /* path, made absolute relative to the settings file, or NULL */
    char *result_type;       /* NULL: application/json */
    char *input_schema;      /* path, made absolute, or NULL */
    char **content_types;    /* accepted for a raw body; NULL: any */
    unsigned n_content_types;
    int64_t timeout_ms, kill_grace_ms, backoff_ms, backoff_max_ms, memory_bytes, output_bytes, keep_ms; /* -1: absent */
    int max_attempts, max_losses, concurrency;                                  /* -1: absent */
    int network;                                                                /* -1: absent */
};

struct config {
    char *listen_host;       /* a literal address */
    int listen_port;         /* 0: any free one; the log says which */
    char *data;              /* folder */
    char *config_file;       /* what was read, or NULL */
    bool role_api, role_worker;
    int slots;               /* 1 or more; default: the cores */
    int http_threads;        /* 1 or more; default: half the cores, at most 4 */
    double demo_scale;       /* of the four routes' sleeps */
    char *log_level;
    char **allow_origins;
    unsigned n_allow_origins;
    int64_t json_body_bytes, body_bytes, result_bytes;
    int64_t max_waiting;     /* unfinished jobs that have not started */
    int max_connections;
    int64_t drain_ms;
    char *kafka;             /* brokers; "": the log is in the data folder */
    char **kafka_options;
    unsigned n_kafka_options;
    char *kafka_topics;      /* prefix of the topics' names */
    int kafka_replicas;      /* 0: as many as fit */
    int64_t lease_ms;
    char *advertise;         /* URL; "": the address it listens on */
    struct config_type *types;
    unsigned n_types;
};

/* argv without the program and command words. On an error one line for the user is in message
 * (ERR_USAGE: a bad flag or value on the command line or in the environment; ERR_CONFIG: the file). */
enum err config_load(int argc, char **argv, struct config **ret_config, char *message, size_t size);
void config_free(struct config *config);
void config_help(FILE *out);              /* the table as --help shows it */
void config_example(FILE *out);           /* a YAML file that explains every setting and changes none */

#endif
