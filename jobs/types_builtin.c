/* types_builtin.c: the job types that come with the program, as a table: what they take, and where
 * they differ from the defaults of types.c. */
#include "jobs/types_priv.h"

#include <string.h>

#include "jobs/image_header.h"

#define MINUTE_MS (60LL * 1000)

static char *const image_media_types[] = { "image/png", "image/jpeg", "image/tiff", "image/webp" };

struct builtin {
    const char *name, *description;
    const char *input_schema;     /* JSON text, or NULL */
    int64_t timeout_ms;           /* 0: the default */
    bool takes_json, takes_bytes, is_image;
    bool takes_lang;              /* the parameter of ocr */
};

static const struct builtin builtins[] = {
    { .name = "barcode",
      .description = "Reads the bar codes and QR codes of a PNG, JPEG, TIFF or WebP image.",
      .takes_bytes = true, .is_image = true },
    { .name = "echo",
      .description = "Gives back what came, JSON or bytes.",
      .takes_json = true, .takes_bytes = true },
    { .name = "ocr",
      .description = "Reads the text of a PNG, JPEG, TIFF or WebP image with Tesseract.",
      .timeout_ms = 5 * MINUTE_MS, .takes_bytes = true, .is_image = true, .takes_lang = true },
    { .name = "primes",
      .description = "Counts the primes below a number, and names the largest.",
      .input_schema = "{\"type\":\"object\",\"properties\":{\"below\":{\"type\":\"integer\",\"minimum\":0,"
                      "\"maximum\":1000000000}},\"required\":[\"below\"],\"additionalProperties\":false}",
      .timeout_ms = 10 * MINUTE_MS, .takes_json = true },
    { .name = "sleep",
      .description = "Sleeps for some seconds.",
      .input_schema = "{\"type\":\"object\",\"properties\":{\"seconds\":{\"type\":\"number\",\"minimum\":0,"
                      "\"maximum\":86400}},\"required\":[\"seconds\"],\"additionalProperties\":false}",
      .timeout_ms = 86400 * 1000LL + MINUTE_MS, .takes_json = true },
};

#define N_BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

static enum err schema_from(json_t *document, struct json_schema **ret_schema)
{
    char message[256];   /* nobody reads it: the documents are ours, and a test compiles them all */
    enum err err = document ? json_schema_new(document, ret_schema, message, sizeof(message)) : ERR_NOMEM;

    json_decref(document);
    return err;
}

/* Only languages whose data is installed: the name becomes part of a path in the handler. */
static json_t *lang_schema(const char *languages)
{
    char pattern[2200];

    snprintf(pattern, sizeof(pattern), "^(%s)(\\+(%s))*$", languages, languages);
    return json_pack("{s:s, s:{s:{s:s, s:s, s:s, s:s, s:i}}, s:b}", "type", "object", "properties", "lang",
                     "type", "string", "description", "languages of the text, joined by +", "default", "eng",
                     "pattern", pattern, "maxLength", 128, "additionalProperties", 0);
}

static enum err add(struct types *types, const struct builtin *builtin, const char *images_module,
                    const char *languages)
{
    struct job_type *type = types_add(types, builtin->name);
    enum err err = ERR_OK;

    if (!type || !type_set(&type->description, builtin->description))
        return ERR_NOMEM;
    type->run = TYPE_HANDLER;
    type->takes_json = builtin->takes_json;
    type->takes_bytes = builtin->takes_bytes;
    if (builtin->timeout_ms)
        type->timeout_ms = builtin->timeout_ms;
    if (builtin->input_schema)
        err = schema_from(json_loads(builtin->input_schema, 0, NULL), &type->input_schema);
    if (!err && builtin->takes_lang)
        err = schema_from(lang_schema(languages), &type->params_schema);
    if (!err && builtin->is_image) {
        type->check = image_header_check;
        if (!type_set(&type->shared_object, images_module) ||
            !type_set_list(&type->content_types, &type->n_content_types, image_media_types,
                           sizeof(image_media_types) / sizeof(image_media_types[0])))
            err = ERR_NOMEM;
    }
    return err;
}

enum err types_add_builtin(struct types *types, const char *images_module, const char *languages)
{
    enum err err = ERR_OK;

    for (size_t i = 0; !err && i < N_BUILTINS; i++) {
        bool has_parts = !builtins[i].is_image || images_module;
        bool has_data = !builtins[i].takes_lang || languages[0];

        if (has_parts && has_data)
            err = add(types, &builtins[i], images_module, languages);
    }
    return err;
}
