/* event.c: the words of event.h and what an event owns. */
#include "schema/event.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_words[EVENT_KIND_COUNT] = {
#define EVENT_KIND_WORD(name, word) [EVENT_##name] = word,
    EVENT_KIND_LIST(EVENT_KIND_WORD)
#undef EVENT_KIND_WORD
};

const char *event_kind_word(enum event_kind kind)
{
    assert((unsigned)kind < EVENT_KIND_COUNT);
    return kind_words[kind];
}

bool event_kind_decode(const char *word, enum event_kind *ret_kind)
{
    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++)
        if (strcmp(word, kind_words[i]) == 0) {
            *ret_kind = (enum event_kind)i;
            return true;
        }
    return false;
}

void event_init(struct event *event, enum event_kind kind, const char *job_id, int64_t at)
{
    memset(event, 0, sizeof *event);
    event->kind = kind;
    event->at = at;
    event->progress.percent = -1;
    if (job_id) {
        assert(strlen(job_id) < sizeof event->job);
        strcpy(event->job, job_id);
    }
}

void event_clear(struct event *event)
{
    free(event->worker);
    event->worker = NULL;
    spec_unref(event->spec);
    event->spec = NULL;
    body_unref(event->body);
    event->body = NULL;
    job_error_clear(&event->error);
    free(event->progress.message);
    event->progress = (struct progress){.percent = -1};
    access_key_free(event->key);
    event->key = NULL;
    free(event->queue);
    event->queue = NULL;
    event->blob.at = 0;
}
