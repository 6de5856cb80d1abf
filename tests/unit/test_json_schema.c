// needs: schema
/* test_json_schema.c: each keyword with what it takes and what it refuses, the sentences clients
 * read, and the bounds that keep a hostile pair of schema and value from holding a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/json_schema.h"

static json_t *load(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    if (!value)
        fail_msg("%s is no JSON", text);
    return value;
}

static struct json_schema *compiled(const char *text)
{
    struct json_schema *schema = NULL;
    char message[256];
    json_t *document = load(text);

    if (json_schema_new(document, &schema, message, sizeof message))
        fail_msg("%s: %s", text, message);
    json_decref(document);
    return schema;
}

static void each_keyword_takes_and_refuses(void **state)
{
    static const struct {
        const char *schema, *value;
        bool ok;
    } rows[] = {
        {"true", "1", true}, {"false", "1", false}, {"{}", "null", true},
        {"{\"type\":\"integer\"}", "1", true}, {"{\"type\":\"integer\"}", "1.0", true},
        {"{\"type\":\"integer\"}", "1.5", false}, {"{\"type\":\"number\"}", "1", true},
        {"{\"type\":\"boolean\"}", "null", false}, {"{\"type\":\"null\"}", "null", true},
        {"{\"type\":[\"string\",\"null\"]}", "null", true}, {"{\"type\":[\"string\",\"null\"]}", "0", false},
        {"{\"enum\":[1,\"a\",{\"b\":[1,2]}]}", "{\"b\":[1.0,2]}", true}, {"{\"enum\":[1,\"a\"]}", "\"b\"", false},
        {"{\"enum\":[true]}", "1", false}, {"{\"enum\":[]}", "1", false},
        {"{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1}", true}, {"{\"const\":null}", "0", false},
        {"{\"minimum\":1}", "1", true}, {"{\"minimum\":1}", "0.999", false}, {"{\"minimum\":1}", "\"x\"", true},
        {"{\"maximum\":9007199254740992}", "9007199254740993", false},
        {"{\"maximum\":9223372036854775806}", "9223372036854775807", false},
        {"{\"maximum\":9007199254740992.0}", "9007199254740993", false},
        {"{\"exclusiveMinimum\":1}", "1", false}, {"{\"exclusiveMaximum\":1}", "0.5", true},
        {"{\"exclusiveMaximum\":1}", "1.0", false}, {"{\"multipleOf\":3}", "9", true}, {"{\"multipleOf\":3}", "10", false},
        {"{\"multipleOf\":0.0001}", "0.0075", true}, {"{\"multipleOf\":0.0001}", "0.00751", false},
        {"{\"multipleOf\":0.1}", "0.3", true}, {"{\"multipleOf\":0.123456789}", "1e308", false},
        {"{\"minLength\":2}", "\"\xc3\xbc\"", false}, {"{\"maxLength\":2}", "\"\xf0\x9f\x94\x94\xf0\x9f\x94\x94\"", true},
        {"{\"maxLength\":2.0}", "\"abc\"", false}, {"{\"pattern\":\"^a+$\"}", "\"aaa\"", true},
        {"{\"pattern\":\"^a+$\"}", "\"aaa\\n\"", false}, {"{\"pattern\":\"b\"}", "\"abc\"", true},
        {"{\"pattern\":\"^\\\\d$\"}", "\"\xd9\xa3\"", false}, {"{\"pattern\":\"^.$\"}", "\"\xf0\x9f\x94\x94\"", true},
        {"{\"format\":\"date-time\"}", "\"2026-11-22T10:00:00Z\"", true}, {"{\"format\":\"date-time\"}", "\"now\"", false},
        {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}", false},
        {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"b\":1}", true}, {"{\"properties\":{}}", "{\"b\":1}", true},
        {"{\"required\":[\"a\"]}", "{\"a\":null}", true}, {"{\"required\":[\"a\"]}", "{\"b\":1}", false},
        {"{\"required\":[\"a\"]}", "[]", true},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"a\":1}", true},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"a\":1,\"b\":1}", false},
        {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":1,\"b\":\"x\"}", false},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1}", true}, {"{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}", false},
        {"{\"minProperties\":1}", "{}", false}, {"{\"maxProperties\":1}", "{\"a\":1,\"b\":1}", false},
        {"{\"items\":{\"type\":\"integer\"}}", "[1,2]", true}, {"{\"items\":{\"type\":\"integer\"}}", "[1,\"2\"]", false},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\"]", true},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\",1]", false},
        {"{\"prefixItems\":[{\"type\":\"string\"}]}", "[1]", false},
        {"{\"minItems\":1}", "[]", false}, {"{\"maxItems\":1}", "[1,2]", false},
        {"{\"uniqueItems\":true}", "[1,true,\"1\",[1],{\"a\":1}]", true}, {"{\"uniqueItems\":true}", "[1,2,1.0]", false},
        {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", false}, {"{\"uniqueItems\":true}", "[0.0,-0.0]", false},
        {"{\"uniqueItems\":false}", "[1,1]", true},
        {"{\"contains\":{\"const\":1}}", "[0,1]", true}, {"{\"contains\":{\"const\":1}}", "[]", false},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", true}, {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", false},
        {"{\"anyOf\":[{\"const\":1},{\"const\":2}]}", "2", true}, {"{\"anyOf\":[{\"const\":1},{\"const\":2}]}", "3", false},
        {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", false}, {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", true},
        {"{\"not\":{\"type\":\"string\"}}", "1", true}, {"{\"not\":{\"type\":\"string\"}}", "\"a\"", false},
        {"{\"if\":{\"minimum\":5},\"then\":{\"multipleOf\":5},\"else\":{\"const\":1}}", "10", true},
        {"{\"if\":{\"minimum\":5},\"then\":{\"multipleOf\":5},\"else\":{\"const\":1}}", "11", false},
        {"{\"if\":{\"minimum\":5},\"then\":{\"multipleOf\":5},\"else\":{\"const\":1}}", "2", false},
        {"{\"then\":false,\"else\":false}", "2", true},
        {"{\"$ref\":\"#/$defs/a~1b%25\",\"$defs\":{\"a/b%\":{\"type\":\"string\"}}}", "1", false},
        {"{\"$ref\":\"#/$defs/a\",\"minimum\":2,\"$defs\":{\"a\":{\"type\":\"integer\"}}}", "1", false},
        {"{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}", "{\"next\":{\"next\":{}}}", true},
        {"{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}", "{\"next\":{\"nxt\":{}}}", false},
        {"{\"prefixItems\":[{\"const\":1}],\"items\":{\"$ref\":\"#/prefixItems/0\"}}", "[1,2]", false},
        {"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"x\",\"title\":\"t\",\"default\":1}", "1", true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_schema *schema = compiled(rows[i].schema);
        struct faults faults = {0};
        json_t *value = load(rows[i].value);
        bool ok = json_schema_check(schema, value, "", &faults);
        if (ok != rows[i].ok || (faults.n == 0) != ok)
            fail_msg("%s on %s: %d, %u faults", rows[i].schema, rows[i].value, ok, faults.n);
        json_decref(value);
        faults_clear(&faults);
        json_schema_free(schema);
    }
}

static void assert_says(const char *schema_text, const char *value_text, const char *expected)
{
    struct json_schema *schema = compiled(schema_text);
    struct faults faults = {0};
    struct text said = {0};
    json_t *value = load(value_text);

    assert_false(json_schema_check(schema, value, "/input", &faults));
    for (unsigned i = 0; i < faults.n; i++)
        text_printf(&said, "%s%s %s", i ? "; " : "", faults.at[i].pointer, faults.at[i].detail);
    assert_string_equal(said.at, expected);
    text_clear(&said);
    faults_clear(&faults);
    json_decref(value);
    json_schema_free(schema);
}

static void every_fault_is_told_at_its_place(void **state)
{
    (void)state;
    assert_says("{\"type\":\"object\",\"required\":[\"below\",\"a/b\"],\"additionalProperties\":false,"
                "\"properties\":{\"below\":{\"type\":\"integer\",\"maximum\":1000000000},\"a/b\":{},"
                "\"list\":{\"items\":{\"type\":[\"string\",\"null\"]}}}}",
                "{\"below\":1000000001,\"list\":[\"x\",1,null,[]],\"blow\":1}",
                "/input/a~1b is required; /input/below must be at most 1000000000; "
                "/input/list/1 must be null or a string; /input/list/3 must be null or a string; "
                "/input/blow is not a member known here");
    assert_says("{\"type\":\"integer\",\"minimum\":2}", "\"x\"", "/input must be an integer");
    assert_says("{\"minLength\":1,\"pattern\":\"^a\"}", "\"\"",
                "/input must have at least 1 character; /input must match ^a");
    assert_says("{\"enum\":[\"eng\",\"deu\",3]}", "1", "/input must be one of \"eng\", \"deu\", 3");
    assert_says("{\"const\":0.5}", "1", "/input must be 0.5");
    assert_says("{\"anyOf\":[{\"const\":1},{\"const\":2}]}", "3", "/input has none of the 2 forms allowed here");
    assert_says("{\"oneOf\":[true,true,true]}", "3",
                "/input must have exactly one of the 3 forms allowed here, and has more");
}

static void a_schema_that_cannot_be_checked_is_refused(void **state)
{
    static const struct {
        const char *schema, *message;
    } rows[] = {
        {"1", "# must be a schema: an object, true or false"},
        {"{\"dependentRequired\":{}}", "#/dependentRequired is not a keyword that is checked here"},
        {"{\"properties\":{\"a\":{\"patternProperties\":{}}}}",
         "#/properties/a/patternProperties is not a keyword that is checked here"},
        {"{\"$defs\":{\"a\":{\"foo\":1}}}", "#/$defs/a/foo is not a keyword that is checked here"},
        {"{\"format\":\"email\"}", "#/format is a format that is not checked here; date-time is"},
        {"{\"type\":\"int\"}", "#/type is no type of JSON"}, {"{\"type\":[]}", "#/type must name a type"},
        {"{\"minimum\":\"1\"}", "#/minimum must be a number"}, {"{\"minLength\":-1}", "#/minLength must be a whole number, 0 or more"},
        {"{\"multipleOf\":0}", "#/multipleOf must be a number above 0"},
        {"{\"pattern\":\"(\"}", "#/pattern is no pattern: missing closing parenthesis at character 1"},
        {"{\"required\":[1]}", "#/required must be an array of names"},
        {"{\"allOf\":[]}", "#/allOf must be an array with at least one schema"},
        {"{\"items\":[{}]}", "#/items must be a schema: an object, true or false"},
        {"{\"uniqueItems\":1}", "#/uniqueItems must be true or false"}, {"{\"enum\":1}", "#/enum must be an array"},
        {"{\"$ref\":\"#/$defs/a\"}", "#/$ref points at nothing in this document"},
        {"{\"$ref\":\"#a\"}", "#/$ref points at nothing in this document"},
        {"{\"$ref\":\"http://x/y\"}", "#/$ref must point into this document, as #/$defs/NAME does"},
        {"{\"items\":{\"$id\":\"x\"}}", "#/items/$id can only stand at the root"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
         "#/$schema must be https://json-schema.org/draft/2020-12/schema"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_schema *schema = NULL;
        char message[256] = "";
        json_t *document = load(rows[i].schema);
        assert_int_equal(json_schema_new(document, &schema, message, sizeof message), ERR_INVALID);
        assert_string_equal(message, rows[i].message);
        assert_null(schema);
        json_decref(document);
    }
}

static char *nested(const char *open, const char *middle, const char *close, int depth)
{
    struct text text = {0};

    for (int i = 0; i < depth; i++)
        text_str(&text, open);
    text_str(&text, middle);
    for (int i = 0; i < depth; i++)
        text_str(&text, close);
    return text_take(&text, NULL);
}

static void a_schema_nested_too_deeply_is_refused(void **state)
{
    char *text = nested("{\"not\":", "true", "}", 100), message[600];
    json_t *document = load(text);
    struct json_schema *schema = NULL;
    (void)state;

    assert_int_equal(json_schema_new(document, &schema, message, sizeof message), ERR_INVALID);
    assert_non_null(strstr(message, "is one schema too many, or too deep"));
    json_decref(document);
    free(text);
}

static void no_pair_of_schema_and_value_holds_a_thread(void **state)
{
    char *deep = nested("[", "", "]", 1000);
    (void)state;

    assert_says("{\"$ref\":\"#\"}", "1", "/input is too large or too deeply nested to be checked");
    assert_says("{\"not\":{\"$ref\":\"#\"}}", "1", "/input is too large or too deeply nested to be checked");
    assert_says("{\"items\":{\"$ref\":\"#\"}}", deep, "/input is too large or too deeply nested to be checked");
    assert_says("{\"anyOf\":[{\"items\":{\"$ref\":\"#\"},\"minItems\":1},{\"items\":{\"$ref\":\"#\"},\"minItems\":1}]}",
                "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
                "/input is too large or too deeply nested to be checked");
    free(deep);
    assert_says("{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
                "/input takes too long to match against ^(a+)+$");
}

static void a_long_list_is_checked_for_twins_in_one_go(void **state)
{
    struct json_schema *schema = compiled("{\"uniqueItems\":true}");
    struct faults faults = {0};
    json_t *list = json_array();
    (void)state;

    for (int i = 0; i < 200000; i++)
        json_array_append_new(list, json_integer(i));
    assert_true(json_schema_check(schema, list, "", &faults));
    json_array_append_new(list, json_real(77777.0));
    assert_false(json_schema_check(schema, list, "", &faults));
    assert_string_equal(faults.at[0].detail, "must not have the same item twice");
    faults_clear(&faults);
    json_decref(list);
    json_schema_free(schema);
}

static void the_document_is_kept(void **state)
{
    struct json_schema *schema = compiled("{\"title\":\"t\"}");
    (void)state;

    assert_string_equal(json_string_value(json_object_get(json_schema_document(schema), "title")), "t");
    json_schema_free(schema);
    json_schema_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_keyword_takes_and_refuses),
        cmocka_unit_test(every_fault_is_told_at_its_place),
        cmocka_unit_test(a_schema_that_cannot_be_checked_is_refused),
        cmocka_unit_test(a_schema_nested_too_deeply_is_refused),
        cmocka_unit_test(no_pair_of_schema_and_value_holds_a_thread),
        cmocka_unit_test(a_long_list_is_checked_for_twins_in_one_go),
        cmocka_unit_test(the_document_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
