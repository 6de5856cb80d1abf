/* json_schema_priv.h: a compiled schema: a node for each subschema, its keywords read and checked
 * once. json_schema.c makes nodes, json_schema_check.c walks a value along them,
 * json_schema_place.c writes and follows pointers, json_schema_value.c knows numbers and equality,
 * json_schema_pattern.c hides PCRE2. Everything a node points to inside the document is borrowed;
 * nothing is written after it is compiled. */
#ifndef BUZZER_SCHEMA_JSON_SCHEMA_PRIV_H
#define BUZZER_SCHEMA_JSON_SCHEMA_PRIV_H

#include <stdint.h>

#include "schema/json_schema.h"

enum type_bit {
    TYPE_NULL = 1,
    TYPE_BOOLEAN = 2,
    TYPE_INTEGER = 4,
    TYPE_NUMBER = 8,
    TYPE_STRING = 16,
    TYPE_ARRAY = 32,
    TYPE_OBJECT = 64
};

struct node_list {
    struct node **at;
    size_t n;
};

struct node {
    struct node *next;      /* all nodes of a schema, to free them */
    const json_t *from;     /* what it was compiled from: a $ref finds it by this */
    bool is_false;          /* the schema `false` */
    bool is_unique, is_date_time;
    unsigned types;         /* enum type_bit; 0: any */
    int64_t min_length, max_length, min_items, max_items, min_properties, max_properties; /* -1: none */
    const json_t *minimum, *maximum, *exclusive_minimum, *exclusive_maximum, *multiple_of;
    const json_t *choices, *constant;
    const json_t *required, *property_schemas;
    struct pattern *pattern;
    struct node_list properties; /* in the order of property_schemas */
    struct node_list prefix_items, all_of, any_of, one_of;
    struct node *additional, *property_names, *items, *contains, *not_, *if_, *then, *otherwise, *ref;
};

struct json_schema {
    json_t *document;
    struct node *root, *nodes;
};

/* A place in a document, as steps towards its root: it costs nothing until a fault is told. */
struct place {
    const struct place *up; /* NULL: the document itself */
    const char *key;        /* NULL: index counts */
    size_t index;
};
void place_write(struct text *text, const struct place *place); /* "/input/below" */
/* The pointer of a $ref, without its #. NOT_FOUND: nothing there. */
enum err ref_find(const json_t *document, const char *pointer, const json_t **ret_target);

/* json_schema_value.c. Equality of long values and hashing take steps from *left and stop at none. */
unsigned value_types(const json_t *value);                        /* all that fit: 1.0 is an integer too */
int number_compare(const json_t *a, const json_t *b);             /* exact, integer or not */
bool number_is_multiple(const json_t *value, const json_t *of);
void number_print(const json_t *number, char *text, size_t size);
bool value_is_same(const json_t *a, const json_t *b, uint64_t *left); /* 1 is 1.0; members in any order */
/* Are the items all different? *left at 0 after it: not known. */
bool value_is_unique(const json_t *array, uint64_t *left);

/* json_schema_pattern.c */
enum match { MATCH_NO, MATCH_YES, MATCH_TOO_LONG };
struct pattern;
enum err pattern_new(const char *source, struct pattern **ret_pattern, char *message, size_t size);
void pattern_free(struct pattern *pattern);
const char *pattern_source(const struct pattern *pattern);
enum match pattern_match(const struct pattern *pattern, const char *subject, size_t len);

#endif
