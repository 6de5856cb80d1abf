/* origin.c: without keys, being on this machine is the only right there is; so a web page must not be
 * able to borrow it, neither by a name that resolves to loopback (Host) nor by a cross-site request
 * (Origin). */
#include "api/origin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* What follows the name: nothing, or a colon and digits. */
static bool is_port(const char *rest)
{
    return *rest == '\0' || (*rest == ':' && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

bool address_is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool host_is_loopback(const char *host)
{
    char name[256];
    size_t len = 0;

    if (!host)
        return false;
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        return end && end - host == 4 && strncmp(host, "[::1]", 5) == 0 && is_port(end + 1);
    }
    len = strcspn(host, ":");
    if (len == 0 || len >= sizeof name || !is_port(host + len))
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (strcasecmp(name, "localhost") == 0)
        return true;
    if (len > 10 && strcasecmp(name + len - 10, ".localhost") == 0)
        return true;
    return address_is_loopback(name);
}

bool origin_is_own(const char *origin, const char *host)
{
    if (!origin)
        return true;
    return host && strncasecmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0;
}

bool origin_is_allowed(const struct config *config, const char *origin)
{
    for (unsigned i = 0; i < config->n_allow_origins; i++)
        if (strcasecmp(config->allow_origins[i], origin) == 0)
            return true;
    return false;
}
