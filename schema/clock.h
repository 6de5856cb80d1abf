/* clock.h: the two clocks. Wall time (milliseconds since 1970, UTC) is what clients see and what
 * the log records; monotonic time is for leases, timeouts and back-off. Below cli/ and the threads'
 * own loops time is an argument, so that tests and the simulation own it. */
#ifndef BUZZER_SCHEMA_CLOCK_H
#define BUZZER_SCHEMA_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_TEXT_SIZE 25 /* "2026-11-22T10:00:00.123Z" and its NUL */

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
struct timespec clock_mono_after(int64_t ms); /* when a wait of so long is over */

void clock_encode(int64_t unix_ms, char text[CLOCK_TEXT_SIZE]);
/* RFC 3339, any offset, any fraction (cut to ms); false leaves *ret_ms alone. */
bool clock_decode(const char *text, size_t len, int64_t *ret_ms);

#endif
