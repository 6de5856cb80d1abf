/* So that workers do not all claim the same job, each job ranks them: a hash of its id and a worker's
 * name says who goes first (rendezvous hashing; everybody comes to the same order without a word). The
 * first claims at once. The others leave the job aside for a moment, the second for one step, the
 * third for two, and look at the next: with much to do each finds its own, and what belongs to a
 * worker that is dead or busy is taken one step later. The same order spares the log a `lost` from
 * everybody at once.
 *
 * A rank is a courtesy, never a right: whoever claims out of turn costs one event, and the log decides. */
#include "jobs/scheduler_priv.h"
#include "schema/hash.h"

#include <string.h>

#define STEP_MS 20
#define STEP_TRIPS 16            /* claims there and back */
#define STEP_MAX_MS 5000
#define RANK_MAX 25              /* further ranks are not told apart */

uint64_t rank_hash(const char *name)
{
    return hash_bytes(HASH_START, name, strlen(name));
}

/* Splitmix's last step, so that near ids and near names lead far apart. */
static uint64_t weight(uint64_t job, uint64_t name)
{
    uint64_t z = job ^ name;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool is_candidate(const struct member *member, const struct entry *entry, bool needs_slot)
{
    if (!member->has_beaten || member->is_draining || (needs_slot && member->n_held >= (unsigned)member->slots))
        return false;
    return entry->type == TYPE_UNKNOWN || (member->can_run[entry->type / 64] >> entry->type % 64 & 1);
}

/* A step is longer than a claim takes to come back, or the second would always go before it could
 * hear of the first; and longer by so much that workers who get on unevenly, all busy with a long
 * queue, do not reach for each other's. Measured with four on two cores: at twice the time a third of
 * all claims came second, at sixteen times one in eight. */
static int64_t step_ms(const struct scheduler *s)
{
    int64_t step = s->round_trip_us * STEP_TRIPS / 1000;

    if (step < STEP_MS)
        return STEP_MS;
    return step > STEP_MAX_MS ? STEP_MAX_MS : step;
}

int64_t rank_wait(const struct scheduler *s, const struct entry *entry, bool needs_slot)
{
    const struct member *member;
    int64_t rank = 0;

    if (TAILQ_EMPTY(&s->live))
        return 0;
    uint64_t job = hash_bytes(HASH_START, entry->id, ID_LEN), own = weight(job, s->name_hash);
    TAILQ_FOREACH(member, &s->live, link) {
        if (weight(job, member->hash) > own && is_candidate(member, entry, needs_slot) && ++rank == RANK_MAX)
            break;
    }
    return rank * step_ms(s);
}
