/* sim_log.c: the one order of events. Each is folded into jobs in memory as it arrives; with a view
 * also into that, and both must agree. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/fold.h"
#include "schema/hash.h"
#include "schema/job_json.h"

/* The number at the end of an id made by sim_clients.c. */
struct sim_job *sim_find(struct sim *sim, const char *id)
{
    unsigned long number = strtoul(id + 4, NULL, 10);

    return number < sim->n_jobs ? &sim->jobs[number] : NULL;
}

uint64_t sim_digest(const struct job *job)
{
    struct text text = {0};
    uint64_t hash;

    if (!job)
        return 0;
    job_encode(&text, job, "00000000", NULL);
    text_printf(&text, "%lld %lld %lld %lld %d %d %d %s", (long long)job->seq, (long long)job->ready_pos,
                (long long)job->result_pos, (long long)job->result_len, job->epoch, job->attempts_used, job->losses,
                job->worker ? job->worker : "");
    hash = hash_bytes(HASH_START, text.at, text.len);
    text_clear(&text);
    return hash;
}

bool sim_log_is_full(const struct sim *sim)
{
    return sim->now_ms < sim->full_until;
}

bool sim_log_open(struct sim *sim, bool with_view)
{
    char message[256];

    sim->cap_log = 1024;
    sim->log = calloc(sim->cap_log, sizeof *sim->log);
    sim->n_log = 1; /* genesis */
    if (!sim->log)
        return false;
    if (!with_view)
        return true;
    strcpy(sim->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/sim_XXXXXX" : "/tmp/sim_XXXXXX");
    return mkdtemp(sim->dir) && view_open(sim->dir, VIEW_IS_LOG, &sim->view, message, sizeof message) == ERR_OK &&
           view_next_pos(sim->view) == 2;
}

/* The rule of the view, for events kept in memory: a key belongs to the first job that has it. */
static bool is_key_taken(struct sim *sim, const struct event *event)
{
    if (event->kind != EVENT_SUBMITTED || !event->spec->idempotency_key)
        return false;
    for (unsigned i = 0; i < sim->n_jobs; i++)
        if (sim->jobs[i].accepted && sim->jobs[i].spec->idempotency_key &&
            strcmp(sim->jobs[i].spec->idempotency_key, event->spec->idempotency_key) == 0)
            return true;
    return false;
}

static void write_view(struct sim *sim, struct sim_entry *entry)
{
    struct view_step step = {0};
    int64_t pos = entry->event.pos;

    if (view_begin(sim->view) || view_apply(sim->view, &entry->event, &step) || view_commit(sim->view)) {
        sim_fail(sim, "the view does not take an event");
        return;
    }
    if (entry->event.pos != pos)
        sim_fail(sim, "the view has moved the event");
    if ((step.outcome == OUTCOME_ACCEPTED && step.changed) != entry->accepted)
        sim_fail(sim, "%s of %s: view and fold do not agree whether it counts", event_kind_word(entry->event.kind),
                 entry->event.job);
    else if (entry->accepted && (step.told != entry->told || sim_digest(step.job) != entry->digest))
        sim_fail(sim, "%s of %s: view and fold do not agree on the job", event_kind_word(entry->event.kind),
                 entry->event.job);
    job_unref(step.job);
}

static void trace(const struct sim *sim, const struct sim_entry *entry)
{
    fprintf(stderr, "%6lld ms %5lld %-9s %s %3d %-6s %s%s\n", (long long)(sim->now_ms - SIM_START_MS),
            (long long)entry->event.pos, event_kind_word(entry->event.kind),
            entry->event.job[0] ? entry->event.job + ID_LEN - 4 : "-",
            entry->event.epoch, entry->event.worker ? entry->event.worker : "",
            entry->job ? entry->job->spec->type : "", entry->accepted ? "" : " (ignored)");
}

void sim_log_write(struct sim *sim, struct event *event)
{
    struct sim_job *job = event->job[0] ? sim_find(sim, event->job) : NULL;
    struct sim_entry *entry;

    if (sim->n_log == sim->cap_log) {
        struct sim_entry *grown = realloc(sim->log, sim->cap_log * 2 * sizeof *grown);

        if (!grown) {
            sim_fail(sim, "no memory for the log");
            event_clear(event);
            return;
        }
        sim->log = grown;
        sim->cap_log *= 2;
    }
    event->pos = (int64_t)++sim->n_log;
    entry = &sim->log[sim->n_log - 1];
    *entry = (struct sim_entry){.event = *event, .written_ms = sim->now_ms};
    if (job && !is_key_taken(sim, event)) {
        enum fold result = fold(&job->job, &entry->event, &entry->told);

        entry->accepted = result == FOLD_CHANGED || result == FOLD_CREATED;
        entry->job = job->job ? job_ref(job->job) : NULL;
        entry->digest = sim_digest(entry->job);
    }
    if (sim->view)
        write_view(sim, entry);
    if (sim->trace)
        trace(sim, entry);
    if (!event->job[0])
        return;
    sim->seen.ignored += !entry->accepted;
    sim_check_entry(sim, entry);
}

/* ---- at the end ---- */

static void check_refold(struct sim *sim)
{
    struct job **jobs = calloc(SIM_JOBS, sizeof *jobs);

    if (!jobs) {
        sim_fail(sim, "no memory to fold again");
        return;
    }
    for (size_t i = 1; i < sim->n_log; i++) {
        const struct sim_entry *entry = &sim->log[i];
        struct sim_job *job = sim_find(sim, entry->event.job);
        enum change_kind told = CHANGE_COUNT;

        if (!entry->accepted)
            continue;
        fold(&jobs[job - sim->jobs], &entry->event, &told);
        if (told != entry->told || sim_digest(jobs[job - sim->jobs]) != entry->digest)
            sim_fail(sim, "folded again, position %zu is another", i + 1);
    }
    for (unsigned i = 0; i < SIM_JOBS; i++)
        job_unref(jobs[i]);
    free(jobs);
}

static void add_line(void *arg, const char *text, size_t len)
{
    text_add(arg, text, len);
    text_char(arg, '\n');
}

static void check_replay(struct sim *sim)
{
    char to_dir[80], message[256] = "";
    struct text live = {0}, again = {0};
    int made = snprintf(to_dir, sizeof to_dir, "%s/again", sim->dir);

    view_close(sim->view);
    sim->view = NULL;
    if (made < 0 || mkdir(to_dir, 0700) || view_replay(sim->dir, to_dir, message, sizeof message) || view_dump(sim->dir, add_line, &live) ||
        view_dump(to_dir, add_line, &again))
        sim_fail(sim, "the log cannot be replayed: %s", message);
    else if (live.failed || live.len != again.len || (live.len && memcmp(live.at, again.at, live.len) != 0))
        sim_fail(sim, "the replayed view is another");
    text_clear(&live);
    text_clear(&again);
}

/* What a client that resumes is told is what it would have been told live. */
static void check_history(struct sim *sim)
{
    struct reader *reader = NULL;
    struct changes *changes = NULL;
    int64_t after = 1;
    size_t at = 1;

    if (reader_open(sim->dir, &reader))
        sim_fail(sim, "the view cannot be read");
    while (reader && !sim->failed && after < (int64_t)sim->n_log) {
        if (reader_changes(reader, NULL, after, (int64_t)sim->n_log, 100, &changes)) {
            sim_fail(sim, "history cannot be read after %lld", (long long)after);
            break;
        }
        after = changes->last_pos;
        for (unsigned i = 0; i < changes->n; i++, at++) {
            while (at < sim->n_log && !(sim->log[at].accepted && change_word(sim->log[at].told)[0]))
                at++;
            if (at == sim->n_log || changes->at[i].pos != (int64_t)at + 1 || changes->at[i].kind != sim->log[at].told ||
                sim_digest(changes->at[i].job) != sim->log[at].digest) {
                sim_fail(sim, "history tells position %lld otherwise", (long long)changes->at[i].pos);
                break;
            }
        }
        changes_unref(changes);
    }
    reader_close(reader);
}

void sim_log_check(struct sim *sim)
{
    check_refold(sim);
    if (!sim->view)
        return;
    check_history(sim);
    check_replay(sim);
}

void sim_log_close(struct sim *sim)
{
    char command[128];

    for (size_t i = 1; i < sim->n_log; i++) {
        event_clear(&sim->log[i].event);
        job_unref(sim->log[i].job);
    }
    free(sim->log);
    free(sim->beats);
    for (unsigned i = 0; i < sim->n_jobs; i++) {
        job_unref(sim->jobs[i].job);
        spec_unref(sim->jobs[i].spec);
    }
    view_close(sim->view);
    snprintf(command, sizeof command, "rm -rf %s", sim->dir);
    if (sim->dir[0] && system(command) != 0)
        sim_fail(sim, "%s stays behind", sim->dir);
}
