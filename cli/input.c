/* input.c: reads the input, and tells what it is. */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/say.h"
#include "schema/text.h"

const char *input_image_type(const char *bytes, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *media_type;
    } images[] = {
        {"\x89PNG\r\n\x1a\n", 8, "image/png"},
        {"\xff\xd8\xff", 3, "image/jpeg"},
        {"II*\0", 4, "image/tiff"},
        {"MM\0*", 4, "image/tiff"},
    };

    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        if (len >= images[i].len && memcmp(bytes, images[i].magic, images[i].len) == 0)
            return images[i].media_type;
    return len >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0 ? "image/webp"
                                                                                           : NULL;
}

bool input_is_text(const char *bytes, size_t len)
{
    size_t at = 0, step = 1;

    while (at < len && step && bytes[at]) {
        step = text_utf8_len(bytes + at, len - at);
        at += step;
    }
    return at == len;
}

static bool is_json(const char *bytes, size_t len)
{
    json_t *value = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    json_decref(value);
    return value != NULL;
}

static int read_all(int fd, const char *name, struct input *input)
{
    size_t cap = 0;
    ssize_t got;

    for (;;) {
        if (input->len + 1 >= cap) {
            char *more;

            if (cap > INPUT_BYTES) {
                say("%s: larger than any service takes", name);
                return EX_DATAERR;
            }
            cap = cap ? 2 * cap : 64 * 1024;
            more = realloc(input->bytes, cap);
            if (!more) {
                say("%s", err_sentence(ERR_NOMEM));
                return EX_SOFTWARE;
            }
            input->bytes = more;
        }
        got = read(fd, input->bytes + input->len, cap - input->len - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        input->len += (size_t)got;
    }
    input->bytes[input->len] = '\0';
    if (got < 0) {
        say("%s: %s", name, strerror(errno));
        return EX_NOINPUT;
    }
    return 0;
}

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

static int read_file(const char *path, struct input *input)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), code;

    if (fd < 0) {
        say("%s: %s", path, strerror(errno));
        return EX_NOINPUT;
    }
    code = read_all(fd, path, input);
    close(fd);
    if (!code && ends_in(path, ".json")) {
        input->is_json = is_json(input->bytes, input->len);
        if (!input->is_json) {
            say("%s: not JSON", path);
            code = EX_DATAERR;
        }
    }
    return code;
}

static int read_argument(const char *argument, struct input *input)
{
    struct stat st;
    int why;

    if (strcmp(argument, "-") == 0) {
        int code = read_all(STDIN_FILENO, "standard input", input);

        input->is_json = !code && is_json(input->bytes, input->len);
        return code;
    }
    if (stat(argument, &st) == 0)
        return read_file(argument, input);
    why = errno;
    if (is_json(argument, strlen(argument))) {
        input->bytes = strdup(argument);
        input->len = strlen(argument);
        input->is_json = true;
        return input->bytes ? 0 : EX_SOFTWARE;
    }
    if (argument[0] && strchr("{[\"", argument[0])) {
        say("'%s' is not JSON, and no file has that name", argument);
        return EX_DATAERR;
    }
    if (why == EACCES)
        say("%s: %s", argument, strerror(why));
    else if (strpbrk(argument, "'\"\\"))
        say("%s: no such file, and not JSON (a text needs quotes of its own)", argument);
    else
        say("%s: no such file, and not JSON (a text needs quotes: '\"%s\"')", argument, argument);
    return EX_NOINPUT;
}

int input_read(const char *argument, struct input *ret_input)
{
    int code;

    *ret_input = (struct input){.is_json = true, .media_type = "application/json"};
    if (!argument)
        return 0;
    ret_input->is_json = false;
    code = read_argument(argument, ret_input);
    if (code) {
        input_clear(ret_input);
        return code;
    }
    if (!ret_input->is_json) {
        const char *image = input_image_type(ret_input->bytes, ret_input->len);

        ret_input->media_type = image                                               ? image
                                : input_is_text(ret_input->bytes, ret_input->len) ? "text/plain"
                                                                                  : "application/octet-stream";
    }
    return 0;
}

void input_clear(struct input *input)
{
    free(input->bytes);
    *input = (struct input){0};
}
