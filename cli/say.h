/* say.h: what the program tells a person: one line on standard error. Whatever came from outside is
 * made harmless first, so a job's message cannot drive the terminal. */
#ifndef BUZZER_CLI_SAY_H
#define BUZZER_CLI_SAY_H

#include <stddef.h>
#include <stdio.h>

#include "schema/text.h"

void say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "buzzer: ..." */
void text_harmless(struct text *text, const char *str, size_t len);      /* control characters become ? */
void put_harmless(FILE *out, const char *str);
/* Flushes standard output: false, and says so, if what was asked for did not all get there. */
bool say_written(void);

#endif
