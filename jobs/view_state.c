/* view_state.c: where a view stands in its log: the newest event folded, that event's seal, and the
 * running hash by which two nodes can tell whether they came to the same. All of it is stored in the
 * transaction of the rows it speaks of. */
#include "jobs/view_priv.h"
#include "schema/hash.h"

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0xff51afd7ed558ccd); /* a step of MurmurHash3's end */
    return hash ^ (hash >> 33);
}

/* What two nodes that folded the same must agree on. The bytes of inputs and results are the log's. */
static uint64_t hash_on(uint64_t hash, const struct event *event, int outcome, const struct job *job)
{
    hash = mix(hash, (uint64_t)event->pos);
    hash = mix(hash, (uint64_t)event->kind << 32 | (uint64_t)outcome);
    if (!job)
        return hash;
    hash = mix(hash, hash_bytes(HASH_START, job->spec->id, ID_LEN));
    hash = mix(hash, (uint64_t)job->seq);
    hash = mix(hash, (uint64_t)job->pos);
    hash = mix(hash, (uint64_t)job->state << 32 | (uint64_t)(unsigned)job->epoch);
    hash = mix(hash, (uint64_t)(unsigned)job->attempts_used << 32 | (uint64_t)(unsigned)job->losses);
    hash = mix(hash, (uint64_t)job->n_attempts << 32 | (uint64_t)(unsigned)job->max_attempts);
    hash = mix(hash, (uint64_t)job->ready_pos ^ (uint64_t)job->cancel_requested);
    hash = mix(hash, (uint64_t)job->run_at);
    hash = mix(hash, (uint64_t)job->result_pos);
    return mix(hash, (uint64_t)job->finished_at);
}

void state_step(struct view *view, const struct event *event, int outcome, const struct job *job)
{
    if (view->kind != VIEW_IS_LOG)
        view->sum.hash = hash_on(view->sum.hash, event, outcome, job);
    view->sum.last_pos = event->pos;
    view->sum.last_seal = event->seal;
}

/* Where the view stands: in an embedded log its rows say it, but for events that left none. */
enum err state_store(struct view *view)
{
    sqlite3_stmt *stmt = view->db.at[W_PLACE];

    if (view->kind != VIEW_IS_LOG) {
        bind_int(stmt, 1, view->sum.last_pos);
        bind_int(stmt, 2, (int64_t)view->sum.last_seal);
        bind_int(stmt, 3, (int64_t)view->sum.hash);
        return db_step(&view->db, W_PLACE);
    }
    if (view->sum.stored_pos == view->sum.last_pos)
        return ERR_OK;
    bind_int(view->db.at[W_LAST_POS], 1, view->sum.last_pos);
    view->sum.stored_pos = view->sum.last_pos;
    return db_step(&view->db, W_LAST_POS);
}

void state_publish(struct view *view)
{
    if (view->kind == VIEW_IS_LOG)
        return;
    pthread_mutex_lock(&view->lock);
    view->told_hash = view->sum.hash;
    view->told_pos = view->sum.last_pos;
    pthread_mutex_unlock(&view->lock);
}

int64_t view_last_pos(const struct view *view, uint64_t *ret_seal)
{
    *ret_seal = view->committed.last_seal;
    return view->committed.last_pos;
}

uint64_t view_state_hash(struct view *view, int64_t *ret_pos)
{
    uint64_t hash;

    pthread_mutex_lock(&view->lock);
    hash = view->told_hash;
    *ret_pos = view->told_pos;
    pthread_mutex_unlock(&view->lock);
    return hash;
}
