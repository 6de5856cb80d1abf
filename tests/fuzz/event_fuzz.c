// needs: schema
/* event_fuzz.c: what is stored is read as if a stranger had written it: an event of any kind, a
 * spec, and the attempts of a job. What is taken must come out of its own text the same again. The
 * first byte chooses what the rest is read as. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/event.h"
#include "schema/job_json.h"

#define ID "01arz3ndektsv4rrffq69g5fav"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void same(struct text *a, struct text *b)
{
    must(!a->failed && !b->failed && a->len == b->len && memcmp(a->at, b->at, a->len) == 0);
    text_clear(a);
    text_clear(b);
}

static void fuzz_event(enum event_kind kind, const char *json, size_t len)
{
    struct event event, back;
    struct text text = {0}, again = {0};

    event_init(&event, kind, ID, 1);
    if (event_decode(json, len, &event) == ERR_OK) {
        event_encode(&text, &event);
        event_init(&back, kind, ID, 1);
        must(event_decode(text.at, text.len, &back) == ERR_OK);
        event_encode(&again, &back);
        same(&text, &again);
        event_clear(&back);
    }
    event_clear(&event);
}

static struct spec *fuzz_spec(const char *json, size_t len)
{
    struct spec *spec = NULL, *back = NULL;
    struct text text = {0}, again = {0};

    if (spec_decode(json, len, ID, &spec))
        return NULL;
    spec_encode(&text, spec);
    must(spec_decode(text.at, text.len, ID, &back) == ERR_OK);
    spec_encode(&again, back);
    same(&text, &again);
    spec_unref(back);
    return spec;
}

static void fuzz_attempts(const char *json, size_t len)
{
    struct spec *spec = fuzz_spec("{\"type\":\"echo\"}", 15);
    struct job *job, *back;
    struct text text = {0}, again = {0}, shown = {0};

    must(spec);
    job = job_new(spec);
    back = job_new(spec);
    must(job && back);
    if (job_attempts_decode(json, len, job) == ERR_OK) {
        job_attempts_encode(&text, job);
        must(job_attempts_decode(text.at, text.len, back) == ERR_OK);
        job_attempts_encode(&again, back);
        same(&text, &again);
        job_encode(&shown, job, "1f00a2c4", NULL);
        must(!shown.failed);
        text_clear(&shown);
    }
    job_unref(job);
    job_unref(back);
    spec_unref(spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *json = (const char *)data + 1;
    unsigned choice;

    if (!size)
        return 0;
    choice = (data[0] - 'a') & 31;
    if (choice < EVENT_KIND_COUNT)
        fuzz_event((enum event_kind)choice, json, size - 1);
    else if (choice == EVENT_KIND_COUNT)
        spec_unref(fuzz_spec(json, size - 1));
    else
        fuzz_attempts(json, size - 1);
    return 0;
}
