// needs: schema
/* test_job.c: words, references, and the copy before a write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/job.h"

static struct job *example(void)
{
    struct spec *spec = spec_new();
    struct job *job;

    assert_non_null(spec);
    memcpy(spec->id, "01arz3ndektsv4rrffq69g5fav", ID_SIZE);
    spec->type = strdup("echo");
    spec->queue = strdup("default");
    spec->params = strdup("{}");
    spec->tags[spec->n_tags++] = strdup("a");
    spec->max_attempts = 3;
    job = job_new(spec);
    assert_non_null(job);
    spec_unref(spec);
    job->state = JOB_RUNNING;
    job->worker = strdup("w-1");
    job->progress.message = strdup("half");
    job->error = (struct job_error){JOB_ERROR_TIMEOUT, 1, true, strdup("too long")};
    job->result = body_new("application/json", "1", 1);
    job->attempts = calloc(1, sizeof *job->attempts);
    job->n_attempts = 1;
    job->attempts[0] = (struct attempt){1, strdup("w-1"), 10, 20, {JOB_ERROR_CRASHED, 1, true, strdup("signal 11")}};
    return job;
}

static void every_word_reads_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
        enum job_state state_back;
        assert_true(job_state_decode(job_state_word((enum job_state)i), &state_back));
        assert_int_equal(state_back, i);
    }
    for (unsigned i = 0; i < JOB_ERROR_COUNT; i++) {
        enum job_error_code code;
        assert_true(job_error_decode(job_error_word((enum job_error_code)i), &code));
        assert_int_equal(code, i);
    }
    enum job_state untouched = JOB_FAILED;
    assert_false(job_state_decode("Queued", &untouched));
    assert_int_equal(untouched, JOB_FAILED);
}

static void a_state_is_waiting_running_or_final(void **state)
{
    (void)state;
    for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
        enum job_state s = (enum job_state)i;
        assert_int_equal(job_state_is_waiting(s) + (s == JOB_RUNNING) + job_state_is_final(s), 1);
    }
}

static void only_a_retry_leads_out_of_a_final_state_and_never_from_success(void **state)
{
    (void)state;
    for (unsigned from = 0; from < JOB_STATE_COUNT; from++)
        for (unsigned to = 0; to < JOB_STATE_COUNT; to++)
            if (job_state_is_final((enum job_state)from))
                assert_int_equal(job_state_may_move((enum job_state)from, (enum job_state)to),
                                 to == JOB_QUEUED && from != JOB_SUCCEEDED);
    assert_true(job_state_may_move(JOB_QUEUED, JOB_RUNNING));
    assert_false(job_state_may_move(JOB_SCHEDULED, JOB_RUNNING));
    assert_true(job_state_may_move(JOB_RUNNING, JOB_QUEUED));
    assert_false(job_state_may_move(JOB_RUNNING, JOB_EXPIRED));
}

static void a_body_knows_json_by_its_media_type(void **state)
{
    static const struct {
        const char *type;
        bool is_json;
    } rows[] = {
        {"application/json", true}, {"Application/JSON; charset=utf-8", true}, {"application/json ;a=b", true},
        {"application/jsonl", false}, {"application/problem+json", false}, {"image/png", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct body *body = body_new(rows[i].type, "x\0y", 3);
        assert_int_equal(body->is_json, rows[i].is_json);
        assert_string_equal(body->media_type, rows[i].type);
        assert_memory_equal(body->bytes, "x\0y", 4);
        body_unref(body);
    }
}

static void a_media_type_that_does_not_fit_is_not_cut(void **state)
{
    char type[300];
    struct body *body;
    (void)state;

    memset(type, 'a', sizeof type - 1);
    type[sizeof type - 1] = '\0';
    body = body_new(type, NULL, 0);
    assert_string_equal(body->media_type, "application/octet-stream");
    assert_string_equal(body->bytes, "");
    body_unref(body);
}

static void a_job_nobody_shares_is_written_in_place(void **state)
{
    struct job *job = example(), *before = job;
    (void)state;

    assert_int_equal(job_own(&job), ERR_OK);
    assert_ptr_equal(job, before);
    job_unref(job);
}

static void a_shared_job_is_copied_whole(void **state)
{
    struct job *other = example(), *mine = job_ref(other);
    (void)state;

    assert_int_equal(job_own(&mine), ERR_OK);
    assert_ptr_not_equal(mine, other);
    assert_ptr_equal(mine->spec, other->spec);
    assert_ptr_equal(mine->result, other->result);
    assert_int_equal(atomic_load(&mine->spec->refs), 2);
    assert_int_equal(atomic_load(&mine->result->refs), 2);
    assert_ptr_not_equal(mine->worker, other->worker);
    assert_ptr_not_equal(mine->attempts, other->attempts);
    job_unref(other);

    assert_int_equal(mine->state, JOB_RUNNING);
    assert_string_equal(mine->worker, "w-1");
    assert_string_equal(mine->progress.message, "half");
    assert_string_equal(mine->error.message, "too long");
    assert_string_equal(mine->result->bytes, "1");
    assert_string_equal(mine->spec->tags[0], "a");
    assert_int_equal(mine->n_attempts, 1);
    assert_int_equal(mine->attempts[0].finished_at, 20);
    assert_string_equal(mine->attempts[0].worker, "w-1");
    assert_string_equal(mine->attempts[0].error.message, "signal 11");
    assert_int_equal(mine->max_attempts, 3);
    job_unref(mine);
}

static void a_copied_error_replaces_the_old_one(void **state)
{
    struct job_error to = {JOB_ERROR_TIMEOUT, 1, true, strdup("old")};
    struct job_error from = {JOB_ERROR_CRASHED, 2, false, NULL};
    (void)state;

    assert_int_equal(job_error_copy(&to, &from), ERR_OK);
    assert_int_equal(to.code, JOB_ERROR_CRASHED);
    assert_null(to.message);
    job_error_clear(&to);
}

static void letting_go_of_nothing_is_fine(void **state)
{
    (void)state;
    job_unref(NULL);
    spec_unref(NULL);
    body_unref(NULL);
}

static void a_name_has_1_to_64_plain_characters(void **state)
{
    char name[66];
    (void)state;

    memset(name, 'n', sizeof name);
    assert_true(name_is_valid(name, 64));
    assert_false(name_is_valid(name, 65));
    assert_false(name_is_valid("", 0));
    assert_true(name_is_valid("aZ09._-:/", 9));
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        bool expected = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                        c == '_' || c == '-' || c == ':' || c == '/';
        assert_int_equal(name_is_valid(&one, 1), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_reads_back),
        cmocka_unit_test(a_state_is_waiting_running_or_final),
        cmocka_unit_test(only_a_retry_leads_out_of_a_final_state_and_never_from_success),
        cmocka_unit_test(a_body_knows_json_by_its_media_type),
        cmocka_unit_test(a_media_type_that_does_not_fit_is_not_cut),
        cmocka_unit_test(a_job_nobody_shares_is_written_in_place),
        cmocka_unit_test(a_shared_job_is_copied_whole),
        cmocka_unit_test(a_copied_error_replaces_the_old_one),
        cmocka_unit_test(letting_go_of_nothing_is_fine),
        cmocka_unit_test(a_name_has_1_to_64_plain_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
