/* The other workers: who they are, what they can run, when they were heard last, and what the log
 * shows them holding. Those that only beat are bounded in number; a holder is known as long as it
 * holds something, so there are never more than running jobs. */
#include <stdlib.h>
#include <string.h>

#include "jobs/presence.h"
#include "jobs/scheduler_priv.h"

static struct member_list *list_of(struct scheduler *s, const struct member *member)
{
    return member->is_lost ? &s->gone : &s->live;
}

static void member_free(struct scheduler *s, struct member *member)
{
    TAILQ_REMOVE(list_of(s, member), member, link);
    s->n_members--;
    free(member->name);
    free(member);
}

void members_clear(struct scheduler *s)
{
    struct member *member;

    while ((member = TAILQ_FIRST(&s->live)) || (member = TAILQ_FIRST(&s->gone)))
        member_free(s, member); // NOLINT(clang-analyzer-unix.Malloc): it does not follow TAILQ_REMOVE
}

static struct member *find_in(struct member_list *list, const char *name, uint64_t hash)
{
    struct member *member;

    TAILQ_FOREACH(member, list, link)
        if (member->hash == hash && strcmp(member->name, name) == 0)
            return member;
    return NULL;
}

static struct member *member_find(struct scheduler *s, const char *name)
{
    uint64_t hash = rank_hash(name);
    struct member *member = find_in(&s->live, name, hash);

    return member ? member : find_in(&s->gone, name, hash);
}

static struct member *member_new(struct scheduler *s, const char *name)
{
    struct member *member = calloc(1, sizeof *member + ((s->n_types + 63) / 64) * sizeof member->can_run[0]);

    if (!member)
        return NULL;
    member->name = strdup(name);
    if (!member->name) {
        free(member);
        return NULL;
    }
    member->hash = rank_hash(name);
    member->first_held = ENTRY_NONE;
    member->heard_at = s->heard_ms;
    TAILQ_INSERT_TAIL(&s->live, member, link);
    s->n_members++;
    return member;
}

/* A live data folder is held by one process alone: earlier lives of ours are over. */
static bool is_earlier_life(const struct scheduler *s, const char *name)
{
    return node_is_same(name, s->worker);
}

static void call_lost(struct scheduler *s, struct member *member, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);
    int64_t wait = is_earlier_life(s, member->name) ? 0 : rank_wait(s, entry, false);

    entry_step_aside(s, number, s->mono_ms + wait);   /* room for it was made when it came */
}

void member_depart(struct scheduler *s, struct member *member)
{
    if (!member->is_lost) {
        TAILQ_REMOVE(&s->live, member, link);
        member->is_lost = true;
        TAILQ_INSERT_TAIL(&s->gone, member, link);
    }
    for (uint32_t number = member->first_held; number != ENTRY_NONE; number = store_at(&s->store, number)->next_held)
        if (store_at(&s->store, number)->line == LINE_NONE)
            call_lost(s, member, number);
    if (member->n_held == 0)
        member_free(s, member);
}

/* Heard, or as good as: it has a whole lease again. */
void member_revive(struct scheduler *s, struct member *member)
{
    bool was_lost = member->is_lost;

    TAILQ_REMOVE(list_of(s, member), member, link);
    member->is_lost = false;
    member->heard_at = s->heard_ms;
    TAILQ_INSERT_TAIL(&s->live, member, link);
    for (uint32_t number = member->first_held; was_lost && number != ENTRY_NONE; number = store_at(&s->store, number)->next_held)
        entry_leave_heaps(s, number);
}

/* A claim that is news is a sign of life too: it may be younger than the newest heartbeat we have read,
 * since the two come by different ways. */
enum err member_hold(struct scheduler *s, const char *name, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);
    struct member *member = member_find(s, name);

    if (!member)
        member = member_new(s, name);
    if (!member)
        return ERR_NOMEM;
    if (!member->has_left)
        member_revive(s, member);
    entry->state = ENTRY_FOREIGN;
    entry->holder = member;
    entry->prev_held = ENTRY_NONE;
    entry->next_held = member->first_held;
    if (member->first_held != ENTRY_NONE)
        store_at(&s->store, member->first_held)->prev_held = number;
    member->first_held = number;
    member->n_held++;
    s->n_foreign++;
    if (entry->type != TYPE_UNKNOWN)
        s->stats[entry->type].n_foreign++;
    member->has_left = member->has_left || is_earlier_life(s, name);
    if (member->has_left)
        member_depart(s, member);
    return ERR_OK;
}

void member_let_go(struct scheduler *s, uint32_t number)
{
    struct entry *entry = store_at(&s->store, number);
    struct member *member = entry->state == ENTRY_FOREIGN ? entry->holder : NULL;

    if (!member)
        return;
    if (entry->prev_held != ENTRY_NONE)
        store_at(&s->store, entry->prev_held)->next_held = entry->next_held;
    else
        member->first_held = entry->next_held;
    if (entry->next_held != ENTRY_NONE)
        store_at(&s->store, entry->next_held)->prev_held = entry->prev_held;
    s->n_foreign--;
    entry->holder = NULL;
    entry->state = ENTRY_PARKED;
    if (entry->type != TYPE_UNKNOWN)
        s->stats[entry->type].n_foreign--;
    if (--member->n_held == 0 && member->is_lost)
        member_free(s, member);
}

/* Room for one more that only beats: the longest unheard that holds nothing goes. */
static bool make_room(struct scheduler *s)
{
    struct member *member;

    if (s->n_members < PRESENCE_MAX)
        return true;
    TAILQ_FOREACH(member, &s->live, link) {
        if (member->n_held == 0) {
            member_free(s, member);
            return true;
        }
    }
    return false;
}

static void learn(struct scheduler *s, struct member *member, const struct peer *peer)
{
    member->has_beaten = true;
    member->slots = peer->slots;
    member->is_draining = peer->draining;
    memset(member->can_run, 0, ((s->n_types + 63) / 64) * sizeof member->can_run[0]);
    for (unsigned i = 0; i < peer->n_types; i++) {
        const struct job_type *type = types_find(s->types, peer->types[i]);
        if (type)
            member->can_run[type->number / 64] |= UINT64_C(1) << type->number % 64;
    }
}

void member_on_beat(struct scheduler *s, const struct peer *peer)
{
    struct member *member = member_find(s, peer->name);

    if (!member && (peer->leaving || !make_room(s)))
        return;
    if (!member)
        member = member_new(s, peer->name);
    if (!member)
        return;                                  /* the next heartbeat comes soon */
    learn(s, member, peer);
    member->has_left = member->has_left || peer->leaving;
    if (member->has_left)
        member_depart(s, member);
    else
        member_revive(s, member);
}
