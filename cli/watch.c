/* watch.c: `buzzer watch`: server-sent events, drawn on a terminal, one JSON line each when piped.
 * A lost connection is taken up again where it broke (Last-Event-ID), so nothing is missed. */
#include "cli/watch.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/board.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/job_show.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/say.h"
#include "cli/sse.h"
#include "schema/clock.h"

#define DRAW_MS      200 /* the time that has gone by is drawn that often */
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define GAP          "the service no longer has all that happened meanwhile; going on from now"
#define PATIENCE_MS  (10 * 60 * 1000) /* so long without a service, and it is given up */

struct watch {
    struct client *client;
    const char *target, *id; /* id NULL: all jobs */
    struct sse sse;
    struct board board;
    int64_t drawn_at;
    char cursor[128];
    bool on_terminal;
    bool was_heard; /* on this connection */
    bool over;      /* the one job's final event came, or the output is gone */
    int code;
};

static void keep_cursor(struct watch *watch, const char *cursor)
{
    if (*cursor && strlen(cursor) < sizeof watch->cursor)
        strcpy(watch->cursor, cursor);
}

static void on_subscribed(struct watch *watch, json_t *about)
{
    bool resumed = watch->cursor[0] != '\0';

    keep_cursor(watch, job_text(about, "cursor"));
    if (!resumed || watch->id || !json_is_false(json_object_get(about, "recovered")))
        return;
    if (watch->on_terminal)
        board_say(&watch->board, GAP);
    else
        say("%s", GAP);
}

static int code_of_end(json_t *job)
{
    int code = job_exit(job);

    if (code != EXIT_DONE)
        job_say_failure(job);
    return code;
}

static bool on_event(void *arg, const char *name, const char *data, const char *id)
{
    struct watch *watch = arg;
    json_t *event = json_loads(data, JSON_ALLOW_NUL, NULL), *job = json_object_get(event, "data");

    if (strcmp(name, "subscribed") == 0) {
        on_subscribed(watch, event);
        goto out;
    }
    keep_cursor(watch, id);
    if (*name || !json_is_object(job)) /* not of a kind we know */
        goto out;
    if (watch->on_terminal) {
        board_take(&watch->board, job, clock_wall_ms());
    } else {
        puts(data);
        if (!say_written()) {
            watch->over = true;
            watch->code = EX_SOFTWARE;
        }
    }
    if (watch->id && job_is_over(job)) {
        watch->over = true;
        watch->code = code_of_end(job);
    }
out:
    json_decref(event);
    return !watch->over;
}

static bool on_bytes(void *arg, const char *bytes, size_t len)
{
    struct watch *watch = arg;

    watch->was_heard = true;
    return sse_feed(&watch->sse, bytes, len);
}

static bool on_idle(void *arg)
{
    struct watch *watch = arg;

    int64_t now_ms = clock_mono_ms();

    if (watch->on_terminal && watch->board.n && now_ms - watch->drawn_at >= DRAW_MS) {
        board_draw(&watch->board, clock_wall_ms());
        watch->drawn_at = now_ms;
    }
    return true;
}

static int terminal_width(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 80;
}

/* The stream had nothing left to tell: the job has ended, and its event was had before. */
static int code_of_job(struct watch *watch)
{
    struct text target = {0};
    json_t *job = NULL;
    int code = EX_NOINPUT;

    if (job_target(&target, watch->id, ""))
        code = client_get_json(watch->client, target.at, &job);
    if (!code)
        code = code_of_end(job);
    json_decref(job);
    text_clear(&target);
    return code;
}

/* One connection. True: another is worth trying. */
static bool watch_once(struct watch *watch, bool is_first)
{
    struct stream stream = {
        .path = watch->target,
        .last_event_id = watch->cursor,
        .on_bytes = on_bytes,
        .on_idle = on_idle,
        .arg = watch,
    };
    struct answer answer = {0};
    bool again = false;
    enum err err;

    watch->was_heard = false;
    sse_restart(&watch->sse);
    err = client_stream(watch->client, &stream, &answer);
    if (watch->over)
        goto out;
    if (watch->sse.broken) {
        say("the service sent an event that is too long to be one");
        watch->code = EX_SOFTWARE;
    } else if (err == ERR_AGAIN || (err == ERR_NO_SERVICE && !is_first) || (!err && answer.status == 200) ||
               (!err && answer.status == 503 && !is_first)) {
        again = true;
    } else if (err) {
        watch->code = client_failed(watch->client, err);
    } else if (answer.status == 204 && watch->id) {
        watch->code = code_of_job(watch);
    } else {
        watch->code = answer_refused(&answer);
    }
out:
    answer_clear(&answer);
    return again;
}

static int watch_run(struct client *client, const char *target, const char *id)
{
    struct watch watch = {
        .client = client,
        .target = target,
        .id = id,
        .on_terminal = isatty(STDOUT_FILENO),
        .board = {.out = stdout, .width = terminal_width()},
    };
    int64_t pause_ms = PAUSE_MIN_MS, heard_at = clock_mono_ms();
    bool is_first = true;

    watch.sse.on_event = on_event;
    watch.sse.arg = &watch;
    while (watch_once(&watch, is_first)) {
        struct timespec pause;

        is_first = false;
        if (watch.was_heard) {
            pause_ms = PAUSE_MIN_MS;
            heard_at = clock_mono_ms();
        }
        if (clock_mono_ms() - heard_at > PATIENCE_MS) {
            watch.code = client_failed(client, ERR_AGAIN);
            break;
        }
        pause = (struct timespec){.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
        pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
    }
    sse_clear(&watch.sse);
    return watch.code;
}

int watch_job(struct client *client, const char *id)
{
    struct text target = {0};
    int code = EX_NOINPUT;

    if (job_target(&target, id, "/events"))
        code = watch_run(client, target.at, id);
    text_clear(&target);
    return code;
}

static int watch_all(struct client *client, const struct options *options)
{
    struct text target = {0};
    int code = EX_SOFTWARE;

    text_str(&target, "/v1/events");
    query_add(&target, "type", options->type);
    query_add(&target, "queue", options->queue);
    query_add(&target, "tag", options->tag);
    if (!target.failed)
        code = watch_run(client, target.at, NULL);
    text_clear(&target);
    return code;
}

int command_watch(int argc, char **argv)
{
    struct options options = {0};
    struct client *client = NULL;
    int first, code = options_read(argc, argv, OPTION_ALL | OPTION_FILTER, 0, 1, &options, &first);

    if (code)
        return code;
    if (options.all == (first < argc) || (!options.all && (options.type || options.queue || options.tag))) {
        say("watch takes the ID of a job, or --all with its filters");
        return EX_USAGE;
    }
    code = options_client(&options, &client);
    if (!code)
        code = options.all ? watch_all(client, &options) : watch_job(client, argv[first]);
    client_free(client);
    return code;
}
