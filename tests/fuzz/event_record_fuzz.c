// needs: jobs
/* event_record_fuzz.c: a record of the log, as anybody who may write to the topic can make it. What is
 * taken must come out of what we would write of it the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/event_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct text written(struct append *list)
{
    struct text text = {0};

    for (; list; list = list->next)
        event_record_encode(&text, "host.1a2b3c4d-1", 7, &list->event);
    must(!text.failed);
    return text;
}

static void free_list(struct append *list)
{
    for (struct append *next; list; list = next) {
        next = list->next;
        append_free(list);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct append *list = NULL, *back = NULL;
    struct text text, again;
    uint64_t n;

    if (event_record_decode((const char *)data, size, &list))
        return 0;
    text = written(list);
    must(event_record_is_from(text.at, text.len, "host.1a2b3c4d-1", &n) && n == 7);
    must(event_record_decode(text.at, text.len, &back) == ERR_OK);
    again = written(back);
    must(text.len == again.len && memcmp(text.at, again.at, text.len) == 0);
    text_clear(&text);
    text_clear(&again);
    free_list(list);
    free_list(back);
    return 0;
}
