// needs: api
/* socket_fuzz.c: any bytes as a message on a WebSocket, in front of a real hub, view and log. Whatever
 * comes, the answer is frames that are JSON, or one of the close codes of the contract. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/server_priv.h"
#include "api/socket_priv.h"
#include "api/thread_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config config = {.max_waiting = 1000000, .result_bytes = 1 << 20};
static struct server server;
static struct thread_priv priv;
static struct thread thread = {.priv = &priv};

static struct principal *anybody;

static void wake(struct subscriber *subscriber, void *owner)
{
    (void)subscriber;
    (void)owner;
}

static void clean_up(void)
{
    static const char *const files[] = {"buzzer.db", "buzzer.db-wal", "buzzer.db-shm", "ballast"};
    char path[256];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", config.data, files[i]);
        unlink(path);
    }
    rmdir(config.data);
}

static void start(void)
{
    char dir[] = "/tmp/buzzer-fuzz-XXXXXX", message[256];
    struct view *view = NULL;
    struct types *types = NULL;
    struct recorder *recorder = NULL;

    if (!mkdtemp(dir) || !(config.data = strdup(dir)) || types_new(&config, &types, message, sizeof message) ||
        view_open(dir, VIEW_IS_LOG, &view, message, sizeof message) ||
        eventlog_sqlite_open(view_next_pos(view), &server.setup.log) ||
        recorder_new(dir, server.setup.log, view, &recorder) || reader_open(dir, &thread.reader) ||
        hub_new(thread.reader, wake, &thread.hub))
        abort();
    atomic_store(&server.may_be_open, true);
    if (auth_new(thread.reader, &server.keys_version, &server.may_be_open, &thread.auth) ||
        auth_check(thread.auth, NULL, 1, &anybody))
        abort();
    atexit(clean_up);
    server.setup.config = &config;
    server.setup.types = types;
    server.setup.view = view;
    server.setup.recorder = recorder;
    server.setup.ranks = ranks_new();
    thread.server = &server;
    thread.setup = &server.setup;
}

static void check_answers(struct socket *socket)
{
    struct frame *frame;

    while ((frame = subscriber_next(socket->subscriber))) {
        json_t *json = json_loadb((const char *)frame->bytes + frame->header_len, frame->len - frame->header_len,
                                  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        if (!json_is_object(json))
            abort();
        json_decref(json);
        frame_unref(frame);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct socket socket = {.thread = &thread, .held = true};
    int code;

    if (!thread.hub)
        start();
    LIST_INIT(&socket.submitting);
    socket.key_watch.principal = anybody;
    if (subscriber_new(thread.hub, &socket, &socket.subscriber))
        abort();
    code = socket_message(&socket, (const char *)data, size);
    if (code != 0 && code != SOCKET_TOO_BIG && code != SOCKET_NOT_A_FRAME)
        abort();
    subscriber_catch_up(socket.subscriber);
    check_answers(&socket);
    socket_forget_submits(&socket);
    subscriber_free(socket.subscriber);
    return 0;
}
