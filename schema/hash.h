/* hash.h: FNV-1a, 64 bits (draft-eastlake-fnv): short, good enough for tables nobody outside can aim at. */
#ifndef BUZZER_SCHEMA_HASH_H
#define BUZZER_SCHEMA_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Goes on from hash; HASH_START at first. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
