/* access_key.c: making and checking keys; the rules are in access_key.h. */
#include "schema/access_key.h"

#include <stdlib.h>
#include <string.h>

struct access_key *access_key_copy(const struct access_key *key)
{
    struct access_key *copy = malloc(sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *key;
    copy->tenant = key->tenant ? strdup(key->tenant) : NULL;
    copy->name = key->name ? strdup(key->name) : NULL;
    if ((key->tenant && !copy->tenant) || (key->name && !copy->name)) {
        access_key_free(copy);
        return NULL;
    }
    return copy;
}

void access_key_free(struct access_key *key)
{
    if (!key)
        return;
    free(key->tenant);
    free(key->name);
    free(key);
}
