/* config_priv.h: the two tables behind the settings: the options of `buzzer serve`, and the members
 * of one entry of `types:`. A row is all there is to an option: name, kind, where it is kept,
 * default, bounds, the placeholder shown for its value, and a sentence of help. */
#ifndef BUZZER_SCHEMA_CONFIG_PRIV_H
#define BUZZER_SCHEMA_CONFIG_PRIV_H

#include <limits.h>
#include <stddef.h>

#include "schema/config.h"

/* Names are those of the file; a flag has dashes for underscores (--http-threads), a variable is
 * in capitals with BUZZER_ before it. Kinds:
 *   ADDRESS  a literal address and a port            ROLES  some of the words api and worker
 *   TEXT, PATH (relative to the file that says it)   LEVEL  of the log
 *   INT, SIZE (64 bits), REAL, BOOL                  WORDS (a list), COMMAND (its first word is a path)
 *   SOURCE   the path of the file itself, so it cannot stand in the file */
/* clang-format off */
#define SETTING_LIST(X)                                                                              \
    X(listen, ADDRESS, listen, "127.0.0.1:8000", 0, 0, "ADDRESS:PORT",                               \
      "where to listen; keys are needed off loopback, port 0 takes any free one")                              \
    X(roles, ROLES, roles, "api,worker", 0, 0, "LIST", "what this process does: api, worker or both") \
    X(data, PATH, data, "buzzer-data", 0, 0, "DIR", "folder for everything that is kept")            \
    X(config, SOURCE, config_file, NULL, 0, 0, "FILE",                                               \
      "settings file; without it DIR/buzzer.yaml, where there is one")                               \
    X(kafka, TEXT, kafka, "", 0, 4096, "HOST:PORT,...",                                            \
      "brokers that keep the event log, for many machines; without it the log is in DIR")            \
    X(kafka_options, WORDS, kafka_options, NULL, 0, 64, "LIST", "properties of librdkafka, NAME=VALUE each") \
    X(kafka_topics, TEXT, kafka_topics, "jobs", 1, 100, "PREFIX", "of the four topics' names")       \
    X(kafka_replicas, INT, kafka_replicas, "0", 0, 32, "N",                                          \
      "copies of topics it has to make; 0: three where there are three brokers")                     \
    X(lease_ms, SIZE, lease_ms, "30000", 1000, 3600000, "MS",                                        \
      "a worker on many machines that is not heard for so long is lost")                             \
    X(advertise, TEXT, advertise, "", 0, 255, "URL", "where other nodes reach this one; its address otherwise") \
    X(slots, INT, slots, "0", 0, 1024, "N", "jobs at once; 0: one for each core")                    \
    X(http_threads, INT, http_threads, "0", 0, 64, "N", "threads that serve clients; 0: one for two cores, at most 4") \
    X(max_connections, INT, max_connections, "20000", 1, 1000000, "N", "connections open at once")   \
    X(max_waiting, SIZE, max_waiting, "1000000", 1, 1000000000, "N", "jobs that may wait; more are refused with 503") \
    X(json_body_bytes, SIZE, json_body_bytes, "1048576", 1024, 1073741824, "BYTES", "largest JSON body taken") \
    X(body_bytes, SIZE, body_bytes, "16777216", 1024, 1073741824, "BYTES", "largest body of any other media type") \
    X(result_bytes, SIZE, result_bytes, "16777216", 1024, 1073741824, "BYTES", "largest result of a job") \
    X(allow_origins, WORDS, allow_origins, NULL, 0, 64, "LIST", "origins of web pages that may use the service") \
    X(drain_ms, SIZE, drain_ms, "30000", 0, 86400000, "MS", "how long a stop waits for running jobs") \
    X(demo_scale, REAL, demo_scale, "1", 0, 1000, "FACTOR", "shortens the sleeps of the four demonstration routes") \
    X(log_level, LEVEL, log_level, "info", 0, 0, "LEVEL", "error, warn, info or debug")

#define SETTING_DAY_MS 86400000

