/* view_apply.c: an event is folded, recorded and its job written, inside a transaction the recorder
 * begins and commits. An event the fold ignores changes nothing and leaves no row: what a client
 * repeats cannot grow the log. It has used up its position all the same. */
#include <assert.h>
#include <string.h>

#include "jobs/view_priv.h"

#define GENESIS_POS 1
#define KEY_LIFE_MS (24LL * 3600 * 1000)

/* ERR_OK and NULL: unknown. The job is out of the cache until give_back. */
static enum err find_job(struct view *view, const char *id, struct job **ret_job)
{
    struct job *job = cache_take(view->cache, id);
    bool found = false;
    enum err err = ERR_OK;

    if (!job) {
        sqlite3_bind_text(view->db.at[W_JOB_BY_ID], 1, id, -1, SQLITE_STATIC);
        err = db_row(&view->db, W_JOB_BY_ID, &found);
        if (!err && found)
            err = row_load(view->db.at[W_JOB_BY_ID], &job);
        db_reset(&view->db, W_JOB_BY_ID);
    }
    if (!err)
        *ret_job = job;
    return err;
}

static void count(struct view *view, enum job_state state, int n)
{
    if (!job_state_is_final(state))
        view->sum.by_state[state] += n;
}

static void give_back(struct view *view, struct job *job)
{
    if (job && !job_state_is_final(job->state))
        cache_put(view->cache, job);
}

/* What an idempotency key says about a submission; OUTCOME_ACCEPTED: nothing, it is new. */
static enum err look_up_key(struct view *view, const struct event *event, int64_t hash,
                            struct view_step *step)
{
    struct key key;
    bool found;
    enum err err = key_find(view, hash, event->at, &key, &found);

    if (err || !found)
        return err;
    if ((uint64_t)key.fingerprint != event->spec->fingerprint) {
        step->outcome = OUTCOME_KEY_REUSED;
        return ERR_OK;
    }
    step->outcome = key.gone ? OUTCOME_JOB_REMOVED : OUTCOME_DUPLICATE;
    if (key.gone)
        return ERR_OK;
    err = find_job(view, key.job, &step->job);
    if (!err && !step->job)
        err = ERR_CORRUPT; /* a key lives as long as its job */
    give_back(view, step->job);
    return err;
}

static enum err insert_job(struct view *view, const struct job *job, bool *ret_is_new)
{
    enum err err;

    row_bind_insert(view->db.at[W_INSERT], job);
    err = db_step(&view->db, W_INSERT);
    *ret_is_new = !err && sqlite3_changes(view->db.sqlite) == 1;
    return err;
}

static enum err known_id(struct view *view, const char *id, struct view_step *step)
{
    enum err err = find_job(view, id, &step->job);

    step->outcome = OUTCOME_IGNORED;
    give_back(view, step->job);
    return err;
}

static enum err apply_submitted(struct view *view, struct event *event, struct view_step *step)
{
    const char *key = event->spec ? event->spec->idempotency_key : NULL;
    int64_t hash = key ? key_hash(event->spec) : 0;
    struct job *job = NULL;
    bool is_new = false;
    enum err err = key ? look_up_key(view, event, hash, step) : ERR_OK;

    if (err || step->outcome != OUTCOME_ACCEPTED)
        return err;
    event->prev = 0;
    switch (fold(&job, event, &step->told)) {
    case FOLD_CREATED:
        break;
    case FOLD_NOMEM:
        return ERR_NOMEM;
    default:
        step->outcome = OUTCOME_IGNORED;
        return ERR_OK;
    }
    err = insert_job(view, job, &is_new);
    if (!err && !is_new) {
        job_unref(job);
        return known_id(view, event->job, step);
    }
    if (!err)
        err = view_record(view, event, job->seq);
    if (!err && key) {
        struct key row = {.hash = hash,
                          .fingerprint = (int64_t)event->spec->fingerprint,
                          .expires_at = event->at + KEY_LIFE_MS};
        memcpy(row.job, event->job, ID_SIZE);
        err = key_add(view, &row);
    }
    if (err) {
        job_unref(job);
        return err;
    }
    count(view, job->state, 1);
    cache_put(view->cache, job);
    step->changed = step->created = true;
    step->job = job;
    return ERR_OK;
}

static enum err update_job(struct view *view, const struct job *job, enum job_state before)
{
    bool ends = job_state_is_final(job->state) || job_state_is_final(before);
    unsigned statement = ends ? W_UPDATE_ENDS : W_UPDATE_OPEN;
    enum err err = row_bind_update(view->db.at[statement], job, ends, &view->attempts);

    if (!err)
        err = db_step(&view->db, statement);
    return err;
}

static enum err apply_other(struct view *view, struct event *event, struct view_step *step)
{
    struct job *job = NULL;
    enum job_state before;
    enum err err = find_job(view, event->job, &job);

    if (err || !job) {
        step->outcome = OUTCOME_IGNORED;
        return err;
    }
    before = job->state;
    event->prev = job->pos;
    switch (fold(&job, event, &step->told)) {
    case FOLD_CHANGED:
        err = view_record(view, event, job->seq);
        if (!err)
            err = update_job(view, job, before);
        count(view, before, -1);
        count(view, job->state, 1);
        step->changed = true;
        step->job = job;
        break;
    case FOLD_REMOVED:
        err = remove_job(view, job, event);
        step->changed = true;
        step->job = job;
        return err;
    case FOLD_NOMEM:
        err = ERR_NOMEM;
        step->job = job;
        break;
    default:
        step->outcome = OUTCOME_IGNORED;
        step->job = job;
    }
    give_back(view, job);
    return err;
}

/* A log kept elsewhere begins here; an embedded one has its genesis from the start. */
static enum err apply_genesis(struct view *view, const struct event *event, struct view_step *step)
{
    enum err err;

    if (view->sum.log_id[0] || event->pos != GENESIS_POS) {
        step->outcome = OUTCOME_IGNORED;
        return ERR_OK;
    }
    sqlite3_bind_text(view->db.at[W_LOG_ID], 1, event->log_id, -1, SQLITE_STATIC);
    err = db_step(&view->db, W_LOG_ID);
    if (!err)
        err = view_record(view, event, 0);
    if (!err)
        memcpy(view->sum.log_id, event->log_id, LOG_ID_SIZE);
    return err;
}

static enum err apply(struct view *view, struct event *event, struct view_step *step)
{
    switch (event->kind) {
    case EVENT_GENESIS:
        return apply_genesis(view, event, step);
    case EVENT_SUBMITTED:
        return apply_submitted(view, event, step);
    case EVENT_NOOP:
        return ERR_OK; /* folded, and that is all it asks */
    case EVENT_KEY:
        return apply_key(view, event, step);
    case EVENT_QUEUE:
        return apply_queue(view, event, step);
    default:
        return apply_other(view, event, step);
    }
}

enum err view_apply(struct view *view, struct event *event, struct view_step *ret_step)
{
    struct view_step step = {.outcome = OUTCOME_ACCEPTED};
    enum err err;

    assert(event->pos > view->sum.last_pos);
    err = apply(view, event, &step);
    if (err) {
        job_unref(step.job);
        return err;
    }
    state_step(view, event, step.outcome, step.job);
    *ret_step = step;
    return ERR_OK;
}
