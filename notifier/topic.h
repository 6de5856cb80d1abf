/* topic.h: what a hub keeps for one job: who subscribed to it, and the newest progress it told. A
 * topic lives while it has either; a hash from the job's id finds it. */
#ifndef BUZZER_NOTIFIER_TOPIC_H
#define BUZZER_NOTIFIER_TOPIC_H

#include <sys/queue.h>

#include "schema/job.h"

#define PROGRESS_MAX 10000

struct subscription;
LIST_HEAD(subscription_list, subscription);

struct topic {
    struct topic *next;                       /* in its bucket */
    TAILQ_ENTRY(topic) told;                  /* in topics->told while it has progress */
    struct subscription_list subscriptions;
    struct job *progress;                     /* a reference: the running job as last told, or NULL */
    char id[ID_SIZE];
};

struct topics {
    struct topic **buckets;                   /* a power of two of them */
    unsigned n_buckets, n, n_progress;
    TAILQ_HEAD(, topic) told;                 /* those with progress, the longest untold first */
};

enum err topics_init(struct topics *topics);
void topics_clear(struct topics *topics);
struct topic *topics_find(const struct topics *topics, const char *id);            /* NULL: none */
struct topic *topics_get(struct topics *topics, const char *id);   /* made if need be; NULL: no memory */
/* For who lets go of a subscription or of progress: frees the topic once it has neither. */
void topics_release(struct topics *topics, struct topic *topic);
/* Takes a reference; at most PROGRESS_MAX jobs, the one longest untold gives way. */
void topic_set_progress(struct topics *topics, struct topic *topic, struct job *job);
void topic_forget_progress(struct topics *topics, struct topic *topic);            /* does not release */
void topics_forget_progress(struct topics *topics);                                /* of all jobs */

#endif
