/* One attempt of a command: input on its standard input, result from its standard output, progress
 * from descriptor 3, the end of standard error as the message. The command and all it starts are
 * gone, and its scratch folder too, before its end is told. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs/executor_priv.h"
#include "jobs/executor_scratch.h"
#include "jobs/executor_strays.h"
#include "jobs/sandbox.h"

#define FILE_BYTES_MAX (1LL << 30)       /* of one file in the scratch folder */
#define ARGUMENTS_MAX 256
#define EXIT_BAD_INPUT 65                /* EX_DATAERR */
#define EXIT_NOT_STARTED 127
#define READ_SIZE 65536

enum { PIPE_IN, PIPE_OUT, PIPE_ERR, PIPE_PROGRESS, PIPE_COUNT };

struct command {
    struct task *task;
    char scratch[PATH_MAX];
    char *arguments[ARGUMENTS_MAX + 1];
    int ours[PIPE_COUNT], theirs[PIPE_COUNT];
    int pidfd;
    pid_t pid, executor;
    size_t written;                      /* of the input */
    char *out;
    size_t out_len, out_cap;
    char tail[EXECUTOR_MESSAGE_MAX];     /* of standard error: a ring */
    size_t tail_total;
    struct progress_lines progress;
    bool too_much, no_memory;
};

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool split_arguments(struct command *command)
{
    const struct task *task = command->task;
    const char *at = task->fields[FIELD_COMMAND], *end = at + task->wire.len[FIELD_COMMAND];
    unsigned n = 0;

    for (; at < end && n < ARGUMENTS_MAX; at += strlen(at) + 1)
        command->arguments[n++] = (char *)(uintptr_t)at;     /* execve takes them so, and changes nothing */
    command->arguments[n] = NULL;
    return n > 0 && at >= end;
}

static bool open_pipes(struct command *command)
{
    for (int i = 0; i < PIPE_COUNT; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return false;
        command->ours[i] = ends[i == PIPE_IN ? 1 : 0];
        command->theirs[i] = ends[i == PIPE_IN ? 0 : 1];
        if (fcntl(command->ours[i], F_SETFL, O_NONBLOCK) < 0)
            return false;
    }
    return true;
}

/* ---- in the child ---- */

static bool limit(int what, int64_t value)
{
    struct rlimit limit = {(rlim_t)value, (rlim_t)value};
    return setrlimit((__rlimit_resource_t)what, &limit) == 0;
}

static bool place_pipes(const struct command *command)
{
    int high[PIPE_COUNT];

    for (int i = 0; i < PIPE_COUNT; i++)          /* first out of the way of 0 to 3 */
        if ((high[i] = fcntl(command->theirs[i], F_DUPFD_CLOEXEC, 10)) < 0)
            return false;
    for (int i = 0; i < PIPE_COUNT; i++)
        if (dup2(high[i], i) < 0)
            return false;
    return close_range(4, ~0U, 0) == 0;
}

static void add_variable(char **environment, char **at, const char *end, const char *name, const char *value)
{
    int len = value && value[0] ? snprintf(*at, (size_t)(end - *at), "%s=%s", name, value) : 0;

    if (len <= 0 || len >= end - *at)
        return;
    while (*environment)
        environment++;
    *environment = *at;
    *at += len + 1;
}

