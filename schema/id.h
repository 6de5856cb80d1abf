/* id.h: names that are unique without asking anybody. A job's id is a ULID (github.com/ulid/spec)
 * in 26 lower-case characters of Crockford's base 32: 48 bits of milliseconds, then 80 random bits,
 * so new jobs land side by side in the view. Ids made within one millisecond by one thread rise. */
#ifndef BUZZER_SCHEMA_ID_H
#define BUZZER_SCHEMA_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_LEN 26
#define ID_SIZE (ID_LEN + 1)

void id_make(int64_t wall_ms, char id[ID_SIZE]);          /* any thread */
bool id_is_valid(const char *id, size_t len);
int64_t id_time(const char *id);                          /* of a valid one: the wall_ms it was made at */
void id_random_hex(char *hex, size_t n_bytes);            /* writes 2 * n_bytes characters and a NUL */
uint64_t id_random(void);                                 /* 64 random bits, any thread */

/* A cursor is the log's id (8 hex digits) and a position in it: "1f00a2c4-1234". */
#define LOG_ID_SIZE 9
#define CURSOR_SIZE 32
void cursor_encode(const char log_id[LOG_ID_SIZE], int64_t pos, char cursor[CURSOR_SIZE]);
bool cursor_decode(const char *text, size_t len, char ret_log_id[LOG_ID_SIZE], int64_t *ret_pos);

#endif
