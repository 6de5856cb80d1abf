/* executor_priv.h: an executor process from the inside. One thread, one job at a time. */
#ifndef BUZZER_JOBS_EXECUTOR_PRIV_H
#define BUZZER_JOBS_EXECUTOR_PRIV_H

#include <sys/types.h>

#include "jobs/executor_wire.h"
#include "jobs/handler.h"

#define EXECUTOR_NICE 5                              /* the service answers first */
#define EXECUTOR_FILES 256
#define EXECUTOR_RSS_MAX (256LL * 1024 * 1024)       /* above, a new process takes over */
#define EXECUTOR_LARGE_JOBS_MAX 1000                 /* libraries leak, even good ones */
#define EXECUTOR_LARGE_US 50000
#define EXECUTOR_BELL_US 250                         /* results wait no longer than that for company */
#define EXECUTOR_PROGRESS_MS 100
/* The sanitizers reserve terabytes of address space: under a limit on it a program built with one ends
 * before any job does. */
#if defined __has_feature
#define EXECUTOR_IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define EXECUTOR_IS_SANITIZED 1
#else
#define EXECUTOR_IS_SANITIZED 0
#endif
#define EXECUTOR_KINDS_SEALED "sealed"
#define EXECUTOR_KINDS_OPEN "open"

struct executor {
    bool is_sealed;            /* runs handlers, in a sandbox itself; else runs commands, each in one */
    const char *dir;           /* the data folder */
    struct lane *lane;
    struct wire_buffer in;
    int64_t last_bell_us;
    bool is_bell_due;
    unsigned n_large;
    int64_t base_bytes;        /* address space in use before any job */
    int64_t limit_bytes;       /* RLIMIT_AS as set now; 0: none */
};

/* One attempt under way. */
struct task {
    struct executor *executor;
    unsigned slot;
    struct wire_job wire;
    const char *fields[FIELD_COUNT];
    struct attempt_record record;
    char message[EXECUTOR_MESSAGE_MAX];
    char *result;              /* owned; record.len bytes; NULL: none or empty */
    bool has_result;
    int64_t told_ms;           /* when progress was sent last */
};

/* executor_task.c */
void task_run_handler(struct task *task);
bool task_progress(struct task *task, int percent, const char *message);   /* false: too soon after the last one */
void task_say(struct task *task, enum attempt_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* executor_command.c */
void task_run_command(struct task *task);

/* executor_progress.c: fd 3 of a command, a JSON object a line. What comes too soon after another is told a little
 * later: progress_lines_wait says in how many milliseconds at most to call progress_lines_tell (-1: no need). */
struct progress_lines {
    char line[1024];
    size_t len;
    bool is_too_long;          /* the line at hand: skipped up to its end */
    char *message;             /* of the newest line that had one; owned */
    bool is_untold;
};
void progress_lines_add(struct progress_lines *lines, struct task *task, const char *bytes, size_t len);
int progress_lines_wait(const struct progress_lines *lines);
void progress_lines_tell(struct progress_lines *lines, struct task *task);
void progress_lines_clear(struct progress_lines *lines);

#endif
