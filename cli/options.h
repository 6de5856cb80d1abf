/* options.h: the options that client commands share, read with getopt. */
#ifndef BUZZER_CLI_OPTIONS_H
#define BUZZER_CLI_OPTIONS_H

#include <stdbool.h>

#include "cli/client.h"

struct options {
    const char *server, *key_file;
    bool json, all, wait, watch;
    const char *state, *type, *queue, *tag, *limit;
    /* -o and -p, each called with "name=value"; false refuses it, and has said why. NULL: not taken. */
    bool (*on_option)(void *arg, char *text);
    bool (*on_param)(void *arg, char *text);
    void *arg;
    const char *tenant, *name, *expires; /* of a new key */
    unsigned scopes;                     /* of enum scope */
};

/* Which of them a command takes. */
enum {
    OPTION_JSON = 1,
    OPTION_ALL = 2,
    OPTION_WAIT = 4,
    OPTION_WATCH = 8,
    OPTION_STATE = 16,
    OPTION_FILTER = 32,
    OPTION_LIMIT = 64,
    OPTION_PAIRS = 128,
    OPTION_KEY = 256
};

/* Reads argv; *ret_first is the first of the arguments, of which there must be min to max.
 * Returns 0, or says what is wrong and gives EX_USAGE. */
int options_read(int argc, char **argv, unsigned takes, int min, int max, struct options *options,
                 int *ret_first);

/* The client that the options name, with its key. 0 or an exit code. */
int options_client(const struct options *options, struct client **ret_client);
/* For commands that take one ID: options, the client. 0 or an exit code. */
int options_one(int argc, char **argv, unsigned takes, struct options *options, const char **ret_id,
                struct client **ret_client);

#endif
