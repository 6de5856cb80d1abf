/* serve.c: `buzzer serve`: puts the parts together, waits for a signal, takes them apart again.
 *
 *   start   config, folder, types, view, log, recorder, server, worker; then their threads, and ready
 *   drain   no new work in; the worker finishes or hands back; answers still go out
 *   stop    the worker first (it still writes to the log), then the server (its clients still wait
 *           for the log), then the log and its recorder; memory last */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/origin.h"
#include "api/server.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/first_key.h"
#include "cli/lock.h"
#include "cli/say.h"
#include "jobs/heartbeat.h"
#include "jobs/recorder.h"
#include "jobs/types.h"
#include "jobs/view.h"
#include "jobs/worker.h"
#include "schema/clock.h"
#include "schema/log.h"

#define FILES_MAX 65536
#define LOOK_MS   200 /* how often main looks whether a thread has given up */

struct service {
    struct config *config;
    int lock;
    char name[PRESENCE_NAME_SIZE]; /* this life of this process */
    struct presence *presence;
    struct heartbeat *heartbeat;
    struct types *types;
    struct view *view;
    struct eventlog *log;
    struct recorder *recorder;
    struct ranks *ranks;
    struct server *server;
    struct worker *worker;
    bool recorder_runs, server_runs, worker_runs;
};

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("the limit of open files stays as it is: %s", strerror(errno));
}

static void set_log_level(const char *word)
{
    static const struct {
        const char *word;
        enum log_level level;
    } levels[] = {
        {"error", LOG_ERROR},
        {"warn", LOG_WARN},
        {"info", LOG_INFO},
        {"debug", LOG_DEBUG},
    };

    for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].word, word) == 0)
            log_set_level(levels[i].level);
}

/* The signals that end the service; blocked in every thread, taken by main alone. */
static void block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a client that left is an error of a write, not the end of us */
}

static void progress_to_nobody(void *arg, struct changes *changes)
{
    (void)arg;
    (void)changes;
}

static enum err make_server(struct service *service, char *message, size_t size)
{
    struct server_config setup = {
        .config = service->config,
        .types = service->types,
        .log = service->log,
        .view = service->view,
        .ranks = service->ranks,
        .recorder = service->recorder,
        .presence = service->presence,
    };
    enum err err = server_new(&setup, &service->server, message, size);

    if (err)
        return err;
    recorder_listen(service->recorder, ranks_on_changes, service->ranks);
    recorder_listen(service->recorder, server_on_changes, service->server);
    return ranks_load(service->ranks, service->config->data);
}

static enum err make_worker(struct service *service)
{
    struct worker_config setup = {
        .dir = service->config->data,
        .types = service->types,
        .log = service->log,
        .name = service->name,
        .slots = service->config->slots,
        .drain_ms = service->config->drain_ms,
        .on_progress = service->server ? server_on_progress : progress_to_nobody,
        .on_progress_arg = service->server,
    };
    enum err err = worker_new(&setup, &service->worker);

    if (!err)
        recorder_listen(service->recorder, worker_on_changes, service->worker);
    return err;
}

static enum err make_heartbeat(struct service *service)
{
    struct heartbeat_config setup = {
        .name = service->name,
        .url = service->config->advertise,
        .lease_ms = service->config->lease_ms,
        .role_api = service->config->role_api,
        .slots = service->config->slots,
        .types = service->types,
        .worker = service->worker,
        .presence = service->presence,
    };

    return heartbeat_new(&setup, &service->heartbeat);
}

static enum err service_make(struct service *service, char *message, size_t size)
{
    const struct config *config = service->config;
    enum err err = lock_folder(config->data, &service->lock, message, size);

    if (!err)
        err = node_name(config->data, service->name);
    if (!err && !(service->presence = presence_new(config->lease_ms)))
        err = ERR_NOMEM;
    if (!err)
        err = types_new(config, &service->types, message, size);
    if (!err)
        err = view_open(config->data, VIEW_IS_LOG, &service->view, message, size);
    if (!err)
        err = eventlog_sqlite_open(view_next_pos(service->view), &service->log);
    if (!err)
        err = recorder_new(config->data, service->log, service->view, &service->recorder);
    if (!err && !(service->ranks = ranks_new()))
        err = ERR_NOMEM;
    if (!err && config->role_api)
        err = make_server(service, message, size);
    if (!err && config->role_worker)
        err = make_worker(service);
    if (!err)
        err = make_heartbeat(service);
    return err;
}

