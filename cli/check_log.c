/* check_log.c: the event log of many machines: does a broker answer, and what does it hold? The embedded
 * log is in the data folder, which is looked at by itself. */
#include "cli/check.h"
#include "jobs/eventlog_kafka.h"
#include "schema/clock.h"

#define ANSWER_MS 5000

enum finding check_log(const struct config *config)
{
    struct eventlog_kafka_config log = {.brokers = config->kafka,
                                        .options = config->kafka_options,
                                        .n_options = config->n_kafka_options,
                                        .prefix = config->kafka_topics,
                                        .name = "doctor",
                                        .dir = config->data,
                                        .log_id = ""};
    int64_t first = 0, last = 0, began = clock_mono_ms();
    char message[512] = "";
    enum err err;

    if (!config->kafka[0])
        return finding_tell(FINDING_OK, "event log", "in the data folder");
    err = eventlog_kafka_extent(&log, ANSWER_MS, &first, &last, message, sizeof message);
    if (err)
        return finding_tell(FINDING_FAIL, "event log", "%s: %s", config->kafka,
                            message[0] ? message : err == ERR_AGAIN ? "no broker answers" : err_sentence(err));
    if (!first)
        return finding_tell(FINDING_OK, "event log", "%s answers; %s.log is empty or will be made", config->kafka,
                            config->kafka_topics);
    return finding_tell(first == 1 ? FINDING_OK : FINDING_WARN, "event log",
                        "%s answers in %lld ms; %s.log %s", config->kafka, (long long)(clock_mono_ms() - began),
                        config->kafka_topics,
                        first == 1 ? "is whole" : "has lost its beginning: a new node needs a copy of a peer's view");
}
