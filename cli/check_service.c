/* check_service.c: what the service itself needs: its roles, its job types, and its address. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/client.h"
#include "cli/service.h"
#include "jobs/types.h"

enum finding check_roles(const struct config *config)
{
    const char *lack = service_lack(config);

    if (lack)
        return finding_tell(FINDING_WARN, "roles", "%s", lack);
    return finding_tell(FINDING_OK, "roles", "%s%s%s", config->role_api ? "api" : "",
                        config->role_api && config->role_worker ? ", " : "", config->role_worker ? "worker" : "");
}

enum finding check_types(const struct config *config)
{
    struct types *types = NULL;
    char message[1024] = "";
    enum err err = types_new(config, &types, message, sizeof message);
    unsigned n = err ? 0 : types_count(types);

    types_free(types);
    if (err)
        return finding_tell(FINDING_FAIL, "job types", "%s", message[0] ? message : err_sentence(err));
    return finding_tell(FINDING_OK, "job types", "%u", n);
}

enum finding check_images(const struct config *config)
{
    struct types *types = NULL;
    char message[1024];
    enum finding finding;

    if (types_new(config, &types, message, sizeof message) != ERR_OK)
        return finding_tell(FINDING_WARN, "image types", "not looked at: the job types are wrong");
    if (!types_find(types, "barcode"))
        finding = finding_tell(FINDING_WARN, "image types", "not installed: no ocr, no barcode");
    else if (!types_find(types, "ocr"))
        finding = finding_tell(FINDING_WARN, "image types",
                               "no language data, so no ocr: apt-get install tesseract-ocr-eng");
    else
        finding = finding_tell(FINDING_OK, "image types", "ocr and barcode");
    types_free(types);
    return finding;
}

static int try_port(const struct config *config)
{
    bool is_v6 = strchr(config->listen_host, ':') != NULL;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)config->listen_port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)config->listen_port)};
    const struct sockaddr *address = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    int yes = 1, why = 0, fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    inet_pton(AF_INET, config->listen_host, &v4.sin_addr);
    inet_pton(AF_INET6, config->listen_host, &v6.sin6_addr);
    /* As a restarted service would: connections of an earlier one may linger. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, address, is_v6 ? sizeof v6 : sizeof v4) != 0 || listen(fd, 1) != 0)
        why = errno;
    close(fd);
    return why;
}

/* The port is taken: by a service of ours? */
static enum finding ask_port(const struct config *config, const char *server)
{
    struct client *client = NULL;
    struct answer answer = {0};
    enum finding finding;
    bool answers = client_new(server, &client) == ERR_OK &&
                   client_ask(client, &(struct ask){.method = "GET", .path = "/readyz"}, &answer) == ERR_OK &&
                   (answer.status == 200 || answer.status == 503);

    if (answers)
        finding = finding_tell(
            answer.status == 200 ? FINDING_OK : FINDING_WARN, "address",
            answer.status == 200 ? "a service answers at %s" : "the service at %s is not ready", server);
    else
        finding = finding_tell(FINDING_FAIL, "address",
                               "port %d is taken by another program: name another with --listen",
                               config->listen_port);
    answer_clear(&answer);
    client_free(client);
    return finding;
}

enum finding check_port(const struct config *config)
{
    bool is_v6 = strchr(config->listen_host, ':') != NULL;
    char server[128];
    int why = try_port(config);

    snprintf(server, sizeof server, "http://%s%s%s:%d", is_v6 ? "[" : "", config->listen_host,
             is_v6 ? "]" : "", config->listen_port);
    if (why == EADDRINUSE)
        return ask_port(config, server);
    if (why)
        return finding_tell(FINDING_FAIL, "address", "%s: %s", server, strerror(why));
    return finding_tell(FINDING_OK, "address", "%s is free", server);
}
