/* view_history.c: the past, from the log: the events of a job folded once more give the job as it
 * was after each of them. Nothing is stored for it but the position of the event before.
 *
 * For all jobs the log is read in order and each event is folded onto its job as it was: kept from
 * an event before it in the same call, or folded from its beginning along the chain. */
#include <assert.h>
#include <stdlib.h>

#include "jobs/view_priv.h"

#define ROWS_MORE  1000 /* rows read in one call beyond those that give a change */
#define PASTS_BITS 12
#define PASTS      (1 << PASTS_BITS) /* jobs kept as they were */

struct past {
    int64_t seq;
    struct job *job;
};

struct history {
    struct reader *reader;
    struct changes *changes;
    unsigned max;
    char id[ID_SIZE];   /* set in events that do not name their job */
    struct past *pasts; /* by seq, the newer in place of the older */
};

static enum err load_event(struct reader *reader, unsigned statement, struct event *ret_event,
                           int64_t *ret_seq, bool *ret_found)
{
    enum err err = db_row(&reader->db, statement, ret_found);

    if (!err && *ret_found)
        err = event_load(reader->db.at[statement], ret_event, ret_seq);
    return err;
}

/* Folds an event that was accepted once, so it must be again. */
static enum err refold(struct job **job, const struct event *event, enum change_kind *ret_told)
{
    switch (fold(job, event, ret_told)) {
    case FOLD_CREATED:
    case FOLD_CHANGED:
        return ERR_OK;
    case FOLD_NOMEM:
        return ERR_NOMEM;
    default:
        return ERR_CORRUPT;
    }
}

static enum err tell(struct history *history, const struct event *event, struct job *job,
                     enum change_kind told)
{
    struct changes *changes = history->changes;

    if (!change_word(told)[0])
        return ERR_OK;
    assert(changes->n < history->max);
    changes->at[changes->n++] =
        (struct change){.kind = told, .pos = event->pos, .at = event->at, .job = job_ref(job)};
    return ERR_OK;
}

/* Positions of a job's events up to `pos`, oldest first. */
static enum err read_chain(struct reader *reader, int64_t pos, int64_t **ret_chain, size_t *ret_n)
{
    int64_t *chain = NULL;
    size_t n = 0, cap = 0;
    enum err err = ERR_OK;

    while (pos && !err) {
        int64_t prev = 0;
        if (n == cap) {
            size_t more = cap ? cap * 2 : 16;
            int64_t *grown = realloc(chain, more * sizeof *chain);
            if (!grown) {
                err = ERR_NOMEM;
                break;
            }
            chain = grown;
            cap = more;
        }
        chain[n++] = pos;
        bind_int(reader->db.at[R_EVENT_PREV], 1, pos);
        err = reader_int(reader, R_EVENT_PREV, &prev);
        if (err == ERR_NOT_FOUND || (!err && prev >= pos))
            err = ERR_CORRUPT;
        pos = prev;
    }
    if (err) {
        free(chain);
        return err;
    }
    for (size_t i = 0; i < n / 2; i++) {
        int64_t swapped = chain[i];
        chain[i] = chain[n - 1 - i];
        chain[n - 1 - i] = swapped;
    }
    *ret_chain = chain;
    *ret_n = n;
    return ERR_OK;
}

static enum err event_at(struct reader *reader, int64_t pos, struct event *ret_event)
{
    bool found = false;
    int64_t seq;
    enum err err;

    bind_int(reader->db.at[R_EVENT], 1, pos);
    err = load_event(reader, R_EVENT, ret_event, &seq, &found);
    db_reset(&reader->db, R_EVENT);
    return err ? err : found ? ERR_OK : ERR_CORRUPT;
}

/* The job as it was right after the event at pos; each change after `after` is told, up to max. */
static enum err fold_chain(struct history *history, int64_t pos, int64_t after, struct job **ret_job,
                           bool *ret_more)
{
    struct job *job = NULL;
    int64_t *chain = NULL;
    size_t n = 0;
    enum err err = read_chain(history->reader, pos, &chain, &n);

    for (size_t i = 0; i < n && !err; i++) {
        enum change_kind told = CHANGE_COUNT;
        struct event event;
        if (chain[i] > after && history->changes->n == history->max) {
            *ret_more = true;
            break;
        }
        err = event_at(history->reader, chain[i], &event);
        if (err)
            break;
        err = refold(&job, &event, &told);
        if (!err && chain[i] > after) {
            err = tell(history, &event, job, told);
            history->changes->last_pos = chain[i];
        }
        event_clear(&event);
    }
    free(chain);
    if (err)
        job_unref(job);
    else
        *ret_job = job;
    return err;
}

