/* origin.h: who may reach in: the Host a request names and the web page it comes from. */
#ifndef BUZZER_API_ORIGIN_H
#define BUZZER_API_ORIGIN_H

#include <stdbool.h>

#include "schema/config.h"

bool address_is_loopback(const char *address);  /* a literal one, without brackets */
/* localhost, *.localhost, 127.0.0.0/8 or [::1], with or without a port. */
bool host_is_loopback(const char *host);
/* origin NULL: not sent by a browser's page, fine. */
bool origin_is_own(const char *origin, const char *host);
bool origin_is_allowed(const struct config *config, const char *origin);

#endif
