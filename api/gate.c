/* gate.c: strict HTTP/1.1 and WebSocket framing, byte by byte. It decides only what may pass; what a
 * request means is left to the layers behind it. */
#include "api/gate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum gate_at {
    AT_METHOD, AT_TARGET, AT_VERSION, AT_REQUEST_LF,
    AT_LINE_START, AT_NAME, AT_VALUE_START, AT_VALUE, AT_VALUE_LF, AT_END_LF,
    AT_BODY, AT_HELD,
    AT_FRAME, AT_FRAME_BODY,
    AT_REFUSED
};

#define UPGRADE "upgrade: websocket\r\n"
#define NO_LENGTH "content-length: 0\r\n"
#define HIDDEN '_'     /* stands for the last letter of "upgrade" in what the library sees */
#define TOKEN_MAX 64   /* as much of a header's name or value as is compared with anything */

struct gate {
    enum gate_at at;
    struct gate_head head;
    unsigned n_hosts, n_lengths, n_headers;
    bool has_coding, upgrade, bad_expect;
    unsigned escape;                 /* hex digits still owed to a % of the target */
    bool escape_zero;                /* the digits so far are zeroes: %00 must not pass */
    size_t target_len, headers_len;
    unsigned char name_len, value_len;
    char name[TOKEN_MAX], value[TOKEN_MAX];
    int64_t body_left;
    bool wants_length;               /* POST, PUT, PATCH */
    ssize_t insert_at;               /* in the bytes fed last: where the head ends; -1: not there */
    unsigned char frame[10];         /* of the frame whose header is being read, mask left out */
    unsigned frame_len, frame_need;
    uint64_t frame_left;
};

struct gate *gate_new(void)
{
    return calloc(1, sizeof(struct gate));
}

void gate_free(struct gate *gate)
{
    free(gate);
}

static bool is_token(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool name_is(const struct gate *gate, const char *name)
{
    return gate->name_len == strlen(name) && strncasecmp(gate->name, name, gate->name_len) == 0;
}

/* Whether a comma-separated value (Connection) has a word in it. */
static bool value_has(const struct gate *gate, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= gate->value_len; i++) {
        bool starts = i == 0 || strchr(", \t", gate->value[i - 1]);
        bool ends = i + len == gate->value_len || strchr(", \t", gate->value[i + len]);
        if (starts && ends && strncasecmp(gate->value + i, word, len) == 0)
            return true;
    }
    return false;
}

static bool value_is(const struct gate *gate, const char *word)
{
    return gate->value_len == strlen(word) && strncasecmp(gate->value, word, gate->value_len) == 0;
}

/* A name or an address, perhaps a port (RFC 3986, 3.2.2); whose it is does not matter here. */
static bool value_is_host(const struct gate *gate)
{
    for (unsigned i = 0; i < gate->value_len; i++)
        if (strchr(" \t@/?#\\\"<>^`{|}", gate->value[i]) || gate->value[i] & 0x80)
            return false;
    return gate->value_len > 0;
}

static enum err length_is(struct gate *gate)
{
    int64_t length = 0;

    if (++gate->n_lengths > 1 || gate->value_len == 0 || gate->value_len > 18)
        return ERR_BAD_REQUEST;
    for (unsigned i = 0; i < gate->value_len; i++) {
        if (gate->value[i] < '0' || gate->value[i] > '9')
            return ERR_BAD_REQUEST;
        length = length * 10 + (gate->value[i] - '0');
    }
    gate->head.has_length = true;
    gate->head.content_length = length;
    return ERR_OK;
}

/* A header line has ended: remember what decides about framing. */
static enum err line_is(struct gate *gate)
{
    while (gate->value_len && (gate->value[gate->value_len - 1] == ' ' || gate->value[gate->value_len - 1] == '\t'))
        gate->value_len--;
    if (++gate->n_headers > GATE_HEADERS_COUNT)
        return ERR_HEADERS_TOO_LARGE;
    if (name_is(gate, "host"))
        return ++gate->n_hosts > 1 || !value_is_host(gate) ? ERR_BAD_REQUEST : ERR_OK;
    if (name_is(gate, "content-length"))
        return length_is(gate);
    if (name_is(gate, "transfer-encoding"))
        gate->has_coding = true;
    else if (name_is(gate, "connection"))
        gate->head.close = gate->head.close || value_has(gate, "close");
    else if (name_is(gate, "expect")) {
        gate->head.expect_continue = value_is(gate, "100-continue");
        gate->bad_expect = !gate->head.expect_continue;
    } else if (name_is(gate, "upgrad_")) {           /* hidden; an "upgrad_" of the client's own is as good */
        gate->upgrade = gate->upgrade || value_is(gate, "websocket");
    }
    return ERR_OK;
}

static enum err method_is(struct gate *gate)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (gate->name_len == strlen(known[i]) && memcmp(gate->name, known[i], gate->name_len) == 0)
            return ERR_OK;
    return ERR_NOT_IMPLEMENTED;
}

