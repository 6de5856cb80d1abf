/* client.h: the service as the commands see it: questions and answers in HTTP, and streams. Hides
 * libcurl. One thread. */
#ifndef BUZZER_CLI_CLIENT_H
#define BUZZER_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "schema/err.h"
#include "schema/text.h"

struct client;

struct ask {
    const char *method;     /* "GET", "POST" or "DELETE" */
    const char *path;       /* with the query, ready for the wire */
    const char *media_type; /* of the body */
    const void *body;
    size_t len;
    const char *idempotency_key; /* or NULL */
    const char *prefer;          /* or NULL */
    FILE *to;                    /* where the body of a 200 goes as it comes; NULL: into the answer */
};

struct answer {
    int status;
    struct text body; /* bounded; a longer one is ERR_IO */
};

/* server NULL: BUZZER_SERVER, or http://127.0.0.1:8000. ERR_USAGE when it is no http address; said. */
enum err client_new(const char *server, struct client **ret_client);
/* Sends the key along from now on: that in the file, or, with NULL, BUZZER_KEY, or that in the file that
 * BUZZER_KEY_FILE names, or none. ERR_NOT_FOUND: no such file; ERR_USAGE: it is no key; said. */
enum err client_use_key(struct client *client, const char *file);
void client_free(struct client *client);
const char *client_library_version(void);

/* ERR_NO_SERVICE: nothing was reached. ERR_AGAIN: the connection was lost, and what was asked may
 * have been done. ERR_IO: the answer could not be taken. Nothing is said. */
enum err client_ask(struct client *client, const struct ask *ask, struct answer *ret_answer);
void answer_clear(struct answer *answer);

/* Server-sent events: on_bytes gets what comes, on_idle is called a few times a second in between;
 * either ends the stream by returning false. ERR_OK: the stream ended in order, or was ended here;
 * an answer that is no stream is in ret_answer. */
struct stream {
    const char *path;
    const char *last_event_id; /* or "" */
    bool (*on_bytes)(void *arg, const char *bytes, size_t len);
    bool (*on_idle)(void *arg);
    void *arg;
};
enum err client_stream(struct client *client, const struct stream *stream, struct answer *ret_answer);

/* For commands that ask once: says what went wrong and gives the exit code, or 0 and the answer. */
int client_ask_once(struct client *client, const struct ask *ask, struct answer *ret_answer);
int client_get(struct client *client, const char *path, struct answer *ret_answer);
int client_post(struct client *client, const char *path, struct answer *ret_answer);
/* The same with the answer as JSON; the caller's reference. */
int client_get_json(struct client *client, const char *path, json_t **ret_json);
int client_failed(const struct client *client, enum err err);    /* says it; exit code */
int answer_refused(const struct answer *answer);                 /* says the problem; exit code */
bool answer_is_problem(const struct answer *answer, enum err err);
int answer_json(const struct answer *answer, json_t **ret_json); /* says what is wrong with it */

#endif
