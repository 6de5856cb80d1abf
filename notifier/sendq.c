/* sendq.c: a ring of frames. Thousands of subscribers mostly wait for nothing and then for one frame,
 * so the first few fit in the struct and the ring comes and goes with a backlog. */
#include "notifier/sendq.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static unsigned capacity(const struct sendq *q)
{
    return q->ring ? q->cap : SENDQ_FEW;
}

/* Capacities are powers of two. */
static struct frame **slot(const struct sendq *q, unsigned i)
{
    unsigned at = (q->head + i) & (capacity(q) - 1);

    return q->ring ? &q->ring[at] : (struct frame **)&q->few[at];
}

static enum err grow(struct sendq *q)
{
    unsigned cap = capacity(q) * 4;
    struct frame **ring;

    assert(cap > q->len);
    ring = malloc(cap * sizeof *ring);
    if (!ring)
        return ERR_NOMEM;
    for (unsigned i = 0; i < q->len; i++)
        ring[i] = *slot(q, i);
    free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return ERR_OK;
}

static bool fits(const struct sendq *q, const struct frame *frame)
{
    return q->len == 0 || (q->len < SENDQ_FRAMES && q->bytes + frame->len <= SENDQ_BYTES);
}

/* Conflation. The newest frame of the job decides: a state change behind an older progress must not
 * be overtaken by the progress of a later attempt. */
static bool replace_progress(struct sendq *q, struct frame *frame)
{
    if (q->n_progress == 0)
        return false;
    for (unsigned i = q->len; i-- > 0;) {
        struct frame **at = slot(q, i);

        if ((*at)->seq != frame->seq)
            continue;
        if ((*at)->kind != CHANGE_PROGRESS)
            return false;
        q->bytes += frame->len - (*at)->len;
        frame_ref(frame);
        frame_unref(*at);
        *at = frame;
        return true;
    }
    return false;
}

static void drop_progress(struct sendq *q)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < q->len; i++) {
        struct frame *frame = *slot(q, i);

        if (frame->kind == CHANGE_PROGRESS) {
            q->bytes -= frame->len;
            frame_unref(frame);
        } else {
            *slot(q, kept++) = frame;
        }
    }
    q->len = kept;
    q->n_progress = 0;
}

enum err sendq_push(struct sendq *q, struct frame *frame)
{
    bool is_progress = frame->kind == CHANGE_PROGRESS;

    if (is_progress && replace_progress(q, frame))
        return ERR_OK;
    if (!fits(q, frame)) {
        if (is_progress)
            return ERR_OK;
        if (q->n_progress > 0)
            drop_progress(q);
        if (!fits(q, frame))
            return ERR_BUSY;
    }
    if (q->len == capacity(q)) {
        enum err err = grow(q);

        if (err)
            return is_progress ? ERR_OK : err;
    }
    *slot(q, q->len++) = frame_ref(frame);
    q->bytes += frame->len;
    q->n_progress += is_progress;
    return ERR_OK;
}

struct frame *sendq_peek(const struct sendq *q)
{
    return q->len > 0 ? *slot(q, 0) : NULL;
}

struct frame *sendq_take(struct sendq *q)
{
    struct frame *frame = sendq_peek(q);

    if (!frame)
        return NULL;
    q->head = (q->head + 1) & (capacity(q) - 1);
    q->len--;
    q->bytes -= frame->len;
    q->n_progress -= frame->kind == CHANGE_PROGRESS;
    if (q->len == 0) {
        free(q->ring);
        q->ring = NULL;
        q->cap = q->head = 0;
    }
    return frame;
}

void sendq_clear(struct sendq *q)
{
    for (unsigned i = 0; i < q->len; i++)
        frame_unref(*slot(q, i));
    free(q->ring);
    memset(q, 0, sizeof *q);
}

int64_t sendq_lowest_pos(const struct sendq *q)
{
    int64_t lowest = INT64_MAX;

    for (unsigned i = 0; i < q->len; i++) {
        const struct frame *frame = *slot(q, i);

        if (frame->kind < CHANGE_PROGRESS && frame->pos < lowest)
            lowest = frame->pos;
    }
    return lowest;
}

bool sendq_has_room(const struct sendq *q)
{
    return q->len < SENDQ_FRAMES / 2 && q->bytes < SENDQ_BYTES / 2;
}
