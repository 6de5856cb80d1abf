/* An executor's main: into the sandbox, then job after job until the worker hangs up. It dies with
 * the service whatever happens to that: the kernel sends SIGUSR1 when the parent goes (SIGTERM is
 * ignored here, so that a stop that reaches the whole service does not cut off running jobs, but
 * still reaches a command that is given its grace). */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jobs/executor_priv.h"
#include "jobs/executor_strays.h"
#include "jobs/sandbox.h"
#include "jobs/worker.h"
#include "schema/clock.h"

#define FRAME_MAX (UINT32_MAX - 1)       /* the worker is trusted */

static void on_parent_gone(int signal)
{
    (void)signal;
    strays_kill_all();
    kill(0, SIGKILL);
}

static bool set_up(long parent)
{
    struct sigaction gone = {.sa_handler = on_parent_gone};
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    struct rlimit no_core = {0, 0}, files = {EXECUTOR_FILES, EXECUTOR_FILES};
    sigset_t none;

    for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    if (sigaction(SIGUSR1, &gone, NULL) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGUSR1) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return false;
    if (getppid() != (pid_t)parent)
        return false;                     /* it went before we could ask to be told */
    if (setrlimit(RLIMIT_CORE, &no_core) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0)
        return false;
    setpriority(PRIO_PROCESS, 0, EXECUTOR_NICE);    /* where that is refused, it runs all the same */
    return true;
}

static int64_t pages_of_self(bool resident)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    char *end;
    long long size = strtoll(text, &end, 10);
    return resident ? strtoll(end, NULL, 10) : size;
}

static void limit_memory(struct executor *executor, int64_t bytes)
{
    struct rlimit limit;

    bytes += executor->base_bytes;
    if (EXECUTOR_IS_SANITIZED || bytes == executor->limit_bytes || getrlimit(RLIMIT_AS, &limit) < 0)
        return;
    limit.rlim_cur = (rlim_t)bytes < limit.rlim_max ? (rlim_t)bytes : limit.rlim_max;
    if (setrlimit(RLIMIT_AS, &limit) == 0)
        executor->limit_bytes = bytes;
}

static bool send_frame(enum wire_kind kind, unsigned slot, const void *payload, size_t len)
{
    struct wire_header header = {.len = (uint32_t)len, .kind = (uint16_t)kind, .slot = (uint16_t)slot};
    return wire_write(EXECUTOR_SOCKET, &header, sizeof header) && (!len || wire_write(EXECUTOR_SOCKET, payload, len));
}

static bool ring(struct executor *executor, int64_t now_us)
{
    executor->last_bell_us = now_us;
    executor->is_bell_due = false;
    return send_frame(WIRE_BELL, 0, NULL, 0);
}

/* The end of an attempt: through the lane where it fits, else through the socket. */
static bool hand_back(struct task *task)
{
    struct lane_slot *slot = &task->executor->lane->slots[task->slot];
    const char *bytes = task->record.outcome == ATTEMPT_DONE ? task->result : task->message;

    if (task->record.outcome != ATTEMPT_DONE)
        task->record.len = (uint32_t)strlen(task->message);
    if (task->record.len > LANE_BYTES) {
        struct wire_header header = {.len = (uint32_t)sizeof task->record + task->record.len, .kind = WIRE_END,
                                     .slot = (uint16_t)task->slot};
        return wire_write(EXECUTOR_SOCKET, &header, sizeof header) &&
               wire_write(EXECUTOR_SOCKET, &task->record, sizeof task->record) &&
               wire_write(EXECUTOR_SOCKET, bytes, task->record.len);
    }
    slot->record = task->record;
    if (task->record.len)
        memcpy(slot->bytes, bytes, task->record.len);
    lane_move(slot, SLOT_TAKEN, SLOT_DONE);
    task->executor->is_bell_due = true;
    return true;
}

/* False: there is nobody to work for any more. */
static bool run(struct executor *executor, const struct wire_header *header, const char *payload)
{
    struct task task = {.executor = executor, .slot = header->slot, .record.percent = -1};
    struct lane_slot *slot = &executor->lane->slots[header->slot];
    int64_t started_us = clock_mono_us();
    bool ok;

    if (header->kind != WIRE_JOB || !wire_job_split(payload, header->len, &task.wire, task.fields))
        return false;
    atomic_store_explicit(&slot->started_us, started_us, memory_order_relaxed);
    if (!lane_move(slot, SLOT_WAITING, SLOT_TAKEN)) {
        lane_move(slot, SLOT_REVOKED, SLOT_SKIPPED);
        executor->is_bell_due = true;
        return true;
    }
    if (executor->is_sealed) {
        limit_memory(executor, task.wire.memory_bytes);
        task_run_handler(&task);
    } else {
        task_run_command(&task);
    }
    int64_t now_us = clock_mono_us();
    task.record.run_us = now_us - started_us;
    if (task.record.run_us > EXECUTOR_LARGE_US)
        executor->n_large++;
    ok = hand_back(&task);
    if (ok && executor->is_bell_due && now_us - executor->last_bell_us > EXECUTOR_BELL_US)
        ok = ring(executor, now_us);
    free(task.result);
    return ok;
}

static bool is_worn_out(struct executor *executor, unsigned large_before)
{
    if (!executor->is_sealed || executor->n_large == large_before)
        return false;
    return executor->n_large >= EXECUTOR_LARGE_JOBS_MAX ||
           pages_of_self(true) * sysconf(_SC_PAGESIZE) > EXECUTOR_RSS_MAX;
}

static void work(struct executor *executor)
{
    struct wire_header header;
    const char *payload;

    for (;;) {
        unsigned large_before = executor->n_large;
        enum err err = wire_next(&executor->in, FRAME_MAX, &header, &payload);
        if (!err) {
            if (!run(executor, &header, payload))
                return;
            if (is_worn_out(executor, large_before))
                return;                   /* what is left in the lane is given to another */
            continue;
        }
        if (err != ERR_AGAIN || (executor->is_bell_due && !ring(executor, clock_mono_us())))
            return;
        if (wire_read(&executor->in, EXECUTOR_SOCKET))
            return;
    }
}

/* Called as: buzzer executor KIND DATA_FOLDER PARENT_PID [READABLE...] */
int executor_main(int argc, char **argv)
{
    struct executor executor = {0};
    int first = 0;

    while (first < argc && strcmp(argv[first], "executor") != 0)
        first++;
    if (argc - first < 4 || fcntl(EXECUTOR_SOCKET, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(EXECUTOR_LANE, F_SETFD, FD_CLOEXEC) < 0) {
        fprintf(stderr, "buzzer: executors are started by `buzzer serve`\n");
        return 64;
    }
    executor.is_sealed = strcmp(argv[first + 1], EXECUTOR_KINDS_SEALED) == 0;
    executor.dir = argv[first + 2];
    if (!set_up(strtol(argv[first + 3], NULL, 10)) || lane_map(EXECUTOR_LANE, &executor.lane))
        return 70;
    close(EXECUTOR_LANE);
    if (executor.is_sealed) {
        struct sandbox sandbox = {.data_dir = executor.dir, .is_handler = true,
                                  .readable = (const char *const *)&argv[first + 4]};
        if (sandbox_enter(&sandbox))
            return 70;
        executor.base_bytes = pages_of_self(false) * sysconf(_SC_PAGESIZE);
    }
    if (send_frame(WIRE_READY, 0, NULL, 0))
        work(&executor);
    if (!executor.is_sealed)
        strays_kill_all();
    _exit(0);                             /* at once: exit code of handlers has no business running here */
}
