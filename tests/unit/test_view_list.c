// needs: jobs
/* Lists of jobs: pages, filters, what is unfinished, what may be removed. */
#include "tests/unit/log_world.h"

struct list_world {
    struct world world;
    struct reader *reader;
};

static int set_up(void **state)
{
    struct list_world *list = calloc(1, sizeof *list);

    assert_non_null(list);
    world_make(&list->world);
    assert_int_equal(reader_open(list->world.dir, &list->reader), ERR_OK);
    *state = list;
    return 0;
}

static int tear_down(void **state)
{
    struct list_world *list = *state;

    reader_close(list->reader);
    world_end(&list->world);
    free(list);
    return 0;
}

static void submit(struct list_world *list, unsigned number, const char *type, const char *queue,
                   const char *tag)
{
    struct event event = event_of(EVENT_SUBMITTED, number, 0, T0);

    free(event.spec->type);
    free(event.spec->queue);
    event.spec->type = strdup(type);
    event.spec->queue = strdup(queue);
    if (tag)
        event.spec->tags[event.spec->n_tags++] = strdup(tag);
    assert_int_equal(world_apply(&list->world, &event, NULL), OUTCOME_ACCEPTED);
}

/* Reads all pages and writes the numbers of the jobs found: "5 3 1". */
static void found(struct list_world *list, const struct job_filter *filter, unsigned page, char *text,
                  size_t size)
{
    int64_t next = 0;

    text[0] = '\0';
    do {
        struct job *jobs[500];
        unsigned n = 0;
        assert_int_equal(reader_list(list->reader, filter, page, next, jobs, &n, &next), ERR_OK);
        assert_true(n <= page);
        for (unsigned i = 0; i < n; i++) {
            size_t len = strlen(text);
            snprintf(text + len, size - len, "%s%d", len ? " " : "", atoi(jobs[i]->spec->id + 4));
            job_unref(jobs[i]);
        }
    } while (next);
}

static void pages_go_from_the_newest_to_the_oldest(void **state)
{
    struct list_world *list = *state;
    struct job_filter any = {0};
    struct job *jobs[2];
    unsigned n;
    int64_t next;
    char text[64];

    for (unsigned i = 1; i <= 5; i++)
        submit(list, i, "echo", "default", NULL);
    found(list, &any, 2, text, sizeof text);
    assert_string_equal(text, "5 4 3 2 1");
    found(list, &any, 500, text, sizeof text);
    assert_string_equal(text, "5 4 3 2 1");
    /* A page that holds the last job says so. */
    assert_int_equal(reader_list(list->reader, &any, 2, 4, jobs, &n, &next), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(next, 0);
    job_unref(jobs[0]);
    job_unref(jobs[1]);
}

static void an_empty_log_has_an_empty_page(void **state)
{
    struct list_world *list = *state;
    struct job_filter any = {0};
    char text[64];

    found(list, &any, 10, text, sizeof text);
    assert_string_equal(text, "");
}

static void filters_hold_together_and_alone(void **state)
{
    static const struct {
        struct job_filter filter;
        const char *found;
    } cases[] = {
        {{.type = "ocr"}, "4 2"},
        {{.queue = "fast"}, "6 4"},
        {{.tag = "red"}, "6 3"},
        {{.type = "echo", .tag = "red"}, "6 3"},
        {{.type = "ocr", .queue = "fast"}, "4"},
        {{.type = "none"}, ""},
        {{.has_state = true, .state = JOB_QUEUED}, "6 5"},
        {{.has_state = true, .state = JOB_RUNNING}, "4"},
        {{.has_state = true, .state = JOB_SUCCEEDED}, "1"},
        {{.has_state = true, .state = JOB_CANCELLED}, "2"},
        {{.has_state = true, .state = JOB_RETRYING}, "3"},
        {{.has_state = true, .state = JOB_FAILED}, ""},
        {{.has_state = true, .state = JOB_CANCELLED, .type = "echo"}, ""},
        {{.has_state = true, .state = JOB_QUEUED, .queue = "fast", .tag = "red", .type = "echo"}, "6"},
    };
    struct list_world *list = *state;
    char text[64];

    submit(list, 1, "echo", "default", NULL);
    submit(list, 2, "ocr", "default", "blue");
    submit(list, 3, "echo", "default", "red");
    submit(list, 4, "ocr", "fast", NULL);
    submit(list, 5, "echo", "default", NULL);
    submit(list, 6, "echo", "fast", "red");
    world_tell(&list->world, EVENT_CLAIMED, 1, 1, T0);
    world_tell(&list->world, EVENT_DONE, 1, 1, T0);
    world_tell(&list->world, EVENT_CANCEL, 2, 0, T0);
    world_tell(&list->world, EVENT_CLAIMED, 3, 1, T0);
    world_tell(&list->world, EVENT_FAILED, 3, 1, T0);
    world_tell(&list->world, EVENT_CLAIMED, 4, 1, T0);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned page = 1; page <= 3; page++) {
            found(list, &cases[i].filter, page, text, sizeof text);
            assert_string_equal(text, cases[i].found);
        }
}

