/* hurt.so: handlers that do what no handler should. The input is ignored unless said otherwise. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jobs/handler.h"

static int die_segv(struct buzzer_job *job)
{
    (void)job;
    raise(SIGSEGV);
    return BUZZER_DONE;
}

static int die_abort(struct buzzer_job *job)
{
    (void)job;
    abort();
}

static int die_exit(struct buzzer_job *job)
{
    (void)job;
    _exit(3);
}

static int die_killed(struct buzzer_job *job)
{
    (void)job;
    kill(0, SIGKILL);
    return BUZZER_DONE;
}

static int eat_memory(struct buzzer_job *job)
{
    for (;;) {
        char *piece = malloc(1 << 20); // NOLINT(clang-analyzer-unix.Malloc): kept on purpose
        if (!piece) {
            job->fail(job, "no more memory");
            return BUZZER_NO_MEMORY;
        }
        memset(piece, 1, 1 << 20);
    }
}

static int spin(struct buzzer_job *job)
{
    for (volatile unsigned long i = 0; i < ULONG_MAX; i++)
        if (i % 1000 == 0)
            job->progress(job, 50, "spinning");
    return BUZZER_DONE;
}

static int flood(struct buzzer_job *job)
{
    size_t len = 64 << 20;
    char *bytes = calloc(1, len);
    int refused = bytes ? job->result(job, "application/octet-stream", bytes, len) : 0;
    free(bytes);
    return refused ? BUZZER_FAILED : BUZZER_DONE;
}

static int not_json(struct buzzer_job *job)
{
    return job->result(job, NULL, "{\"a\":}", 6);
}

static int no_result(struct buzzer_job *job)
{
    (void)job;
    return BUZZER_DONE;
}

static int bad_input(struct buzzer_job *job)
{
    job->fail(job, "never \xff works");
    return BUZZER_BAD_INPUT;
}

static int fail(struct buzzer_job *job)
{
    job->fail(job, "not this time");
    return BUZZER_FAILED;
}

/* Writes straight to what it should not even know: the socket to the worker. */
static int garble(struct buzzer_job *job)
{
    char bytes[4096];
    memset(bytes, 0xff, sizeof bytes);
    (void)!write(3, bytes, sizeof bytes);
    while (job)
        pause();
    return BUZZER_DONE;
}

/* Says what it can do, as a JSON object of errno values: 0 where it was not stopped. The input is the
 * path of a file in the data folder, as a JSON string. */
static int tried(int ret)
{
    return ret < 0 ? errno : 0;
}

static int escape(struct buzzer_job *job)
{
    char path[512] = "", result[512];
    int len;

    if (job->input_len > 2 && job->input_len < sizeof path)
        memcpy(path, (const char *)job->input + 1, job->input_len - 2);
    int data = tried(open(path, O_RDONLY | O_CLOEXEC));
    int outside = tried(open("/tmp/buzzer-was-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    int inet = tried(socket(AF_INET, SOCK_STREAM, 0)), local = tried(socket(AF_UNIX, SOCK_STREAM, 0));
    int child = tried(fork());
    int parent = tried(kill(getppid(), 0));
    errno = 0;
    int traced = tried((int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    int program = tried(execl("/bin/true", "true", (char *)NULL));
    int readable = tried(open("/etc/hostname", O_RDONLY | O_CLOEXEC));
    len = snprintf(result, sizeof result,
                   "{\"data\":%d,\"outside\":%d,\"inet\":%d,\"local\":%d,\"child\":%d,\"parent\":%d,\"traced\":%d,"
                   "\"program\":%d,\"readable\":%d}",
                   data, outside, inet, local, child, parent, traced, program, readable);
    return job->result(job, NULL, result, (size_t)len);
}

const struct buzzer_handler buzzer_handlers[] = {
    {BUZZER_HANDLER_ABI, "segv", die_segv},
    {BUZZER_HANDLER_ABI, "abort", die_abort},
    {BUZZER_HANDLER_ABI, "exit", die_exit},
    {BUZZER_HANDLER_ABI, "killed", die_killed},
    {BUZZER_HANDLER_ABI, "eat_memory", eat_memory},
    {BUZZER_HANDLER_ABI, "spin", spin},
    {BUZZER_HANDLER_ABI, "flood", flood},
    {BUZZER_HANDLER_ABI, "not_json", not_json},
    {BUZZER_HANDLER_ABI, "no_result", no_result},
    {BUZZER_HANDLER_ABI, "bad_input", bad_input},
    {BUZZER_HANDLER_ABI, "fail", fail},
    {BUZZER_HANDLER_ABI, "garble", garble},
    {BUZZER_HANDLER_ABI, "escape", escape},
    {0, NULL, NULL},
};
