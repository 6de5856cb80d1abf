/* executor_wire.h: what the worker and an executor say to each other on their socket: frames of a
 * header and a payload, in the machine's own byte order (it is one machine). Jobs go down, many in
 * one write; small results come up through the lane and a BELL says so, large ones as END. */
#ifndef BUZZER_JOBS_EXECUTOR_WIRE_H
#define BUZZER_JOBS_EXECUTOR_WIRE_H

#include <sys/types.h>

#include "jobs/lane.h"
#include "schema/text.h"

#define EXECUTOR_SOCKET 3        /* the descriptors an executor is born with */
#define EXECUTOR_LANE 4
#define EXECUTOR_MESSAGE_MAX 2048u

enum wire_kind {
    WIRE_JOB,        /* down: struct wire_job and its fields */
    WIRE_READY,      /* up: the executor is in its sandbox and listens */
    WIRE_BELL,       /* up: look at the lane */
    WIRE_PROGRESS,   /* up: int32_t percent, then the message */
    WIRE_END,        /* up: struct attempt_record, then the bytes */
    WIRE_KIND_COUNT
};

struct wire_header {
    uint32_t len;    /* of the payload */
    uint16_t kind;   /* enum wire_kind */
    uint16_t slot;   /* of the lane */
};

enum wire_field {
    FIELD_ID, FIELD_TYPE, FIELD_MEDIA_TYPE, FIELD_PARAMS, FIELD_TRACEPARENT, FIELD_SHARED_OBJECT,
    FIELD_RESULT_TYPE, FIELD_INPUT,
    FIELD_COMMAND,   /* the arguments, each with its NUL */
    FIELD_COUNT
};

struct wire_job {
    int64_t memory_bytes, output_bytes;
    int32_t attempt, epoch;
    uint32_t network;
    uint32_t len[FIELD_COUNT];   /* each field is followed by a NUL that its len does not count */
};

/* A buffer that frames are read out of. */
struct wire_buffer {
    char *at;
    size_t start, len, cap;      /* what is unread: len bytes from start */
};

void wire_buffer_clear(struct wire_buffer *buffer);
/* One read(2). ERR_AGAIN: nothing there (a non-blocking socket); ERR_NO_SERVICE: the other end is gone. */
enum err wire_read(struct wire_buffer *buffer, int fd);
/* The next whole frame: its payload stays valid until the next wire_read. ERR_AGAIN: not whole yet;
 * ERR_CORRUPT: longer than max, or no kind. */
enum err wire_next(struct wire_buffer *buffer, size_t max, struct wire_header *ret_header, const char **ret_payload);
/* A job's payload taken apart: pointers into it. False: it is not one. */
bool wire_job_split(const char *payload, size_t len, struct wire_job *ret_job, const char *ret_fields[FIELD_COUNT]);
/* Writes all of it on a blocking socket. */
bool wire_write(int fd, const void *bytes, size_t len);
/* A small frame, wholly or not at all: not if it had to wait. */
void wire_try(int fd, const void *bytes, size_t len);

#endif
