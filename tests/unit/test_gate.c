// needs: api
/* test_gate.c: what may pass and what may not, row by row (RFC 9112, RFC 6455), whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/gate.h"

/* Feeds text in pieces of step bytes; the verdict, and in *ret_passed how many bytes went through. */
static enum err feed(struct gate *gate, const char *text, size_t len, size_t step, size_t *ret_passed)
{
    enum err err = ERR_OK;
    size_t passed = 0;

    for (size_t at = 0; at < len;) {
        size_t part = len - at < step ? len - at : step;
        unsigned char piece[65536];
        ssize_t n;

        memcpy(piece, text + at, part);
        n = gate_feed(gate, piece, part, &err);
        if (n < 0)
            return err;
        passed += (size_t)n;
        at += (size_t)n;
        if ((size_t)n < part)
            break;
    }
    *ret_passed = passed;
    return ERR_OK;
}

static enum err verdict(const char *text)
{
    static const size_t steps[] = {1, 3, 100000};
    enum err first = ERR_OK;

    for (size_t i = 0; i < 3; i++) {
        struct gate *gate = gate_new();
        size_t passed = 0;
        enum err err = feed(gate, text, strlen(text), steps[i], &passed);
        if (i == 0)
            first = err;
        assert_int_equal(err, first);     /* the pieces it comes in change nothing */
        gate_free(gate);
    }
    return first;
}

static void strict_requests_pass(void **state)
{
    (void)state;
    assert_int_equal(verdict("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_OK);
    assert_int_equal(verdict("GET /a?b=%20c HTTP/1.1\r\nHost: a\r\nX-Y:\r\nZ: \t b \r\n\r\n"), ERR_OK);
    assert_int_equal(verdict("POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"), ERR_OK);
    assert_int_equal(verdict("GET / HTTP/1.0\r\n\r\n"), ERR_OK);
    assert_int_equal(verdict("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"), ERR_OK);
}

static void what_is_not_strict_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum err err;
    } rows[] = {
        {"GET / HTTP/1.1\nHost: a\n\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: me@a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\n: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", ERR_BAD_REQUEST},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"get / HTTP/1.1\r\nHost: a\r\n\r\n", ERR_NOT_IMPLEMENTED},
        {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", ERR_NOT_IMPLEMENTED},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", ERR_NOT_IMPLEMENTED},
        {"GET / HTTP/9.9\r\nHost: a\r\n\r\n", ERR_VERSION},
        {"GET / FTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3abc\r\n\r\nabc", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551619\r\n\r\nabc", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", ERR_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", ERR_NOT_IMPLEMENTED},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", ERR_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", ERR_BAD_REQUEST},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err err = verdict(rows[i].text);
        if (err != rows[i].err)
            print_error("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(err, rows[i].err);
    }
}

static void what_the_library_is_to_hear_is_said_in_any_pieces(void **state)
{
    static const struct {
        const char *text, *lines;
    } rows[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "content-length: 0\r\n"},
        {"PUT / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", "content-length: 0\r\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ""},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", ""},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
        {"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrad_: websocket\r\n\r\n", "upgrade: websocket\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nUPGRAD_: WebSocket\r\nX: 1\r\n\r\n", "upgrade: websocket\r\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nupgrad_: websocket\r\n\r\n", "upgrade: websocket\r\ncontent-length: 0\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrad_: h2c\r\n\r\n", ""},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrad_-Insecure-Requests: 1\r\n\r\n", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = rows[i].text;
        size_t len = strlen(text);
        ssize_t end = strstr(text, "\r\n\r\n") + 2 - text;

        for (size_t step = 1; step <= len; step++) {
            struct gate *gate = gate_new();
            unsigned char bytes[200];
            const char *lines = "";
            enum err err = ERR_OK;

            memcpy(bytes, text, len);
            for (size_t c = 0; c < len; c++) /* as a client says it */
                if (c > 16 && bytes[c] == '_')
                    bytes[c] = bytes[c - 1] == 'D' ? 'E' : 'e';
            for (size_t at = 0; at < len; at += step) {
                ssize_t n = (ssize_t)(len - at < step ? len - at : step), insert_at;
                const char *now;

                assert_int_equal(gate_feed(gate, bytes + at, (size_t)n, &err), n);
                now = gate_insert(gate, &insert_at);
                if (now[0]) {
                    assert_string_equal(lines, "");
                    assert_int_equal((ssize_t)at + insert_at, end);
                    lines = now;
                }
            }
            assert_true(gate_is_held(gate));
            assert_string_equal(lines, rows[i].lines);
            assert_memory_equal(bytes, text, len); /* what the library sees */
            gate_free(gate);
        }
    }
}

