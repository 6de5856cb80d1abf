/* query.c: what goes into the first line of a request. */
#include "cli/query.h"

#include <string.h>

#include "cli/say.h"
#include "schema/id.h"

static void escape(struct text *target, const char *value)
{
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c))
            text_char(target, *value);
        else
            text_printf(target, "%%%02X", c);
    }
}

void query_add(struct text *target, const char *name, const char *value)
{
    if (!value)
        return;
    text_char(target, target->len && strchr(target->at, '?') ? '&' : '?');
    escape(target, name);
    text_char(target, '=');
    escape(target, value);
}

bool job_target(struct text *target, const char *id, const char *tail)
{
    if (!id_is_valid(id, strlen(id))) {
        say("'%s' is not the id of a job", id);
        return false;
    }
    text_str(target, "/v1/jobs/");
    text_str(target, id);
    text_str(target, tail);
    return true;
}
