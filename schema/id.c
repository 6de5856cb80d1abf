/* id.c: random bits and the names made of them. Each thread keeps a buffer of the kernel's random
 * bytes, so an id costs no system call. A forked child would hold a copy of that buffer; executors,
 * the only children there are, start as new programs and make no ids. */
#include "schema/id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUFFER_SIZE 4096

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's base 32 */

static void random_bytes(void *out, size_t len)
{
    static _Thread_local struct {
        unsigned char bytes[BUFFER_SIZE];
        size_t left;
    } pool;
    unsigned char *at = out;

    while (len) {
        if (!pool.left) {
            ssize_t got = getrandom(pool.bytes, sizeof pool.bytes, 0);
            if (got < 0 && errno != EINTR)
                abort(); /* names that may repeat are worse than none */
            pool.left = got < 0 ? 0 : (size_t)got;
            continue;
        }
        size_t some = len < pool.left ? len : pool.left;
        memcpy(at, pool.bytes + pool.left - some, some);
        memset(pool.bytes + pool.left - some, 0, some); /* given out once */
        pool.left -= some;
        at += some;
        len -= some;
    }
}

uint64_t id_random(void)
{
    uint64_t bits;

    random_bytes(&bits, sizeof bits);
    return bits;
}

void id_random_hex(char *hex, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned char byte;
        random_bytes(&byte, 1);
        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    hex[2 * n_bytes] = '\0';
}

/* The random part, a digit in each byte. */
#define TAIL_LEN 16

/* One more; false after the last of all, when every digit is 0 again. */
static bool rise(unsigned char tail[TAIL_LEN])
{
    for (int i = TAIL_LEN - 1; i >= 0; i--) {
        tail[i] = (tail[i] + 1) & 31;
        if (tail[i])
            return true;
    }
    return false;
}

void id_make(int64_t wall_ms, char id[ID_SIZE])
{
    static _Thread_local struct {
        int64_t ms;
        unsigned char tail[TAIL_LEN];
    } last = {.ms = -1};
    uint64_t ms = (uint64_t)wall_ms;

    if (wall_ms != last.ms || !rise(last.tail)) {
        last.ms = wall_ms;
        random_bytes(last.tail, sizeof last.tail);
        for (int i = 0; i < TAIL_LEN; i++)
            last.tail[i] &= 31;
        last.tail[0] &= 15; /* leaves half of them to rise to within the millisecond */
    }
    for (int i = ID_LEN - TAIL_LEN - 1; i >= 0; i--) {
        id[i] = digits[ms & 31];
        ms >>= 5;
    }
    id[0] = digits[((uint64_t)wall_ms >> 45) & 7]; /* 48 bits in ten digits leave the first one three */
    for (int i = 0; i < TAIL_LEN; i++)
        id[ID_LEN - TAIL_LEN + i] = digits[last.tail[i]];
    id[ID_LEN] = '\0';
}

bool id_is_valid(const char *id, size_t len)
{
    if (len != ID_LEN || id[0] > '7')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!id[i] || !strchr(digits, id[i]))
            return false;
    return true;
}

int64_t id_time(const char *id)
{
    int64_t ms = 0;

    for (int i = 0; i < ID_LEN - TAIL_LEN; i++)
        ms = ms << 5 | (strchr(digits, id[i]) - digits);
    return ms;
}

void cursor_encode(const char log_id[LOG_ID_SIZE], int64_t pos, char cursor[CURSOR_SIZE])
{
    snprintf(cursor, CURSOR_SIZE, "%.8s-%lld", log_id, (long long)pos);
}

bool cursor_decode(const char *text, size_t len, char ret_log_id[LOG_ID_SIZE], int64_t *ret_pos)
{
    int64_t pos = 0;

    if (len < LOG_ID_SIZE + 1 || len > LOG_ID_SIZE + 18 || text[LOG_ID_SIZE - 1] != '-')
        return false;
    for (size_t i = 0; i < LOG_ID_SIZE - 1; i++)
        if (!text[i] || !strchr("0123456789abcdef", text[i]))
            return false;
    if (text[LOG_ID_SIZE] == '0' && len > LOG_ID_SIZE + 1)
        return false; /* one position, one cursor */
    for (size_t i = LOG_ID_SIZE; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        pos = pos * 10 + (text[i] - '0'); /* at most 18 digits: fits */
    }
    memcpy(ret_log_id, text, LOG_ID_SIZE - 1);
    ret_log_id[LOG_ID_SIZE - 1] = '\0';
    *ret_pos = pos;
    return true;
}
