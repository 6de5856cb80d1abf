/* Executors come and go. Each is a group of its own, so one signal reaches all it has started; what
 * left the group is found among our children (we are the subreaper) and ended too. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jobs/executor_priv.h"
#include "jobs/executor_scratch.h"
#include "jobs/executor_strays.h"
#include "jobs/worker_priv.h"
#include "schema/log.h"
#include "schema/metric.h"

#define EARLY_DEATHS_MAX 5
#define EARLY_PAUSE_MS 1000
#define STRAYS_EVERY_MS 5
#define KNOWN_MAX 2048             /* executors at once: two kinds, and those that are dying */
#define CLOSE_ROUNDS 200

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* On a file descriptor far from those it is to become in the child. */
static int high(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 64);
    close(fd);
    return moved;
}

static int spawn(struct worker *worker, int socket, int lane, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int err = posix_spawn_file_actions_init(&actions);

    if (err)
        return err;
    err = posix_spawnattr_init(&attr);
    if (err)
        goto out_actions;
    sigemptyset(&none);
    sigfillset(&all);
    err = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!err) err = posix_spawnattr_setpgroup(&attr, 0);
    if (!err) err = posix_spawnattr_setsigmask(&attr, &none);
    if (!err) err = posix_spawnattr_setsigdefault(&attr, &all);
    if (!err) err = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!err) err = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (!err) err = posix_spawn_file_actions_adddup2(&actions, worker->noise.out, 2);
    if (!err) err = posix_spawn_file_actions_adddup2(&actions, socket, EXECUTOR_SOCKET);
    if (!err) err = posix_spawn_file_actions_adddup2(&actions, lane, EXECUTOR_LANE);
    if (!err) err = posix_spawn_file_actions_addclosefrom_np(&actions, EXECUTOR_LANE + 1);
    if (!err) err = posix_spawn(ret_pid, worker->program, &actions, &attr, worker->arguments, worker->environment);
    posix_spawnattr_destroy(&attr);
out_actions:
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

static void free_process(struct process *process)
{
    if (!process)
        return;
    close_fd(process->pidfd);
    close_fd(process->socket);
    lane_close(process->lane);
    wire_buffer_clear(&process->in);
    text_clear(&process->out);
    free(process);
}

/* Both the socket and the pidfd wake the loop with the process; a death is told by the pidfd alone. */
static bool watch(struct worker *worker, struct process *process)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = process};
    struct epoll_event death = {.events = EPOLLIN, .data.u64 = (uint64_t)(uintptr_t)process | 1};

    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, process->socket, &event) == 0 &&
           epoll_ctl(worker->epoll, EPOLL_CTL_ADD, process->pidfd, &death) == 0;
}

static void remember_process(struct worker *worker, struct process *process)
{
    TAILQ_INSERT_TAIL(&worker->processes, process, link);
    *(process->is_sealed ? &worker->n_sealed : &worker->n_open) += 1;
    METRIC_SET(EXECUTORS, worker->n_sealed + worker->n_open);
}

struct process *pool_spawn(struct worker *worker, bool is_sealed)
{
    int pair[2] = {-1, -1}, lane = -1, err = 0;
    struct process *process = NULL;

    if (worker->mono_ms < worker->spawn_after_ms ||
        (is_sealed ? worker->n_sealed : worker->n_open) >= (unsigned)worker->config.slots)
        return NULL;
    process = calloc(1, sizeof *process);
    if (!process)
        return NULL;
    process->pidfd = process->socket = -1;
    process->is_sealed = is_sealed;
    process->frame_max = sizeof(struct attempt_record) + EXECUTOR_MESSAGE_MAX;
    worker->arguments[2] = is_sealed ? EXECUTOR_KINDS_SEALED : EXECUTOR_KINDS_OPEN;
    if (lane_open(&process->lane, &lane) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        err = errno;
        goto out;
    }
    process->socket = pair[0];
    pair[1] = high(pair[1]);
    lane = high(lane);
    if (pair[1] < 0 || lane < 0 || fcntl(process->socket, F_SETFL, O_NONBLOCK) < 0) {
        err = errno;
        goto out;
    }
    err = spawn(worker, pair[1], lane, &process->pid);
    if (err)
        goto out;
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0 || !watch(worker, process)) {
        err = errno;
        kill(-process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
        goto out;
    }
    remember_process(worker, process);
out:
    close_fd(pair[1]);
    close_fd(lane);
    if (err) {
        log_error("an executor cannot be started: %s; trying again in a second", strerror(err));
        worker->spawn_after_ms = worker->mono_ms + EARLY_PAUSE_MS;
        free_process(process);
        process = NULL;
    }
    return process;
}

