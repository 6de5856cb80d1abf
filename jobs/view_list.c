/* view_list.c: many jobs at once: a page for a client, everything unfinished for the scheduler. */
#include <string.h>

#include "jobs/view_priv.h"

#define ROWS_LOOKED_AT 5000 /* of a page at most: about two milliseconds */

/* Does the row look right? Hashes and masks: what they let through is compared in full. */
static bool row_may_match(sqlite3_stmt *stmt, const struct job_filter *filter, int64_t type, int64_t queue,
                          int64_t tag, int64_t tenant)
{
    return (!filter->has_state || sqlite3_column_int64(stmt, 1) == (int64_t)filter->state) &&
           (!filter->type || sqlite3_column_int64(stmt, 2) == type) &&
           (!filter->queue || sqlite3_column_int64(stmt, 3) == queue) &&
           (!filter->tag || (sqlite3_column_int64(stmt, 4) & tag)) &&
           (!filter->tenant || sqlite3_column_int64(stmt, 5) == tenant);
}

static bool has_tag(const struct spec *spec, const char *tag)
{
    for (unsigned i = 0; i < spec->n_tags; i++)
        if (strcmp(spec->tags[i], tag) == 0)
            return true;
    return false;
}

static const char *tenant_of(const struct spec *spec)
{
    return spec->tenant ? spec->tenant : TENANT_DEFAULT;
}

static bool job_matches(const struct job *job, const struct job_filter *filter)
{
    return (!filter->type || strcmp(job->spec->type, filter->type) == 0) &&
           (!filter->queue || strcmp(job->spec->queue, filter->queue) == 0) &&
           (!filter->tag || has_tag(job->spec, filter->tag)) &&
           (!filter->tenant || strcmp(tenant_of(job->spec), filter->tenant) == 0);
}

/* The index that leaves the fewest rows to look at. */
static unsigned choose_scan(struct reader *reader, const struct job_filter *filter, int64_t type, int64_t tenant)
{
    if (filter->has_state && filter->state != JOB_SUCCEEDED) {
        if (filter->state == JOB_QUEUED || filter->state == JOB_RUNNING)
            return R_SCAN_OPEN;
        bind_int(reader->db.at[R_SCAN_STATE], 2, filter->state);
        return R_SCAN_STATE;
    }
    if (filter->tenant) {
        bind_int(reader->db.at[R_SCAN_TENANT], 2, tenant);
        return R_SCAN_TENANT;
    }
    if (filter->type) {
        bind_int(reader->db.at[R_SCAN_TYPE], 2, type);
        return R_SCAN_TYPE;
    }
    return R_SCAN_ALL;
}

static enum err load(struct reader *reader, int64_t seq, struct job **ret_job)
{
    enum err err;

    bind_int(reader->db.at[R_JOB_BY_SEQ], 1, seq);
    err = reader_one(reader, R_JOB_BY_SEQ, ret_job);
    return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

enum err reader_list(struct reader *reader, const struct job_filter *filter, unsigned max, int64_t before_seq,
                     struct job **ret_jobs, unsigned *ret_n, int64_t *ret_next_seq)
{
    int64_t type = filter->type ? row_name_hash(filter->type) : 0;
    int64_t queue = filter->queue ? row_name_hash(filter->queue) : 0;
    int64_t tag = filter->tag ? row_tag_mask(filter->tag) : 0;
    int64_t tenant = filter->tenant ? row_tenant_hash(filter->tenant) : 0;
    unsigned scan = choose_scan(reader, filter, type, tenant), n = 0, looked = 0;
    int64_t next = before_seq > 0 ? before_seq : INT64_MAX;
    bool found = true;
    enum err err = db_step(&reader->db, R_BEGIN);

    if (err)
        return err;
    bind_int(reader->db.at[scan], 1, next);
    while (n < max && looked < ROWS_LOOKED_AT) {
        struct job *job = NULL;
        err = db_row(&reader->db, scan, &found);
        if (err || !found)
            break;
        looked++;
        next = sqlite3_column_int64(reader->db.at[scan], 0);
        if (!row_may_match(reader->db.at[scan], filter, type, queue, tag, tenant))
            continue;
        err = load(reader, next, &job);
        if (err)
            break;
        if (job_matches(job, filter))
            ret_jobs[n++] = job;
        else
            job_unref(job);
    }
    if (!err && found) /* full, or looked enough: is there more at all? */
        err = db_row(&reader->db, scan, &found);
    db_reset(&reader->db, scan);
    db_step(&reader->db, R_END); /* nothing was written: there is nothing to lose */
    if (err) {
        while (n)
            job_unref(ret_jobs[--n]);
        return err;
    }
    *ret_n = n;
    *ret_next_seq = found ? next : 0;
    return ERR_OK;
}

enum err reader_unfinished(struct reader *reader, bool (*fn)(void *arg, struct job *job), void *arg)
{
    bool found = true;
    enum err err = db_step(&reader->db, R_BEGIN);

    while (!err && found) {
        struct job *job = NULL;
        err = db_row(&reader->db, R_UNFINISHED, &found);
        if (err || !found)
            break;
        err = load(reader, sqlite3_column_int64(reader->db.at[R_UNFINISHED], 0), &job);
        if (!err && !fn(arg, job))
            found = false;
        job_unref(job);
    }
    db_reset(&reader->db, R_UNFINISHED);
    db_step(&reader->db, R_END);
    return err;
}
