/* types_encode.c: a job type as GET /v1/types describes it. */
#include "jobs/types.h"

#include <stdlib.h>
#include <string.h>

static void add_schema(struct text *text, const char *key, const struct json_schema *schema)
{
    if (!schema) {
        text_json_raw(text, key, "null", 4);
        return;
    }
    char *json = json_dumps(json_schema_document(schema), JSON_COMPACT | JSON_ENCODE_ANY);
    if (json)
        text_json_raw(text, key, json, strlen(json));
    else
        text->failed = true;
    free(json);
}

static void add_content_types(struct text *text, const struct job_type *type)
{
    text_json_key(text, "content_types");
    text_char(text, '[');
    if (type->content_types) {
        for (unsigned i = 0; i < type->n_content_types; i++)
            text_json_string(text, type->content_types[i], strlen(type->content_types[i]));
    } else {
        text_str(text, type->takes_bytes ? "\"*/*\"" : "\"application/json\"");
    }
    text_char(text, ']');
}

void type_encode(struct text *text, const struct job_type *type)
{
    text_char(text, '{');
    text_json_str(text, "name", type->name);
    text_json_str(text, "description", type->description);
    add_schema(text, "input_schema", type->input_schema);
    add_content_types(text, type);
    add_schema(text, "params", type->params_schema);
    text_json_int(text, "timeout_ms", type->timeout_ms);
    text_json_int(text, "max_attempts", type->max_attempts);
    if (type->concurrency)
        text_json_int(text, "concurrency", type->concurrency);
    else
        text_json_raw(text, "concurrency", "null", 4);
    text_char(text, '}');
}
