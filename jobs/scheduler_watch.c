/* Who can be heard, ourselves included. With a lease L, measured by monotonic clocks alone:
 *
 * - A heartbeat goes out every L/6. Ours comes back to us the way that everybody's comes. While the
 *   newest that came back was sent less than L/6 + L/15 ago, we hear all that was said up to then, and
 *   only such time counts as silence of others. (With a short lease 200 ms instead of L/15, as long as
 *   that is not more than L/12.)
 * - Who was silent for L of that time is lost. So in truth it had said nothing for 3/4 L at least.
 * - Who has not heard itself for 2/3 L stops what it runs and claims nothing (it is fenced). So it has
 *   stopped L/12 before anybody calls it lost, and nobody runs what somebody else was given.
 * - While the link is down nobody can be heard at all, so nothing is concluded and what runs goes on;
 *   once it is up again everybody has a whole lease from then on. But others may have been connected
 *   all the time, so after more than a moment nothing new is begun until we have heard ourselves.
 *
 * A worker that was stopped for a while finds that its clock has jumped, and fences itself before it
 * does anything else. Were all of this wrong, the epoch of a claim would still keep its result out. */
#include <string.h>

#include "jobs/scheduler_priv.h"

#define TRAVEL_MIN_MS 200

static int64_t hearing_ms(const struct scheduler *s)
{
    int64_t travel = s->lease_ms / 15;

    if (travel < TRAVEL_MIN_MS)
        travel = TRAVEL_MIN_MS < s->lease_ms / 12 ? TRAVEL_MIN_MS : s->lease_ms / 12;
    return s->lease_ms / 6 + travel;
}

static int64_t fence_ms(const struct scheduler *s)
{
    return s->lease_ms * 2 / 3;
}

/* Lets the clock of heard time run: over what the newest of our heartbeats that came back covers. */
static void count_heard(struct scheduler *s, int64_t mono_ms)
{
    int64_t from = s->heard_upto_ms > s->last_own_ms ? s->heard_upto_ms : s->last_own_ms;
    int64_t to = s->last_own_ms + hearing_ms(s);

    if (to > mono_ms)
        to = mono_ms;
    if (s->is_up && to > from)
        s->heard_ms += to - from;
    if (mono_ms > s->heard_upto_ms)
        s->heard_upto_ms = mono_ms;
}

static bool can_judge(const struct scheduler *s, int64_t mono_ms)
{
    return s->is_up && s->is_heard && mono_ms - s->last_own_ms <= hearing_ms(s);
}

/* Nothing is begun until we have heard ourselves; nor, later on, by a claim that was on its way in the
 * meantime: what became of it may be told behind it in the log. */
static void go_deaf(struct scheduler *s)
{
    struct claim *claim;

    s->is_heard = false;
    TAILQ_FOREACH(claim, &s->all, in_all)
        claim->is_unwanted = claim->is_unwanted || claim->state == CLAIM_SENT;
}

static void fence(struct scheduler *s)
{
    struct claim *claim, *next;

    s->is_fenced = true;
    go_deaf(s);
    for (claim = TAILQ_FIRST(&s->all); claim; claim = next) {
        next = TAILQ_NEXT(claim, in_all);
        claim_stop(s, claim, KILL_FENCED);
    }
}

static void find_lost(struct scheduler *s)
{
    struct member *member;

    while ((member = TAILQ_FIRST(&s->live)) && s->heard_ms - member->heard_at >= s->lease_ms)
        member_depart(s, member);
}

void watch(struct scheduler *s, int64_t mono_ms)
{
    if (!s->lease_ms)
        return;
    if (s->is_up && !s->is_fenced && mono_ms - s->deaf_since_ms > fence_ms(s))
        fence(s);
    count_heard(s, mono_ms);
    if (can_judge(s, mono_ms))
        find_lost(s);
}

int64_t watch_next(const struct scheduler *s, int64_t mono_ms)
{
    const struct member *member = TAILQ_FIRST(&s->live);
    int64_t in = INT64_MAX;

    if (!s->lease_ms || !s->is_up || s->is_fenced)
        return in;
    in = s->deaf_since_ms + fence_ms(s) + 1 - mono_ms;
    if (member && can_judge(s, mono_ms) && member->heard_at + s->lease_ms - s->heard_ms < in)
        in = member->heard_at + s->lease_ms - s->heard_ms - (mono_ms - s->heard_upto_ms);
    return in;
}

/* The fence comes first: between two turns of a worker that was stopped, a heartbeat may have gone
 * out and come back already. */
void scheduler_on_beat(struct scheduler *s, const struct peer *peer, int64_t sent_ms, int64_t mono_ms)
{
    if (!s->lease_ms)
        return;
    if (mono_ms > s->mono_ms)          /* another thread read it, perhaps before our last turn */
        s->mono_ms = mono_ms;
    watch(s, mono_ms);
    if (strcmp(peer->name, s->worker) != 0) {
        member_on_beat(s, peer);
        return;
    }
    if (sent_ms > s->last_own_ms)
        s->last_own_ms = sent_ms;
    if (sent_ms < s->deaf_since_ms)
        return;
    s->deaf_since_ms = sent_ms;
    if (mono_ms - sent_ms <= hearing_ms(s)) {
        s->is_heard = true;
        s->is_fenced = false;
    }
}

void scheduler_on_link(struct scheduler *s, bool is_up, int64_t mono_ms)
{
    struct member *member, *next;

    if (!s->lease_ms || is_up == s->is_up)
        return;
    s->mono_ms = mono_ms;
    watch(s, mono_ms);
    s->is_up = is_up;
    if (is_up && mono_ms - s->last_own_ms > hearing_ms(s)) {
        s->deaf_since_ms = mono_ms;
        go_deaf(s);
    }
    for (member = TAILQ_FIRST(&s->gone); member; member = next) {
        next = TAILQ_NEXT(member, link);
        if (!member->has_left)
            member_revive(s, member);
    }
    TAILQ_FOREACH(member, &s->live, link)
        member->heard_at = s->heard_ms;
}
