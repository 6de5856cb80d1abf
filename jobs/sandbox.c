/* The order matters: no new privileges first (both halves need it), what root is more than others is
 * given away next, then files, and the filter of system calls last, since it would forbid the rest. */
#include "jobs/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the service runs as root, job code is root's but may no more than any user: with a capability
 * left, the kernel would let it look into the service in spite of Landlock. */
static enum err drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)   /* EPERM: has none to begin with */
            return ERR_IO;
    return syscall(SYS_capset, &header, none) == 0 ? ERR_OK : ERR_IO;
}

enum err sandbox_enter(const struct sandbox *sandbox)
{
    enum err err;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return ERR_IO;
    err = drop_capabilities();
    if (err)
        return err;
    err = sandbox_files_enter(sandbox);
    if (err && err != ERR_NOT_IMPLEMENTED)
        return err;
    err = sandbox_calls_enter(sandbox);
    return err == ERR_NOT_IMPLEMENTED ? ERR_OK : err;
}
