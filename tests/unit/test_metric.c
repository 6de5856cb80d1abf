// needs: schema
/* test_metric.c: figures as a scraper reads them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/metric.h"

static unsigned count(const char *page, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(page, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

static char *page(void)
{
    struct text text = {0};
    char *at;

    metric_encode(&text);
    at = text_take(&text, NULL);
    assert_non_null(at);
    return at;
}

static void assert_line(const char *line)
{
    char *at = page();

    if (!strstr(at, line))
        fail_msg("no line %s in\n%s", line, at);
    free(at);
}

static void counters_and_gauges_show_their_values(void **state)
{
    (void)state;
    METRIC_INC(JOBS_SUBMITTED);
    METRIC_ADD(JOBS_SUBMITTED, 41);
    METRIC_SET(SLOTS, 2);
    METRIC_ADD(SLOTS_BUSY, 3);
    METRIC_ADD(SLOTS_BUSY, -1);
    METRIC_INC(JOBS_FAILED);
    assert_int_equal(metric_get(METRIC_JOBS_SUBMITTED_), 42);
    assert_line("\n# HELP buzzer_jobs_submitted_total Jobs accepted.\n"
                "# TYPE buzzer_jobs_submitted_total counter\nbuzzer_jobs_submitted_total 42\n");
    assert_line("\nbuzzer_slots 2\n");
    assert_line("\nbuzzer_slots_busy 2\n");
    assert_line("\nbuzzer_jobs_finished_total{state=\"failed\"} 1\n");
}

static void a_name_with_several_labels_is_explained_once(void **state)
{
    char *at = page();
    (void)state;

    assert_int_equal(count(at, "# TYPE buzzer_jobs_finished_total "), 1);
    assert_int_equal(count(at, "# HELP buzzer_jobs_finished_total "), 1);
    assert_int_equal(count(at, "\nbuzzer_jobs_finished_total{"), 4);
    assert_int_equal(count(at, "# TYPE"), count(at, "# HELP"));
    free(at);
}

static void a_histogram_is_cumulative_and_in_seconds(void **state)
{
    (void)state;
    METRIC_US(COMMIT_US, 100);      /* the bound itself belongs to its bucket */
    METRIC_US(COMMIT_US, 101);
    METRIC_US(COMMIT_US, -5);       /* counts as nothing */
    METRIC_US(COMMIT_US, 2500000);
    METRIC_US(COMMIT_US, 4000000000);
    assert_line("# TYPE buzzer_commit_seconds histogram\nbuzzer_commit_seconds_bucket{le=\"0.0001\"} 2\n"
                "buzzer_commit_seconds_bucket{le=\"0.00025\"} 3\n");
    assert_line("\nbuzzer_commit_seconds_bucket{le=\"1\"} 3\nbuzzer_commit_seconds_bucket{le=\"2.5\"} 4\n");
    assert_line("\nbuzzer_commit_seconds_bucket{le=\"3600\"} 4\nbuzzer_commit_seconds_bucket{le=\"+Inf\"} 5\n"
                "buzzer_commit_seconds_sum 4002.500201\nbuzzer_commit_seconds_count 5\n");
}

static void *count_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50000; i++) {
        METRIC_INC(WS_DELIVERIES);
        METRIC_US(WAIT_US, 1);
    }
    return NULL;
}

static void no_count_of_any_thread_is_lost(void **state)
{
    pthread_t threads[4];
    (void)state;

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metric_get(METRIC_WS_DELIVERIES_), 200000);
    assert_line("\nbuzzer_job_wait_seconds_sum 0.2\nbuzzer_job_wait_seconds_count 200000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_show_their_values),
        cmocka_unit_test(a_name_with_several_labels_is_explained_once),
        cmocka_unit_test(a_histogram_is_cumulative_and_in_seconds),
        cmocka_unit_test(no_count_of_any_thread_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
