/* submit_hash.c: XXH64 as its specification tells it (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
 * It decides whether a repeated Idempotency-Key came with the same submission, so it has to be the
 * same on every machine and in every version, and fast over megabytes; it need not withstand an
 * enemy, who could only confuse a key of their own. */
#include "jobs/submit_priv.h"

#include <endian.h>
#include <string.h>

static const uint64_t prime1 = 0x9E3779B185EBCA87u, prime2 = 0xC2B2AE3D27D4EB4Fu, prime3 = 0x165667B19E3779F9u,
                      prime4 = 0x85EBCA77C2B2AE63u, prime5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t load64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

static uint64_t load32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static uint64_t round64(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * prime2, 31) * prime1;
}

static uint64_t merge(uint64_t hash, uint64_t lane)
{
    return (hash ^ round64(0, lane)) * prime1 + prime4;
}

static uint64_t stripes(const unsigned char **at, const unsigned char *end, uint64_t seed)
{
    uint64_t lane[4] = { seed + prime1 + prime2, seed + prime2, seed, seed - prime1 };

    for (; end - *at >= 32; *at += 32)
        for (unsigned i = 0; i < 4; i++)
            lane[i] = round64(lane[i], load64(*at + (size_t)i * 8));
    uint64_t hash = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
    for (unsigned i = 0; i < 4; i++)
        hash = merge(hash, lane[i]);
    return hash;
}

uint64_t submit_hash(const void *bytes, size_t len, uint64_t seed)
{
    const unsigned char *at = bytes, *end = at + len;
    uint64_t hash = len >= 32 ? stripes(&at, end, seed) : seed + prime5;

    hash += len;
    for (; end - at >= 8; at += 8)
        hash = rotate(hash ^ round64(0, load64(at)), 27) * prime1 + prime4;
    if (end - at >= 4) {
        hash = rotate(hash ^ load32(at) * prime1, 23) * prime2 + prime3;
        at += 4;
    }
    for (; at < end; at++)
        hash = rotate(hash ^ *at * prime5, 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
}
