/* json_schema.h: JSON Schema (draft 2020-12), the part that input schemas use: type, enum, const,
 * properties, required, additionalProperties, propertyNames, min/maxProperties, items, prefixItems,
 * min/maxItems, uniqueItems, contains, minimum, maximum, exclusive*, multipleOf, min/maxLength
 * (code points), pattern (PCRE2, with a match limit), format date-time, allOf, anyOf, oneOf, not,
 * if/then/else, $ref into the same document (#/$defs/...), and the annotations. A keyword outside
 * this list is refused when the schema is read, never passed over: a check that silently does
 * nothing is worse than none. Compiled once, then read by any thread. */
#ifndef BUZZER_SCHEMA_JSON_SCHEMA_H
#define BUZZER_SCHEMA_JSON_SCHEMA_H

#include <jansson.h>

#include "schema/err.h"
#include "schema/fault.h"

struct json_schema;

/* Takes a reference to the document, which must not be changed after. ERR_INVALID: message says what
 * is wrong with it, and where. */
enum err json_schema_new(json_t *document, struct json_schema **ret_schema, char *message, size_t size);
void json_schema_free(struct json_schema *schema);
json_t *json_schema_document(const struct json_schema *schema);         /* borrowed */
/* Adds every fault found to faults, pointers below prefix ("/input"). True: none. */
bool json_schema_check(const struct json_schema *schema, const json_t *value, const char *prefix,
                       struct faults *faults);

#endif
