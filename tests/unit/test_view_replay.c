// needs: jobs
/* The view holds nothing the log does not: whatever happens, and wherever its process is killed. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "schema/job_json.h"
#include "tests/unit/log_world.h"

/* ---- at random ---- */

static char *all_of(const struct job *job)
{
    struct text text = {0};

    job_encode(&text, job, "00000000", NULL);
    text_printf(&text, " %lld %lld %lld %lld %lld %d %d %d %s %llu", (long long)job->seq,
                (long long)job->ready_pos, (long long)job->input_pos, (long long)job->result_pos,
                (long long)job->result_len, job->epoch, job->attempts_used, job->losses,
                job->worker ? job->worker : "-", (unsigned long long)job->spec->fingerprint);
    return text_take(&text, NULL);
}

/* What a reader finds is what the fold made. */
static void assert_reads_back(struct reader *reader, const struct job *job)
{
    struct job *read;
    char *folded, *found;

    assert_int_equal(reader_job(reader, job->spec->id, &read), ERR_OK);
    folded = all_of(job);
    found = all_of(read);
    assert_string_equal(folded, found);
    free(folded);
    free(found);
    job_unref(read);
}

static void random_event(struct world *world, struct reader *reader, unsigned *seed, int64_t at)
{
    static const enum event_kind kinds[] = {
        EVENT_SUBMITTED, EVENT_SUBMITTED, EVENT_SUBMITTED, EVENT_DUE,      EVENT_CLAIMED, EVENT_CLAIMED,
        EVENT_CLAIMED,   EVENT_DONE,      EVENT_FAILED,    EVENT_RELEASED, EVENT_LOST,    EVENT_CANCEL,
        EVENT_CANCELLED, EVENT_EXPIRED,   EVENT_RETRIED,   EVENT_REMOVED,  EVENT_REMOVED};
    enum event_kind kind = kinds[(unsigned)rand_r(seed) % (sizeof kinds / sizeof *kinds)];
    struct event event = event_of(kind, (unsigned)rand_r(seed) % 60, 0, at - rand_r(seed) % 50);
    struct view_step step;
    char text[40];

    event.epoch = rand_r(seed) % 4 + 1;
    if (kind == EVENT_SUBMITTED) {
        event.epoch = 0;
        event.spec->keep_ms = rand_r(seed) % 3000;
        if (rand_r(seed) % 3 == 0)
            event.spec->run_at = at + rand_r(seed) % 3000;
        if (rand_r(seed) % 3 == 0)
            event.spec->expires_at = at + rand_r(seed) % 3000;
        if (rand_r(seed) % 2 == 0) {
            snprintf(text, sizeof text, "key-%d", rand_r(seed) % 40);
            event.spec->idempotency_key = strdup(text);
            event.spec->fingerprint = (uint64_t)rand_r(seed) % 2;
        }
        if (rand_r(seed) % 4 == 0)
            event.spec->tags[event.spec->n_tags++] = strdup("red");
    }
    if (kind == EVENT_CLAIMED) {
        snprintf(text, sizeof text, "host-%d", rand_r(seed) % 3);
        event.worker = strdup(text);
    }
    if (kind == EVENT_DONE)
        event.body = body_new(rand_r(seed) % 2 ? "application/json" : "text/plain", "7", 1);
    if (kind == EVENT_FAILED)
        event_fails(&event, rand_r(seed) % 2 ? at + rand_r(seed) % 2000 : 0);
    world_apply(world, &event, &step);
    if (step.changed && step.told != CHANGE_REMOVED)
        assert_reads_back(reader, step.job);
    job_unref(step.job);
}

static void whatever_happens_the_log_comes_to_the_same_view(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        unsigned random = seed;
        struct world world;
        struct reader *reader;
        int64_t at = T0;
        world_make(&world);
        assert_int_equal(reader_open(world.dir, &reader), ERR_OK);
        for (int i = 0; i < 10000; i++) {
            /* Now and then most of a day goes by, so that keys come to their end too. */
            at += rand_r(&random) % 500 == 0 ? DAY / 3 : rand_r(&random) % 100;
            random_event(&world, reader, &random, at);
            if (i % 2500 == 1250) {
                view_close(world.view);
                world_open(&world);
            }
            if (i % 2000 == 1999)
                assert_replays(world.dir);
        }
        reader_close(reader);
        world_end(&world);
    }
}

/* ---- killed ---- */

static void write_until_killed(const char *dir, unsigned first, int told)
{
    struct world world = {.kind = VIEW_IS_LOG};

    strcpy(world.dir, dir);
    world_open(&world);
    for (unsigned number = first;; number++) {
        world_tell(&world, EVENT_SUBMITTED, number, 0, T0);
        world_tell(&world, EVENT_CLAIMED, number, 1, T0);
        world_tell(&world, EVENT_DONE, number, 1, T0);
        if (write(told, &number, sizeof number) != sizeof number)
            _exit(1);
        if (number % 64 == 0)
            view_tidy(world.view);
    }
}

static void what_was_acknowledged_survives_a_kill_at_any_moment(void **state)
{
    char dir[64], id[ID_SIZE];
    unsigned acknowledged = 0, seed = 99;
    struct reader *reader;

    (void)state;
    folder_make_under("/tmp", dir); /* on a disk: what it keeps is the question */
    for (int round = 0; round < 20; round++) {
        int pipe_ends[2], status;
        unsigned stop_after = (unsigned)rand_r(&seed) % 150, number = 0;
        pid_t pid;
        assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (!pid)
            write_until_killed(dir, (unsigned)(round + 1) * 100000, pipe_ends[1]);
        close(pipe_ends[1]);
        /* The child is killed wherever it is when so many answers have been read. */
        for (unsigned i = 0; i <= stop_after; i++)
            assert_int_equal(read(pipe_ends[0], &number, sizeof number), sizeof number);
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(pipe_ends[0], &number, sizeof number) == sizeof number)
            ; /* what it had answered before it died */
        acknowledged = number;
        close(pipe_ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);

        struct world world = {.kind = VIEW_IS_LOG};
        strcpy(world.dir, dir);
        world_open(&world);
        assert_int_equal(reader_open(dir, &reader), ERR_OK);
        for (number = (unsigned)(round + 1) * 100000; number <= acknowledged; number++) {
            struct job *job;
            id_of(number, id);
            assert_int_equal(reader_job(reader, id, &job), ERR_OK);
            assert_int_equal(job->state, JOB_SUCCEEDED);
            job_unref(job);
        }
        reader_close(reader);
        view_close(world.view);
    }
    assert_replays(dir);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_the_log_comes_to_the_same_view),
        cmocka_unit_test(what_was_acknowledged_survives_a_kill_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