void pool_kill(struct worker *worker, struct process *process, int64_t grace_ms)
{
    if (process->was_killed)
        return;
    if (!process->is_stopping)
        METRIC_INC(EXECUTOR_KILLS);
    process->is_stopping = true;
    if (grace_ms > 0) {
        process->kill_at_ms = worker->mono_ms + grace_ms;
        kill(-process->pid, SIGTERM);
        return;
    }
    process->was_killed = true;
    process->kill_at_ms = 0;
    kill(-process->pid, SIGKILL);
}

static void forget_process(struct worker *worker, struct process *process)
{
    TAILQ_REMOVE(&worker->processes, process, link);
    *(process->is_sealed ? &worker->n_sealed : &worker->n_open) -= 1;
    if (process->n > 0)
        worker->n_busy--;
    METRIC_SET(EXECUTORS, worker->n_sealed + worker->n_open);
    free_process(process);                   /* closing the descriptors takes them out of epoll */
}

static void count_death(struct worker *worker, const struct process *process, int code, int status)
{
    bool is_own_will = code == CLD_EXITED && status == 0;

    if (process->was_killed || (is_own_will && process->is_ready))
        return;
    METRIC_INC(EXECUTOR_CRASHES);
    log_warn("executor %d ended: %s %d", (int)process->pid, code == CLD_EXITED ? "exit code" : "signal", status);
    if (!process->is_ready && ++worker->n_early_deaths >= EARLY_DEATHS_MAX) {
        log_error("executors end before they are ready; the next try is in a second");
        worker->spawn_after_ms = worker->mono_ms + EARLY_PAUSE_MS;
    }
}

static void remove_scratch(const struct worker *worker, const struct run *run)
{
    char path[PATH_MAX];
    if (!scratch_path(worker->dir, run->job->spec->id, run->job->epoch, path, sizeof path))
        scratch_remove(path);
}

/* Results that came before its death count; the job it had taken is the one at fault; those behind
 * it have not begun, and go back into the line. */
void pool_on_death(struct worker *worker, struct process *process)
{
    siginfo_t info = {0};

    kill(-process->pid, SIGKILL);            /* those it leaves behind in its group, before its number is free */
    if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return;
    ends_read(worker, process);
    lanes_collect(worker, process);
    lanes_take_back(worker, process);
    for (unsigned i = 0; i < process->n; i++) {
        unsigned index = (process->first + i) % LANE_SLOTS;
        struct run *run = process->runs[index];
        if (!run)
            continue;
        process->runs[index] = NULL;
        if (!process->is_sealed)
            remove_scratch(worker, run);
        ends_by_death(worker, process, run, info.si_code, info.si_status);
    }
    worker->has_strays |= !process->is_sealed;
    count_death(worker, process, info.si_code, info.si_status);
    forget_process(worker, process);
}

static bool hunt_strays(struct worker *worker)
{
    pid_t known[KNOWN_MAX];
    unsigned n = 0;
    const struct process *process;

    TAILQ_FOREACH(process, &worker->processes, link)
        if (n < KNOWN_MAX)
            known[n++] = process->pid; // NOLINT(clang-analyzer-unix.Malloc): it does not follow TAILQ_REMOVE
    return strays_kill(known, n);
}

void pool_watch(struct worker *worker)
{
    struct process *process;

    TAILQ_FOREACH(process, &worker->processes, link) {
        if (process->is_broken && !process->was_killed) {
            log_error("executor %d broke the protocol and is killed", (int)process->pid);
            lanes_take_back(worker, process);
            pool_kill(worker, process, 0);
        }
        if (process->kill_at_ms && worker->mono_ms >= process->kill_at_ms)
            pool_kill(worker, process, 0);
    }
    if (worker->has_strays)
        worker->has_strays = hunt_strays(worker);
}

int64_t pool_next_watch(const struct worker *worker)
{
    int64_t in = worker->has_strays ? STRAYS_EVERY_MS : 1000;
    const struct process *process;

    TAILQ_FOREACH(process, &worker->processes, link) {
        const struct run *run = process->n ? process->runs[process->first] : NULL;
        if (process->is_broken && !process->was_killed)
            return 0;
        if (process->kill_at_ms && process->kill_at_ms - worker->mono_ms < in)
            in = process->kill_at_ms - worker->mono_ms;
        if ((process->n > 1 || (run && !run->is_begun)) && in > STRAYS_EVERY_MS)
            in = STRAYS_EVERY_MS;
    }
    return in > 0 ? in : 0;
}

void pool_close(struct worker *worker)
{
    static const struct timespec pause = {.tv_nsec = 5000000};
    struct process *next;

    for (struct process *process = TAILQ_FIRST(&worker->processes); process; process = next) {
        next = TAILQ_NEXT(process, link);
        kill(-process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
        for (unsigned i = 0; i < process->n; i++) {
            struct run *run = process->runs[(process->first + i) % LANE_SLOTS];
            if (run)
                run_free(worker, run);
        }
        forget_process(worker, process);
    }
    for (int round = 0; round < CLOSE_ROUNDS && hunt_strays(worker); round++)
        nanosleep(&pause, NULL);
}
