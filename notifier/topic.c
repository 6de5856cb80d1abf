/* topic.c: the hash from job ids to topics: chains, doubled when it is as full as it has buckets. */
#include "notifier/topic.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 64

/* The last 16 characters of an id are random (80 bits), and nobody outside chooses them. */
static unsigned bucket_of(const char *id, unsigned n_buckets)
{
    uint64_t a, b;

    memcpy(&a, id + ID_LEN - 16, sizeof a);
    memcpy(&b, id + ID_LEN - 8, sizeof b);
    a = (a ^ (b * 0x9e3779b97f4a7c15U)) * 0xff51afd7ed558ccdU;
    return (unsigned)(a >> 32) & (n_buckets - 1);
}

enum err topics_init(struct topics *topics)
{
    *topics = (struct topics){.n_buckets = BUCKETS_FIRST};
    TAILQ_INIT(&topics->told);
    topics->buckets = calloc(BUCKETS_FIRST, sizeof(struct topic *));
    return topics->buckets ? ERR_OK : ERR_NOMEM;
}

void topics_clear(struct topics *topics)
{
    for (unsigned i = 0; topics->buckets && i < topics->n_buckets; i++) {
        struct topic *topic;

        while ((topic = topics->buckets[i])) {
            topics->buckets[i] = topic->next;
            job_unref(topic->progress);
            free(topic);
        }
    }
    free(topics->buckets);
    *topics = (struct topics){0};
}

struct topic *topics_find(const struct topics *topics, const char *id)
{
    struct topic *topic = topics->buckets[bucket_of(id, topics->n_buckets)];

    while (topic && memcmp(topic->id, id, ID_LEN) != 0)
        topic = topic->next;
    return topic;
}

/* No memory for more buckets only makes the chains longer. */
static void grow(struct topics *topics)
{
    unsigned n_buckets = topics->n_buckets * 2;
    struct topic **buckets = calloc(n_buckets, sizeof(struct topic *));

    if (!buckets)
        return;
    for (unsigned i = 0; i < topics->n_buckets; i++) {
        struct topic *topic;

        while ((topic = topics->buckets[i])) {
            struct topic **to = &buckets[bucket_of(topic->id, n_buckets)];

            topics->buckets[i] = topic->next;
            topic->next = *to;
            *to = topic;
        }
    }
    free(topics->buckets);
    topics->buckets = buckets;
    topics->n_buckets = n_buckets;
}

struct topic *topics_get(struct topics *topics, const char *id)
{
    struct topic *topic = topics_find(topics, id);
    struct topic **bucket;

    if (topic)
        return topic;
    topic = calloc(1, sizeof *topic);
    if (!topic)
        return NULL;
    if (topics->n >= topics->n_buckets)
        grow(topics);
    memcpy(topic->id, id, ID_LEN);
    bucket = &topics->buckets[bucket_of(id, topics->n_buckets)];
    topic->next = *bucket;
    *bucket = topic;
    topics->n++;
    return topic;
}

void topics_release(struct topics *topics, struct topic *topic)
{
    struct topic **at;

    if (topic->progress || !LIST_EMPTY(&topic->subscriptions))
        return;
    at = &topics->buckets[bucket_of(topic->id, topics->n_buckets)];
    while (*at != topic)
        at = &(*at)->next;
    *at = topic->next;
    topics->n--;
    free(topic);
}

void topic_forget_progress(struct topics *topics, struct topic *topic)
{
    if (!topic->progress)
        return;
    TAILQ_REMOVE(&topics->told, topic, told);
    topics->n_progress--;
    job_unref(topic->progress);
    topic->progress = NULL;
}

static void forget(struct topics *topics, struct topic *topic)
{
    topic_forget_progress(topics, topic);
    topics_release(topics, topic);
}

void topic_set_progress(struct topics *topics, struct topic *topic, struct job *job)
{
    job_ref(job);
    topic_forget_progress(topics, topic);
    if (topics->n_progress >= PROGRESS_MAX)
        forget(topics, TAILQ_FIRST(&topics->told));
    topic->progress = job;
    TAILQ_INSERT_TAIL(&topics->told, topic, told);
    topics->n_progress++;
}

void topics_forget_progress(struct topics *topics)
{
    struct topic *next;

    for (struct topic *topic = TAILQ_FIRST(&topics->told); topic; topic = next) {
        next = TAILQ_NEXT(topic, told);
        forget(topics, topic);
    }
}
