/* tickets.c: a ring of places; a ticket names its place, so it is found without a search and only the
 * secret behind that is compared. */
#include "api/tickets.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_LEN 4                    /* hex digits */

_Static_assert(TICKETS_MAX <= 0x10000, "a place fits its digits");

struct ticket {
    int64_t until_ms;                  /* monotonic; 0: the place is free */
    char secret[SECRET_SIZE];
    char key_id[ACCESS_KEY_ID_SIZE];
};

struct tickets {
    pthread_mutex_t lock;              /* guards what follows; never held while calling out */
    unsigned next;                     /* where the next one goes: the place longest unused, as all live equally long */
    struct ticket at[TICKETS_MAX];
};

struct tickets *tickets_new(void)
{
    struct tickets *tickets = calloc(1, sizeof *tickets);

    if (tickets)
        pthread_mutex_init(&tickets->lock, NULL);
    return tickets;
}

void tickets_free(struct tickets *tickets)
{
    if (!tickets)
        return;
    pthread_mutex_destroy(&tickets->lock);
    free(tickets);
}

enum err tickets_make(struct tickets *tickets, const char *key_id, int64_t mono_ms, char ret_ticket[TICKET_SIZE])
{
    char secret[SECRET_SIZE];
    enum err err = secret_make(secret);
    unsigned place;

    if (err)
        return err;
    pthread_mutex_lock(&tickets->lock);
    place = tickets->next;
    if (tickets->at[place].until_ms > mono_ms) {
        err = ERR_BUSY;
    } else {
        tickets->next = (place + 1) % TICKETS_MAX;
        tickets->at[place].until_ms = mono_ms + TICKET_MS;
        memcpy(tickets->at[place].secret, secret, SECRET_SIZE);
        snprintf(tickets->at[place].key_id, ACCESS_KEY_ID_SIZE, "%s", key_id);
    }
    pthread_mutex_unlock(&tickets->lock);
    if (!err)
        snprintf(ret_ticket, TICKET_SIZE, "%04x%s", place, secret);
    return err;
}

static bool read_place(const char *ticket, unsigned *ret_place)
{
    char digits[PLACE_LEN + 1];

    if (strlen(ticket) != PLACE_LEN + SECRET_LEN || strspn(ticket, "0123456789abcdef") < PLACE_LEN)
        return false;
    memcpy(digits, ticket, PLACE_LEN);
    digits[PLACE_LEN] = '\0';
    *ret_place = (unsigned)strtoul(digits, NULL, 16);
    return *ret_place < TICKETS_MAX;
}

bool tickets_take(struct tickets *tickets, const char *ticket, int64_t mono_ms, char ret_key_id[ACCESS_KEY_ID_SIZE])
{
    struct ticket *found;
    unsigned place;
    bool ok;

    if (!read_place(ticket, &place))
        return false;
    pthread_mutex_lock(&tickets->lock);
    found = &tickets->at[place];
    ok = found->until_ms > mono_ms && secret_is_same(found->secret, ticket + PLACE_LEN, SECRET_LEN);
    if (ok) {
        memcpy(ret_key_id, found->key_id, ACCESS_KEY_ID_SIZE);
        found->until_ms = 0;
    }
    pthread_mutex_unlock(&tickets->lock);
    return ok;
}
