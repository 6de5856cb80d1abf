/* fanout.c: one event to N sockets. EVENTS: one at a time, until the last socket has it. RATE SECONDS:
 * that many events a second are published, whatever has arrived: deliveries a second then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "tests/bench/load/client.h"

static unsigned long delivered, answered, refused;
static double last_ms;

static void heard(struct client *client, int status, const char *text, size_t len)
{
    (void)text;
    (void)len;
    if (status) {
        answered++;
        refused += status != 202;
        return;
    }
    delivered++;
    client->seen++;
    last_ms = now_ms();
}

static int poll_fd;

static void pump(int ms)
{
    struct epoll_event events[512];
    int got = epoll_wait(poll_fd, events, 512, ms);

    for (int i = 0; i < got; i++)
        client_read(events[i].data.ptr, heard);
}

static void open_one(struct client *client, int port)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    client_open(client, port);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, client->fd, &event);
}

int fanout_main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 8000, n = argc > 2 ? atoi(argv[2]) : 1000;
    int events = argc > 3 ? atoi(argv[3]) : 20;
    double rate = argc > 4 ? atof(argv[3]) : 0, seconds = argc > 4 ? atof(argv[4]) : 0, start, connect_ms;
    struct rlimit limit = {(rlim_t)n + 64, (rlim_t)n + 64};
    struct client *clients = calloc((size_t)n + 1, sizeof *clients);
    struct times last = {0};
    char request[512];
    /* Only job.queued is wanted: one event a job, whatever becomes of it. */
    size_t len = request_make(request, sizeof request, "POST", "/v1/jobs", "{\"type\":\"echo\",\"input\":1}");
    unsigned long published = 0;

    setrlimit(RLIMIT_NOFILE, &limit);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    start = now_ms();
    for (int i = 0; i < n; i++) {
        open_one(&clients[i], port);
        client_upgrade(&clients[i], "/v1/ws?all=1&event=job.queued");
        if (i % 64 == 63)
            pump(0);
    }
    for (int up = 0; up < n && now_ms() - start < 60e3;) {
        pump(10);
        up = 0;
        for (int i = 0; i < n; i++)
            up += clients[i].is_socket;
    }
    connect_ms = now_ms() - start;
    for (double quiet = now_ms() + 1500; now_ms() < quiet;)
        pump(10);
    delivered = 0;                         /* "subscribed" frames */
    open_one(&clients[n], port);
    start = now_ms();
    if (rate > 0) {
        unsigned long total = (unsigned long)(rate * seconds);
        while (published < total && now_ms() - start < seconds * 3e3) {
            double due = start + (double)published * 1e3 / rate;
            if (now_ms() >= due && answered == published) {
                client_send(&clients[n], request, len);
                published++;
            }
            pump(now_ms() < due - 1 ? 1 : 0);
        }
        for (double end = now_ms() + 20e3; delivered < published * (unsigned long)n && now_ms() < end;)
            pump(5);
        printf("{\"sockets\":%d,\"connect_ms\":%.0f,\"published\":%lu,\"delivered\":%lu,\"missing\":%ld,\"refused\":%lu,"
               "\"deliveries_per_second\":%.0f}\n", n, connect_ms, published, delivered,
               (long)(published * (unsigned long)n) - (long)delivered, refused, (double)delivered * 1e3 / (last_ms - start));
        return delivered == published * (unsigned long)n && !refused ? 0 : 1;
    }
    for (int k = 0; k < events; k++) {
        double at = now_ms();
        unsigned long want = delivered + (unsigned long)n;
        client_send(&clients[n], request, len);
        for (double end = at + 10e3; delivered < want && now_ms() < end;)
            pump(5);
        times_add(&last, last_ms - at);
        for (double quiet = now_ms() + 50; now_ms() < quiet;)
            pump(5);
    }
    printf("{\"sockets\":%d,\"connect_ms\":%.0f,\"events\":%d,\"delivered\":%lu,\"missing\":%ld,\"last_client_p50_ms\":%.1f,"
           "\"last_client_p99_ms\":%.1f}\n", n, connect_ms, events, delivered,
           (long)events * n - (long)delivered, times_percentile(&last, .5), times_percentile(&last, .99));
    return delivered == (unsigned long)events * (unsigned long)n ? 0 : 1;
}
