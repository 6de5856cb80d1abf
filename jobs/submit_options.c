/* submit_options.c: the options of a submission, each with its bounds. An option that is wrong does
 * not stop the others from being looked at: a client hears of all its faults at once. */
#include "jobs/submit_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "schema/clock.h"

static const struct number_option {
    const char *name;
    int64_t min, max;
} numbers[NUMBER_COUNT] = {
    [NUMBER_PRIORITY] = { "priority", 0, PRIORITY_MAX },
    [NUMBER_DELAY_MS] = { "delay_ms", 0, SUBMIT_DELAY_MS_MAX },
    [NUMBER_TIMEOUT_MS] = { "timeout_ms", 1, 7LL * 24 * 3600 * 1000 },
    [NUMBER_MAX_ATTEMPTS] = { "max_attempts", 1, MAX_ATTEMPTS_MAX },
    [NUMBER_EXPIRES_IN_MS] = { "expires_in_ms", 1, SUBMIT_DELAY_MS_MAX },
    [NUMBER_KEEP_MS] = { "keep_ms", 0, SUBMIT_DELAY_MS_MAX },
};

/* An integer by value: 5.0 is 5, as JSON Schema has it. */
static bool whole_number(const json_t *value, int64_t *ret_number)
{
    if (json_is_integer(value)) {
        *ret_number = json_integer_value(value);
        return true;
    }
    double real = json_real_value(value);
    if (!json_is_real(value) || fabs(real) > 9007199254740992.0 || real != floor(real))
        return false;
    *ret_number = (int64_t)real;
    return true;
}

static void take_number(struct submission *s, enum submit_number which, const json_t *value)
{
    const struct number_option *option = &numbers[which];
    int64_t number;
    char detail[96];

    if (whole_number(value, &number) && number >= option->min && number <= option->max) {
        s->number[which] = number;
        return;
    }
    snprintf(detail, sizeof(detail), "must be an integer from %lld to %lld", (long long)option->min,
             (long long)option->max);
    submit_fault(s, option->name, detail);
}

static const char name_detail[] = "must be a string of 1 to 64 of A-Z a-z 0-9 . _ - : /";

static bool is_name(const json_t *value)
{
    return json_is_string(value) && name_is_valid(json_string_value(value), json_string_length(value));
}

static void take_queue(struct submission *s, json_t *value)
{
    if (is_name(value))
        s->queue = json_string_value(value);
    else
        submit_fault(s, "queue", name_detail);
}

static void take_run_at(struct submission *s, json_t *value)
{
    int64_t at;

    if (!json_is_string(value) || !clock_decode(json_string_value(value), json_string_length(value), &at))
        submit_fault(s, "run_at", "must be a time as RFC 3339 has it, such as 2026-11-22T10:00:00Z");
    else if (at > s->now_ms + SUBMIT_DELAY_MS_MAX)
        submit_fault(s, "run_at", "must be within the next ten years");
    else
        s->run_at = at > 0 ? at : 1;   /* 0 means not given */
}

static void take_params(struct submission *s, json_t *value)
{
    if (!json_is_object(value))
        submit_fault(s, "params", "must be an object");
    else if (json_object_size(value))
        s->params = value;
}

static bool has_tag(const struct submission *s, const char *tag)
{
    for (unsigned i = 0; i < s->n_tags; i++)
        if (!strcmp(s->tags[i], tag))
            return true;
    return false;
}

static void take_tags(struct submission *s, json_t *value)
{
    size_t index;
    json_t *tag;
    char member[24];

    if (!json_is_array(value)) {
        submit_fault(s, "tags", "must be an array of strings");
        return;
    }
    if (json_array_size(value) > TAGS_MAX) {
        submit_fault(s, "tags", "may hold up to 16");
        return;
    }
    json_array_foreach(value, index, tag) {
        snprintf(member, sizeof(member), "%zu", index);
        if (!is_name(tag))
            submit_fault_in(s, "tags", member, name_detail);
        else if (has_tag(s, json_string_value(tag)))
            submit_fault_in(s, "tags", member, "stands there twice");
        else
            s->tags[s->n_tags++] = json_string_value(tag);
    }
}

static const struct {
    const char *name;
    void (*take)(struct submission *s, json_t *value);
} others[] = {
    { "queue", take_queue },
    { "run_at", take_run_at },
    { "params", take_params },
    { "tags", take_tags },
};

void submit_take_option(struct submission *s, const char *name, json_t *value)
{
    for (unsigned i = 0; i < NUMBER_COUNT; i++) {
        if (!strcmp(name, numbers[i].name)) {
            take_number(s, (enum submit_number)i, value);
            return;
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (!strcmp(name, others[i].name)) {
            others[i].take(s, value);
            return;
        }
    }
    submit_fault(s, name, "is not known here");
}

static void check_params(struct submission *s)
{
    const char *name;
    json_t *value;
    char pointer[64];

    if (s->type->params_schema) {
        snprintf(pointer, sizeof(pointer), "%s/params", s->prefix);
        json_schema_check(s->type->params_schema, s->params, pointer, s->faults);
        return;
    }
    json_object_foreach(s->params, name, value)
        submit_fault_in(s, "params", name, "is not known: this type takes no parameters");
}

void submit_check_options(struct submission *s)
{
    if (s->number[NUMBER_DELAY_MS] >= 0 && s->run_at) {
        submit_fault(s, "delay_ms", "delay_ms and run_at exclude each other");
        submit_fault(s, "run_at", "delay_ms and run_at exclude each other");
    }
    if (s->type && s->params)
        check_params(s);
}
