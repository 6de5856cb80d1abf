/* say.c: lines for people. */
#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* C0, DEL, and C1 as UTF-8 writes it (C2 80 to C2 9F); all else of UTF-8 passes. */
void text_harmless(struct text *text, const char *str, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)str[i];
        unsigned char next = i + 1 < len ? (unsigned char)str[i + 1] : 0;

        if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
            text_char(text, '?');
            i++;
        } else {
            text_char(text, c < 0x20 || c == 0x7f ? '?' : (char)c);
        }
    }
}

void put_harmless(FILE *out, const char *str)
{
    struct text text = {0};

    text_harmless(&text, str, strlen(str));
    if (text.at && !text.failed)
        fputs(text.at, out);
    text_clear(&text);
}

void say(const char *format, ...)
{
    char line[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fputs("buzzer: ", stderr);
    put_harmless(stderr, line);
    fputc('\n', stderr);
}

bool say_written(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    say("standard output: %s", strerror(errno));
    return false;
}
