/* json_schema_value.c: numbers and equality as JSON Schema has them: 1 and 1.0 are the same, and no
 * comparison is done in a type that cannot hold both sides. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/hash.h"
#include "schema/json_schema_priv.h"

unsigned value_types(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return TYPE_OBJECT;
    case JSON_ARRAY:
        return TYPE_ARRAY;
    case JSON_STRING:
        return TYPE_STRING;
    case JSON_INTEGER:
        return TYPE_INTEGER | TYPE_NUMBER;
    case JSON_REAL:
        return json_real_value(value) == floor(json_real_value(value)) ? TYPE_INTEGER | TYPE_NUMBER : TYPE_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return TYPE_BOOLEAN;
    case JSON_NULL:
    default:
        return TYPE_NULL;
    }
}

/* Exact for both kinds where long double has 64 bits of mantissa, as on x86-64 and (128-bit) ARM64. */
static long double number(const json_t *value)
{
    return json_is_integer(value) ? (long double)json_integer_value(value) : (long double)json_real_value(value);
}

int number_compare(const json_t *a, const json_t *b)
{
    long double x = number(a), y = number(b);

    return (x > y) - (x < y);
}

bool number_is_multiple(const json_t *value, const json_t *of)
{
    double quotient;

    if (json_is_integer(value) && json_is_integer(of)) /* of > 0, seen to when the schema was read */
        return json_integer_value(value) % json_integer_value(of) == 0;
    quotient = json_number_value(value) / json_number_value(of);
    if (!isfinite(quotient))
        return false;
    /* 0.0075 is a multiple of 0.0001, though neither is exact in binary. */
    return fabs(quotient - nearbyint(quotient)) <= fabs(quotient) * 4 * DBL_EPSILON;
}

void number_print(const json_t *number, char *text, size_t size)
{
    if (json_is_integer(number))
        snprintf(text, size, "%lld", (long long)json_integer_value(number));
    else
        snprintf(text, size, "%.15g", json_real_value(number));
}

static bool step(uint64_t *left)
{
    if (!*left)
        return false;
    --*left;
    return true;
}

static bool same_arrays(const json_t *a, const json_t *b, uint64_t *left)
{
    size_t n = json_array_size(a);

    if (n != json_array_size(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!value_is_same(json_array_get(a, i), json_array_get(b, i), left))
            return false;
    return true;
}

static bool same_objects(const json_t *a, const json_t *b, uint64_t *left)
{
    json_t *object = (json_t *)(uintptr_t)a; /* jansson's iterators take no const */

    if (json_object_size(a) != json_object_size(b))
        return false;
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const json_t *other = json_object_get(b, json_object_iter_key(at));
        if (!other || !value_is_same(json_object_iter_value(at), other, left))
            return false;
    }
    return true;
}

bool value_is_same(const json_t *a, const json_t *b, uint64_t *left)
{
    if (!step(left))
        return false;
    if (json_is_number(a) && json_is_number(b))
        return number_compare(a, b) == 0;
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a))
        return same_arrays(a, b, left);
    if (json_is_object(a))
        return same_objects(a, b, left);
    if (json_is_string(a))
        return json_string_length(a) == json_string_length(b) &&
               memcmp(json_string_value(a), json_string_value(b), json_string_length(a)) == 0;
    return true; /* true, false, null: the type says it all */
}

/* Equal values hash alike: numbers by what they count, members in any order. */
static uint64_t hash_value(const json_t *value, uint64_t *left)
{
    uint64_t hash = HASH_START;
    json_t *object = (json_t *)(uintptr_t)value;
    double number = json_number_value(value) + 0.0; /* -0.0 becomes 0.0 */
    json_type type = json_is_integer(value) ? JSON_REAL : json_typeof(value);

    if (!step(left))
        return 0;
    hash = hash_bytes(hash, &type, sizeof type);
    if (json_is_number(value))
        return hash_bytes(hash, &number, sizeof number);
    if (json_is_string(value))
        return hash_bytes(hash, json_string_value(value), json_string_length(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        uint64_t item = hash_value(json_array_get(value, i), left);
        hash = hash_bytes(hash, &item, sizeof item);
    }
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        uint64_t member = hash_value(json_object_iter_value(at), left);
        hash += hash_bytes(member, key, strlen(key));
    }
    return hash;
}

struct hashed {
    uint64_t hash;
    const json_t *value;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Sorted by hash, so that only neighbours need a look: comparing each with each would let a long
 * list keep a thread busy for minutes. */
bool value_is_unique(const json_t *array, uint64_t *left)
{
    size_t n = json_array_size(array);
    struct hashed *items;
    bool is_unique = true;

    if (n < 2)
        return true;
    items = calloc(n, sizeof *items);
    if (!items) {
        *left = 0;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        items[i].value = json_array_get(array, i);
        items[i].hash = hash_value(items[i].value, left);
    }
    if (*left)
        qsort(items, n, sizeof *items, by_hash);
    for (size_t i = 0; i < n && *left && is_unique; i++)
        for (size_t j = i + 1; j < n && items[j].hash == items[i].hash && *left && is_unique; j++)
            is_unique = !value_is_same(items[i].value, items[j].value, left);
    free(items);
    return is_unique;
}
