/* handshake.c: who wants a WebSocket: the key in the Authorization header, or, as a browser can send
 * none, the ticket in the query (`?ticket=`) or among the subprotocols (`ticket.VALUE`). */
#include <string.h>

#include "api/server_priv.h"
#include "api/thread_priv.h"
#include "api/tickets.h"
#include "schema/clock.h"

#define HEADER_SIZE 512                /* longer ones hold no key or ticket of ours */
#define IN_QUERY "ticket="
#define IN_PROTOCOL "ticket."

/* The library holds each argument, decoded, as a piece of its own. */
static bool ticket_in_query(struct lws *wsi, char *ret_ticket, size_t size)
{
    char argument[HEADER_SIZE];
    int len;

    for (int i = 0; (len = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i)) > 0; i++) {
        if (lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i) <= 0 ||
            strncmp(argument, IN_QUERY, strlen(IN_QUERY)) != 0)
            continue;
        snprintf(ret_ticket, size, "%s", argument + strlen(IN_QUERY));
        return true;
    }
    return false;
}

static bool ticket_in_protocols(struct lws *wsi, char *ret_ticket, size_t size)
{
    char protocols[HEADER_SIZE], *rest = protocols, *word;

    if (lws_hdr_copy(wsi, protocols, sizeof protocols, WSI_TOKEN_PROTOCOL) <= 0)
        return false;
    while ((word = strsep(&rest, ", "))) {
        if (strncmp(word, IN_PROTOCOL, strlen(IN_PROTOCOL)) != 0)
            continue;
        snprintf(ret_ticket, size, "%s", word + strlen(IN_PROTOCOL));
        return true;
    }
    return false;
}

enum err handshake_identify(struct thread *thread, struct lws *wsi, struct principal **ret_principal)
{
    char text[HEADER_SIZE] = "", key_id[ACCESS_KEY_ID_SIZE] = "";
    bool has_header = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION) > 0;

    if (has_header || (!ticket_in_query(wsi, text, sizeof text) && !ticket_in_protocols(wsi, text, sizeof text))) {
        /* One that does not fit leaves an empty text, and is no key. */
        if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_AUTHORIZATION) <= 0)
            text[0] = '\0';
        return auth_check(thread->auth, text, thread_now_ms(thread), ret_principal);
    }
    if (!tickets_take(thread->server->tickets, text, clock_mono_ms(), key_id))
        key_id[0] = '\0';              /* good enough where no key is needed */
    return auth_check_id(thread->auth, key_id, thread_now_ms(thread), ret_principal);
}