static void become_command(const struct command *command)
{
    static char text[16384];
    static char *environment[8];
    const struct task *task = command->task;
    const char *const own_file[] = {command->arguments[0], NULL};
    struct sandbox sandbox = {.data_dir = task->executor->dir, .scratch = command->scratch,
                              .network = task->wire.network, .readable = own_file};
    char attempt[16], *at = text, *end = text + sizeof text;

    for (int signum = 1; signum < SIGRTMIN; signum++)
        signal(signum, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != command->executor)
        return;
    if (!place_pipes(command)) {
        dprintf(2, "the pipes of the command cannot be set up: %s\n", strerror(errno));
        return;
    }
    snprintf(attempt, sizeof attempt, "%d", task->wire.attempt);
    add_variable(environment, &at, end, "PATH", getenv("PATH"));
    add_variable(environment, &at, end, "HOME", getenv("HOME"));
    add_variable(environment, &at, end, "LANG", getenv("LANG") ? getenv("LANG") : "C.UTF-8");
    add_variable(environment, &at, end, "JOB_ID", task->fields[FIELD_ID]);
    add_variable(environment, &at, end, "JOB_TYPE", task->fields[FIELD_TYPE]);
    add_variable(environment, &at, end, "JOB_ATTEMPT", attempt);
    add_variable(environment, &at, end, "TRACEPARENT", task->fields[FIELD_TRACEPARENT]);
    if (chdir(command->scratch) < 0 || !limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, EXECUTOR_FILES) ||
        !limit(RLIMIT_FSIZE, FILE_BYTES_MAX) || sandbox_enter(&sandbox) ||
        (!EXECUTOR_IS_SANITIZED && !limit(RLIMIT_AS, task->wire.memory_bytes))) { /* last: it is the command's, not ours */
        dprintf(2, "the sandbox of the command cannot be set up: %s\n", strerror(errno));
        return;
    }
    execvpe(command->arguments[0], command->arguments, environment);
    dprintf(2, "the command cannot be started: %s\n", strerror(errno));
}

/* ---- in the executor ---- */

static bool start(struct command *command)
{
    command->pid = fork();
    if (command->pid == 0) {
        become_command(command);
        _exit(EXIT_NOT_STARTED);
    }
    for (int i = 0; i < PIPE_COUNT; i++)
        shut(&command->theirs[i]);
    if (command->pid < 0)
        return false;
    command->pidfd = pidfd_open(command->pid, 0);
    return command->pidfd >= 0;
}

static void give_input(struct command *command)
{
    const struct task *task = command->task;
    size_t left = task->wire.len[FIELD_INPUT] - command->written;
    ssize_t n = left ? write(command->ours[PIPE_IN], task->fields[FIELD_INPUT] + command->written, left) : 0;

    if (n > 0)
        command->written += (size_t)n;
    if (command->written == task->wire.len[FIELD_INPUT] || (n < 0 && errno != EAGAIN && errno != EINTR))
        shut(&command->ours[PIPE_IN]);       /* a command need not read all of it */
}

static void keep_output(struct command *command, const char *bytes, size_t len)
{
    if (command->too_much || command->no_memory)
        return;
    if (command->out_len + len > (uint64_t)command->task->wire.output_bytes) {
        command->too_much = true;
        return;
    }
    if (command->out_len + len > command->out_cap) {
        size_t cap = (command->out_len + len) * 2;
        char *out = realloc(command->out, cap);
        if (!out) {
            command->no_memory = true;
            return;
        }
        command->out = out;
        command->out_cap = cap;
    }
    memcpy(command->out + command->out_len, bytes, len);
    command->out_len += len;
}

static void take_output(struct command *command, int which)
{
    char bytes[READ_SIZE];
    ssize_t n = read(command->ours[which], bytes, sizeof bytes);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        shut(&command->ours[which]);
    if (n <= 0)
        return;
    if (which == PIPE_OUT)
        keep_output(command, bytes, (size_t)n);
    else if (which == PIPE_PROGRESS)
        progress_lines_add(&command->progress, command->task, bytes, (size_t)n);
    for (ssize_t i = 0; which == PIPE_ERR && i < n; i++)
        command->tail[command->tail_total++ % sizeof command->tail] = bytes[i];
}

/* Until the command itself has ended; true then. False: the worker is gone. */
static bool attend(struct command *command)
{
    for (;;) {
        struct pollfd fds[PIPE_COUNT + 2] = {
            {.fd = command->ours[PIPE_IN], .events = POLLOUT},
            {.fd = command->ours[PIPE_OUT], .events = POLLIN},
            {.fd = command->ours[PIPE_ERR], .events = POLLIN},
            {.fd = command->ours[PIPE_PROGRESS], .events = POLLIN},
            {.fd = command->pidfd, .events = POLLIN},
            {.fd = EXECUTOR_SOCKET, .events = POLLRDHUP},
        };
        if (poll(fds, PIPE_COUNT + 2, progress_lines_wait(&command->progress)) < 0 && errno != EINTR)
            return false;
        progress_lines_tell(&command->progress, command->task);
        if (fds[PIPE_IN].revents)
            give_input(command);
        for (int i = PIPE_OUT; i < PIPE_COUNT; i++)
            if (fds[i].revents)
                take_output(command, i);
        if (fds[PIPE_COUNT + 1].revents)
            return false;
        if (fds[PIPE_COUNT].revents || command->too_much || command->no_memory)
            return true;
    }
}

