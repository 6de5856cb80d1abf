/* json_schema.c: a schema document compiled: each keyword is a row of a table that says where it goes
 * in the node and how it is read. A keyword that is not in the table is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/json_schema_priv.h"

#define DEPTH_MAX 64
#define NODES_MAX 2000

struct compile {
    struct json_schema *schema;
    unsigned depth, n_nodes;
    char *message;
    size_t size;
};

/* Reads the value of one keyword into the node, at the keyword's offset. */
typedef enum err read_fn(struct compile *compile, const json_t *value, void *member, const struct place *place);

static enum err node_new(struct compile *compile, const json_t *from, const struct place *place,
                         struct node **ret_node);

static enum err __attribute__((format(printf, 3, 4)))
refuse(struct compile *compile, const struct place *place, const char *format, ...)
{
    struct text text = {0};
    char sentence[256];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    place_write(&text, place);
    snprintf(compile->message, compile->size, "#%s %s", text.at && !text.failed ? text.at : "", sentence);
    text_clear(&text);
    return ERR_INVALID;
}

static enum err read_node(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    return node_new(compile, value, place, member);
}

static enum err list_new(size_t n, struct node_list *list)
{
    list->at = calloc(n, sizeof *list->at);
    list->n = list->at ? n : 0;
    return list->at ? ERR_OK : ERR_NOMEM;
}

static enum err read_list(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    struct node_list *list = member;
    size_t n = json_array_size(value);
    enum err err;

    if (!n)
        return refuse(compile, place, "must be an array with at least one schema");
    err = list_new(n, list);
    for (size_t i = 0; i < n && !err; i++) {
        struct place at = {place, NULL, i};
        err = node_new(compile, json_array_get(value, i), &at, &list->at[i]);
    }
    return err;
}

static enum err read_schemas(struct compile *compile, const json_t *value, struct node_list *list,
                             const struct place *place)
{
    json_t *object = (json_t *)(uintptr_t)value; /* jansson's iterators take no const */
    size_t i = 0;
    enum err err;

    if (!json_is_object(value))
        return refuse(compile, place, "must be an object of schemas");
    err = list_new(json_object_size(value) + 1, list); /* one more: of none, calloc may give NULL */
    for (void *of = json_object_iter(object); of && !err; of = json_object_iter_next(object, of)) {
        struct place at = {place, json_object_iter_key(of), 0};
        err = node_new(compile, json_object_iter_value(of), &at, &list->at[i++]);
    }
    return err;
}

static enum err read_properties(struct compile *compile, const json_t *value, void *member,
                                const struct place *place)
{
    struct node *node = member;

    node->property_schemas = value;
    return read_schemas(compile, value, &node->properties, place);
}

/* Nothing points to them but a $ref; they are read so that a fault in one is found now. */
static enum err read_defs(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    struct node_list list = {0};
    enum err err = read_schemas(compile, value, &list, place);

    (void)member;
    free(list.at);
    return err;
}

static enum err read_types(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    static const char *const names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
    unsigned *types = member;
    size_t n = json_is_array(value) ? json_array_size(value) : 1;

    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        unsigned bit = 0;
        for (unsigned j = 0; name && j < sizeof names / sizeof names[0]; j++)
            if (strcmp(name, names[j]) == 0)
                bit = 1U << j;
        if (!bit)
            return refuse(compile, place, "is no type of JSON");
        *types |= bit;
    }
    return n ? ERR_OK : refuse(compile, place, "must name a type");
}

static enum err read_count(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    int64_t *count = member;

    if (json_is_real(value) && json_real_value(value) >= 0 && json_real_value(value) < 9e15 &&
        value_types(value) & TYPE_INTEGER)
        *count = (int64_t)json_real_value(value); /* 2.0 is an integer, says the specification */
    else if (json_is_integer(value) && json_integer_value(value) >= 0)
        *count = json_integer_value(value);
    else
        return refuse(compile, place, "must be a whole number, 0 or more");
    return ERR_OK;
}

static enum err read_number(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    if (!json_is_number(value))
        return refuse(compile, place, "must be a number");
    *(const json_t **)member = value;
    return ERR_OK;
}

