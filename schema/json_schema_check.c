/* json_schema_check.c: a value held against a compiled schema, every fault told at its place. Steps
 * and depth are bounded, so no pair of schema and value can keep a thread: a schema that refers to
 * itself twice in a row would double the work with each level. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/clock.h"
#include "schema/json_schema_priv.h"

#define STEPS_MAX 5000000 /* a body of 1 MiB holds half a million values */
#define DEPTH_MAX 256
#define DETAIL_SIZE 512
#define CHOICES_SIZE 200 /* of the values an enum names in a sentence */

struct check {
    struct faults *faults; /* NULL: only the answer counts (anyOf, not, if) */
    const char *prefix;
    uint64_t left;         /* steps; 0: given up */
    unsigned depth;
};

static bool check_node(struct check *check, const struct node *node, const json_t *value,
                       const struct place *place);

/* Always false, so that a check can return it. */
static bool __attribute__((format(printf, 3, 4)))
say(struct check *check, const struct place *place, const char *format, ...)
{
    struct text pointer = {0};
    char detail[DETAIL_SIZE];
    va_list args;

    if (!check->faults || !check->left) /* once given up, what seems wrong may be right */
        return false;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    text_str(&pointer, check->prefix);
    place_write(&pointer, place);
    faults_add(check->faults, pointer.at && !pointer.failed ? pointer.at : check->prefix, "%s", detail);
    text_clear(&pointer);
    return false;
}

/* The answer alone, nothing told. */
static bool fits(struct check *check, const struct node *node, const json_t *value, const struct place *place)
{
    struct faults *faults = check->faults;
    bool ok;

    check->faults = NULL;
    ok = check_node(check, node, value, place);
    check->faults = faults;
    return ok;
}

static bool check_type(struct check *check, const struct node *node, const json_t *value,
                       const struct place *place)
{
    static const char *const names[] = {"null", "true or false", "an integer", "a number",
                                        "a string", "an array", "an object"};
    char list[128] = "";
    size_t len = 0;

    if (!node->types || node->types & value_types(value))
        return true;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (node->types & (1U << i))
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? " or " : "", names[i]);
    return say(check, place, "must be %s", list);
}

static bool check_choices(struct check *check, const struct node *node, const json_t *value,
                          const struct place *place)
{
    struct text list = {0};
    size_t n = json_array_size(node->choices);

    for (size_t i = 0; i < n; i++)
        if (value_is_same(value, json_array_get(node->choices, i), &check->left))
            return true;
    for (size_t i = 0; i < n && list.len < CHOICES_SIZE && check->faults; i++) {
        char *choice = json_dumps(json_array_get(node->choices, i), JSON_COMPACT | JSON_ENCODE_ANY);
        text_str(&list, i ? ", " : "");
        text_str(&list, choice ? choice : "?");
        free(choice);
        if (i + 1 < n && list.len >= CHOICES_SIZE)
            text_str(&list, ", ...");
    }
    say(check, place, "must be one of %s", list.at && !list.failed ? list.at : "those allowed here");
    text_clear(&list);
    return false;
}

static bool check_constant(struct check *check, const struct node *node, const json_t *value,
                           const struct place *place)
{
    char *constant;

    if (value_is_same(value, node->constant, &check->left))
        return true;
    constant = json_dumps(node->constant, JSON_COMPACT | JSON_ENCODE_ANY);
    say(check, place, "must be %s", constant ? constant : "the value allowed here");
    free(constant);
    return false;
}

