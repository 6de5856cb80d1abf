/* pos_set.h: positions in the log as a set that counts: how many of it stand before this one? Made for
 * what mostly comes in at the end and leaves at the beginning; positions may have any gaps. */
#ifndef BUZZER_JOBS_POS_SET_H
#define BUZZER_JOBS_POS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pos_chunk;

struct pos_set {               /* all zero: empty */
    struct pos_chunk **chunk;  /* rising; in use: [first, n) */
    size_t first, n, cap;
    int64_t count;
};

void pos_set_clear(struct pos_set *set);
bool pos_set_add(struct pos_set *set, int64_t pos);             /* false: no memory */
void pos_set_remove(struct pos_set *set, int64_t pos);          /* may not be in it */
bool pos_set_has(const struct pos_set *set, int64_t pos);
int64_t pos_set_before(const struct pos_set *set, int64_t pos, int64_t max);   /* counted no further than max or a bit more */
int64_t pos_set_oldest(const struct pos_set *set);              /* 0: empty */

#endif
