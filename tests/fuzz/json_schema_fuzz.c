// needs: schema
/* json_schema_fuzz.c: a schema and a value, with a newline between them: whatever they are, the
 * answer comes, and it is a fault exactly when it is a no. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/json_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct json_schema *schema, json_t *value)
{
    struct faults faults = {0};
    struct text text = {0};
    bool ok = json_schema_check(schema, value, "/input", &faults);

    if (ok != (faults.n == 0))
        abort();
    faults_encode(&text, &faults);
    json_t *errors = json_loadb(text.at, text.len, 0, NULL);
    if (!errors)
        abort(); /* what clients get must be JSON */
    json_decref(errors);
    text_clear(&text);
    faults_clear(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *cut = memchr(text, '\n', size);
    struct json_schema *schema = NULL;
    json_t *document, *value;
    char message[256];

    if (!cut)
        return 0;
    document = json_loadb(text, (size_t)(cut - text), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    value = json_loadb(cut + 1, size - (size_t)(cut + 1 - text), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (document && value && !json_schema_new(document, &schema, message, sizeof message))
        check(schema, value);
    json_schema_free(schema);
    json_decref(document);
    json_decref(value);
    return 0;
}