static void the_limits_hold_at_their_edge(void **state)
{
    static char text[GATE_TARGET_MAX + GATE_HEADERS_MAX + 200];

    (void)state;
    for (int over = 0; over < 2; over++) {
        int n = snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", GATE_TARGET_MAX - 1 + over, 0);
        assert_true(n > 0);
        assert_int_equal(verdict(text), over ? ERR_TARGET_TOO_LONG : ERR_OK);
    }
    for (int over = 0; over < 2; over++) {
        /* "Host: a\r\n" has 9 bytes, "X: " and its "\r\n" 5; the empty line is not counted */
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n", GATE_HEADERS_MAX - 14 + over, 0);
        assert_true(n > 0);
        assert_int_equal(verdict(text), over ? ERR_HEADERS_TOO_LARGE : ERR_OK);
    }
}

static void a_request_sent_ahead_waits_for_the_answer(void **state)
{
    const char *two = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t first = (size_t)(strstr(two, "GET") - two), passed = 0;
    struct gate *gate = gate_new();

    (void)state;
    assert_int_equal(feed(gate, two, strlen(two), 7, &passed), ERR_OK);
    assert_int_equal(passed, first);
    assert_true(gate_is_held(gate));
    assert_int_equal(gate_head(gate)->content_length, 2);
    gate_release(gate);
    assert_false(gate_is_held(gate));
    assert_null(gate_head(gate));
    assert_int_equal(feed(gate, two + first, strlen(two + first), 7, &passed), ERR_OK);
    assert_int_equal(passed, strlen(two + first));
    gate_free(gate);
}

static void the_head_says_what_the_answer_needs(void **state)
{
    const char *text = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\nExpect: 100-continue\r\n\r\n";
    struct gate *gate = gate_new();
    size_t passed = 0;

    (void)state;
    assert_int_equal(feed(gate, text, strlen(text), 1, &passed), ERR_OK);
    assert_true(gate_head(gate)->close);
    assert_true(gate_head(gate)->is_head);
    assert_true(gate_head(gate)->expect_continue);
    assert_false(gate_head(gate)->http10);
    gate_free(gate);
}

static enum err frames(const char *bytes, size_t len)
{
    struct gate *gate = gate_new();
    size_t passed = 0;
    enum err err;

    gate_expect_frames(gate);
    assert_true(gate_is_websocket(gate));
    err = feed(gate, bytes, len, 1, &passed);
    gate_free(gate);
    return err;
}

static void frames_must_be_masked_and_known(void **state)
{
    (void)state;
    assert_int_equal(frames("\x81\x82mask{}\x89\x80mask", 14), ERR_OK);
    assert_int_equal(frames("\x81\xfe\x00\x7emask", 8), ERR_OK);
    assert_int_equal(frames("\x81\x02{}", 4), ERR_BAD_REQUEST);                     /* not masked */
    assert_int_equal(frames("\xc1\x82mask{}", 8), ERR_BAD_REQUEST);                  /* RSV1 */
    assert_int_equal(frames("\x83\x82mask{}", 8), ERR_BAD_REQUEST);                  /* opcode 3 */
    assert_int_equal(frames("\x8b\x82mask{}", 8), ERR_BAD_REQUEST);                  /* opcode 11 */
    assert_int_equal(frames("\x09\x80mask", 6), ERR_BAD_REQUEST);                    /* a ping in pieces */
    assert_int_equal(frames("\x89\xfe\x00\x7emask", 8), ERR_BAD_REQUEST);            /* a long ping */
    assert_int_equal(frames("\x88\x81mask\x03", 7), ERR_BAD_REQUEST);                /* half a code */
    assert_int_equal(frames("\x81\xff\x80\0\0\0\0\0\0\0mask", 14), ERR_BAD_REQUEST); /* 2^63 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_requests_pass),
        cmocka_unit_test(what_is_not_strict_is_refused),
        cmocka_unit_test(what_the_library_is_to_hear_is_said_in_any_pieces),
        cmocka_unit_test(the_limits_hold_at_their_edge),
        cmocka_unit_test(a_request_sent_ahead_waits_for_the_answer),
        cmocka_unit_test(the_head_says_what_the_answer_needs),
        cmocka_unit_test(frames_must_be_masked_and_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
