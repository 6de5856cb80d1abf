/* log.c: one line, one write: lines of several threads never mix, and a line is made without asking
 * for memory, so that running out of it can still be told. What a client or a process said may stand
 * in an argument; nothing of it reaches the terminal or the JSON unescaped. */
#include "schema/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/clock.h"
#include "schema/text.h"

#define MESSAGE_SIZE 1024
#define LINE_SIZE (6 * MESSAGE_SIZE + 256) /* every character may need six */

struct line {
    char at[LINE_SIZE];
    size_t len;
};

static const char *const words[] = {"error", "warn", "info", "debug"};
static const char *const capitals[] = {"ERROR", "WARN", "INFO", "DEBUG"};

static enum log_level max_level = LOG_INFO;
static _Thread_local const char *component = "main";

static pthread_once_t terminal_once = PTHREAD_ONCE_INIT;
static bool is_terminal;

static void look_at_terminal(void)
{
    is_terminal = isatty(STDERR_FILENO) == 1;
}

void log_set_level(enum log_level level)
{
    max_level = level;
}

void log_set_component(const char *name)
{
    component = name;
    if (strcmp(name, "main") != 0) /* the process's own name stays what it was started as */
        pthread_setname_np(pthread_self(), name);
}

static void line_add(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof line->at - 1 - line->len; /* the last byte is kept for the newline */

    if (len > room)
        len = room;
    memcpy(line->at + line->len, bytes, len);
    line->len += len;
}

static void line_str(struct line *line, const char *str)
{
    line_add(line, str, strlen(str));
}

/* A character that steers a terminal: C0, DEL, or C1 (U+0080 to U+009F). */
static bool is_control(const char *at, size_t len)
{
    unsigned char c = (unsigned char)at[0];

    return c < 0x20 || c == 0x7f || (len == 2 && c == 0xc2 && (unsigned char)at[1] < 0xa0);
}

/* The same escapes on a terminal and in JSON; only quotes and backslashes are JSON's alone. */
static void line_escaped(struct line *line, const char *at, bool in_json)
{
    size_t left = strlen(at);

    while (left) {
        size_t len = text_utf8_len(at, left);
        char code[8];
        if (!len) {
            line_str(line, "\xef\xbf\xbd");
            len = 1;
        } else if (is_control(at, len)) {
            snprintf(code, sizeof code, "\\u%04x", (unsigned char)at[len - 1]);
            line_str(line, code);
        } else {
            if (in_json && (*at == '"' || *at == '\\'))
                line_str(line, "\\");
            line_add(line, at, len);
        }
        at += len;
        left -= len;
    }
}

static void compose(struct line *line, enum log_level level, const char *message)
{
    char now[CLOCK_TEXT_SIZE];

    clock_encode(clock_wall_ms(), now);
    if (is_terminal) {
        line_str(line, now);
        line_str(line, " ");
        line_str(line, capitals[level]);
        line_str(line, " ");
        line_str(line, component);
        line_str(line, " ");
        line_escaped(line, message, false);
    } else {
        line_str(line, "{\"time\":\"");
        line_str(line, now);
        line_str(line, "\",\"level\":\"");
        line_str(line, words[level]);
        line_str(line, "\",\"component\":\"");
        line_escaped(line, component, true);
        line_str(line, "\",\"message\":\"");
        line_escaped(line, message, true);
        line_str(line, "\"}");
    }
    line->at[line->len++] = '\n';
}

void log_write(enum log_level level, const char *format, ...)
{
    int saved_errno = errno;
    char message[MESSAGE_SIZE];
    struct line line;
    va_list args;
    int len;

    if (level > max_level)
        return;
    pthread_once(&terminal_once, look_at_terminal);
    errno = saved_errno; /* for %m */
    va_start(args, format);
    len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len < 0)
        message[0] = '\0';
    else if ((size_t)len >= sizeof message)
        strcpy(message + sizeof message - 4, "...");

    line.len = 0;
    compose(&line, level, message);
    ssize_t written = write(STDERR_FILENO, line.at, line.len);
    (void)written; /* a line that cannot be written has nobody left to be told to */
    errno = saved_errno;
}
