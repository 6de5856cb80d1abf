/* push.c: from POST to the push that says the job is done, on one WebSocket that hears of all jobs.
 * COUNT: one in flight, the next when the last was told. RATE SECONDS: open loop, timed from when
 * each POST was due, so waiting in line is not hidden. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "tests/bench/load/client.h"

#define CONNECTIONS 32
#define TABLE 65536

static struct {
    char id[27];
    double sent_ms, told_ms;
} table[TABLE];
static struct times told, accepted;
static unsigned long n_told;

/* The two halves of a job meet here: its 202 and its push come in either order. */
static unsigned slot_of(const char *id)
{
    unsigned long hash = 5381;
    unsigned slot;

    for (int i = 0; i < 26; i++)
        hash = hash * 33 + (unsigned char)id[i];
    for (slot = (unsigned)(hash % TABLE); table[slot].id[0] && strncmp(table[slot].id, id, 26) != 0; slot = (slot + 1) % TABLE)
        ;
    memcpy(table[slot].id, id, 26);
    return slot;
}

static void meet(unsigned slot)
{
    if (table[slot].sent_ms == 0 || table[slot].told_ms == 0)
        return;
    times_add(&told, table[slot].told_ms - table[slot].sent_ms);
    n_told++;
}

static void heard(struct client *client, int status, const char *text, size_t len)
{
    const char *id = status ? memmem(text, len, "\"id\":\"", 6) : memmem(text, len, "\"subject\":\"", 11);
    unsigned slot;

    if (status && status != 202) {
        fprintf(stderr, "answer %d: %.*s\n", status, (int)(len < 200 ? len : 200), text);
        exit(1);
    }
    if (!id)
        return;
    slot = slot_of(id + (status ? 6 : 11));
    if (status) {
        table[slot].sent_ms = client->sent_ms;
        times_add(&accepted, now_ms() - client->sent_ms);
        client->sent_ms = 0;
    } else {
        table[slot].told_ms = now_ms();
    }
    meet(slot);
}

int push_main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 8000;
    double rate = argc > 3 ? atof(argv[2]) : 0;
    unsigned long count = rate > 0 ? (unsigned long)(rate * atof(argv[3])) : argc > 2 ? (unsigned long)atol(argv[2]) : 1000;
    unsigned long sent = 0, warm = 50;
    int n_clients = rate > 0 ? CONNECTIONS : 1; /* one that is never used would be closed in the middle */
    struct client clients[CONNECTIONS + 1];
    struct epoll_event events[64];
    char request[512];
    size_t len = request_make(request, sizeof request, "POST", "/v1/jobs", "{\"type\":\"echo\",\"input\":{\"n\":1}}");
    int poll = epoll_create1(EPOLL_CLOEXEC);
    double start = 0, last;

    if (count + warm > TABLE * 9 / 10)
        count = TABLE * 9 / 10 - warm;
    for (int i = 0; i <= n_clients; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        client_open(&clients[i], port);
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    client_upgrade(&clients[n_clients], "/v1/ws?all=1&event=job.succeeded");
    last = now_ms();
    while (n_told < count + warm && now_ms() - last < 10e3) {
        bool warming = sent < warm || (sent == warm && n_told < warm);
        double now = now_ms(), due = rate > 0 && !warming && start > 0 ? start + (double)(sent - warm) * 1e3 / rate : now;
        struct timespec wait;
        double wait_ms;
        int got;
        if (!warming && start == 0) {
            start = due = now;
            told.n = accepted.n = 0;
        }
        if (clients[n_clients].is_socket && sent < count + warm && now >= due && (sent == n_told || (rate > 0 && !warming))) {
            for (int i = 0; i < n_clients; i++) {
                if (clients[i].sent_ms != 0)
                    continue;
                clients[i].sent_ms = due;
                client_send(&clients[i], request, len);
                sent++;
                last = now;
                break;
            }
        }
        wait_ms = due > now ? due - now : clients[n_clients].is_socket && sent == n_told ? 0 : 100;
        wait = (struct timespec){.tv_sec = 0, .tv_nsec = (long)(wait_ms * 1e6)};
        got = epoll_pwait2(poll, events, 64, &wait, NULL);
        for (int i = 0; i < got; i++)
            client_read(events[i].data.ptr, heard);
    }
    printf("{\"jobs\":%lu,\"of\":%lu,\"rate\":%.0f,\"accept_p50_ms\":%.3f,\"accept_p99_ms\":%.2f,\"told_p50_ms\":%.3f,\"told_p99_ms\":%.2f,"
           "\"told_max_ms\":%.1f}\n", n_told - warm, count, rate, times_percentile(&accepted, .5),
           times_percentile(&accepted, .99), times_percentile(&told, .5), times_percentile(&told, .99),
           times_percentile(&told, 1));
    return n_told == count + warm ? 0 : 1;
}
