// needs: jobs
/* log_fold.c: the embedded log, the fold and the view alone, without HTTP: accepts a second by the
 * number of submitters, whole lives of jobs that do nothing, and reads of a job's status. Prints a
 * table; run by hand: bench_log_fold [DIR [SECONDS]]. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/recorder.h"
#include "schema/clock.h"
#include "schema/id.h"

#define THREADS_MAX   1000
#define LATENCIES_MAX 2000000

struct bench {
    struct view *view;
    struct eventlog *log;
    struct recorder *recorder;
    const char *dir;
    int64_t until; /* mono us */
    bool keys;
    atomic_long n, in_flight;
    sem_t idle;
};

struct submitter {
    struct bench *bench;
    pthread_t thread;
    sem_t done;
    int64_t *us;
    size_t n, cap;
};

static char input[257];

static struct append *submission(bool with_key)
{
    struct append *append = append_new(EVENT_SUBMITTED, NULL, clock_wall_ms());
    struct spec *spec = spec_new();
    char key[40];

    if (!append || !spec)
        abort();
    id_make(append->event.at, spec->id);
    memcpy(append->event.job, spec->id, ID_SIZE);
    spec->type = strdup("noop");
    spec->queue = strdup("default");
    spec->priority = PRIORITY_DEFAULT;
    spec->created_at = append->event.at;
    spec->keep_ms = KEEP_MS_DEFAULT;
    spec->timeout_ms = 60000;
    spec->max_attempts = 3;
    spec->max_losses = MAX_LOSSES_DEFAULT;
    if (with_key) {
        id_random_hex(key, 16);
        spec->idempotency_key = strdup(key);
        spec->fingerprint = id_random();
    }
    append->event.spec = spec;
    append->event.body = body_new("application/json", input, sizeof input - 1);
    return append;
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "log_fold: %s failed\n", what);
        exit(1);
    }
}

/* ---- accepts ---- */

static void submitter_done(struct append *append)
{
    struct submitter *submitter = append->owner;

    must(append->err == ERR_OK && append->outcome == OUTCOME_ACCEPTED, "a submission");
    sem_post(&submitter->done);
}