static enum err version_is(struct gate *gate)
{
    if (gate->value_len == 8 && memcmp(gate->value, "HTTP/1.1", 8) == 0)
        return ERR_OK;
    if (gate->value_len == 8 && memcmp(gate->value, "HTTP/1.0", 8) == 0) {
        gate->head.http10 = gate->head.close = true;
        return ERR_OK;
    }
    return gate->value_len >= 5 && memcmp(gate->value, "HTTP/", 5) == 0 ? ERR_VERSION : ERR_BAD_REQUEST;
}

/* The empty line is there: is the whole head something we serve? */
static enum err head_is(struct gate *gate)
{
    if (gate->has_coding)
        return gate->n_lengths ? ERR_BAD_REQUEST : ERR_NOT_IMPLEMENTED;
    if (gate->n_hosts != 1 && !gate->head.http10)
        return ERR_BAD_REQUEST;
    if (gate->bad_expect)
        return ERR_BAD_REQUEST;
    if (gate->upgrade && gate->head.content_length)
        return ERR_BAD_REQUEST;
    gate->head.upgrade = gate->upgrade;
    gate->body_left = gate->head.content_length;
    gate->at = gate->body_left ? AT_BODY : AT_HELD;
    return ERR_OK;
}

static enum err target_takes(struct gate *gate, unsigned char c)
{
    if (++gate->target_len > GATE_TARGET_MAX)
        return ERR_TARGET_TOO_LONG;
    if (gate->escape) {
        if (!is_hex(c))
            return ERR_BAD_REQUEST;
        gate->escape_zero = gate->escape_zero && c == '0';
        return --gate->escape == 0 && gate->escape_zero ? ERR_BAD_REQUEST : ERR_OK;
    }
    if (gate->target_len == 1 && c != '/')
        return ERR_BAD_REQUEST;
    if (c == '%') {
        gate->escape = 2;
        gate->escape_zero = true;
    }
    return c > ' ' && c < 0x7f && c != '#' ? ERR_OK : ERR_BAD_REQUEST;
}

static void value_takes(struct gate *gate, unsigned char c)
{
    if (gate->value_len < TOKEN_MAX)
        gate->value[gate->value_len++] = (char)c;
}

static enum err head_takes(struct gate *gate, unsigned char c)
{
    enum err err = ERR_OK;

    if (gate->at >= AT_LINE_START && ++gate->headers_len > GATE_HEADERS_MAX + 2)   /* 2: the empty line */
        return ERR_HEADERS_TOO_LARGE;
    switch (gate->at) {
    case AT_METHOD:
        if (c == ' ') {
            err = method_is(gate);
            gate->head.is_head = gate->name_len == 4 && gate->name[0] == 'H';
            gate->wants_length = gate->name[0] == 'P';
            gate->at = AT_TARGET;
        } else if (!is_token(c)) {
            err = ERR_BAD_REQUEST;
        } else if (gate->name_len == 16) {
            err = ERR_NOT_IMPLEMENTED;
        } else {
            gate->name[gate->name_len++] = (char)c;
        }
        break;
    case AT_TARGET:
        if (c == ' ') {
            err = gate->target_len && !gate->escape ? ERR_OK : ERR_BAD_REQUEST;
            gate->at = AT_VERSION;
            gate->value_len = 0;
        } else {
            err = target_takes(gate, c);
        }
        break;
    case AT_VERSION:
        if (c == '\r') {
            err = version_is(gate);
            gate->at = AT_REQUEST_LF;
        } else if (c <= ' ' || gate->value_len > 16) {
            err = ERR_BAD_REQUEST;
        } else {
            value_takes(gate, c);
        }
        break;
    case AT_REQUEST_LF:
    case AT_VALUE_LF:
        if (c != '\n')
            return ERR_BAD_REQUEST;
        if (gate->at == AT_VALUE_LF)
            err = line_is(gate);
        gate->at = AT_LINE_START;
        break;
    case AT_LINE_START:
        gate->name_len = gate->value_len = 0;
        if (c == '\r') {
            gate->at = AT_END_LF;
            break;
        }
        gate->at = AT_NAME;
        __attribute__((fallthrough));
    case AT_NAME:
        if (c == ':' && gate->name_len) {
            gate->at = AT_VALUE_START;
        } else if (!is_token(c)) {           /* a folded line starts with a blank: refused here too */
            err = ERR_BAD_REQUEST;
        } else if (gate->name_len < TOKEN_MAX) {
            gate->name[gate->name_len++] = (char)c;
        }
        break;
    case AT_VALUE_START:
        if (c == ' ' || c == '\t')
            break;
        gate->at = AT_VALUE;
        __attribute__((fallthrough));
    case AT_VALUE:
        if (c == '\r')
            gate->at = AT_VALUE_LF;
        else if ((c < ' ' && c != '\t') || c == 0x7f)
            err = ERR_BAD_REQUEST;
        else
            value_takes(gate, c);
        break;
    case AT_END_LF:
        if (c != '\n')
            return ERR_BAD_REQUEST;
        err = head_is(gate);
        break;
    default:
        return ERR_INTERNAL;
    }
    return err;
}

