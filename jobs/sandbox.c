/* The order matters: no new privileges first (both halves need it), files next, and the filter of
 * system calls last, since it would forbid setting up the others. */
#include "jobs/sandbox.h"

#include <sys/prctl.h>

enum err sandbox_enter(const struct sandbox *sandbox)
{
    enum err err;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return ERR_IO;
    err = sandbox_files_enter(sandbox);
    if (err && err != ERR_NOT_IMPLEMENTED)
        return err;
    err = sandbox_calls_enter(sandbox);
    return err == ERR_NOT_IMPLEMENTED ? ERR_OK : err;
}