#define TYPE_SETTING_LIST(X)                                                                         \
    X(name, TEXT, name, NULL, 1, 64, "NAME", "what clients ask for")                                 \
    X(description, TEXT, description, NULL, 0, 1000, "TEXT", "a sentence for clients")               \
    X(command, COMMAND, command, NULL, 1, 256, "LIST",                                               \
      "argument list, never a shell: input on stdin, result on stdout, progress on descriptor 3")    \
    X(shared_object, PATH, shared_object, NULL, 0, 0, "FILE", "or a shared object with handlers in C") \
    X(result_type, TEXT, result_type, NULL, 3, 127, "MEDIA-TYPE", "of the result; application/json otherwise") \
    X(input_schema, PATH, input_schema, NULL, 0, 0, "FILE", "JSON Schema that inputs are held against") \
    X(content_types, WORDS, content_types, NULL, 0, 64, "LIST", "media types taken as they are; any otherwise") \
    X(timeout_ms, SIZE, timeout_ms, NULL, 1, 30LL * SETTING_DAY_MS, "MS", "of one attempt")          \
    X(kill_grace_ms, SIZE, kill_grace_ms, NULL, 0, 60000, "MS", "from SIGTERM to SIGKILL")           \
    X(max_attempts, INT, max_attempts, NULL, 1, 100, "N", "attempts in all")                         \
    X(max_losses, INT, max_losses, NULL, 1, 100, "N", "lost workers until the job fails")            \
    X(backoff_ms, SIZE, backoff_ms, NULL, 0, SETTING_DAY_MS, "MS", "before the second attempt, doubled each time") \
    X(backoff_max_ms, SIZE, backoff_max_ms, NULL, 0, SETTING_DAY_MS, "MS", "and no longer than this") \
    X(concurrency, INT, concurrency, NULL, 0, 100000, "N", "at once over all workers; 0: no limit")  \
    X(memory_bytes, SIZE, memory_bytes, NULL, 1048576, 1LL << 44, "BYTES", "memory one job may have") \
    X(output_bytes, SIZE, output_bytes, NULL, 1, 1073741824, "BYTES", "largest result of this type") \
    X(keep_ms, SIZE, keep_ms, NULL, 0, 3650LL * SETTING_DAY_MS, "MS", "how long a job stays readable after its end") \
    X(network, BOOL, network, NULL, 0, 0, "BOOL", "may the job use the network?")
/* clang-format on */

enum setting_kind {
    SETTING_ADDRESS,
    SETTING_ROLES,
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_SOURCE,
    SETTING_LEVEL,
    SETTING_INT,
    SETTING_SIZE,
    SETTING_REAL,
    SETTING_BOOL,
    SETTING_WORDS,
    SETTING_COMMAND
};

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t at, at2;      /* offsets in the struct; at2: of a list's count, the port, the second role */
    const char *initial; /* as text; NULL: absent */
    int64_t min, max;    /* of numbers; of texts the length, of lists the count */
    const char *value, *help;
};

extern const struct setting settings[], type_settings[];
extern const unsigned n_settings, n_type_settings;

bool setting_is_list(const struct setting *setting); /* commas in flags, a sequence in the file */
/* Sets a setting in the struct at base from its text (n is 1 unless it is a list), freeing what was
 * there. Paths are relative to folder (NULL: as they are). On an error why says what is allowed. */
enum err setting_set(const struct setting *setting, void *base, char *const *items, unsigned n,
                     const char *folder, char *why, size_t size);
void settings_clear(const struct setting *list, unsigned n, void *base); /* frees what setting_set made */

#define CONFIG_FILE_BYTES (1024 * 1024) /* a longer file is refused */
#define CONFIG_TYPES_MAX  1000

/* Reads settings from YAML text into config; name stands in messages, folder is what paths are
 * relative to. ERR_CONFIG with a line in message. */
enum err config_parse(struct config *config, const char *name, const char *folder, const void *text,
                      size_t len, char *message, size_t size);
/* Reads the file at path. A file that is not there is fine unless it must be. */
enum err config_read(struct config *config, const char *path, bool must_exist, char *message, size_t size);
/* Types checked against each other and against the rules for an entry. */
enum err config_check_types(const struct config *config, const char *name, char *message, size_t size);
/* The files that types name must be there. */
enum err config_check_files(const struct config *config, char *message, size_t size);
enum err config_new(struct config **ret_config); /* all defaults */

#endif
