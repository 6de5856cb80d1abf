// needs: notifier
/* What one event costs the hub when thousands listen: nanoseconds for each subscriber it is queued
 * to, and for each taken out again; and what a subscriber costs that waits for nothing. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jobs/view.h"
#include "notifier/hub.h"

#define SUBSCRIBERS 10000
#define EVENTS 200

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void wake(struct subscriber *subscriber, void *owner)
{
    (void)subscriber;
    ++*(int64_t *)owner;
}

static struct job *make_job(void)
{
    struct spec *spec = spec_new();
    struct job *job;

    id_make(1795341600000, spec->id);
    spec->type = strdup("echo");
    spec->queue = strdup("default");
    job = job_new(spec);
    spec_unref(spec);
    return job;
}

/* One batch of one event to everybody, then everybody takes it. */
static void run(struct hub *hub, struct subscriber **subscribers, int64_t *pos, int64_t *ret_queue_ns, int64_t *ret_take_ns)
{
    unsigned char out[4096];
    struct frame *big = NULL;

    for (unsigned i = 0; i < EVENTS; i++) {
        struct changes *changes = changes_new(1);
        int64_t start;

        changes->last_pos = ++*pos;
        changes->at[changes->n++] = (struct change){CHANGE_QUEUED, *pos, 1795341600000, make_job()};
        start = now_ns();
        hub_deliver(hub, changes);
        *ret_queue_ns += now_ns() - start;
        changes_unref(changes);
        start = now_ns();
        for (unsigned s = 0; s < SUBSCRIBERS; s++)
            subscriber_take(subscribers[s], out, sizeof out, &big);
        *ret_take_ns += now_ns() - start;
    }
}

int main(void)
{
    char dir[] = "/tmp/bench_hub_XXXXXX", message[256], command[64];
    static struct subscriber *subscribers[SUBSCRIBERS];
    struct view *view = NULL;
    struct reader *reader = NULL;
    struct hub *hub = NULL;
    struct subscribed answer;
    int64_t n_wakes = 0, queue_ns = 0, take_ns = 0, pos;
    size_t before;

    if (!mkdtemp(dir) || view_open(dir, VIEW_IS_LOG, &view, message, sizeof message) || reader_open(dir, &reader) ||
        hub_new(reader, wake, &hub))
        return EXIT_FAILURE;
    pos = reader_last_pos(reader);
    before = mallinfo2().uordblks;
    for (unsigned s = 0; s < SUBSCRIBERS; s++)
        if (subscriber_new(hub, &n_wakes, &subscribers[s]) || subscriber_add_all(subscribers[s], NULL, NULL, &answer))
            return EXIT_FAILURE;
    printf("bytes for each idle subscriber      %zu\n", (mallinfo2().uordblks - before) / SUBSCRIBERS);
    run(hub, subscribers, &pos, &queue_ns, &take_ns);
    printf("ns to queue one frame to one        %.1f\n", (double)queue_ns / EVENTS / SUBSCRIBERS);
    printf("ns to take it out again             %.1f\n", (double)take_ns / EVENTS / SUBSCRIBERS);
    printf("us for one event to %d           %.0f\n", SUBSCRIBERS, (double)queue_ns / EVENTS / 1000);
    if (n_wakes != (int64_t)SUBSCRIBERS * EVENTS)
        return EXIT_FAILURE;
    printf("bytes for each idle one afterwards  %zu\n", (mallinfo2().uordblks - before) / SUBSCRIBERS);
    for (unsigned s = 0; s < SUBSCRIBERS; s++)
        subscriber_free(subscribers[s]);
    hub_free(hub);
    reader_close(reader);
    view_close(view);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) ? EXIT_FAILURE : EXIT_SUCCESS;
}