static enum err service_start(struct service *service)
{
    enum err err = recorder_start(service->recorder);

    service->recorder_runs = !err;
    if (!err && service->server) {
        err = server_start(service->server);
        service->server_runs = !err;
    }
    if (!err && service->worker) {
        err = worker_start(service->worker);
        service->worker_runs = !err;
    }
    if (!err)
        err = heartbeat_start(service->heartbeat);
    /* Where others can reach it nobody gets in without a key, so there has to be one. */
    if (!err && service->server && !address_is_loopback(service->config->listen_host))
        err = first_key(service->config->data, service->log, clock_wall_ms());
    return err;
}

static void tell_ready(const struct service *service)
{
    const struct config *config = service->config;
    bool is_v6 = strchr(config->listen_host, ':') != NULL;

    if (service->server) {
        server_set_ready(service->server, true);
        log_info("listening on http://%s%s%s:%d (data in %s, %d slots)", is_v6 ? "[" : "",
                 config->listen_host, is_v6 ? "]" : "", server_port(service->server), config->data,
                 service->worker ? config->slots : 0);
    } else {
        log_info("working (data in %s, %d slots)", config->data, config->slots);
    }
}

/* Waits up to ms for a signal of the set: true when there was one. */
static bool signal_came(const sigset_t *set, int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    return sigtimedwait(set, NULL, &time) > 0;
}

static void service_drain(struct service *service, const sigset_t *signals)
{
    int64_t until = clock_mono_ms() + service->config->drain_ms;

    log_info("stopping: running jobs have %lld ms to end; a second signal ends them now",
             (long long)service->config->drain_ms);
    if (service->server)
        server_drain(service->server);
    if (!service->worker)
        return;
    worker_drain(service->worker);
    while (!worker_has_ended(service->worker) && clock_mono_ms() < until)
        if (signal_came(signals, 20))
            break;
}

/* Until a signal comes, and then until the work at hand is done. */
static enum err service_run(struct service *service, const sigset_t *signals)
{
    tell_ready(service);
    while (!signal_came(signals, LOOK_MS)) {
        if (recorder_has_failed(service->recorder)) {
            log_error("the data folder cannot be written to any more; stopping");
            return ERR_IO;
        }
    }
    service_drain(service, signals);
    return ERR_OK;
}

static void service_stop(struct service *service)
{
    heartbeat_stop(service->heartbeat);
    if (service->worker_runs) {
        if (!worker_has_ended(service->worker))
            worker_stop_now(service->worker);
        worker_join(service->worker);
    }
    if (service->server_runs) {
        server_stop(service->server);
        server_join(service->server);
    }
    if (service->recorder_runs) {
        eventlog_stop(service->log);
        recorder_join(service->recorder);
    }
}

static void service_free(struct service *service)
{
    heartbeat_free(service->heartbeat);
    server_free(service->server);
    recorder_free(service->recorder);
    ranks_free(service->ranks);
    eventlog_close(service->log);
    worker_free(service->worker); /* the log may have had something for it until then */
    presence_free(service->presence);
    view_close(service->view);
    types_free(service->types);
    if (service->lock >= 0)
        close(service->lock);
    config_free(service->config);
}

int command_serve(int argc, char **argv)
{
    struct service service = {.lock = -1};
    char message[1024] = "";
    sigset_t signals;
    enum err err = config_load(argc - 1, argv + 1, &service.config, message, sizeof message);

    if (!err) {
        set_log_level(service.config->log_level);
        log_set_component("main");
        raise_file_limit();
        block_signals(&signals);
        err = service_make(&service, message, sizeof message);
        if (!err)
            err = service_start(&service);
        if (err)
            log_error("cannot start: %s", message[0] ? message : err_sentence(err));
        else
            err = service_run(&service, &signals);
        service_stop(&service);
    } else {
        say("%s", message);
    }
    service_free(&service);
    return exit_of_err(err);
}
