/* worker_noise.c: what handlers and their libraries write to standard error. All executors share one
 * pipe; its lines become log lines of ours, so that the log stays readable by machines, and only so
 * many a second, so that a chatty handler cannot fill the disk. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "jobs/worker_priv.h"
#include "schema/log.h"

#define LINES_A_SECOND 20

enum err noise_open(struct worker *worker)
{
    struct noise *noise = &worker->noise;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = noise};
    int pair[2];

    if (pipe2(pair, O_CLOEXEC))
        return ERR_IO;
    noise->in = pair[0];
    noise->out = pair[1];
    if (fcntl(noise->in, F_SETFL, O_NONBLOCK) < 0 || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, noise->in, &event))
        return ERR_IO;
    return ERR_OK;
}

void noise_close(struct worker *worker)
{
    if (worker->noise.in >= 0)
        close(worker->noise.in);
    if (worker->noise.out >= 0)
        close(worker->noise.out);
}

static void tell(struct worker *worker)
{
    struct noise *noise = &worker->noise;

    if (worker->mono_ms / 1000 != noise->second) {
        if (noise->n_told > LINES_A_SECOND)
            log_info("executors wrote %u lines more", noise->n_told - LINES_A_SECOND);
        noise->second = worker->mono_ms / 1000;
        noise->n_told = 0;
    }
    if (noise->len && noise->n_told++ < LINES_A_SECOND)
        log_info("an executor wrote: %.*s", (int)noise->len, noise->line);
    noise->len = 0;
}

void noise_read(struct worker *worker)
{
    struct noise *noise = &worker->noise;
    char bytes[4096];
    ssize_t n = read(noise->in, bytes, sizeof bytes);

    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == '\n')
            tell(worker);
        else if (noise->len < sizeof noise->line)    /* the rest of a long line is not told */
            noise->line[noise->len++] = bytes[i];
    }
}