static void *submit(void *arg)
{
    struct submitter *submitter = arg;

    while (clock_mono_us() < submitter->bench->until) {
        struct append *append = submission(submitter->bench->keys);
        int64_t before = clock_mono_us();
        append->done = submitter_done;
        append->owner = submitter;
        must(!eventlog_append(submitter->bench->log, append, false), "append");
        while (sem_wait(&submitter->done))
            ;
        if (submitter->n < submitter->cap)
            submitter->us[submitter->n++] = clock_mono_us() - before;
        append_free(append);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void accepts(struct bench *bench, unsigned n_threads, int seconds, bool keys)
{
    struct submitter *all = calloc(n_threads, sizeof *all);
    int64_t *us = malloc(LATENCIES_MAX * sizeof *us), start = clock_mono_us();
    size_t n = 0;

    must(all && us, "memory");
    bench->until = start + seconds * 1000000LL;
    bench->keys = keys;
    for (unsigned i = 0; i < n_threads; i++) {
        all[i].bench = bench;
        all[i].cap = LATENCIES_MAX / n_threads;
        all[i].us = us + i * all[i].cap;
        sem_init(&all[i].done, 0, 0);
        must(!pthread_create(&all[i].thread, NULL, submit, &all[i]), "thread");
    }
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(all[i].thread, NULL);
        memmove(us + n, all[i].us, all[i].n * sizeof *us);
        n += all[i].n;
    }
    double took = (double)(clock_mono_us() - start) / 1e6;
    qsort(us, n, sizeof *us, by_value);
    printf("accepts, %4u submitters%-12s %9.0f /s   p50 %6.2f ms  p99 %6.2f ms  worst %6.2f ms\n", n_threads,
           keys ? ", keys" : "", (double)n / took, (double)us[n / 2] / 1e3, (double)us[n * 99 / 100] / 1e3,
           (double)us[n - 1] / 1e3);
    free(us);
    free(all);
}

/* ---- whole lives: submitted, claimed, done ---- */

static void life_step(struct append *append);

static void life_append(struct bench *bench, struct append *append)
{
    append->done = life_step;
    append->owner = bench;
    must(!eventlog_append(bench->log, append, append->event.kind != EVENT_SUBMITTED), "append");
}

/* On the recorder's thread: each end leads to the next beginning. */
static void life_step(struct append *append)
{
    struct bench *bench = append->owner;
    struct append *next = NULL;

    must(!append->err && append->outcome == OUTCOME_ACCEPTED, "an event");
    switch (append->event.kind) {
    case EVENT_SUBMITTED:
        next = append_new(EVENT_CLAIMED, append->event.job, clock_wall_ms());
        next->event.epoch = 1;
        next->event.worker = strdup("bench-1234-5678abcd");
        break;
    case EVENT_CLAIMED:
        next = append_new(EVENT_DONE, append->event.job, clock_wall_ms());
        next->event.epoch = 1;
        next->event.body = body_new("application/json", "{\"slept\":0}", 11);
        break;
    default:
        atomic_fetch_add(&bench->n, 1);
        if (clock_mono_us() < bench->until)
            next = submission(false);
        else if (atomic_fetch_sub(&bench->in_flight, 1) == 1)
            sem_post(&bench->idle);
    }
    append_free(append);
    if (next)
        life_append(bench, next);
}

static void lives(struct bench *bench, unsigned in_flight, int seconds)
{
    int64_t start = clock_mono_us();

    bench->until = start + seconds * 1000000LL;
    atomic_store(&bench->n, 0);
    atomic_store(&bench->in_flight, in_flight);
    for (unsigned i = 0; i < in_flight; i++)
        life_append(bench, submission(false));
    while (sem_wait(&bench->idle))
        ;
    double took = (double)(clock_mono_us() - start) / 1e6, n = (double)atomic_load(&bench->n);
    printf("whole lives, %5u in flight     %9.0f /s   %9.0f events/s\n", in_flight, n / took, 3 * n / took);
}

/* ---- reads ---- */

struct asker {
    struct bench *bench;
    pthread_t thread;
    struct job *const *jobs;
    unsigned n_jobs;
    long n;
};

static void *ask(void *arg)
{
    struct asker *asker = arg;
    struct reader *reader = NULL;

    must(!reader_open(asker->bench->dir, &reader), "reader");
    while (clock_mono_us() < asker->bench->until) {
        for (int i = 0; i < 64; i++, asker->n++) {
            struct job *job = NULL;
            must(!reader_job(reader, asker->jobs[id_random() % asker->n_jobs]->spec->id, &job), "read");
            job_unref(job);
        }
    }
    reader_close(reader);
    return NULL;
}

#define ASKED 20000
static void reads(struct bench *bench, unsigned n_threads, int seconds)
{
    static struct job *jobs[ASKED + 500];
    struct asker all[8];
    struct reader *reader = NULL;
    struct job_filter any = {0};
    unsigned n_jobs = 0;
    int64_t next = 0, start;
    long n = 0;

    must(!reader_open(bench->dir, &reader), "reader");
    do {
        unsigned got = 0;
        must(!reader_list(reader, &any, 500, next, jobs + n_jobs, &got, &next), "list");
        n_jobs += got;
    } while (next && n_jobs < ASKED);
    start = clock_mono_us();
    bench->until = start + seconds * 1000000LL;
    for (unsigned i = 0; i < n_threads; i++) {
        all[i] = (struct asker){.bench = bench, .jobs = jobs, .n_jobs = n_jobs};
        must(!pthread_create(&all[i].thread, NULL, ask, &all[i]), "thread");
    }
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(all[i].thread, NULL);
        n += all[i].n;
    }
    printf("status reads, %u readers         %9.0f /s   (log at %lld)\n", n_threads,
           (double)n / ((double)(clock_mono_us() - start) / 1e6), (long long)reader_last_pos(reader));
    while (n_jobs)
        job_unref(jobs[--n_jobs]);
    reader_close(reader);
}

int main(int argc, char **argv)
{
    char made[] = "/tmp/buzzer-log-fold-XXXXXX", message[256];
    struct bench bench = {.dir = argc > 1 ? argv[1] : mkdtemp(made)};
    int seconds = argc > 2 ? atoi(argv[2]) : 3;

    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(input, 'x', sizeof input - 1);
    memcpy(input, "{\"x\":\"", 6);
    memcpy(input + sizeof input - 3, "\"}", 2);
    sem_init(&bench.idle, 0, 0);
    must(bench.dir != NULL, "folder");
    if (view_open(bench.dir, VIEW_IS_LOG, &bench.view, message, sizeof message)) {
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    must(!eventlog_sqlite_open(view_next_pos(bench.view), &bench.log), "log");
    must(!recorder_new(bench.dir, bench.log, bench.view, &bench.recorder), "recorder");
    must(!recorder_start(bench.recorder), "recorder");

    accepts(&bench, 1, seconds, false);
    accepts(&bench, 10, seconds, false);
    accepts(&bench, 100, seconds, false);
    accepts(&bench, THREADS_MAX, seconds, false);
    accepts(&bench, 100, seconds, true);
    lives(&bench, 1, seconds);
    lives(&bench, 64, seconds);
    lives(&bench, 1000, seconds);
    reads(&bench, 1, seconds);
    reads(&bench, 2, seconds);

    eventlog_stop(bench.log);
    recorder_join(bench.recorder);
    recorder_free(bench.recorder);
    eventlog_close(bench.log);
    view_close(bench.view);
    printf("data in %s\n", bench.dir);
    return 0;
}
