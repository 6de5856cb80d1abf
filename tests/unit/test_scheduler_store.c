// needs: jobs
/* The scheduler's memory: entries found by id, heaps, and a hundred thousand waiting jobs. */
#include "tests/support/scheduler_bench.h"

static void a_heap_gives_the_lowest_whatever_was_taken_from_its_middle(void **state)
{
    enum { N = 600 };
    struct store store;
    struct heap heap = {.kind = HEAP_TIMER};
    int64_t keys[N];
    char id[ID_SIZE];

    (void)state;
    srand(5);
    assert_int_equal(store_init(&store), ERR_OK);
    assert_int_equal(heap_reserve(&heap, N), ERR_OK);
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < N; i++) {
            uint32_t number;
            id_of(i, id);
            assert_int_equal(store_add(&store, id, &number), ERR_OK);
            keys[number] = rand() % 10000;
            heap_push(&heap, &store, number, keys[number]);
        }
        for (unsigned i = 0; i < N; i += 1 + (unsigned)rand() % 3) {
            id_of(i, id);
            heap_remove(&heap, &store, store_find(&store, id));
            store_remove(&store, store_find(&store, id));
            assert_int_equal(store_find(&store, id), ENTRY_NONE);
        }
        for (int64_t last = -1; heap.n > 0;) {
            uint32_t number = heap.at[0].entry;
            assert_int_equal(keys[number], heap.at[0].key);
            assert_true(heap.at[0].key >= last);
            last = heap.at[0].key;
            heap_remove(&heap, &store, number);
            store_remove(&store, number);
        }
        assert_int_equal(store.n_entries, 0);
    }
    heap_clear(&heap);
    store_clear(&store);
}

static void a_hundred_thousand_waiting_jobs_go_in_order(void **state)
{
    struct bench *b = *state;
    enum { MANY = 100000 };
    struct spec *spec = spec_new();
    struct job *job;
    struct scheduler_action action;
    unsigned expected = 0;

    spec->type = strdup("one");
    spec->queue = strdup("default");
    spec->timeout_ms = 1000;
    for (unsigned i = 0; i < MANY; i++) {            /* against their order, so that the heap has work */
        id_of(MANY - i, spec->id);
        job = job_new(spec);
        job->state = JOB_QUEUED;
        job->ready_pos = job->pos = MANY - i;
        assert_int_equal(scheduler_seed(b->s, job, b->wall), ERR_OK);
        job_unref(job);
    }
    assert_int_equal(scheduler_waiting(b->s), MANY);
    while (scheduler_next(b->s, b->wall, b->mono, &action) == SCHEDULER_APPEND) {
        assert_int_equal(action.event.kind, EVENT_CLAIMED);
        assert_int_equal(strtoul(action.event.job, NULL, 10), ++expected);
        spec_unref(spec);
        spec = spec_new();
        spec->type = strdup("one");
        memcpy(spec->id, action.event.job, ID_SIZE);
        job = job_new(spec);
        job->state = JOB_CANCELLED;
        job->pos = 2 * MANY + expected;
        struct change change = {.kind = CHANGE_CANCELLED, .pos = job->pos, .job = job};
        scheduler_on_change(b->s, &change, b->wall, b->mono);
        job_unref(job);
        event_clear(&action.event);
    }
    assert_int_equal(expected, MANY);
    assert_true(scheduler_is_settled(b->s));
    spec_unref(spec);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_gives_the_lowest_whatever_was_taken_from_its_middle),
        TEST(a_hundred_thousand_waiting_jobs_go_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
