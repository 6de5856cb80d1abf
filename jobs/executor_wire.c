/* Framing, for both ends. Whoever reads checks every length before it believes it. */
#include "jobs/executor_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_ROOM 65536u

void wire_buffer_clear(struct wire_buffer *buffer)
{
    free(buffer->at);
    *buffer = (struct wire_buffer){0};
}

static bool make_room(struct wire_buffer *buffer, size_t room)
{
    if (buffer->len == 0 && buffer->cap > 16 * READ_ROOM)
        wire_buffer_clear(buffer);           /* one large frame should not cost memory for ever */
    if (buffer->cap - buffer->start - buffer->len >= room)
        return true;
    if (buffer->start > 0) {
        memmove(buffer->at, buffer->at + buffer->start, buffer->len);
        buffer->start = 0;
    }
    if (buffer->cap - buffer->len >= room)
        return true;
    size_t cap = buffer->cap ? buffer->cap * 2 : 2 * READ_ROOM;
    char *at = realloc(buffer->at, cap);
    if (!at)
        return false;
    buffer->at = at;
    buffer->cap = cap;
    return true;
}

enum err wire_read(struct wire_buffer *buffer, int fd)
{
    if (buffer->len == 0)
        buffer->start = 0;
    if (!make_room(buffer, READ_ROOM))
        return ERR_NOMEM;
    size_t end = buffer->start + buffer->len;
    ssize_t n;
    do
        n = read(fd, buffer->at + end, buffer->cap - end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? ERR_AGAIN : ERR_NO_SERVICE;
    if (n == 0)
        return ERR_NO_SERVICE;
    buffer->len += (size_t)n;
    return ERR_OK;
}

enum err wire_next(struct wire_buffer *buffer, size_t max, struct wire_header *ret_header, const char **ret_payload)
{
    struct wire_header header;

    if (buffer->len < sizeof header)
        return ERR_AGAIN;
    memcpy(&header, buffer->at + buffer->start, sizeof header);
    if (header.len > max || header.kind >= WIRE_KIND_COUNT || header.slot >= LANE_SLOTS)
        return ERR_CORRUPT;
    if (buffer->len - sizeof header < header.len)
        return ERR_AGAIN;
    *ret_header = header;
    *ret_payload = buffer->at + buffer->start + sizeof header;
    buffer->start += sizeof header + header.len;
    buffer->len -= sizeof header + header.len;
    return ERR_OK;
}

bool wire_job_split(const char *payload, size_t len, struct wire_job *ret_job, const char *ret_fields[FIELD_COUNT])
{
    if (len < sizeof *ret_job)
        return false;
    memcpy(ret_job, payload, sizeof *ret_job);
    payload += sizeof *ret_job;
    len -= sizeof *ret_job;
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (ret_job->len[i] >= len || payload[ret_job->len[i]] != '\0')
            return false;
        ret_fields[i] = payload;
        payload += ret_job->len[i] + 1;
        len -= ret_job->len[i] + 1;
    }
    return len == 0;
}

bool wire_write(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* A local stream socket takes a message of less than a page in one piece or refuses it. */
void wire_try(int fd, const void *bytes, size_t len)
{
    (void)send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}
