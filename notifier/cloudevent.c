/* cloudevent.c: a change as clients see it: a CloudEvent 1.0 in JSON, with the job as its data. The
 * same text goes out over WebSocket, SSE and long polling. */
#include "notifier/frame.h"

#include "schema/clock.h"
#include "schema/id.h"
#include "schema/job_json.h"
#include "schema/text.h"

#define ENVELOPE_ROOM 1536 /* what a small job with its envelope takes: one allocation instead of six */

static void encode(struct text *text, const struct change *change, const char *log_id, uint64_t progress_number)
{
    const struct spec *spec = change->job->spec;
    char cursor[CURSOR_SIZE];

    cursor_encode(log_id, change->pos, cursor);
    text_room(text, ENVELOPE_ROOM + (change->job->result ? change->job->result->len : 0));
    text_str(text, "{\"specversion\":\"1.0\",\"id\":\"");
    text_str(text, cursor);
    if (change->kind == CHANGE_PROGRESS)
        text_printf(text, ".p%llu", (unsigned long long)progress_number);
    text_str(text, "\",\"source\":\"/v1/jobs\",\"subject\":\"");
    text_str(text, spec->id);
    text_str(text, "\",\"type\":\"job.");
    text_str(text, change_word(change->kind));
    text_char(text, '"');
    text_json_time(text, "time", change->at);
    text_str(text, ",\"datacontenttype\":\"application/json\",\"cursor\":\"");
    text_str(text, cursor);
    text_char(text, '"');
    if (spec->traceparent)
        text_json_str(text, "traceparent", spec->traceparent);
    text_json_key(text, "data");
    job_encode(text, change->job, log_id, NULL);
    text_char(text, '}');
}

struct frame *frame_of_change(const struct change *change, const char *log_id, uint64_t progress_number)
{
    struct text text = {0};
    struct frame *frame = NULL;

    encode(&text, change, log_id, progress_number);
    if (!text.failed)
        frame = frame_new(text.at, text.len);
    if (frame) {
        frame->pos = change->pos;
        frame->seq = change->job->seq;
        frame->kind = change->kind;
    }
    text_clear(&text);
    return frame;
}