/* The frame header has as many bytes as were asked for: ask for more, or check it. */
static enum err frame_is(struct gate *gate)
{
    unsigned opcode = gate->frame[0] & 15U, len7 = gate->frame[1] & 127U;
    unsigned extended = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
    bool control = opcode >= 8;

    if (gate->frame_len < 2 + extended) {
        gate->frame_need = 2 + extended;
        return ERR_OK;
    }
    if (!(gate->frame[1] & 128) || (gate->frame[0] & 0x70))
        return ERR_BAD_REQUEST;          /* not masked (RFC 6455, 5.1), or a bit nobody agreed on */
    if ((opcode > 2 && opcode < 8) || opcode > 10 || (control && (len7 > 125 || !(gate->frame[0] & 128))))
        return ERR_BAD_REQUEST;
    if (opcode == 8 && len7 == 1)
        return ERR_BAD_REQUEST;          /* half a close code */
    gate->frame_left = len7;
    if (extended) {
        gate->frame_left = 0;
        for (unsigned i = 0; i < extended; i++)
            gate->frame_left = gate->frame_left << 8 | gate->frame[2 + i];
        if (gate->frame_left >> 63)
            return ERR_BAD_REQUEST;
    }
    gate->frame_left += 4;               /* the mask itself passes like the payload */
    gate->frame_len = 0;
    gate->frame_need = 2;
    gate->at = AT_FRAME_BODY;
    return ERR_OK;
}

/* The library would take the offer of another protocol for a request for it, or refuse it. What it is to hear of
 * is said again at the end of the head. */
static void hide_upgrade(const struct gate *gate, unsigned char *c)
{
    if (gate->at == AT_NAME && gate->name_len == 6 && (*c == 'e' || *c == 'E') && strncasecmp(gate->name, "upgrad", 6) == 0)
        *c = HIDDEN;
}

ssize_t gate_feed(struct gate *gate, unsigned char *bytes, size_t len, enum err *ret_err)
{
    enum err err = ERR_OK;
    size_t i = 0;

    gate->insert_at = -1;
    while (i < len && !err) {
        size_t left = len - i;
        switch (gate->at) {
        case AT_HELD:
            return (ssize_t)i;
        case AT_BODY:
            if ((int64_t)left > gate->body_left)
                left = (size_t)gate->body_left;
            gate->body_left -= (int64_t)left;
            i += left;
            if (gate->body_left == 0)
                gate->at = AT_HELD;
            break;
        case AT_FRAME:
            gate->frame[gate->frame_len++] = bytes[i++];
            if (gate->frame_len == gate->frame_need)
                err = frame_is(gate);
            break;
        case AT_FRAME_BODY:
            if (left > gate->frame_left)
                left = (size_t)gate->frame_left;
            gate->frame_left -= left;
            i += left;
            if (gate->frame_left == 0)
                gate->at = AT_FRAME;
            break;
        case AT_REFUSED:
            err = ERR_BAD_REQUEST;
            break;
        default:
            hide_upgrade(gate, &bytes[i]);
            err = head_takes(gate, bytes[i++]);
            if (gate->at == AT_END_LF)
                gate->insert_at = (ssize_t)i - 1;
            break;
        }
    }
    if (!err)
        return (ssize_t)i;
    gate->at = AT_REFUSED;
    *ret_err = err;
    return -1;
}

const char *gate_insert(const struct gate *gate, ssize_t *ret_at)
{
    bool no_length = gate->wants_length && !gate->head.has_length;

    *ret_at = gate->insert_at;
    if (gate->insert_at < 0)
        return "";
    return gate->upgrade && no_length ? UPGRADE NO_LENGTH : gate->upgrade ? UPGRADE : no_length ? NO_LENGTH : "";
}

bool gate_is_held(const struct gate *gate)
{
    return gate->at == AT_HELD;
}

bool gate_is_websocket(const struct gate *gate)
{
    return gate->at == AT_FRAME || gate->at == AT_FRAME_BODY || (gate->at == AT_REFUSED && gate->frame_need);
}

const struct gate_head *gate_head(const struct gate *gate)
{
    return gate->at >= AT_BODY ? &gate->head : NULL;
}

void gate_release(struct gate *gate)
{
    if (gate->at != AT_HELD)
        return;
    memset(gate, 0, sizeof *gate);
}

void gate_expect_frames(struct gate *gate)
{
    memset(gate, 0, sizeof *gate);
    gate->at = AT_FRAME;
    gate->frame_need = 2;
}
