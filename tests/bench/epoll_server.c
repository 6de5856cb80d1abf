// needs: nothing
/* epoll_server.c: the bare part that the HTTP front end is set beside: one thread, one epoll, no
 * parsing beyond the empty line, one fixed answer. `bench_epoll_server PORT` */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n"
                             "cache-control: no-store\r\nx-content-type-options: nosniff\r\n\r\nok\n";

static void serve(int poll, int fd)
{
    char in[4096];
    ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);

    if (n <= 0) {
        epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
        close(fd);
        return;
    }
    for (char *at = in; (at = memmem(at, (size_t)(in + n - at), "\r\n\r\n", 4)); at += 4)
        if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
            break;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "8090"))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0), on = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("listen");
        return 1;
    }
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                serve(poll, events[i].data.fd);
                continue;
            }
            event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (event.data.fd >= 0)
                epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}
