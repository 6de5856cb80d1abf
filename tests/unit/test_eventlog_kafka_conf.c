// needs: jobs
/* What an operator may say to librdkafka, and what not; and that no secret is told when it goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/eventlog_kafka_priv.h"

static enum err client_with(char **options, unsigned n_options, enum kafka_client kind, char *message, size_t size)
{
    struct eventlog_kafka_config config = {.brokers = "127.0.0.1:1", .options = options, .n_options = n_options,
                                           .prefix = "jobs", .name = "host.one-1"};
    struct kafka_settings settings;
    rd_kafka_t *client = NULL;
    enum err err;

    message[0] = '\0';
    assert_int_equal(kafka_settings_copy(&config, &settings, message, size), ERR_OK);
    err = kafka_client_new(&settings, kind, &client, message, size);
    assert_int_equal(client != NULL, err == ERR_OK);
    if (client)
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    kafka_settings_clear(&settings);
    return err;
}

#ifndef __SANITIZE_THREAD__
static void every_client_takes_what_brokers_want_to_know(void **state)
{
    char *options[] = {"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-256", "sasl.username=buzzer",
                       "sasl.password=a,b=c", "socket.timeout.ms=30000", "client.id=other", "topic.partitioner=random"};
    char message[512];

    (void)state;
    for (enum kafka_client kind = KAFKA_EVENTS; kind <= KAFKA_SIDE_LISTEN; kind++)
        if (client_with(options, sizeof options / sizeof options[0], kind, message, sizeof message))
            fail_msg("%s", message);
}
#endif

static void what_a_promise_stands_on_cannot_be_set(void **state)
{
    static const char *const wrong[] = {
        "acks=0", "acks=1", "acks=all", "topic.acks=1", "request.required.acks=0", "enable.idempotence=false",
        "retries=0", "message.send.max.retries=0", "message.timeout.ms=1000", "topic.delivery.timeout.ms=1000",
        "transactional.id=x", "delivery.report.only.error=true", "group.id=mine", "group.instance.id=mine",
        "enable.auto.commit=true", "auto.commit.enable=true", "enable.auto.offset.store=true",
        "auto.offset.reset=latest", "enable.partition.eof=true", "bootstrap.servers=other:9092",
        "metadata.broker.list=other:9092"};
    char message[512], name[64];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char option[64], *options[] = {option};

        strcpy(option, wrong[i]);
        strcpy(name, wrong[i] + (strncmp(wrong[i], "topic.", 6) ? 0 : 6));
        name[strcspn(name, "=")] = '\0';
        for (enum kafka_client kind = KAFKA_EVENTS; kind <= KAFKA_SIDE_LISTEN; kind++)
            assert_int_equal(client_with(options, 1, kind, message, sizeof message), ERR_CONFIG);
        if (!strstr(message, name) || !strstr(message, "cannot be set"))
            fail_msg("%s: %s", wrong[i], message);
    }
}

static void what_nobody_knows_or_understands_is_refused_by_name(void **state)
{
    static const char *const wrong[] = {"no.such.property=1", "security.protocol=tls", "linger.ms=soon",
                                        "sasl.jaas.config=x", "dr_cb=1", "ssl.ca.location=/nowhere/ca.pem"};
    static const char *const said[] = {"no.such.property", "security.protocol", "ms", "JAAS", "dr_cb", "ssl.ca.location"};
    char message[512];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char option[64], *options[] = {"security.protocol=SSL", option};

        strcpy(option, wrong[i]);
        assert_int_equal(client_with(options, 2, KAFKA_EVENTS, message, sizeof message), ERR_CONFIG);
        if (!strstr(message, said[i]))
            fail_msg("%s: %s", wrong[i], message);
    }
}

static void a_password_torn_at_its_comma_is_told_by_its_place(void **state)
{
    static char *const rests[] = {"sword=fish", "swordfish", "=swordfish", "Sword.fish=", "sword fish."};
    char message[512];

    (void)state;
    for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
        char *options[] = {"sasl.password=half", rests[i]};

        assert_int_equal(client_with(options, 2, KAFKA_EVENTS, message, sizeof message), ERR_CONFIG);
        assert_non_null(strstr(message, "entry 2"));
        assert_null(strstr(message, "word"));
        assert_null(strstr(message, "half"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_THREAD__ /* which cannot follow the threads of the packaged client */
        cmocka_unit_test(every_client_takes_what_brokers_want_to_know),
#endif
        cmocka_unit_test(what_a_promise_stands_on_cannot_be_set),
        cmocka_unit_test(what_nobody_knows_or_understands_is_refused_by_name),
        cmocka_unit_test(a_password_torn_at_its_comma_is_told_by_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
