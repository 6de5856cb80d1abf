/* client.c: see client.h. */
#include "tests/bench/load/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void die(const char *what)
{
    perror(what);
    exit(1);
}

void client_open(struct client *client, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(client, 0, sizeof *client);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address))
        die("connect");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
}

void client_send(struct client *client, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            die("send");
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
}

size_t request_make(char *out, size_t size, const char *method, const char *target, const char *body)
{
    int n = snprintf(out, size, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     method, target, strlen(body), body);
    if (n < 0 || (size_t)n >= size)
        die("request");
    return (size_t)n;
}

void client_upgrade(struct client *client, const char *path)
{
    char request[512];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path);
    client_send(client, request, (size_t)n);
}

/* One HTTP answer at the start of in: its whole length, or 0 while it is not whole. */
static size_t answer_len(struct client *client, int *ret_status, size_t *ret_body)
{
    char *end = memmem(client->in, client->len, "\r\n\r\n", 4), *length;
    size_t head;

    if (!end)
        return 0;
    head = (size_t)(end - client->in) + 4;
    *ret_status = atoi(client->in + 9);
    *ret_body = head;
    if (*ret_status == 101)
        return head;
    length = strcasestr(client->in, "\r\ncontent-length:");
    if (!length || length > end)
        die("answer without a length");
    head += (size_t)atoll(length + 17);
    return client->len >= head ? head : 0;
}

static size_t frame_len(struct client *client, size_t *ret_text)
{
    const unsigned char *in = (const unsigned char *)client->in;
    size_t len, head = 2;

    if (client->len < 2)
        return 0;
    len = in[1] & 127;
    if (len == 126) {
        if (client->len < 4)
            return 0;
        len = (size_t)in[2] << 8 | in[3];
        head = 4;
    } else if (len == 127) {
        if (client->len < 10)
            return 0;
        len = 0;
        head = 10;
        for (int i = 2; i < 10; i++)
            len = len << 8 | in[i];
    }
    *ret_text = head;
    return client->len >= head + len ? head + len : 0;
}

static void take(struct client *client, client_fn *fn)
{
    char *start = client->in;

    for (;;) {
        size_t body = 0, whole;
        int status = 0, opcode = client->is_socket && client->len ? client->in[0] & 15 : 1;
        whole = client->is_socket ? frame_len(client, &body) : answer_len(client, &status, &body);
        if (!whole)
            break;
        if (status == 101)
            client->is_socket = true;
        else if (opcode == 9)
            client_send(client, "\x8a\x80\0\0\0\0", 6);
        else if (opcode == 8)
            die("socket closed by the service");
        else
            fn(client, status, client->in + body, whole - body);
        client->in += whole;
        client->len -= whole;
    }
    memmove(start, client->in, client->len);
    client->in = start;
}

void client_read(struct client *client, client_fn *fn)
{
    for (;;) {
        if (client->cap - client->len < 2) {
            client->cap = client->cap ? client->cap * 2 : 2048;
            client->in = realloc(client->in, client->cap);
            if (!client->in)
                die("memory");
        }
        ssize_t n = recv(client->fd, client->in + client->len, client->cap - client->len - 1, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            die("connection closed by the service");
        client->len += (size_t)n;
        client->in[client->len] = '\0';
        take(client, fn);
        if (client->len == 0 && client->cap > 4096) {
            free(client->in);
            client->in = NULL;
            client->cap = 0;
        }
        if (client->cap && client->cap - client->len > 1 && n < (ssize_t)2000)
            return;
    }
}

void times_add(struct times *times, double ms)
{
    if (times->n == times->cap) {
        times->cap = times->cap ? times->cap * 2 : 4096;
        times->at = realloc(times->at, times->cap * sizeof *times->at);
        if (!times->at)
            die("memory");
    }
    times->at[times->n++] = ms;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double times_percentile(struct times *times, double p)
{
    if (!times->n)
        return 0;
    qsort(times->at, times->n, sizeof *times->at, compare);
    return times->at[(size_t)((double)(times->n - 1) * p)];
}
