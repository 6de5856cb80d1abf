// needs: jobs
/* The sieve against known counts, and against the plain way of counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/handlers.h"

struct heard {
    char result[128], failure[128];
    int n_progress, last_percent;
};

static void on_progress(struct buzzer_job *job, int percent, const char *message)
{
    struct heard *heard = job->context;
    (void)message;
    assert_true(percent > heard->last_percent);
    heard->last_percent = percent;
    heard->n_progress++;
}

static int on_result(struct buzzer_job *job, const char *media_type, const void *bytes, size_t len)
{
    struct heard *heard = job->context;
    assert_null(media_type);
    memcpy(heard->result, bytes, len);
    heard->result[len] = '\0';
    return 0;
}

static int on_fail(struct buzzer_job *job, const char *message)
{
    struct heard *heard = job->context;
    snprintf(heard->failure, sizeof heard->failure, "%s", message);
    return 0;
}

static int run(const char *input, struct heard *heard)
{
    struct buzzer_job job = {.input = input, .input_len = strlen(input), .progress = on_progress,
                             .result = on_result, .fail = on_fail, .context = heard};
    *heard = (struct heard){.result = ""};
    return handler_primes(&job);
}

static void expect(unsigned below, unsigned count, unsigned largest)
{
    struct heard heard;
    char input[64], result[64];

    snprintf(input, sizeof input, "{\"below\":%u}", below);
    if (largest)
        snprintf(result, sizeof result, "{\"count\":%u,\"largest\":%u}", count, largest);
    else
        snprintf(result, sizeof result, "{\"count\":0,\"largest\":null}");
    assert_int_equal(run(input, &heard), BUZZER_DONE);
    assert_string_equal(heard.result, result);
}

static void there_are_no_primes_below_two(void **state)
{
    (void)state;
    expect(0, 0, 0);
    expect(1, 0, 0);
    expect(2, 0, 0);
}

static void every_small_bound_agrees_with_trial_division(void **state)
{
    unsigned count = 0, largest = 0;
    (void)state;
    for (unsigned below = 3; below < 2000; below++) {
        unsigned n = below - 1, divisor = 2;
        while (divisor * divisor <= n && n % divisor)
            divisor++;
        if (divisor * divisor > n) {
            count++;
            largest = n;
        }
        expect(below, count, largest);
    }
}

static void known_counts_come_out(void **state)
{
    (void)state;
    expect(1000000, 78498, 999983);
    expect(262144, 23000, 262139);      /* the end of a piece */
    expect(262146, 23000, 262139);
    expect(10000000, 664579, 9999991);
}

static void the_largest_may_lie_in_an_earlier_piece(void **state)
{
    (void)state;
    expect(262147, 23000, 262139);      /* 262145 alone in the second piece, and no prime */
    expect(262148, 23001, 262147);
}

static void the_bound_of_the_type_can_be_done(void **state)
{
    (void)state;
    expect(1000000000, 50847534, 999999937);
}

static void progress_rises(void **state)
{
    struct heard heard;
    (void)state;
    run("{\"below\":100000000}", &heard);
    assert_in_range(heard.n_progress, 90, 99);
}

static void what_is_no_bound_is_bad_input(void **state)
{
    static const char *const inputs[] = {"", "[]", "{}", "{\"below\":-1}", "{\"below\":1.5}", "{\"below\":\"9\"}",
                                         "{\"below\":1000000001}"};
    struct heard heard;
    (void)state;
    for (unsigned i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        assert_int_equal(run(inputs[i], &heard), BUZZER_BAD_INPUT);
        assert_true(heard.failure[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_no_primes_below_two),
        cmocka_unit_test(every_small_bound_agrees_with_trial_division),
        cmocka_unit_test(known_counts_come_out),
        cmocka_unit_test(the_largest_may_lie_in_an_earlier_piece),
        cmocka_unit_test(the_bound_of_the_type_can_be_done),
        cmocka_unit_test(progress_rises),
        cmocka_unit_test(what_is_no_bound_is_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