static bool check_number(struct check *check, const struct node *node, const json_t *value,
                         const struct place *place)
{
    bool ok = true;
    char bound[64];

    if (node->minimum && number_compare(value, node->minimum) < 0) {
        number_print(node->minimum, bound, sizeof bound);
        ok = say(check, place, "must be at least %s", bound);
    }
    if (node->maximum && number_compare(value, node->maximum) > 0) {
        number_print(node->maximum, bound, sizeof bound);
        ok = say(check, place, "must be at most %s", bound);
    }
    if (node->exclusive_minimum && number_compare(value, node->exclusive_minimum) <= 0) {
        number_print(node->exclusive_minimum, bound, sizeof bound);
        ok = say(check, place, "must be more than %s", bound);
    }
    if (node->exclusive_maximum && number_compare(value, node->exclusive_maximum) >= 0) {
        number_print(node->exclusive_maximum, bound, sizeof bound);
        ok = say(check, place, "must be less than %s", bound);
    }
    if (node->multiple_of && !number_is_multiple(value, node->multiple_of)) {
        number_print(node->multiple_of, bound, sizeof bound);
        ok = say(check, place, "must be a multiple of %s", bound);
    }
    return ok;
}

/* minLength and its five like. */
static bool check_count(struct check *check, int64_t min, int64_t max, size_t n, const char *what,
                        const struct place *place)
{
    bool ok = true;

    if (min >= 0 && n < (uint64_t)min)
        ok = say(check, place, "must have at least %lld %s%s", (long long)min, what, min == 1 ? "" : "s");
    if (max >= 0 && n > (uint64_t)max)
        ok = say(check, place, "must have at most %lld %s%s", (long long)max, what, max == 1 ? "" : "s");
    return ok;
}

static bool check_string(struct check *check, const struct node *node, const json_t *value,
                         const struct place *place)
{
    const char *str = json_string_value(value);
    size_t len = json_string_length(value), n_points = 0;
    int64_t time;
    bool ok = true;

    if (node->min_length >= 0 || node->max_length >= 0) {
        for (size_t i = 0; i < len; i++)
            n_points += ((unsigned char)str[i] & 0xc0) != 0x80;
        ok = check_count(check, node->min_length, node->max_length, n_points, "character", place);
    }
    if (node->is_date_time && !clock_decode(str, len, &time))
        ok = say(check, place, "must be a date and time as RFC 3339 has them, such as 2026-11-22T10:00:00Z");
    if (node->pattern) {
        enum match match = pattern_match(node->pattern, str, len);
        if (match == MATCH_NO)
            ok = say(check, place, "must match %s", pattern_source(node->pattern));
        if (match == MATCH_TOO_LONG)
            ok = say(check, place, "takes too long to match against %s", pattern_source(node->pattern));
    }
    return ok;
}

static bool check_array(struct check *check, const struct node *node, const json_t *value,
                        const struct place *place)
{
    size_t n = json_array_size(value), n_prefix = node->prefix_items.n;
    bool ok = check_count(check, node->min_items, node->max_items, n, "item", place);
    bool is_found = !node->contains;

    for (size_t i = 0; i < n && (ok || check->faults) && check->left; i++) {
        struct place at = {place, NULL, i};
        const struct node *of = i < n_prefix ? node->prefix_items.at[i] : node->items;
        if (of)
            ok &= check_node(check, of, json_array_get(value, i), &at);
        if (!is_found)
            is_found = fits(check, node->contains, json_array_get(value, i), &at);
    }
    if (!is_found)
        ok = say(check, place, "must have an item of the kind asked for");
    if (node->is_unique && !value_is_unique(value, &check->left))
        ok = say(check, place, "must not have the same item twice");
    return ok;
}

static bool check_name(struct check *check, const struct node *node, const char *key, const struct place *at)
{
    json_t *name = json_string(key);
    bool ok;

    if (!name) {
        check->left = 0; /* no memory: no answer */
        return false;
    }
    ok = fits(check, node->property_names, name, at);
    json_decref(name);
    return ok ? true : say(check, at, "has a name that is not allowed here");
}