static enum err read_divisor(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    if (!json_is_number(value) || json_number_value(value) <= 0)
        return refuse(compile, place, "must be a number above 0");
    *(const json_t **)member = value;
    return ERR_OK;
}

static enum err read_flag(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    if (!json_is_boolean(value))
        return refuse(compile, place, "must be true or false");
    *(bool *)member = json_is_true(value);
    return ERR_OK;
}

static enum err read_any(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    (void)compile;
    (void)place;
    *(const json_t **)member = value;
    return ERR_OK;
}

static enum err read_choices(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    if (!json_is_array(value))
        return refuse(compile, place, "must be an array");
    *(const json_t **)member = value;
    return ERR_OK;
}

static enum err read_names(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    bool ok = json_is_array(value);

    for (size_t i = 0; i < json_array_size(value); i++)
        ok &= json_is_string(json_array_get(value, i));
    if (!ok)
        return refuse(compile, place, "must be an array of names");
    *(const json_t **)member = value;
    return ERR_OK;
}

static enum err read_pattern(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    char why[200] = "";
    enum err err;

    if (!json_is_string(value))
        return refuse(compile, place, "must be a string");
    err = pattern_new(json_string_value(value), member, why, sizeof why);
    return err == ERR_INVALID ? refuse(compile, place, "%s", why) : err;
}

static enum err read_format(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    if (!json_is_string(value) || strcmp(json_string_value(value), "date-time") != 0)
        return refuse(compile, place, "is a format that is not checked here; date-time is");
    *(bool *)member = true;
    return ERR_OK;
}

static enum err read_dialect(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    const char *uri = json_string_value(value);

    (void)member;
    if (!uri || strcspn(uri, "#") != strlen("https://json-schema.org/draft/2020-12/schema") ||
        strncmp(uri, "https://json-schema.org/draft/2020-12/schema", strcspn(uri, "#")) != 0)
        return refuse(compile, place, "must be https://json-schema.org/draft/2020-12/schema");
    return ERR_OK;
}

/* Below the root it would change what a $ref means. */
static enum err read_base(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    (void)member;
    if (!json_is_string(value) || place->up)
        return refuse(compile, place, "can only stand at the root");
    return ERR_OK;
}

static enum err read_nothing(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    (void)compile;
    (void)value;
    (void)member;
    (void)place;
    return ERR_OK;
}

static enum err read_ref(struct compile *compile, const json_t *value, void *member, const struct place *place)
{
    const char *ref = json_string_value(value);
    const json_t *target = NULL;
    enum err err;

    if (!ref || ref[0] != '#')
        return refuse(compile, place, "must point into this document, as #/$defs/NAME does");
    err = ref_find(compile->schema->document, ref + 1, &target);
    if (err == ERR_NOT_FOUND)
        return refuse(compile, place, "points at nothing in this document");
    return err ? err : node_new(compile, target, place, member);
}

static const struct keyword {
    const char *name;
    read_fn *read;
    size_t offset; /* of the member of struct node that is given to read */
} keywords[] = {
    {"type", read_types, offsetof(struct node, types)},
    {"enum", read_choices, offsetof(struct node, choices)},
    {"const", read_any, offsetof(struct node, constant)},
    {"minimum", read_number, offsetof(struct node, minimum)},
    {"maximum", read_number, offsetof(struct node, maximum)},
    {"exclusiveMinimum", read_number, offsetof(struct node, exclusive_minimum)},
    {"exclusiveMaximum", read_number, offsetof(struct node, exclusive_maximum)},
    {"multipleOf", read_divisor, offsetof(struct node, multiple_of)},
    {"minLength", read_count, offsetof(struct node, min_length)},
    {"maxLength", read_count, offsetof(struct node, max_length)},
    {"pattern", read_pattern, offsetof(struct node, pattern)},
    {"format", read_format, offsetof(struct node, is_date_time)},
    {"items", read_node, offsetof(struct node, items)},
    {"prefixItems", read_list, offsetof(struct node, prefix_items)},
    {"minItems", read_count, offsetof(struct node, min_items)},
    {"maxItems", read_count, offsetof(struct node, max_items)},
    {"uniqueItems", read_flag, offsetof(struct node, is_unique)},
    {"contains", read_node, offsetof(struct node, contains)},
    {"properties", read_properties, 0}, /* two members: the whole node */
    {"required", read_names, offsetof(struct node, required)},
    {"additionalProperties", read_node, offsetof(struct node, additional)},
    {"propertyNames", read_node, offsetof(struct node, property_names)},
    {"minProperties", read_count, offsetof(struct node, min_properties)},
    {"maxProperties", read_count, offsetof(struct node, max_properties)},
    {"allOf", read_list, offsetof(struct node, all_of)},
    {"anyOf", read_list, offsetof(struct node, any_of)},
    {"oneOf", read_list, offsetof(struct node, one_of)},
    {"not", read_node, offsetof(struct node, not_)},
    {"if", read_node, offsetof(struct node, if_)},
    {"then", read_node, offsetof(struct node, then)},
    {"else", read_node, offsetof(struct node, otherwise)},
    {"$ref", read_ref, offsetof(struct node, ref)},
    {"$defs", read_defs, 0},
    {"$schema", read_dialect, 0},
    {"$id", read_base, 0},
    {"$comment", read_nothing, 0},
    {"title", read_nothing, 0},
    {"description", read_nothing, 0},
    {"default", read_nothing, 0},
    {"examples", read_nothing, 0},
    {"deprecated", read_nothing, 0},
    {"readOnly", read_nothing, 0},
    {"writeOnly", read_nothing, 0},
};