static enum err changes_of_job(struct history *history, const char *id, int64_t after, int64_t upto)
{
    struct reader *reader = history->reader;
    struct job *now = NULL, *job = NULL;
    bool more = false;
    int64_t pos;
    enum err err = reader_job(reader, id, &now);

    if (err)
        return err;
    pos = now->pos;
    while (!err && pos > upto) { /* begin no later than asked */
        bind_int(reader->db.at[R_EVENT_PREV], 1, pos);
        err = reader_int(reader, R_EVENT_PREV, &pos);
    }
    if (!err && pos > after)
        err = fold_chain(history, pos, after, &job, &more);
    if (!err && !more)
        history->changes->last_pos = upto;
    job_unref(job);
    job_unref(now);
    return err;
}

/* Positions may all end in the same bits, so they are mixed. */
static struct past *past_of(struct history *history, int64_t seq)
{
    return &history->pasts[(uint64_t)seq * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PASTS_BITS)];
}

/* The job an event is to be folded onto: as it was after event->prev. The reference is the caller's. */
static enum err take_past(struct history *history, const struct event *event, int64_t seq,
                          struct job **ret_job)
{
    struct past *past = past_of(history, seq);
    bool more;

    if (!event->prev) {
        *ret_job = NULL;
        return ERR_OK;
    }
    if (past->job && past->seq == seq && past->job->pos == event->prev) {
        *ret_job = past->job;
        past->job = NULL;
        return ERR_OK;
    }
    return fold_chain(history, event->prev, INT64_MAX, ret_job, &more);
}

static void keep_past(struct history *history, int64_t seq, struct job *job)
{
    struct past *past = past_of(history, seq);

    job_unref(past->job);
    *past = (struct past){.seq = seq, .job = job};
}

static enum err fold_event(struct history *history, const struct event *event, int64_t seq)
{
    enum change_kind told = CHANGE_COUNT;
    struct job *job = NULL;
    enum err err = take_past(history, event, seq, &job);

    if (!err)
        err = refold(&job, event, &told);
    if (!err)
        err = tell(history, event, job, told);
    if (err)
        job_unref(job);
    else
        keep_past(history, seq, job);
    return err;
}

/* Genesis, keys and queues are about no job; a removed one's past is gone. */
static bool is_told(sqlite3_stmt *row)
{
    return sqlite3_column_type(row, 4) != SQLITE_NULL && sqlite3_column_int64(row, 3) != EVENT_REMOVED;
}

static enum err changes_of_all(struct history *history, int64_t after, int64_t upto)
{
    struct reader *reader = history->reader;
    unsigned rows = 0;
    bool found = true;
    enum err err = ERR_OK;

    history->pasts = calloc(PASTS, sizeof *history->pasts);
    if (!history->pasts)
        return ERR_NOMEM;
    bind_int(reader->db.at[R_EVENTS], 1, after);
    bind_int(reader->db.at[R_EVENTS], 2, upto);
    while (!err && history->changes->n < history->max && rows++ < history->max + ROWS_MORE) {
        err = db_row(&reader->db, R_EVENTS, &found);
        if (err || !found)
            break;
        if (is_told(reader->db.at[R_EVENTS])) {
            struct event event;
            int64_t seq;
            err = event_load(reader->db.at[R_EVENTS], &event, &seq);
            if (err)
                break;
            err = fold_event(history, &event, seq);
            event_clear(&event);
        }
        history->changes->last_pos = sqlite3_column_int64(reader->db.at[R_EVENTS], 0);
    }
    db_reset(&reader->db, R_EVENTS);
    if (!err && !found)
        history->changes->last_pos = upto;
    for (unsigned i = 0; i < PASTS; i++)
        job_unref(history->pasts[i].job);
    free(history->pasts);
    return err;
}

enum err reader_changes(struct reader *reader, const char *job_id, int64_t after, int64_t upto, unsigned max,
                        struct changes **ret_changes)
{
    struct history history = {.reader = reader, .max = max, .changes = changes_new(max)};
    int64_t last = 0, horizon = 0;
    enum err err = history.changes ? db_step(&reader->db, R_BEGIN) : ERR_NOMEM;

    if (err)
        goto out;
    err = reader_int(reader, R_LAST, &last);
    if (!err)
        err = reader_int(reader, R_HORIZON, &horizon);
    if (!err && (after > last || (!job_id && after < horizon)))
        err = ERR_NOT_FOUND;
    if (upto > last)
        upto = last;
    history.changes->last_pos = after;
    if (!err && (upto > after || job_id))
        err = job_id ? changes_of_job(&history, job_id, after, upto > after ? upto : after)
                     : changes_of_all(&history, after, upto);
    db_step(&reader->db, R_END);
out:
    if (err)
        changes_unref(history.changes);
    else
        *ret_changes = history.changes;
    return err;
}