static bool check_object(struct check *check, const struct node *node, const json_t *value,
                         const struct place *place)
{
    json_t *object = (json_t *)(uintptr_t)value, *schemas = (json_t *)(uintptr_t)node->property_schemas;
    bool ok = check_count(check, node->min_properties, node->max_properties, json_object_size(value),
                          "member", place);
    size_t i = 0;

    for (i = 0; i < json_array_size(node->required); i++) {
        const char *key = json_string_value(json_array_get(node->required, i));
        struct place at = {place, key, 0};
        if (!json_object_get(value, key))
            ok = say(check, &at, "is required");
    }
    i = 0;
    for (void *of = json_object_iter(schemas); of; of = json_object_iter_next(schemas, of), i++) {
        struct place at = {place, json_object_iter_key(of), 0};
        const json_t *member = json_object_get(value, at.key);
        if (member && (ok || check->faults))
            ok &= check_node(check, node->properties.at[i], member, &at);
    }
    if (!node->additional && !node->property_names)
        return ok;
    for (void *of = json_object_iter(object); of && check->left; of = json_object_iter_next(object, of)) {
        struct place at = {place, json_object_iter_key(of), 0};
        bool is_known = json_object_get(schemas, at.key);
        if (node->property_names)
            ok &= check_name(check, node, at.key, &at);
        if (!node->additional || is_known)
            continue;
        if (node->additional->is_false)
            ok = say(check, &at, "is not a member known here");
        else
            ok &= check_node(check, node->additional, json_object_iter_value(of), &at);
    }
    return ok;
}

static size_t count_fits(struct check *check, const struct node_list *list, const json_t *value,
                         const struct place *place, size_t enough)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n && n < enough; i++)
        n += fits(check, list->at[i], value, place);
    return n;
}

static bool check_combined(struct check *check, const struct node *node, const json_t *value,
                           const struct place *place)
{
    bool ok = true;

    if (node->ref)
        ok &= check_node(check, node->ref, value, place);
    for (size_t i = 0; i < node->all_of.n; i++)
        ok &= check_node(check, node->all_of.at[i], value, place);
    if (node->any_of.n && !count_fits(check, &node->any_of, value, place, 1))
        ok = say(check, place, "has none of the %zu forms allowed here", node->any_of.n);
    if (node->one_of.n) {
        size_t n = count_fits(check, &node->one_of, value, place, 2);
        if (n != 1)
            ok = say(check, place, "must have exactly one of the %zu forms allowed here, and has %s",
                     node->one_of.n, n ? "more" : "none");
    }
    if (node->not_ && fits(check, node->not_, value, place))
        ok = say(check, place, "has a form that is not allowed here");
    if (node->if_) {
        const struct node *next = fits(check, node->if_, value, place) ? node->then : node->otherwise;
        if (next)
            ok &= check_node(check, next, value, place);
    }
    return ok;
}

static bool check_keywords(struct check *check, const struct node *node, const json_t *value,
                           const struct place *place)
{
    bool ok = true;

    if (!check_type(check, node, value, place))
        return false; /* what else is wrong with it would only confuse */
    if (node->choices)
        ok &= check_choices(check, node, value, place);
    if (node->constant)
        ok &= check_constant(check, node, value, place);
    if (json_is_number(value))
        ok &= check_number(check, node, value, place);
    else if (json_is_string(value))
        ok &= check_string(check, node, value, place);
    else if (json_is_array(value))
        ok &= check_array(check, node, value, place);
    else if (json_is_object(value))
        ok &= check_object(check, node, value, place);
    return ok & check_combined(check, node, value, place);
}

static bool check_node(struct check *check, const struct node *node, const json_t *value,
                       const struct place *place)
{
    bool ok;

    if (!check->left)
        return false;
    if (check->depth == DEPTH_MAX) {
        check->left = 0;
        return false;
    }
    check->left--;
    if (node->is_false)
        return say(check, place, "is not allowed here");
    check->depth++;
    ok = check_keywords(check, node, value, place);
    check->depth--;
    return ok;
}

bool json_schema_check(const struct json_schema *schema, const json_t *value, const char *prefix,
                       struct faults *faults)
{
    struct check check = {.faults = faults, .prefix = prefix, .left = STEPS_MAX};
    bool ok = check_node(&check, schema->root, value, NULL);

    if (!check.left) { /* a `not` on the way may have turned "no answer" into a yes */
        check.left = 1;
        ok = say(&check, NULL, "is too large or too deeply nested to be checked");
    }
    return ok;
}