static enum err read_keyword(struct compile *compile, struct node *node, const char *name, const json_t *value,
                             const struct place *place)
{
    struct place at = {place, name, 0};

    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (strcmp(name, keywords[i].name) == 0)
            return keywords[i].read(compile, value, (char *)node + keywords[i].offset, &at);
    return refuse(compile, &at, "is not a keyword that is checked here");
}

static enum err node_new(struct compile *compile, const json_t *from, const struct place *place,
                         struct node **ret_node)
{
    json_t *object = (json_t *)(uintptr_t)from;
    struct node *node = compile->schema->nodes;
    enum err err = ERR_OK;

    while (node && node->from != from)
        node = node->next;
    if (node) { /* a $ref has been here; maybe it is still being read, further up */
        *ret_node = node;
        return ERR_OK;
    }
    if (!json_is_object(from) && !json_is_boolean(from))
        return refuse(compile, place, "must be a schema: an object, true or false");
    if (compile->depth == DEPTH_MAX || compile->n_nodes == NODES_MAX)
        return refuse(compile, place, "is one schema too many, or too deep");
    node = calloc(1, sizeof *node);
    if (!node)
        return ERR_NOMEM;
    compile->n_nodes++;
    node->next = compile->schema->nodes;
    compile->schema->nodes = node;
    node->from = from;
    node->is_false = json_is_false(from);
    node->min_length = node->max_length = node->min_items = node->max_items = -1;
    node->min_properties = node->max_properties = -1;

    compile->depth++;
    for (void *of = json_object_iter(object); of && !err; of = json_object_iter_next(object, of))
        err = read_keyword(compile, node, json_object_iter_key(of), json_object_iter_value(of), place);
    compile->depth--;
    if (!err)
        *ret_node = node;
    return err;
}

enum err json_schema_new(json_t *document, struct json_schema **ret_schema, char *message, size_t size)
{
    struct json_schema *schema = calloc(1, sizeof *schema);
    struct compile compile = {.schema = schema, .message = message, .size = size};
    enum err err = ERR_NOMEM;

    snprintf(message, size, "%s", err_sentence(ERR_NOMEM));
    if (!schema)
        return err;
    schema->document = json_incref(document);
    err = node_new(&compile, document, NULL, &schema->root);
    if (err) {
        json_schema_free(schema);
        return err;
    }
    *ret_schema = schema;
    return ERR_OK;
}

void json_schema_free(struct json_schema *schema)
{
    if (!schema)
        return;
    while (schema->nodes) {
        struct node *node = schema->nodes;
        schema->nodes = node->next;
        pattern_free(node->pattern);
        free(node->properties.at);
        free(node->prefix_items.at);
        free(node->all_of.at);
        free(node->any_of.at);
        free(node->one_of.at);
        free(node);
    }
    json_decref(schema->document);
    free(schema);
}

json_t *json_schema_document(const struct json_schema *schema)
{
    return schema->document;
}
