/* sse.c: lines end in CR, LF or both; an empty one ends an event; a colon begins a comment. */
#include "cli/sse.h"

#include <string.h>

static const char *str_of(const struct text *text)
{
    return text->len ? text->at : "";
}

static bool sse_event(struct sse *sse)
{
    bool go_on = true;

    if (sse->data.len) {
        sse->data.at[--sse->data.len] = '\0'; /* the last line's LF */
        go_on = sse->on_event(sse->arg, str_of(&sse->event), str_of(&sse->data), str_of(&sse->id));
    }
    text_reset(&sse->event);
    text_reset(&sse->data);
    return go_on;
}

static bool sse_line(struct sse *sse)
{
    const char *line = str_of(&sse->line);
    size_t len = sse->line.len, name = strcspn(line, ":"), value = name;

    if (!len)
        return sse_event(sse);
    if (line[value] == ':')
        value++;
    if (line[value] == ' ')
        value++;
    if (name == 4 && memcmp(line, "data", 4) == 0) {
        text_add(&sse->data, line + value, len - value);
        text_char(&sse->data, '\n');
    } else if (name == 5 && memcmp(line, "event", 5) == 0) {
        text_reset(&sse->event);
        text_add(&sse->event, line + value, len - value);
    } else if (name == 2 && memcmp(line, "id", 2) == 0 && strlen(line) == len) {
        text_reset(&sse->id);
        text_add(&sse->id, line + value, len - value);
    }
    return true;
}

bool sse_feed(struct sse *sse, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        bool after_cr = sse->after_cr;
        bool go_on;

        sse->after_cr = c == '\r';
        if (c == '\n' && after_cr)
            continue;
        if (c != '\n' && c != '\r') {
            text_char(&sse->line, c);
            if (sse->line.len <= SSE_LINE_BYTES)
                continue;
        }
        go_on = sse_line(sse);
        text_reset(&sse->line);
        sse->broken = sse->line.failed || sse->data.failed || sse->event.failed || sse->id.failed ||
                      sse->data.len > SSE_LINE_BYTES || (c != '\n' && c != '\r');
        if (!go_on || sse->broken)
            return false;
    }
    return true;
}

void sse_restart(struct sse *sse)
{
    text_reset(&sse->line);
    text_reset(&sse->event);
    text_reset(&sse->data);
    sse->after_cr = false;
}

void sse_clear(struct sse *sse)
{
    text_clear(&sse->line);
    text_clear(&sse->event);
    text_clear(&sse->data);
    text_clear(&sse->id);
}
