/* sleep: waits, telling how far it is: a job whose length is known, for trying things out. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "jobs/handlers.h"

#define SECONDS_MAX 86400.0
#define STEP_MIN_S 0.2      /* progress is for people */

static void add_seconds(struct timespec *time, double seconds)
{
    time->tv_sec += (time_t)seconds;
    time->tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (time->tv_nsec >= 1000000000L) {
        time->tv_sec++;
        time->tv_nsec -= 1000000000L;
    }
}

static void sleep_until(const struct timespec *time)
{
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, time, NULL) == EINTR)
        continue;
}

int handler_sleep(struct buzzer_job *job)
{
    char result[64];
    struct timespec start, until;
    json_t *root = json_loadb(job->input, job->input_len, 0, NULL);
    const json_t *member = json_object_get(root, "seconds");
    double seconds = json_number_value(member);
    int len;

    if (!json_is_number(member) || !(seconds >= 0 && seconds <= SECONDS_MAX)) {
        json_decref(root);
        job->fail(job, "seconds must be a number from 0 to 86400");
        return BUZZER_BAD_INPUT;
    }
    if (json_is_integer(member))
        len = snprintf(result, sizeof result, "{\"slept\":%lld}", (long long)json_integer_value(member));
    else
        len = snprintf(result, sizeof result, "{\"slept\":%.15g}", seconds);
    json_decref(root);

    clock_gettime(CLOCK_MONOTONIC, &start);
    double step = seconds / 100 < STEP_MIN_S ? STEP_MIN_S : seconds / 100;
    for (int i = 1; i * step < seconds; i++) {
        until = start;
        add_seconds(&until, i * step);
        sleep_until(&until);
        job->progress(job, (int)(i * step / seconds * 100), NULL);
    }
    until = start;
    add_seconds(&until, seconds);
    sleep_until(&until);
    return job->result(job, NULL, result, (size_t)len) ? BUZZER_FAILED : BUZZER_DONE;
}
