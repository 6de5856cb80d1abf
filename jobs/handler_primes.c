/* primes: counts the primes below a number, to have something that really burns the processor. A
 * sieve in pieces that fit the cache, odd numbers only, so that 10^9 takes little memory. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/handlers.h"

#define BELOW_MAX 1000000000
#define ROOT_MAX 31623        /* above the square root of it */
#define PIECE 131072u         /* odd numbers at once, a byte each */

struct sieve {
    uint32_t n_bases;
    uint32_t base[3500];      /* the odd primes below ROOT_MAX: 3,400 */
    uint32_t next[3500];      /* their next odd multiple, as an index into the piece at hand */
    uint8_t composite[PIECE];
};

static void find_bases(struct sieve *sieve)
{
    sieve->n_bases = 0;
    memset(sieve->composite, 0, ROOT_MAX);
    for (uint32_t p = 3; p < ROOT_MAX; p += 2) {
        if (sieve->composite[p])
            continue;
        for (uint32_t m = p * p; p < 178 && m < ROOT_MAX; m += 2 * p)
            sieve->composite[m] = 1;
        sieve->base[sieve->n_bases] = p;
        sieve->next[sieve->n_bases++] = (p * p - 1) / 2;   /* index i stands for 2i + 1 */
    }
}

/* Marks the composites among the n odd numbers of this piece, and moves on to the next piece. */
static void sieve_piece(struct sieve *sieve, uint32_t first, uint32_t n)
{
    memset(sieve->composite, 0, n);
    if (first == 0)
        sieve->composite[0] = 1;      /* 1 is none */
    for (uint32_t b = 0; b < sieve->n_bases; b++) {
        uint32_t i = sieve->next[b], p = sieve->base[b];
        for (; i < n; i += p)
            sieve->composite[i] = 1;
        sieve->next[b] = i - n;
    }
}

static void count_primes(struct buzzer_job *job, struct sieve *sieve, uint32_t below, uint32_t *ret_count,
                         uint32_t *ret_largest)
{
    uint32_t n_odd = below / 2, count = below > 2 ? 1 : 0, largest = below > 2 ? 2 : 0;
    int told = 0;

    find_bases(sieve);
    for (uint32_t first = 0; first < n_odd; first += PIECE) {
        uint32_t n = n_odd - first < PIECE ? n_odd - first : PIECE, composites = 0;
        sieve_piece(sieve, first, n);
        for (uint32_t i = 0; i < n; i++)
            composites += sieve->composite[i];
        count += n - composites;
        for (uint32_t i = n; i > 0 && composites < n; i--) {
            if (sieve->composite[i - 1] == 0) {
                largest = 2 * (first + i - 1) + 1;
                break;
            }
        }
        int percent = (int)((uint64_t)(first + n) * 100 / n_odd);
        if (percent > told && percent < 100)
            job->progress(job, told = percent, NULL);
    }
    *ret_count = count;
    *ret_largest = largest;
}

int handler_primes(struct buzzer_job *job)
{
    char result[64];
    uint32_t count = 0, largest = 0;
    json_t *root = json_loadb(job->input, job->input_len, 0, NULL);
    const json_t *member = json_object_get(root, "below");
    double below = json_number_value(member);      /* 1e6 is a whole number as well */
    int len, ret = BUZZER_NO_MEMORY;
    struct sieve *sieve = NULL;

    if (!json_is_number(member) || below < 0 || below > BELOW_MAX || below != (double)(uint32_t)below) {
        job->fail(job, "below must be a whole number up to 1000000000");
        ret = BUZZER_BAD_INPUT;
        goto out;
    }
    sieve = malloc(sizeof *sieve);
    if (!sieve)
        goto out;
    count_primes(job, sieve, (uint32_t)below, &count, &largest);
    if (largest)
        len = snprintf(result, sizeof result, "{\"count\":%u,\"largest\":%u}", count, largest);
    else
        len = snprintf(result, sizeof result, "{\"count\":0,\"largest\":null}");
    ret = job->result(job, NULL, result, (size_t)len) ? BUZZER_FAILED : BUZZER_DONE;
out:
    free(sieve);
    json_decref(root);
    return ret;
}
