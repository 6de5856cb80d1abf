// needs: api
/* gate_fuzz.c: any bytes in any pieces: the gate never passes more than it was given, never changes
 * its verdict with the size of the pieces, and stays refused once it has refused. */
#include <stdlib.h>
#include <string.h>

#include "api/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t run(const uint8_t *input, size_t size, size_t step, enum err *ret_err)
{
    struct gate *gate = gate_new();
    uint8_t *data = malloc(size + 1);
    size_t at = 0;

    if (!gate || !data)
        abort();
    memcpy(data, input, size);
    if (size && data[0] == 0)
        gate_expect_frames(gate);
    while (at < size) {
        size_t part = size - at < step ? size - at : step;
        ssize_t n = gate_feed(gate, data + at, part, ret_err);
        if (n < 0) {
            enum err again = ERR_OK;
            if (gate_feed(gate, data, 1, &again) >= 0)
                abort();
            gate_free(gate);
            free(data);
            return -1;
        }
        ssize_t insert_at;
        if ((size_t)n > part || (*gate_insert(gate, &insert_at) && insert_at >= n))
            abort();
        at += (size_t)n;
        if (gate_is_held(gate))
            gate_release(gate);
        else if ((size_t)n < part)
            abort();
    }
    gate_free(gate);
    free(data);
    return (ssize_t)at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum err whole = ERR_OK, bytes = ERR_OK;

    if (run(data, size, size + 1, &whole) != run(data, size, 1, &bytes) || whole != bytes)
        abort();
    return 0;
}