static void a_tenant_finds_its_own_alone(void **state)
{
    static const struct {
        struct job_filter filter;
        const char *found;
    } cases[] = {
        {{.tenant = "acme"}, "6 3"},
        {{.tenant = "default"}, "5 4 2 1"},
        {{.tenant = "nobody"}, ""},
        {{.tenant = NULL}, "6 5 4 3 2 1"},
        {{.tenant = "acme", .type = "ocr"}, "6"},
        {{.tenant = "acme", .has_state = true, .state = JOB_QUEUED}, "6"},
        {{.tenant = "acme", .has_state = true, .state = JOB_CANCELLED}, "3"},
        {{.tenant = "default", .has_state = true, .state = JOB_CANCELLED}, ""},
    };
    struct list_world *list = *state;
    char text[64];

    for (unsigned i = 1; i <= 6; i++) {
        struct event event = event_of(EVENT_SUBMITTED, i, 0, T0);
        if (i % 3 == 0)
            event.spec->tenant = strdup("acme");
        if (i == 4)
            event.spec->tenant = strdup("default");
        if (i == 6)
            strcpy(event.spec->type, "ocr");
        assert_int_equal(world_apply(&list->world, &event, NULL), OUTCOME_ACCEPTED);
    }
    world_tell(&list->world, EVENT_CANCEL, 3, 0, T0);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned page = 1; page <= 3; page++) {
            found(list, &cases[i].filter, page, text, sizeof text);
            assert_string_equal(text, cases[i].found);
        }
}

