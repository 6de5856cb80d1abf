/* The worker's mailbox: a ring of batches and a list of refused appends, both without allocation,
 * and one eventfd write for as many letters as come before the worker looks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "jobs/worker_priv.h"

enum err mailbox_init(struct mailbox *box)
{
    *box = (struct mailbox){.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (box->eventfd < 0)
        return ERR_IO;
    if (pthread_mutex_init(&box->lock, NULL)) {
        close(box->eventfd);
        box->eventfd = -1;
        return ERR_NOMEM;
    }
    return ERR_OK;
}

void pulse_free(struct pulse *pulse)
{
    if (!pulse)
        return;
    beat_clear(&pulse->beat);
    free(pulse);
}

void fetch_free(struct fetch *fetch)
{
    if (!fetch)
        return;
    body_unref(fetch->body);
    free(fetch);
}

void mailbox_clear(struct mailbox *box)
{
    if (box->eventfd < 0)
        return;
    for (unsigned i = 0; i < box->n; i++)
        changes_unref(box->batches[(box->first + i) % MAILBOX_BATCHES]);
    while (box->refused) {
        struct append *append = box->refused;
        box->refused = append->next;
        append_free(append);
    }
    while (box->pulses) {
        struct pulse *pulse = box->pulses;
        box->pulses = pulse->next;
        pulse_free(pulse);
    }
    while (box->fetched) {
        struct fetch *fetch = box->fetched;
        box->fetched = fetch->next;
        fetch_free(fetch);
    }
    close(box->eventfd);
    box->eventfd = -1;
    pthread_mutex_destroy(&box->lock);
}

static void unlock_and_wake(struct mailbox *box)
{
    bool was_woken = box->is_woken;
    const uint64_t one = 1;

    box->is_woken = true;
    pthread_mutex_unlock(&box->lock);
    if (!was_woken)
        (void)!write(box->eventfd, &one, sizeof one);    /* can only fail when it is set already */
}

void mailbox_open(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->missed = false;             /* what was left out so far is read in a moment */
    box->is_open = true;
    pthread_mutex_unlock(&box->lock);
}

void mailbox_post_changes(struct mailbox *box, struct changes *changes)
{
    pthread_mutex_lock(&box->lock);
    if (box->is_open && box->n < MAILBOX_BATCHES)
        box->batches[(box->first + box->n++) % MAILBOX_BATCHES] = changes_ref(changes);
    else
        box->missed = true;
    unlock_and_wake(box);
}

void mailbox_post_refused(struct mailbox *box, struct append *append)
{
    pthread_mutex_lock(&box->lock);
    append->next = box->refused;
    box->refused = append;
    unlock_and_wake(box);
}

/* In the order in which they were heard. What a process said before and nobody has read yet is
 * dropped: the newest alone counts. */
void mailbox_post_pulse(struct mailbox *box, struct pulse *pulse)
{
    struct pulse **at = &box->pulses, *old = NULL;

    pulse->next = NULL;
    pthread_mutex_lock(&box->lock);
    while (*at) {
        if (!old && strcmp((*at)->beat.name, pulse->beat.name) == 0) {
            old = *at;
            *at = old->next;
            box->n_pulses--;
        } else {
            at = &(*at)->next;
        }
    }
    if (box->is_open && box->n_pulses < PRESENCE_MAX) {
        *at = pulse;
        box->n_pulses++;
        pulse = NULL;
    }
    unlock_and_wake(box);
    pulse_free(old);
    pulse_free(pulse);
}

void mailbox_post_fetched(struct mailbox *box, struct fetch *fetch)
{
    pthread_mutex_lock(&box->lock);
    fetch->next = box->fetched;
    box->fetched = fetch;
    unlock_and_wake(box);
}

void mailbox_post_stop(struct mailbox *box, bool now)
{
    pthread_mutex_lock(&box->lock);
    box->is_draining = true;
    box->is_stopping |= now;
    unlock_and_wake(box);
}

void mailbox_wake(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    unlock_and_wake(box);
}

void mailbox_take(struct mailbox *box, struct letters *ret_letters)
{
    uint64_t count;

    pthread_mutex_lock(&box->lock);
    if (box->is_woken)
        (void)!read(box->eventfd, &count, sizeof count);
    box->is_woken = false;
    for (unsigned i = 0; i < box->n; i++)
        ret_letters->batches[i] = box->batches[(box->first + i) % MAILBOX_BATCHES];
    ret_letters->n = box->n;
    box->first = box->n = 0;
    ret_letters->refused = box->refused;
    box->refused = NULL;
    ret_letters->pulses = box->pulses;
    box->pulses = NULL;
    box->n_pulses = 0;
    ret_letters->fetched = box->fetched;
    box->fetched = NULL;
    ret_letters->missed = box->missed;
    box->missed = false;
    ret_letters->is_draining = box->is_draining;
    ret_letters->is_stopping = box->is_stopping;
    pthread_mutex_unlock(&box->lock);
}
