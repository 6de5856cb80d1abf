/* tsan.c: linked into the program when the thread sanitizer watches it: the one thing it is not to report.
 *
 * While a process is being spawned, the child holds a copy of every descriptor until it executes. A socket that an
 * HTTP thread closes meanwhile stays in that thread's epoll set for as long, and an event on it makes libev take the
 * number off its list (ev_epoll.c, "we received an event but are not interested in it"). If another thread has got
 * the number by then, the kernel says ENOENT and libev makes itself a new epoll set: no harm, but to the sanitizer
 * two threads at one descriptor. Our own epoll_ctl() calls are all the worker's, on descriptors of its own. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:epoll_ctl\n";
}
