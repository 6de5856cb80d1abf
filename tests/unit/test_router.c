// needs: api
/* test_router.c: the table finds what it lists, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/router.h"

static const struct route *found;
static char id[NAME_MAX_LEN + 1], allow[64];

static enum err find(enum method method, const char *path)
{
    found = NULL;
    return route_find(method, path, &found, id, sizeof id, allow, sizeof allow);
}

static void a_job_and_its_verbs_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(find(METHOD_GET, "/v1/jobs/abc"), ERR_OK);
    assert_ptr_equal(found->handle, route_job);
    assert_string_equal(id, "abc");
    assert_int_equal(find(METHOD_POST, "/v1/jobs/abc:cancel"), ERR_OK);
    assert_ptr_equal(found->handle, route_cancel);
    assert_string_equal(id, "abc");
    assert_int_equal(find(METHOD_GET, "/v1/jobs/abc/result"), ERR_OK);
    assert_ptr_equal(found->handle, route_result);
    assert_int_equal(find(METHOD_POST, "/v1/jobs:batch"), ERR_OK);
    assert_ptr_equal(found->handle, route_batch);
    assert_int_equal(find(METHOD_HEAD, "/livez"), ERR_OK);
}

static void a_queue_may_have_any_name(void **state)
{
    static const char *const names[] = {"default", "a/b", "a:b", "x:pause", "/", ":resume"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "/v1/queues/%s:pause", names[i]);
        assert_int_equal(find(METHOD_POST, path), ERR_OK);
        assert_ptr_equal(found->handle, route_pause);
        assert_string_equal(id, names[i]);
    }
}

static void what_is_not_listed_is_not_found(void **state)
{
    static const char *const paths[] = {"/", "/v1", "/v1/jobs/", "/v1/jobs/a/b", "/v1/jobs/a:b", "/v1/jobs/a/result/", "/livez/"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(find(METHOD_GET, paths[i]), ERR_NOT_FOUND);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    assert_int_equal(find(METHOD_DELETE, "/v1/jobs"), ERR_METHOD);
    assert_string_equal(allow, "POST, GET, HEAD");
    assert_int_equal(find(METHOD_OTHER, "/livez"), ERR_METHOD);
    assert_string_equal(allow, "GET, HEAD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_and_its_verbs_are_told_apart),
        cmocka_unit_test(a_queue_may_have_any_name),
        cmocka_unit_test(what_is_not_listed_is_not_found),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
