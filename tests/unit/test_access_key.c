// needs: schema
/* test_access_key.c: keys that are random, keys that are read back, and texts that only look like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/access_key.h"

static void a_new_key_is_read_back_from_its_text(void **state)
{
    struct access_key *key = NULL;
    char text[ACCESS_KEY_TEXT_SIZE], id[ACCESS_KEY_ID_SIZE];
    unsigned char hash[32];

    (void)state;
    assert_int_equal(access_key_new("acme", "nightly", SCOPE_READ | SCOPE_SUBMIT, 5, 7, &key, text), ERR_OK);
    assert_int_equal(strlen(text), 3 + ACCESS_KEY_ID_LEN + 1 + SECRET_LEN);
    assert_memory_equal(text, "bz_", 3);
    assert_true(access_key_read(text, id, hash));
    assert_string_equal(id, key->id);
    assert_true(access_key_matches(key, hash));
    assert_string_equal(key->tenant, "acme");
    assert_string_equal(key->name, "nightly");
    assert_int_equal(key->scopes, SCOPE_READ | SCOPE_SUBMIT);
    assert_int_equal(key->created_at, 5);
    assert_int_equal(key->expires_at, 7);
    assert_false(key->is_revoked);
    access_key_free(key);
}

/* Known by other means: printf '%s' TEXT | sha256sum. */
static void the_hash_is_sha_256_of_the_whole_text(void **state)
{
    static const unsigned char expected[4] = {0x4d, 0x79, 0x2f, 0x22};
    char id[ACCESS_KEY_ID_SIZE];
    unsigned char hash[32];

    (void)state;
    assert_true(access_key_read("bz_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", id, hash));
    assert_string_equal(id, "0123456789ab");
    assert_memory_equal(hash, expected, sizeof expected);
}

static void no_two_keys_are_alike(void **state)
{
    enum { N = 1000 };
    static char texts[N][ACCESS_KEY_TEXT_SIZE];

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        struct access_key *key = NULL;

        assert_int_equal(access_key_new("t", NULL, SCOPE_READ, 1, 0, &key, texts[i]), ERR_OK);
        assert_null(key->name);
        access_key_free(key);
        for (unsigned j = 0; j < i; j++) {
            assert_memory_not_equal(texts[i] + 3, texts[j] + 3, ACCESS_KEY_ID_LEN);
            assert_memory_not_equal(texts[i] + 16, texts[j] + 16, SECRET_LEN);
        }
    }
}

static void one_other_character_is_another_key(void **state)
{
    struct access_key *key = NULL;
    char text[ACCESS_KEY_TEXT_SIZE], id[ACCESS_KEY_ID_SIZE];
    unsigned char hash[32];

    (void)state;
    assert_int_equal(access_key_new("t", NULL, SCOPE_READ, 1, 0, &key, text), ERR_OK);
    for (size_t i = 3; text[i]; i++) {
        char was = text[i];

        if (i == 3 + ACCESS_KEY_ID_LEN)
            continue;
        text[i] = was == 'a' ? 'b' : 'a';
        assert_true(access_key_read(text, id, hash));
        assert_false(access_key_matches(key, hash));
        text[i] = was;
    }
    assert_true(access_key_read(text, id, hash) && access_key_matches(key, hash));
    access_key_free(key);
}

static void what_has_not_the_shape_of_a_key_is_none(void **state)
{
    static const char *const wrong[] = {
        "",
        "bz_",
        "bz_0123456789ab",
        "bz_0123456789ab_",
        "bz_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",   /* one too few */
        "bz_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* one too many */
        "bz_0123456789AB_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "bz_0123456789ab-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "bz-0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "bz_0123456789ab_AAAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAA",
        "bz_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\xc3",
        " z_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    char id[ACCESS_KEY_ID_SIZE];
    unsigned char hash[32];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(access_key_read_id(wrong[i], id));
        assert_false(access_key_read(wrong[i], id, hash));
    }
}

static void scopes_have_words_and_admin_includes_them_all(void **state)
{
    enum scope scope;

    (void)state;
    for (unsigned bit = 0; bit < SCOPE_COUNT; bit++) {
        assert_true(scope_decode(scope_word((enum scope)(1U << bit)), &scope));
        assert_int_equal(scope, 1U << bit);
        assert_true(scopes_allow(SCOPE_ADMIN, scope));
    }
    assert_false(scope_decode("Read", &scope));
    assert_false(scope_decode("", &scope));
    assert_false(scopes_allow(SCOPE_SUBMIT | SCOPE_READ | SCOPE_CANCEL, SCOPE_ADMIN));
    assert_false(scopes_allow(SCOPE_READ, SCOPE_SUBMIT));
    assert_true(scopes_allow(SCOPE_READ, SCOPE_READ | SCOPE_SUBMIT)); /* one of them will do */
    assert_false(scopes_allow(0, SCOPE_READ));
}

static void a_copy_is_a_key_of_its_own(void **state)
{
    struct access_key *key = NULL, *copy;
    char text[ACCESS_KEY_TEXT_SIZE];

    (void)state;
    assert_int_equal(access_key_new("t", "n", SCOPE_READ, 1, 2, &key, text), ERR_OK);
    copy = access_key_copy(key);
    assert_non_null(copy);
    assert_ptr_not_equal(copy->tenant, key->tenant);
    access_key_free(key);
    assert_string_equal(copy->tenant, "t");
    assert_string_equal(copy->name, "n");
    access_key_free(copy);
    access_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_read_back_from_its_text),
        cmocka_unit_test(the_hash_is_sha_256_of_the_whole_text),
        cmocka_unit_test(no_two_keys_are_alike),
        cmocka_unit_test(one_other_character_is_another_key),
        cmocka_unit_test(what_has_not_the_shape_of_a_key_is_none),
        cmocka_unit_test(scopes_have_words_and_admin_includes_them_all),
        cmocka_unit_test(a_copy_is_a_key_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
