/* post.c: N connections, each posting a job of 256 bytes as soon as the last one was answered (closed
 * loop: its p99 flatters everybody; push.c is open loop). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/bench/load/client.h"

static char request[4096];
static size_t request_len;
static struct times times;
static unsigned long refused;
static bool counting;

static void answered(struct client *client, int status, const char *text, size_t len)
{
    double now = now_ms();

    (void)text;
    (void)len;
    if (status < 200 || status > 299)
        refused++;
    if (counting)
        times_add(&times, now - client->sent_ms);
    client->sent_ms = now;
    client_send(client, request, request_len);
}

int post_main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 8000, n = argc > 2 ? atoi(argv[2]) : 100;
    double seconds = argc > 3 ? atof(argv[3]) : 5, start, end, now;
    const char *target = argc > 4 ? argv[4] : "/v1/jobs";
    char body[512] = "";
    struct client *clients = calloc((size_t)n, sizeof *clients);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[256];

    if (!clients || poll < 0)
        die("start");
    snprintf(body, sizeof body, "{\"type\":\"echo\",\"input\":{\"pad\":\"");
    memset(body + strlen(body), 'x', 256 - strlen(body) - 3);
    strcat(body, "\"}}");
    request_len = request_make(request, sizeof request, "POST", target, argc > 5 ? argv[5] : body);
    for (int i = 0; i < n; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        client_open(&clients[i], port);
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event);
        clients[i].sent_ms = now_ms();
        client_send(&clients[i], request, request_len);
    }
    start = now_ms() + 1000;             /* the first second warms up */
    end = start + seconds * 1e3;
    while ((now = now_ms()) < end) {
        int got = epoll_wait(poll, events, 256, 100);
        counting = now >= start;
        for (int i = 0; i < got; i++)
            client_read(events[i].data.ptr, answered);
    }
    printf("{\"connections\":%d,\"per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.2f,\"max_ms\":%.1f,\"refused\":%lu}\n", n,
           (double)times.n / seconds, times_percentile(&times, .5), times_percentile(&times, .99),
           times_percentile(&times, 1), refused);
    free(clients);
    return refused ? 1 : 0;
}