static void assert_looks_at_its_own(struct list_world *list, const char *tenant)
{
    struct job_filter filter = {.tenant = tenant};
    struct job *jobs[1];
    unsigned n = 9;
    int64_t next = 0;

    assert_int_equal(reader_list(list->reader, &filter, 1, 0, jobs, &n, &next), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(next, 0);
    job_unref(jobs[0]);
}

static void what_others_have_stored_is_not_looked_at(void **state)
{
    struct list_world *list = *state;
    struct view_step step;

    assert_int_equal(view_begin(list->world.view), ERR_OK);
    for (unsigned i = 0; i < 6000; i++) {
        struct event event = event_of(EVENT_SUBMITTED, 10 + i, 3 + i, T0);
        if (i)
            event.spec->tenant = strdup(i == 1 ? "acme" : "zeta");
        assert_int_equal(view_apply(list->world.view, &event, &step), ERR_OK);
        job_unref(step.job);
        event_clear(&event);
    }
    assert_int_equal(view_commit(list->world.view), ERR_OK);
    assert_looks_at_its_own(list, "acme");
    assert_looks_at_its_own(list, "default");
}

static void a_search_in_vain_stops_and_says_where_to_go_on(void **state)
{
    struct list_world *list = *state;
    struct job_filter filter = {.queue = "elsewhere"};
    struct job *jobs[1];
    struct view_step step;
    unsigned n = 9;
    int64_t next = 0;
    char text[64];

    submit(list, 1, "echo", "elsewhere", NULL);
    assert_int_equal(view_begin(list->world.view), ERR_OK);
    for (unsigned i = 0; i < 6000; i++) {
        struct event event = event_of(EVENT_SUBMITTED, 10 + i, 3 + i, T0);
        assert_int_equal(view_apply(list->world.view, &event, &step), ERR_OK);
        job_unref(step.job);
        event_clear(&event);
    }
    assert_int_equal(view_commit(list->world.view), ERR_OK);
    assert_int_equal(reader_list(list->reader, &filter, 1, 0, jobs, &n, &next), ERR_OK);
    assert_int_equal(n, 0);
    assert_true(next > 2);
    found(list, &filter, 1, text, sizeof text);
    assert_string_equal(text, "1");
}

static bool collect(void *arg, struct job *job)
{
    unsigned *bits = arg;

    *bits |= 1u << atoi(job->spec->id + 4);
    return true;
}

static bool stop_at_once(void *arg, struct job *job)
{
    (void)job;
    ++*(unsigned *)arg;
    return false;
}

static void the_unfinished_are_those_that_have_not_ended(void **state)
{
    struct list_world *list = *state;
    unsigned bits = 0, calls = 0;

    for (unsigned i = 1; i <= 4; i++)
        submit(list, i, "echo", "default", NULL);
    world_tell(&list->world, EVENT_CANCEL, 1, 0, T0);
    world_tell(&list->world, EVENT_CLAIMED, 2, 1, T0);
    world_tell(&list->world, EVENT_CANCEL, 3, 0, T0);
    world_tell(&list->world, EVENT_RETRIED, 3, 0, T0);
    assert_int_equal(reader_unfinished(list->reader, collect, &bits), ERR_OK);
    assert_int_equal(bits, 1u << 2 | 1u << 3 | 1u << 4);
    assert_int_equal(reader_unfinished(list->reader, stop_at_once, &calls), ERR_OK);
    assert_int_equal(calls, 1);
}

static void what_is_kept_long_enough_may_be_removed(void **state)
{
    struct list_world *list = *state;
    char ids[4][ID_SIZE], id[ID_SIZE];
    unsigned n = 9;

    for (unsigned i = 1; i <= 3; i++)
        submit(list, i, "echo", "default", NULL);
    world_tell(&list->world, EVENT_CANCEL, 2, 0, T0);
    world_tell(&list->world, EVENT_CANCEL, 1, 0, T0 + 10);
    assert_int_equal(reader_removable(list->reader, T0 + 999, 4, ids, &n), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(reader_removable(list->reader, T0 + 1010, 1, ids, &n), ERR_OK);
    assert_int_equal(n, 1);
    id_of(2, id);
    assert_string_equal(ids[0], id);
    assert_int_equal(reader_removable(list->reader, T0 + 1010, 4, ids, &n), ERR_OK);
    assert_int_equal(n, 2);
    /* Wanted again: no more. */
    world_tell(&list->world, EVENT_RETRIED, 2, 0, T0 + 1010);
    assert_int_equal(reader_removable(list->reader, T0 + 1010, 4, ids, &n), ERR_OK);
    assert_int_equal(n, 1);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(pages_go_from_the_newest_to_the_oldest),
        WITH_WORLD(an_empty_log_has_an_empty_page),
        WITH_WORLD(filters_hold_together_and_alone),
        WITH_WORLD(a_tenant_finds_its_own_alone),
        WITH_WORLD(what_others_have_stored_is_not_looked_at),
        WITH_WORLD(a_search_in_vain_stops_and_says_where_to_go_on),
        WITH_WORLD(the_unfinished_are_those_that_have_not_ended),
        WITH_WORLD(what_is_kept_long_enough_may_be_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
