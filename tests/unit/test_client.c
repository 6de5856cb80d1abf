// needs: cli
/* The client against a service that answers a prepared text to each connection, and breaks them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/exit.h"

#define CONNECTIONS 4

struct world {
    int listener;
    char server[64];
    const char *answers[CONNECTIONS + 1]; /* one a connection; "" breaks it; NULL: no more */
    char heard[CONNECTIONS][2048];
    unsigned n;
    pthread_t thread;
    struct client *client;
};

/* Reads one request, body included: up to what Content-Length says. */
static void hear(int fd, char *text, size_t size)
{
    size_t len = 0, whole = size - 1;

    while (len < whole) {
        ssize_t got = read(fd, text + len, whole - len);
        char *end, *length;

        if (got <= 0)
            break;
        len += (size_t)got;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (end)
            whole = (size_t)(end + 4 - text) + (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
    }
}

static void *serve(void *arg)
{
    struct world *world = arg;

    for (; world->answers[world->n]; world->n++) {
        const char *answer = world->answers[world->n];
        int fd = accept(world->listener, NULL, NULL);

        if (fd < 0)
            break;
        hear(fd, world->heard[world->n], sizeof world->heard[0]);
        if (write(fd, answer, strlen(answer)) < 0)
            perror("write");
        close(fd);
    }
    return NULL;
}

static void start(struct world *world)
{
    assert_int_equal(pthread_create(&world->thread, NULL, serve, world), 0);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;

    if (!world)
        return -1;
    *state = world;
    world->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (world->listener < 0 || bind(world->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(world->listener, 8) != 0 ||
        getsockname(world->listener, (struct sockaddr *)&address, &len) != 0)
        return -1;
    snprintf(world->server, sizeof world->server, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return client_new(world->server, &world->client) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    shutdown(world->listener, SHUT_RDWR);
    if (world->thread)
        pthread_join(world->thread, NULL);
    close(world->listener);
    client_free(world->client);
    free(world);
    return 0;
}

static void an_answer_comes_with_its_status(void **state)
{
    struct world *world = *state;
    struct answer answer;

    world->answers[0] = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
    start(world);
    assert_int_equal(client_ask(world->client,
                                &(struct ask){.method = "POST",
                                              .path = "/v1/jobs",
                                              .body = "abc",
                                              .len = 3,
                                              .media_type = "image/png",
                                              .idempotency_key = "k"},
                                &answer),
                     ERR_OK);
    assert_int_equal(answer.status, 202);
    assert_string_equal(answer.body.at, "{}");
    assert_int_equal(strncmp(world->heard[0], "POST /v1/jobs HTTP/1.1\r\n", 24), 0);
    assert_non_null(strstr(world->heard[0], "\r\nContent-Type: image/png\r\n"));
    assert_non_null(strstr(world->heard[0], "\r\nIdempotency-Key: k\r\n"));
    assert_non_null(strstr(world->heard[0], "\r\n\r\nabc"));
    answer_clear(&answer);
}

static void a_problem_becomes_an_exit_code(void **state)
{
    struct world *world = *state;
    struct answer answer;

    world->answers[0] =
        "HTTP/1.1 409 Conflict\r\nContent-Length: 36\r\n\r\n{\"title\":\"Not finished yet\",\"x\":\"1\"}";
    start(world);
    assert_int_equal(client_get(world->client, "/v1/jobs/x/result", &answer), EXIT_NO);
}

static void a_broken_connection_is_no_missing_service(void **state)
{
    struct world *world = *state;
    struct answer answer;

    world->answers[0] = "";
    world->answers[1] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";
    start(world);
    assert_int_equal(client_ask(world->client, &(struct ask){.method = "GET", .path = "/"}, &answer),
                     ERR_AGAIN);
    answer_clear(&answer);
    assert_int_equal(client_ask(world->client, &(struct ask){.method = "GET", .path = "/"}, &answer),
                     ERR_AGAIN);
    answer_clear(&answer);
}

static void nobody_there_is_told_as_such(void **state)
{
    struct world *world = *state;
    struct answer answer;

    shutdown(world->listener, SHUT_RDWR);
    close(world->listener);
    world->listener = -1;
    assert_int_equal(client_get(world->client, "/livez", &answer), EX_UNAVAILABLE);
}

static void an_address_that_is_none_is_a_usage_error(void **state)
{
    struct client *client;

    (void)state;
    assert_int_equal(client_new("127.0.0.1:8000", &client), ERR_USAGE);
    assert_int_equal(client_new("file:///etc/passwd", &client), ERR_USAGE);
}

/* The value of a header in what was heard, up to its line's end. */
static void header_of(const char *heard, const char *name, char *value, size_t size)
{
    const char *at = strstr(heard, name);

    assert_non_null(at);
    at += strlen(name);
    snprintf(value, size, "%.*s", (int)strcspn(at, "\r"), at);
}

static void a_lost_submission_is_sent_again_with_its_key(void **state)
{
    struct world *world = *state;
    char first[64], second[64], tag[] = "-otag=x"; /* options are cut apart in place */

    world->answers[0] = "";
    world->answers[1] = "HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{\"id\":\"01\"}";
    start(world);
    assert_int_equal(command_submit(6, (char *[]){"buzzer submit", "--server", world->server, "echo",
                                                  "{\"a\":1}", tag, NULL}),
                     EXIT_DONE);
    header_of(world->heard[0], "Idempotency-Key: ", first, sizeof first);
    header_of(world->heard[1], "Idempotency-Key: ", second, sizeof second);
    assert_string_equal(first, second);
    assert_int_equal(strlen(first), 32);
    assert_non_null(strstr(world->heard[1], "{\"type\":\"echo\",\"input\":{\"a\":1},\"tags\":[\"x\"]}"));
}

static void a_watch_goes_on_where_it_broke(void **state)
{
    struct world *world = *state;

    world->answers[0] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: subscribed\ndata: "
                        "{\"recovered\":true,"
                        "\"cursor\":\"a-1\"}\nid: a-1\n\nid: a-2\ndata: "
                        "{\"data\":{\"state\":\"running\"}}\n\nid: a-3\ndata: {";
    world->answers[1] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: a-4\ndata: {\"data\":{\"state\":"
        "\"failed\"}}\n\n";
    start(world);
    assert_int_equal(command_watch(4, (char *[]){"buzzer watch", "--server", world->server,
                                                 "01m82cw39b0bxvdcdspnsjarwb", NULL}),
                     EXIT_NO);
    assert_null(strstr(world->heard[0], "Last-Event-ID"));
    assert_non_null(strstr(world->heard[1], "\r\nLast-Event-ID: a-2\r\n"));
    assert_int_equal(strncmp(world->heard[1], "GET /v1/jobs/01m82cw39b0bxvdcdspnsjarwb/events HTTP", 51), 0);
}

static void what_is_no_id_is_not_asked_for(void **state)
{
    struct world *world = *state;

    assert_int_equal(
        command_status(4, (char *[]){"buzzer status", "--server", world->server, "../types", NULL}),
        EX_NOINPUT);
}

static void wrong_words_are_usage_errors(void **state)
{
    (void)state;
    assert_int_equal(command_status(1, (char *[]){"buzzer status", NULL}), EX_USAGE);
    assert_int_equal(command_status(3, (char *[]){"buzzer status", "--wait", "x", NULL}), EX_USAGE);
    assert_int_equal(command_status(2, (char *[]){"buzzer status", "--what", NULL}), EX_USAGE);
    assert_int_equal(command_list(3, (char *[]){"buzzer list", "--limit", "0", NULL}), EX_USAGE);
    assert_int_equal(command_watch(1, (char *[]){"buzzer watch", NULL}), EX_USAGE);
    assert_int_equal(command_watch(4, (char *[]){"buzzer watch", "--type", "a", "x", NULL}), EX_USAGE);
    assert_int_equal(command_submit(3, (char *[]){"buzzer submit", "echo", "-onothing", NULL}), EX_USAGE);
    assert_int_equal(command_submit(4, (char *[]){"buzzer submit", "echo", "--wait", "--watch", NULL}),
                     EX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_comes_with_its_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_problem_becomes_an_exit_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_connection_is_no_missing_service, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_as_such, set_up, tear_down),
        cmocka_unit_test(an_address_that_is_none_is_a_usage_error),
        cmocka_unit_test_setup_teardown(a_lost_submission_is_sent_again_with_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_watch_goes_on_where_it_broke, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_id_is_not_asked_for, set_up, tear_down),
        cmocka_unit_test(wrong_words_are_usage_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
