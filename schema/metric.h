/* metric.h: the figures of /metrics, one table, counted with relaxed atomics from any thread.
 * Histograms have fixed buckets in microseconds. No label ever holds an id. */
#ifndef BUZZER_SCHEMA_METRIC_H
#define BUZZER_SCHEMA_METRIC_H

#include <stdint.h>

#include "schema/text.h"

/* name, kind, what an operator reads; a name may carry a fixed label set after it. */
#define METRIC_LIST(X)                                                                             \
    X(HTTP_REQUESTS, COUNTER, "buzzer_http_requests_total", "", "Requests answered.")              \
    X(HTTP_REFUSED, COUNTER, "buzzer_http_refused_total", "", "Requests answered with 4xx or 5xx.")\
    X(LOG_AWAY, COUNTER, "buzzer_log_away_total", "", "Requests and frames answered with 503 log-away.") \
    X(AUTH_NO_KEY, COUNTER, "buzzer_auth_refused_total", "problem=\"no-key\"", "Requests and handshakes refused for their key.") \
    X(AUTH_NO_RIGHT, COUNTER, "buzzer_auth_refused_total", "problem=\"no-right\"", "")            \
    X(HTTP_CONNECTIONS, GAUGE, "buzzer_http_connections", "", "Connections open, WebSockets included.") \
    X(WS_SOCKETS, GAUGE, "buzzer_ws_sockets", "", "WebSockets open.")                              \
    X(WS_SUBSCRIPTIONS, GAUGE, "buzzer_ws_subscriptions", "", "Subscriptions held.")               \
    X(WS_DELIVERIES, COUNTER, "buzzer_ws_deliveries_total", "", "Events handed to sockets.")       \
    X(WS_TOO_SLOW, COUNTER, "buzzer_ws_too_slow_total", "", "Sockets closed with 4408.")           \
    X(JOBS_SUBMITTED, COUNTER, "buzzer_jobs_submitted_total", "", "Jobs accepted.")                \
    X(JOBS_SUCCEEDED, COUNTER, "buzzer_jobs_finished_total", "state=\"succeeded\"", "Jobs ended, by final state.") \
    X(JOBS_FAILED, COUNTER, "buzzer_jobs_finished_total", "state=\"failed\"", "")                  \
    X(JOBS_CANCELLED, COUNTER, "buzzer_jobs_finished_total", "state=\"cancelled\"", "")            \
    X(JOBS_EXPIRED, COUNTER, "buzzer_jobs_finished_total", "state=\"expired\"", "")                \
    X(JOBS_SCHEDULED_NOW, GAUGE, "buzzer_jobs", "state=\"scheduled\"", "Unfinished jobs, by state.") \
    X(JOBS_QUEUED_NOW, GAUGE, "buzzer_jobs", "state=\"queued\"", "")                               \
    X(JOBS_RUNNING_NOW, GAUGE, "buzzer_jobs", "state=\"running\"", "")                             \
    X(JOBS_RETRYING_NOW, GAUGE, "buzzer_jobs", "state=\"retrying\"", "")                           \
    X(ATTEMPTS_FAILED, COUNTER, "buzzer_attempts_failed_total", "", "Attempts that ended without success.") \
    X(ATTEMPTS_LOST, COUNTER, "buzzer_attempts_lost_total", "", "Attempts lost with their worker.")\
    X(EVENTS_FOLDED, COUNTER, "buzzer_events_folded_total", "", "Events read from the log and folded.") \
    X(EVENTS_IGNORED, COUNTER, "buzzer_events_ignored_total", "", "Events the fold did not accept (stale claims and results).") \
    X(VIEWS_DIFFER, COUNTER, "buzzer_views_differ_total", "", "Heartbeats that told of another state than ours at the same position: stays 0.") \
    X(COMMITS, COUNTER, "buzzer_commits_total", "", "Durable writes; each holds a group of events.") \
    X(COMMIT_FAILURES, COUNTER, "buzzer_commit_failures_total", "", "Durable writes that failed.") \
    X(STORAGE_FULL, GAUGE, "buzzer_storage_full", "", "1 while the disk is full and new work is refused.") \
    X(LOG_BEHIND, GAUGE, "buzzer_log_behind", "", "Records of the log on Kafka that are not read yet.") \
    X(LOG_WAITING, GAUGE, "buzzer_log_waiting", "", "Events appended here that are not known to be in the log yet.") \
    X(LOG_OUTBOX, GAUGE, "buzzer_log_outbox", "", "Results kept on disk until the log has them.")  \
    X(LOG_DELIVERY_FAILURES, COUNTER, "buzzer_log_delivery_failures_total", "", "Records that a broker did not take; they are sent again.") \
    X(LOG_REBUILDS, COUNTER, "buzzer_log_producer_rebuilds_total", "", "Producers replaced after an error that one cannot outlive.") \
    X(LOG_SKIPPED, COUNTER, "buzzer_log_records_skipped_total", "", "Records of the log that could not be read.") \
    X(EXECUTORS, GAUGE, "buzzer_executors", "", "Executor processes alive.")                       \
    X(EXECUTOR_CRASHES, COUNTER, "buzzer_executor_crashes_total", "", "Executors that died by themselves.") \
    X(EXECUTOR_KILLS, COUNTER, "buzzer_executor_kills_total", "", "Executors killed for a cancel, a timeout or a limit.") \
    X(SLOTS, GAUGE, "buzzer_slots", "", "Jobs this worker may run at once.")                       \
    X(SLOTS_BUSY, GAUGE, "buzzer_slots_busy", "", "Jobs this worker runs now.")                    \
    X(COMMIT_US, HISTOGRAM, "buzzer_commit_seconds", "", "Time of a durable write.")               \
    X(ACCEPT_US, HISTOGRAM, "buzzer_accept_seconds", "", "From a whole submission to its 202.")    \
    X(WAIT_US, HISTOGRAM, "buzzer_job_wait_seconds", "", "From queued to running.")                \
    X(RUN_US, HISTOGRAM, "buzzer_job_run_seconds", "", "From running to the end of the attempt.")

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric {
#define METRIC_ENUM(name, kind, text, label, help) METRIC_##name##_,
    METRIC_LIST(METRIC_ENUM)
#undef METRIC_ENUM
    METRIC_COUNT
};

void metric_add(enum metric metric, int64_t n);
void metric_set(enum metric metric, int64_t value);
int64_t metric_get(enum metric metric);
void metric_observe_us(enum metric metric, int64_t us);
void metric_encode(struct text *text);                    /* Prometheus text format 0.0.4 */

#define METRIC_INC(name) metric_add(METRIC_##name##_, 1)
#define METRIC_ADD(name, n) metric_add(METRIC_##name##_, (n))
#define METRIC_SET(name, n) metric_set(METRIC_##name##_, (n))
#define METRIC_US(name, us) metric_observe_us(METRIC_##name##_, (us))

#endif
