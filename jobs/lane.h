/* lane.h: memory shared by the worker and one executor: a slot for each job given to it, in order.
 *
 *   FREE ──worker──> WAITING ──executor──> TAKEN ──executor──> DONE ──worker──> FREE
 *                       └──worker──> REVOKED ──executor──> SKIPPED ──worker──> FREE
 *
 * So the worker can take back what lies behind a job that turned out long, a cancel of what has not
 * begun needs no kill, a crash tells which job was at fault, and results that were there before it
 * are not lost. The executor may be hostile: the worker copies what it reads and checks the copy. */
#ifndef BUZZER_JOBS_LANE_H
#define BUZZER_JOBS_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/err.h"

#define LANE_SLOTS 64u
#define LANE_BYTES 1024u       /* a larger result goes through the socket */
#define LANE_MEDIA_SIZE 128u

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_TAKEN, SLOT_REVOKED, SLOT_DONE, SLOT_SKIPPED };

enum attempt_outcome {
    ATTEMPT_DONE,
    ATTEMPT_FAILED,        /* the handler said so */
    ATTEMPT_BAD_INPUT,
    ATTEMPT_NO_MEMORY,
    ATTEMPT_BAD_OUTPUT,
    ATTEMPT_CRASHED,       /* a command, by a signal */
    ATTEMPT_OUTCOME_COUNT
};

/* How an attempt ended: in its slot, or at the head of a frame. The bytes that follow are the result,
 * or else the message. */
struct attempt_record {
    int64_t run_us;
    uint32_t outcome;      /* enum attempt_outcome */
    int32_t percent;       /* the last progress; -1: none */
    uint32_t len;
    char media_type[LANE_MEDIA_SIZE];
};

struct lane_slot {
    _Atomic uint32_t state;
    _Atomic int64_t started_us;    /* monotonic */
    struct attempt_record record;
    char bytes[LANE_BYTES];
};

struct lane {
    struct lane_slot slots[LANE_SLOTS];
};

enum err lane_open(struct lane **ret_lane, int *ret_fd);   /* the worker: fd is for the executor to inherit */
enum err lane_map(int fd, struct lane **ret_lane);         /* the executor */
void lane_close(struct lane *lane);                        /* NULL is fine */
/* Moves a slot on if it is in state from; false: the other side was first. */
bool lane_move(struct lane_slot *slot, enum slot_state from, enum slot_state to);
enum slot_state lane_state(const struct lane_slot *slot);

#endif
