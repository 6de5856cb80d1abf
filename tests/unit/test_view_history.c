// needs: jobs
/* History: the log folded again tells what was told live, from any position, in pieces of any size. */
#include "tests/unit/log_world.h"

#define LIVE_MAX 4000

struct live {
    struct world world;
    struct reader *reader;
    unsigned n;
    struct change at[LIVE_MAX]; /* what was told as it happened */
};

static int set_up(void **state)
{
    struct live *live = calloc(1, sizeof *live);

    assert_non_null(live);
    world_make(&live->world);
    assert_int_equal(reader_open(live->world.dir, &live->reader), ERR_OK);
    *state = live;
    return 0;
}

static int tear_down(void **state)
{
    struct live *live = *state;

    for (unsigned i = 0; i < live->n; i++)
        job_unref(live->at[i].job);
    reader_close(live->reader);
    world_end(&live->world);
    free(live);
    return 0;
}

static void tell(struct live *live, enum event_kind kind, unsigned number, int epoch, int64_t at)
{
    struct event event = event_of(kind, number, 0, at);
    struct view_step step;

    event.epoch = epoch;
    if (kind == EVENT_CLAIMED)
        event.worker = strdup("host-1");
    if (kind == EVENT_DONE)
        event.body = body_new(number % 2 ? "application/json" : "image/png", "[1]", 3);
    if (kind == EVENT_FAILED)
        event_fails(&event, at + 10);
    world_apply(&live->world, &event, &step);
    if (step.changed && change_word(step.told)[0])
        live->at[live->n++] = (struct change){step.told, event.pos, at, step.job};
    else
        job_unref(step.job);
}

static void assert_same(const struct change *a, const struct change *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->pos, b->pos);
    assert_int_equal(a->at, b->at);
    assert_string_equal(a->job->spec->id, b->job->spec->id);
    assert_int_equal(a->job->state, b->job->state);
    assert_int_equal(a->job->pos, b->job->pos);
    assert_int_equal(a->job->seq, b->job->seq);
    assert_int_equal(a->job->n_attempts, b->job->n_attempts);
    assert_int_equal(a->job->attempt, b->job->attempt);
    assert_int_equal(a->job->result_pos, b->job->result_pos);
    assert_int_equal(a->job->result_len, b->job->result_len);
    assert_int_equal(a->job->result != NULL, b->job->result != NULL);
    assert_int_equal(a->job->error.code, b->job->error.code);
    assert_int_equal(a->job->finished_at, b->job->finished_at);
    assert_int_equal(a->job->run_at, b->job->run_at);
}

/* Everything after `after` in pieces of max is what was told live. */
static void assert_history(struct live *live, const char *id, int64_t after, unsigned max)
{
    int64_t at = after, last = reader_last_pos(live->reader);
    unsigned expected = 0, rounds = 0;

    do {
        struct changes *changes = NULL;
        assert_int_equal(reader_changes(live->reader, id, at, INT64_MAX, max, &changes), ERR_OK);
        assert_true(changes->n <= max);
        assert_true(changes->last_pos > at || at == last);
        for (unsigned i = 0; i < changes->n; i++) {
            while (expected < live->n && (live->at[expected].pos <= after ||
                                          (id && strcmp(live->at[expected].job->spec->id, id) != 0)))
                expected++;
            assert_true(expected < live->n);
            assert_same(&changes->at[i], &live->at[expected++]);
        }
        at = changes->last_pos;
        changes_unref(changes);
        assert_true(++rounds < 100000);
    } while (at < last);
    while (expected < live->n &&
           (live->at[expected].pos <= after || (id && strcmp(live->at[expected].job->spec->id, id) != 0)))
        expected++;
    assert_int_equal(expected, live->n);
}

static void a_life_is_told_again_step_by_step(void **state)
{
    struct live *live = *state;
    char id[ID_SIZE];

    id_of(1, id);
    tell(live, EVENT_SUBMITTED, 1, 0, T0);
    tell(live, EVENT_CLAIMED, 1, 1, T0 + 1);
    tell(live, EVENT_FAILED, 1, 1, T0 + 2);
    tell(live, EVENT_DUE, 1, 0, T0 + 12);
    tell(live, EVENT_CLAIMED, 1, 2, T0 + 13);
    tell(live, EVENT_CANCEL, 1, 0, T0 + 14);
    tell(live, EVENT_CANCELLED, 1, 2, T0 + 15);
    assert_int_equal(live->n, 6); /* nobody hears of the wish to cancel */
    for (int64_t after = 0; after <= 8; after++)
        for (unsigned max = 1; max <= 7; max++) {
            assert_history(live, id, after, max);
            assert_history(live, NULL, after, max);
        }
}

