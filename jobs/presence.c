/* Who else is there: the newest heartbeat of each process, for as long as it is no older than a
 * lease. A table of pointers, walked: a thousand processes speak two hundred times a second. */
#include "jobs/presence.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "schema/clock.h"

struct member {
    struct beat beat;
    int64_t heard_ms;              /* mono */
};

struct presence {
    int64_t lease_ms;
    pthread_mutex_t lock;          /* guards all below it */
    unsigned n;
    struct member *members[PRESENCE_MAX];
};

struct presence *presence_new(int64_t lease_ms)
{
    struct presence *presence = calloc(1, sizeof *presence);

    assert(lease_ms > 0);
    if (presence && pthread_mutex_init(&presence->lock, NULL)) {
        free(presence);
        return NULL;
    }
    if (presence)
        presence->lease_ms = lease_ms;
    return presence;
}

static void drop(struct presence *presence, unsigned at)
{
    beat_clear(&presence->members[at]->beat);
    free(presence->members[at]);
    presence->members[at] = presence->members[--presence->n];
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    while (presence->n > 0)
        drop(presence, presence->n - 1);
    pthread_mutex_destroy(&presence->lock);
    free(presence);
}

static void forget_silent(struct presence *presence, int64_t mono_ms)
{
    for (unsigned i = presence->n; i-- > 0;)
        if (mono_ms - presence->members[i]->heard_ms > presence->lease_ms)
            drop(presence, i);
}

static unsigned find(const struct presence *presence, const char *name)
{
    unsigned at = 0;

    while (at < presence->n && strcmp(presence->members[at]->beat.name, name) != 0)
        at++;
    return at;
}

/* A place for one more; NULL: no memory. */
static struct member *add(struct presence *presence)
{
    struct member *member = calloc(1, sizeof *member);

    if (!member)
        return NULL;
    if (presence->n == PRESENCE_MAX) {
        unsigned silent = 0;
        for (unsigned i = 1; i < presence->n; i++)
            if (presence->members[i]->heard_ms < presence->members[silent]->heard_ms)
                silent = i;
        drop(presence, silent);
    }
    presence->members[presence->n++] = member;
    return member;
}

void presence_on_beat(struct presence *presence, const struct beat *beat, int64_t mono_ms)
{
    pthread_mutex_lock(&presence->lock);
    forget_silent(presence, mono_ms);
    unsigned at = find(presence, beat->name);
    if (beat->leaving) {
        if (at < presence->n)
            drop(presence, at);
    } else {
        struct member *member = at < presence->n ? presence->members[at] : add(presence);
        if (member) {
            member->heard_ms = mono_ms;
            if (beat_copy(&member->beat, beat) && !member->beat.name[0])
                drop(presence, presence->n - 1);     /* a new one without memory for it; the next beat tries again */
        }
    }
    pthread_mutex_unlock(&presence->lock);
}

void presence_each(struct presence *presence, int64_t mono_ms, presence_fn *fn, void *arg)
{
    int64_t wall_ms = clock_wall_ms();

    pthread_mutex_lock(&presence->lock);
    forget_silent(presence, mono_ms);
    for (unsigned i = 0; i < presence->n; i++)
        fn(arg, &presence->members[i]->beat, wall_ms - (mono_ms - presence->members[i]->heard_ms));
    pthread_mutex_unlock(&presence->lock);
}
