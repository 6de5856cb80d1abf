/* change.c: batches of changes: made once by the recorder, shared by every mailbox. */
#include "jobs/change.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[CHANGE_COUNT] = {
#define CHANGE_WORD(name, word) [CHANGE_##name] = word,
    CHANGE_LIST(CHANGE_WORD)
#undef CHANGE_WORD
};

static const enum change_kind of_state[JOB_STATE_COUNT] = {
    [JOB_SCHEDULED] = CHANGE_SCHEDULED, [JOB_QUEUED] = CHANGE_QUEUED,       [JOB_RUNNING] = CHANGE_RUNNING,
    [JOB_RETRYING] = CHANGE_RETRYING,   [JOB_SUCCEEDED] = CHANGE_SUCCEEDED, [JOB_FAILED] = CHANGE_FAILED,
    [JOB_CANCELLED] = CHANGE_CANCELLED, [JOB_EXPIRED] = CHANGE_EXPIRED,
};

struct changes *changes_new(unsigned cap)
{
    struct changes *changes = malloc(sizeof(*changes) + (size_t)cap * sizeof(changes->at[0]));

    if (!changes)
        return NULL;
    atomic_init(&changes->refs, 1);
    changes->last_pos = 0;
    changes->keys_changed = changes->queues_changed = false;
    changes->n = 0;
    return changes;
}

struct changes *changes_ref(struct changes *changes)
{
    atomic_fetch_add_explicit(&changes->refs, 1, memory_order_relaxed);
    return changes;
}

void changes_unref(struct changes *changes)
{
    if (!changes || atomic_fetch_sub_explicit(&changes->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < changes->n; i++)
        job_unref(changes->at[i].job);
    free(changes);
}

const char *change_word(enum change_kind kind)
{
    return (unsigned)kind < CHANGE_COUNT ? words[kind] : "";
}

bool change_decode(const char *word, enum change_kind *ret_kind)
{
    if (!word[0])
        return false;
    for (unsigned i = 0; i < CHANGE_COUNT; i++)
        if (strcmp(words[i], word) == 0) {
            *ret_kind = (enum change_kind)i;
            return true;
        }
    return false;
}

bool change_is_final(enum change_kind kind)
{
    return kind == CHANGE_SUCCEEDED || kind == CHANGE_FAILED || kind == CHANGE_CANCELLED || kind == CHANGE_EXPIRED;
}

enum change_kind change_of_state(enum job_state state)
{
    return of_state[state];
}