static void history_ends_where_asked(void **state)
{
    struct live *live = *state;
    struct changes *changes;
    char id[ID_SIZE];

    id_of(1, id);
    tell(live, EVENT_SUBMITTED, 1, 0, T0);
    tell(live, EVENT_CLAIMED, 1, 1, T0 + 1);
    tell(live, EVENT_DONE, 1, 1, T0 + 2);
    for (int one = 0; one < 2; one++) {
        assert_int_equal(reader_changes(live->reader, one ? id : NULL, 2, 3, 10, &changes), ERR_OK);
        assert_int_equal(changes->n, 1);
        assert_int_equal(changes->at[0].kind, CHANGE_RUNNING);
        assert_int_equal(changes->last_pos, 3);
        changes_unref(changes);
    }
}

static void a_position_that_never_was_is_not_found(void **state)
{
    struct live *live = *state;
    struct changes *changes = NULL;
    char id[ID_SIZE];

    id_of(1, id);
    tell(live, EVENT_SUBMITTED, 1, 0, T0);
    assert_int_equal(reader_changes(live->reader, NULL, 3, 9, 10, &changes), ERR_NOT_FOUND);
    assert_int_equal(reader_changes(live->reader, id, 3, 9, 10, &changes), ERR_NOT_FOUND);
    id_of(2, id);
    assert_int_equal(reader_changes(live->reader, id, 1, 9, 10, &changes), ERR_NOT_FOUND);
    assert_null(changes);
}

static void a_removed_job_leaves_no_silent_gap(void **state)
{
    struct live *live = *state;
    struct changes *changes = NULL;
    char id[ID_SIZE];

    id_of(2, id);
    tell(live, EVENT_SUBMITTED, 1, 0, T0); /* 2 */
    tell(live, EVENT_SUBMITTED, 2, 0, T0); /* 3 */
    tell(live, EVENT_CANCEL, 1, 0, T0);    /* 4 */
    tell(live, EVENT_REMOVED, 1, 0, T0 + 1000);
    for (int64_t after = 0; after < 4; after++)
        assert_int_equal(reader_changes(live->reader, NULL, after, 9, 10, &changes), ERR_NOT_FOUND);
    assert_int_equal(reader_changes(live->reader, NULL, 4, 9, 10, &changes), ERR_OK);
    assert_int_equal(changes->n, 0);
    assert_int_equal(changes->last_pos, 5);
    changes_unref(changes);
    /* One job's own events are whole as long as it is kept. */
    assert_int_equal(reader_changes(live->reader, id, 0, 9, 10, &changes), ERR_OK);
    assert_int_equal(changes->n, 1);
    changes_unref(changes);
}

static void many_jobs_at_random_are_told_again_as_they_were(void **state)
{
    static const enum event_kind kinds[] = {EVENT_SUBMITTED, EVENT_CLAIMED, EVENT_DONE,     EVENT_FAILED,
                                            EVENT_CANCEL,    EVENT_LOST,    EVENT_RELEASED, EVENT_RETRIED};
    struct live *live = *state;
    unsigned seed = 5;
    char id[ID_SIZE];

    for (int i = 0; i < 3000; i++)
        tell(live, kinds[(unsigned)rand_r(&seed) % (sizeof kinds / sizeof *kinds)],
             (unsigned)rand_r(&seed) % 40, rand_r(&seed) % 5 + 1, T0 + i * 3);
    assert_true(live->n > 100);
    assert_history(live, NULL, 0, 1);
    assert_history(live, NULL, 0, 500);
    assert_history(live, NULL, 1500, 7);
    for (unsigned number = 0; number < 40; number += 3) {
        id_of(number, id);
        assert_history(live, id, 0, 3);
        assert_history(live, id, 1500, 100);
    }
}

#define WITH_LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LIVE(a_life_is_told_again_step_by_step),
        WITH_LIVE(history_ends_where_asked),
        WITH_LIVE(a_position_that_never_was_is_not_found),
        WITH_LIVE(a_removed_job_leaves_no_silent_gap),
        WITH_LIVE(many_jobs_at_random_are_told_again_as_they_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
