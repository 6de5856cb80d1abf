/* The shared memory of a lane: a memfd whose size is sealed, so that no executor can shrink it under
 * the worker's feet. */
#include "jobs/lane.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum err lane_map(int fd, struct lane **ret_lane)
{
    void *at = mmap(NULL, sizeof **ret_lane, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return ERR_NOMEM;
    *ret_lane = at;
    return ERR_OK;
}

enum err lane_open(struct lane **ret_lane, int *ret_fd)
{
    enum err err = ERR_IO;
    int fd = memfd_create("lane", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return ERR_IO;
    if (ftruncate(fd, sizeof **ret_lane) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        goto out;
    err = lane_map(fd, ret_lane);
    if (err)
        goto out;
    *ret_fd = fd;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    return err;
}

void lane_close(struct lane *lane)
{
    if (lane)
        munmap(lane, sizeof *lane);
}

bool lane_move(struct lane_slot *slot, enum slot_state from, enum slot_state to)
{
    uint32_t expected = from;
    return atomic_compare_exchange_strong_explicit(&slot->state, &expected, to, memory_order_acq_rel,
                                                   memory_order_acquire);
}

enum slot_state lane_state(const struct lane_slot *slot)
{
    return (enum slot_state)atomic_load_explicit(&slot->state, memory_order_acquire);
}
