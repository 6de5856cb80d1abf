/* service.c: what there is in a `buzzer serve`, in the order in which each needs the one before:
 *
 *   types, view, log, [sideband], recorder, ranks, presence, [server], progress, [worker], heartbeat
 *
 * and in the order in which they stop: the worker first (it still writes to the log), then the server
 * (its clients still wait for the log), then the heartbeat (it says that this was its last), then the
 * log and its recorder; memory last. */
#include "cli/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bootstrap.h"
#include "schema/log.h"

bool service_is_many(const struct config *config)
{
    return config->kafka[0] != '\0';
}

const char *service_lack(const struct config *config)
{
    if (service_is_many(config) || (config->role_api && config->role_worker))
        return NULL;
    return config->role_api ? "without a worker jobs would wait for ever: without Kafka one process has both roles"
                            : "without a front end no job can come in: without Kafka one process has both roles";
}

static struct eventlog_kafka_config kafka_of(const struct service *service)
{
    const struct config *config = service->config;

    return (struct eventlog_kafka_config){.brokers = config->kafka,
                                          .options = config->kafka_options,
                                          .n_options = config->n_kafka_options,
                                          .prefix = config->kafka_topics,
                                          .replicas = config->kafka_replicas,
                                          .name = service->name,
                                          .dir = config->data};
}

static enum err make_log(struct service *service, char *message, size_t size)
{
    const struct config *config = service->config;
    struct eventlog_kafka_config kafka = kafka_of(service);
    enum err err;

    if (!service_is_many(config)) {
        err = view_open(config->data, VIEW_IS_LOG, &service->view, message, size);
        return err ? err : eventlog_sqlite_open(view_next_pos(service->view), &service->log);
    }
    err = bootstrap(config, &kafka, message, size);
    if (!err)
        err = view_open(config->data, config->role_api ? VIEW_OF_LOG : VIEW_OF_LOG_TO_WORK, &service->view, message, size);
    if (err)
        return err;
    kafka.log_id = view_log_id(service->view);
    kafka.last_pos = view_last_pos(service->view, &kafka.last_seal);
    err = eventlog_kafka_open(&kafka, &service->log, message, size);
    if (!err)
        err = sideband_kafka_open(&kafka, &service->sideband, message, size);
    return err;
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
    const struct config *config = service->config;
    struct worker_config setup = {
        .dir = config->data,
        .types = service->types,
        .log = service->log,
        .name = service->name,
        .slots = config->slots,
        .lease_ms = service_is_many(config) ? config->lease_ms : 0,
        .drain_ms = config->drain_ms,
        .on_progress = progress_tell,
        .on_progress_arg = service->feed,
    };
    enum err err = worker_new(&setup, &service->worker);

    if (!err)
        recorder_listen(service->recorder, worker_on_changes, service->worker);
    return err;
}

static uint64_t state_of_view(void *arg, int64_t *ret_pos)
{
    return view_state_hash(arg, ret_pos);
}

/* Where other nodes find this one: what the settings say, or the address it listens on. */
static void own_url(const struct service *service, char *url, size_t size)
{
    const struct config *config = service->config;
    bool is_any = strcmp(config->listen_host, "0.0.0.0") == 0 || strcmp(config->listen_host, "::") == 0;
    bool is_v6 = strchr(config->listen_host, ':') != NULL && !is_any;
    char host[64] = "localhost";

    if (is_any)
        gethostname(host, sizeof host - 1);
    if (!service->server)
        url[0] = '\0';
    else if (config->advertise[0])
        snprintf(url, size, "%s", config->advertise);
    else
        snprintf(url, size, "http://%s%s%s:%d", is_v6 ? "[" : "", is_any ? host : config->listen_host, is_v6 ? "]" : "",
                 server_port(service->server));
}

static enum err make_heartbeat(struct service *service)
{
    const struct config *config = service->config;
    char url[256];
    struct heartbeat_config setup = {
        .name = service->name,
        .url = url,
        .lease_ms = config->lease_ms,
        .role_api = config->role_api,
        .slots = config->slots,
        .types = service->types,
        .worker = service->worker,
        .presence = service->presence,
        .sideband = service->sideband,
        .state = service->sideband ? state_of_view : NULL,
        .state_arg = service->view,
    };

    own_url(service, url, sizeof url);
    return heartbeat_new(&setup, &service->heartbeat);
}

enum err service_make(struct service *service, const struct config *config, char *message, size_t size)
{
    enum err err;

    *service = (struct service){.config = config};
    err = node_name(config->data, service->name);
    if (!err)
        err = types_new(config, &service->types, message, size);
    if (!err)
        err = make_log(service, message, size);
    if (!err)
        err = recorder_new(config->data, service->log, service->view, &service->recorder);
    if (!err && (!(service->ranks = ranks_new()) || !(service->presence = presence_new(config->lease_ms))))
        err = ERR_NOMEM;
    if (!err && config->role_api)
        err = make_server(service, message, size);
    if (!err)
        err = progress_new(config->data, service->sideband, service->server ? server_on_progress : NULL, service->server,
                           &service->feed);
    if (!err && config->role_worker)
        err = make_worker(service);
    if (!err)
        err = make_heartbeat(service);
    return err;
}

enum err service_start(struct service *service)
{
    enum err err = recorder_start(service->recorder);

    service->recorder_runs = !err;
    if (!err && service->server) {
        err = server_start(service->server);
        service->server_runs = !err;
    }
    if (!err && service->sideband)
        err = sideband_start(service->sideband);
    if (!err) {
        err = heartbeat_start(service->heartbeat);
        service->heartbeat_runs = !err;
    }
    return err;
}

enum err service_start_worker(struct service *service)
{
    enum err err = worker_start(service->worker);

    service->worker_runs = !err;
    return err;
}

void service_stop(struct service *service)
{
    if (service->worker_runs) {
        if (!worker_has_ended(service->worker))
            worker_stop_now(service->worker);
        worker_join(service->worker);
    }
    if (service->server_runs) {
        server_stop(service->server);
        server_join(service->server);
    }
    if (service->heartbeat_runs)
        heartbeat_stop(service->heartbeat);
    sideband_close(service->sideband);
    service->sideband = NULL;
    if (service->recorder_runs) {
        eventlog_stop(service->log);
        recorder_join(service->recorder);
    }
    service->worker_runs = service->server_runs = service->heartbeat_runs = service->recorder_runs = false;
}

void service_free(struct service *service)
{
    eventlog_close(service->log); /* it may still have come to a worker or a server with a body */
    heartbeat_free(service->heartbeat);
    worker_free(service->worker);
    progress_free(service->feed);
    server_free(service->server);
    recorder_free(service->recorder);
    presence_free(service->presence);
    ranks_free(service->ranks);
    view_close(service->view);
    types_free(service->types);
}