/* After all writers are dead: what is left in the pipes. */
static void drain_output(struct command *command)
{
    for (int i = PIPE_OUT; i < PIPE_COUNT; i++) {
        while (command->ours[i] >= 0 && !command->too_much && !command->no_memory) {
            struct pollfd fd = {.fd = command->ours[i], .events = POLLIN};
            if (poll(&fd, 1, 0) <= 0)
                break;
            take_output(command, i);
        }
    }
}

/* What happened, and behind it the end of what the command wrote to its standard error. */
static void tell_tail(struct command *command, enum attempt_outcome outcome, const char *what)
{
    char text[EXECUTOR_MESSAGE_MAX + 1];
    size_t size = sizeof command->tail, total = command->tail_total;
    size_t len = total < size ? total : size, first = total < size ? 0 : total % size;

    for (size_t i = 0; i < len; i++)
        text[i] = command->tail[(first + i) % size];
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    text[len] = '\0';
    task_say(command->task, outcome, len ? "%s: %.1900s" : "%s", what, text + (len > 1900 ? len - 1900 : 0));
}

static void tell_end(struct command *command, const siginfo_t *end)
{
    struct task *task = command->task;
    char what[64];

    if (command->too_much) {
        task_say(task, ATTEMPT_BAD_OUTPUT, "the result is larger than output_bytes");
    } else if (command->no_memory) {
        task_say(task, ATTEMPT_NO_MEMORY, "no memory for the result");
    } else if (end->si_code != CLD_EXITED) {
        const char *name = sigabbrev_np(end->si_status);
        snprintf(what, sizeof what, "ended by signal %d (SIG%s)", end->si_status, name ? name : "?");
        tell_tail(command, ATTEMPT_CRASHED, what);
    } else if (end->si_status != 0) {
        snprintf(what, sizeof what, "exit code %d", end->si_status);
        tell_tail(command, end->si_status == EXIT_BAD_INPUT ? ATTEMPT_BAD_INPUT : ATTEMPT_FAILED, what);
    } else {
        snprintf(task->record.media_type, sizeof task->record.media_type, "%s", task->fields[FIELD_RESULT_TYPE]);
        task->record.len = (uint32_t)command->out_len;
        task->result = command->out;
        command->out = NULL;
    }
}

void task_run_command(struct task *task)
{
    struct command *command = calloc(1, sizeof *command);
    siginfo_t end = {0};
    bool started = false;

    if (!command) {
        task_say(task, ATTEMPT_NO_MEMORY, "no memory to start the command");
        return;
    }
    command->task = task;
    command->executor = getpid();
    command->pidfd = -1;
    for (int i = 0; i < PIPE_COUNT; i++)
        command->ours[i] = command->theirs[i] = -1;
    if (scratch_path(task->executor->dir, task->fields[FIELD_ID], task->wire.epoch, command->scratch,
                     sizeof command->scratch) ||
        scratch_make(command->scratch)) {
        task_say(task, ATTEMPT_FAILED, "the scratch folder cannot be made");
        goto out;
    }
    started = split_arguments(command) && open_pipes(command) && start(command);
    if (!started) {
        task_say(task, ATTEMPT_FAILED, "the command cannot be started");
        goto out;
    }
    bool has_worker = attend(command);
    if (waitid(P_PID, (id_t)command->pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid == 0)
        kill(command->pid, SIGKILL);
    waitid(P_PID, (id_t)command->pid, &end, WEXITED);
    strays_kill_all();
    if (!has_worker)
        kill(0, SIGKILL);
    drain_output(command);
    tell_end(command, &end);
out:
    if (command->pid > 0 && !started)
        strays_kill_all();
    if (command->scratch[0])
        scratch_remove(command->scratch);
    for (int i = 0; i < PIPE_COUNT; i++) {
        shut(&command->ours[i]);
        shut(&command->theirs[i]);
    }
    shut(&command->pidfd);
    progress_lines_clear(&command->progress);
    free(command->out);
    free(command);
}
