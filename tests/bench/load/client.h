/* client.h: the plain clients of the load programs: HTTP/1.1 with keep-alive and WebSocket, on
 * non-blocking sockets and one epoll. Nothing clever: they must cost less than what they measure. */
#ifndef BUZZER_BENCH_CLIENT_H
#define BUZZER_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client {
    int fd;
    bool is_socket;            /* the WebSocket handshake is over */
    size_t len, cap;
    char *in;                  /* what has come and is not whole yet */
    double sent_ms;            /* when its last request was due */
    unsigned long seen;
};

double now_ms(void);
_Noreturn void die(const char *what);
void client_open(struct client *client, int port);                     /* connects, then non-blocking */
void client_send(struct client *client, const char *bytes, size_t len);
/* Reads what is there and calls fn for each whole answer (status, body) or text frame (status 0). */
typedef void client_fn(struct client *client, int status, const char *text, size_t len);
void client_read(struct client *client, client_fn *fn);
void client_upgrade(struct client *client, const char *path);          /* sends the handshake */
size_t request_make(char *out, size_t size, const char *method, const char *target, const char *body);

/* A growing list of times, and its percentiles. */
struct times {
    size_t n, cap;
    double *at;
};
void times_add(struct times *times, double ms);
double times_percentile(struct times *times, double p);                /* sorts */

int post_main(int argc, char **argv);
int push_main(int argc, char **argv);
int fanout_main(int argc, char **argv);

#endif
