// needs: jobs
/* Progress from elsewhere: believed as far as the view bears it out. */
#include "tests/unit/log_world.h"

#include "jobs/progress.h"

static struct progress_line line_of(const char *json, enum err expected)
{
    struct progress_line line = {0};

    if (progress_decode(json, strlen(json), &line) != expected)
        fail_msg("%s: not %s", json, err_word(expected));
    return line;
}

static void what_is_encoded_reads_back_the_same(void **state)
{
    char id[ID_SIZE], message[] = "page 2 of \"5\"\n";
    struct text text = {0};

    (void)state;
    id_of(7, id);
    struct spec *spec = spec_of(id);
    struct job *job = job_new(spec);
    struct change change = {.kind = CHANGE_PROGRESS, .pos = 2049, .job = job};
    job->epoch = 3;
    job->progress = (struct progress){.percent = 40, .message = strdup(message)};
    progress_encode(&text, &change);
    assert_null(strchr(text.at, '\n'));
    struct progress_line line = line_of(text.at, ERR_OK);
    assert_string_equal(line.job, id);
    assert_int_equal(line.epoch, 3);
    assert_int_equal(line.pos, 2049);
    assert_int_equal(line.progress.percent, 40);
    assert_string_equal(line.progress.message, message);
    free(line.progress.message);
    text_clear(&text);
    job_unref(job);
    spec_unref(spec);
}

#define HEAD "{\"job\":\"01kb0000000000000000000007\",\"epoch\":1,\"pos\":5"

static void what_was_not_told_is_absent(void **state)
{
    (void)state;
    struct progress_line line = line_of(HEAD "}", ERR_OK);
    assert_int_equal(line.progress.percent, -1);
    assert_null(line.progress.message);
}

static void hostile_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "", "[]", "{}", HEAD, HEAD ",\"percent\":101}", HEAD ",\"percent\":-1}", HEAD ",\"percent\":\"1\"}",
        HEAD ",\"percent\":4294967297}", HEAD ",\"message\":7}", HEAD ",\"message\":\"a\\u0000b\"}", HEAD ",\"pos\":5}",
        "{\"job\":\"01kb0000000000000000000007\",\"epoch\":0,\"pos\":5}",
        "{\"job\":\"01kb0000000000000000000007\",\"epoch\":2147483648,\"pos\":5}",
        "{\"job\":\"01kb0000000000000000000007\",\"epoch\":1,\"pos\":0}",
        "{\"job\":\"01KB0000000000000000000007\",\"epoch\":1,\"pos\":5}",
        "{\"job\":\"' or 1=1 --\",\"epoch\":1,\"pos\":5}",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        line_of(lines[i], ERR_CORRUPT);
}

struct told {
    struct world view;
    struct progress_feed *feed;
    unsigned n;
    int percent;
    char message[64];
    int64_t pos;
};

static void on_progress(void *arg, struct changes *changes)
{
    struct told *told = arg;

    assert_int_equal(changes->n, 1);
    assert_int_equal(changes->at[0].kind, CHANGE_PROGRESS);
    told->n++;
    told->percent = changes->at[0].job->progress.percent;
    told->pos = changes->at[0].pos;
    snprintf(told->message, sizeof told->message, "%s", changes->at[0].job->progress.message);
}

static void hear(struct told *told, unsigned number, int epoch, int64_t pos, bool is_own)
{
    char line[256], id[ID_SIZE];

    id_of(number, id);
    snprintf(line, sizeof line, "{\"job\":\"%s\",\"epoch\":%d,\"percent\":40,\"message\":\"half\",\"pos\":%lld}", id,
             epoch, (long long)pos);
    progress_hear(told->feed, SIDEBAND_PROGRESS, line, strlen(line), is_own);
}

/* A view in which job 1 runs in its first epoch and job 2 waits. */
static int set_up(void **state)
{
    struct told *told = calloc(1, sizeof *told);

    assert_non_null(told);
    world_make(&told->view);
    assert_int_equal(world_tell(&told->view, EVENT_SUBMITTED, 1, 0, T0), OUTCOME_ACCEPTED);
    assert_int_equal(world_tell(&told->view, EVENT_SUBMITTED, 2, 0, T0), OUTCOME_ACCEPTED);
    assert_int_equal(world_tell(&told->view, EVENT_CLAIMED, 1, 1, T0), OUTCOME_ACCEPTED);
    assert_int_equal(progress_new(told->view.dir, NULL, on_progress, told, &told->feed), ERR_OK);
    *state = told;
    return 0;
}

static int tear_down(void **state)
{
    struct told *told = *state;

    progress_free(told->feed);
    world_end(&told->view);
    free(told);
    return 0;
}

static void a_running_jobs_progress_is_told_as_of_its_newest_event(void **state)
{
    struct told *told = *state;

    hear(told, 1, 1, 2, false);
    assert_int_equal(told->n, 1);
    assert_int_equal(told->percent, 40);
    assert_string_equal(told->message, "half");
    assert_int_equal(told->pos, view_next_pos(told->view.view) - 1);
}

static void what_the_view_does_not_bear_out_is_not_told(void **state)
{
    struct told *told = *state;

    hear(told, 1, 2, 2, false);                    /* another attempt */
    hear(told, 2, 1, 2, false);                    /* it waits */
    hear(told, 3, 1, 2, false);                    /* nobody knows it */
    hear(told, 1, 1, 1000000, false);              /* whoever said it has read further than this view */
    hear(told, 1, 1, 2, true);                     /* our own, told already */
    progress_hear(told->feed, SIDEBAND_BEAT, "{}", 2, false);
    progress_hear(told->feed, SIDEBAND_PROGRESS, "{", 1, false);
    assert_int_equal(told->n, 0);
    assert_int_equal(world_tell(&told->view, EVENT_DONE, 1, 1, T0 + 5), OUTCOME_ACCEPTED);
    hear(told, 1, 1, 2, false);                    /* it has ended */
    assert_int_equal(told->n, 0);
}

static void what_is_told_here_is_heard_here_at_once(void **state)
{
    struct told *told = *state;
    struct changes *changes = changes_new(1);
    char id[ID_SIZE];

    id_of(1, id);
    struct spec *spec = spec_of(id);
    struct job *job = job_new(spec);
    job->progress = (struct progress){.percent = 7, .message = strdup("so far")};
    changes->at[changes->n++] = (struct change){.kind = CHANGE_PROGRESS, .pos = 3, .job = job};
    progress_tell(told->feed, changes);
    assert_int_equal(told->n, 1);
    assert_int_equal(told->percent, 7);
    changes_unref(changes);
    spec_unref(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_reads_back_the_same),
        cmocka_unit_test(what_was_not_told_is_absent),
        cmocka_unit_test(hostile_lines_are_refused),
        cmocka_unit_test_setup_teardown(a_running_jobs_progress_is_told_as_of_its_newest_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_view_does_not_bear_out_is_not_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_told_here_is_heard_here_at_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
