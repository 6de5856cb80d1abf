/* serve.c: `buzzer serve`: makes the service, starts it, waits for a signal, and takes it down again.
 *
 *   start   settings, folder, parts (service.c), threads; clients are answered from here on
 *   ready   the log has been read up to its end: the worker starts, new work is taken
 *   drain   no new work in; the worker finishes or hands back; answers still go out
 *   stop    (service.c) */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/origin.h"
#include "cli/bootstrap.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/first_key.h"
#include "cli/lock.h"
#include "cli/say.h"
#include "cli/service.h"
#include "schema/clock.h"
#include "schema/log.h"

#define FILES_MAX  65536
#define LOOK_MS    200  /* how often main looks whether a thread has given up */
#define WAITING_MS 5    /* ... and whether the log has been read, while it has not */

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

/* Waits up to ms for a signal of the set: true when there was one. */
static bool signal_came(const sigset_t *set, int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    return sigtimedwait(set, NULL, &time) > 0;
}

static void tell_listening(const struct service *service)
{
    const struct config *config = service->config;
    bool is_v6 = strchr(config->listen_host, ':') != NULL;

    if (service->server)
        log_info("listening on http://%s%s%s:%d (data in %s, %d slots)", is_v6 ? "[" : "", config->listen_host,
                 is_v6 ? "]" : "", server_port(service->server), config->data, service->worker ? config->slots : 0);
}

static enum err become_ready(struct service *service)
{
    enum err err = service->worker ? service_start_worker(service) : ERR_OK;

    /* Where others can reach it nobody gets in without a key, so there has to be one. */
    if (!err && service->server && !address_is_loopback(service->config->listen_host))
        err = first_key(service->config->data, service->log, clock_wall_ms());
    if (err)
        return err;
    if (service->server)
        server_set_ready(service->server, true);
    if (service_is_many(service->config))
        log_info("the event log has been read up to its end");
    if (service->worker && !service->server)
        log_info("working (data in %s, %d slots)", service->config->data, service->config->slots);
    return ERR_OK;
}

/* Why it cannot go on, if it cannot. */
static enum err check(const struct service *service)
{
    struct eventlog_state state;

    eventlog_state(service->log, &state);
    if (state.failed) {
        log_error("%s", state.why);
        return state.failed;
    }
    if (recorder_has_failed(service->recorder)) {
        log_error("the data folder cannot be written to any more; stopping");
        return ERR_IO;
    }
    return ERR_OK;
}

static void drain(struct service *service, const sigset_t *signals)
{
    int64_t until = clock_mono_ms() + service->config->drain_ms;

    log_info("stopping: running jobs have %lld ms to end; a second signal ends them now",
             (long long)service->config->drain_ms);
    if (service->server)
        server_drain(service->server);
    if (!service->worker_runs)
        return;
    worker_drain(service->worker);
    while (!worker_has_ended(service->worker) && clock_mono_ms() < until)
        if (signal_came(signals, 20))
            break;
}

/* Until a signal comes, and then until the work at hand is done. */
static enum err run(struct service *service, const sigset_t *signals)
{
    struct eventlog_state state;
    bool is_ready = false;
    enum err err = ERR_OK;

    tell_listening(service);
    do {
        eventlog_state(service->log, &state);
        if (!is_ready && state.is_caught_up && !state.failed) {
            err = become_ready(service);
            is_ready = true;
        }
        if (!err)
            err = check(service);
        if (err)
            return err;
    } while (!signal_came(signals, is_ready ? LOOK_MS : WAITING_MS));
    drain(service, signals);
    return ERR_OK;
}

static enum err serve(const struct config *config, const sigset_t *signals)
{
    char message[1024] = "";
    struct service service;
    enum err err = service_make(&service, config, message, sizeof message);

    if (!err)
        err = service_start(&service);
    if (err)
        log_error("cannot start: %s", message[0] ? message : err_sentence(err));
    else
        err = run(&service, signals);
    service_stop(&service);
    service_free(&service);
    return err;
}

int command_serve(int argc, char **argv)
{
    struct config *config = NULL;
    char message[1024] = "";
    sigset_t signals;
    int lock = -1;
    enum err err = config_load(argc - 1, argv + 1, &config, message, sizeof message);

    if (err) {
        say("%s", message);
        goto out;
    }
    umask(077); /* SQLite, too, makes files; the folder may have been made for all to enter */
    set_log_level(config->log_level);
    log_set_component("main");
    raise_file_limit();
    block_signals(&signals);
    err = lock_folder(config->data, &lock, message, sizeof message);
    if (err) {
        log_error("cannot start: %s", message);
        goto out;
    }
    if (service_lack(config))
        log_warn("%s", service_lack(config));
    err = serve(config, &signals);
    if (err == ERR_GONE && service_is_many(config) && !bootstrap_set_aside(config->data))
        err = serve(config, &signals); /* from a copy of a peer's view this time */
out:
    if (lock >= 0)
        close(lock);
    config_free(config);
    return exit_of_err(err);
}
