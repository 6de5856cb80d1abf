/* System calls, with seccomp: what no job has a use for is refused (EPERM), rather than a list of
 * what is allowed, since commands and shared objects are other people's programs. Sockets are for
 * those whose type says `network: true`. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "jobs/sandbox.h"

static const int never[] = {
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount),
    SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsmount), SCMP_SYS(fsconfig), SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(open_by_handle_at),
    SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct),
    SCMP_SYS(quotactl), SCMP_SYS(syslog), SCMP_SYS(sethostname), SCMP_SYS(setdomainname),
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex),
    SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(iopl), SCMP_SYS(ioperm),
};

static const int sockets[] = {SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
                              SCMP_SYS(accept), SCMP_SYS(accept4)};

static const int processes[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork)};

bool sandbox_calls_supported(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

static int deny(scmp_filter_ctx filter, const int *calls, unsigned n)
{
    int err = 0;
    for (unsigned i = 0; !err && i < n; i++)
        err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    return err;
}

/* Threads are fine, processes are not; clone3 hides its flags from a filter, and the C library goes
 * back to clone when it is not there. kill only reaches the handler's own group. */
static int deny_processes(scmp_filter_ctx filter)
{
    int err = deny(filter, processes, sizeof processes / sizeof *processes);

    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(kill), 1, SCMP_A0(SCMP_CMP_NE, 0, 0));
    return err;
}

enum err sandbox_calls_enter(const struct sandbox *sandbox)
{
    enum err ret = ERR_IO;
    int err;

    if (!sandbox_calls_supported())
        return ERR_NOT_IMPLEMENTED;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return ERR_NOMEM;
    err = deny(filter, never, sizeof never / sizeof *never);
    if (!err && !sandbox->network)
        err = deny(filter, sockets, sizeof sockets / sizeof *sockets);
    if (!err && sandbox->is_handler)
        err = deny_processes(filter);
    if (!err)
        err = seccomp_load(filter);
    if (!err)
        ret = ERR_OK;
    seccomp_release(filter);
    return ret;
}
