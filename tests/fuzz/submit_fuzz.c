// needs: jobs
/* Any bytes as a submission, in both ways in. The first byte chooses: JSON text, or a query whose
 * names and values stand in lines, an empty line, and the body. What is taken keeps its promises. */
#include "jobs/submit_priv.h"
#include "jobs/types_priv.h"

#include <stdlib.h>
#include <string.h>

#define NOW 1763805600000
#define PARAMS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct types *the_types(void)
{
    static struct types *types;
    struct config config = { 0 };
    char message[256];

    if (!types && types_build(&config, "/lib/images.so", "deu|eng", &types, message, sizeof(message)))
        abort();
    return types;
}

static void check(enum err err, struct append *append, const struct faults *faults)
{
    if (err) {
        if (append || (err != ERR_BAD_KEY && !faults->n))
            abort();
        return;
    }
    const struct spec *spec = append->event.spec;
    const struct body *body = append->event.body;
    if (faults->n || strcmp(spec->id, append->event.job) != 0 || !types_find(the_types(), spec->type) ||
        !name_is_valid(spec->queue, strlen(spec->queue)) || spec->priority < 0 || spec->priority > PRIORITY_MAX ||
        spec->timeout_ms < 1 || spec->max_attempts < 1 || spec->max_attempts > MAX_ATTEMPTS_MAX ||
        spec->n_tags > TAGS_MAX || !body)
        abort();
    if (body->is_json) {            /* the span that was cut out is JSON by itself */
        json_t *input = json_loadb(body->bytes, body->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

        if (!input)
            abort();
        json_decref(input);
    }
}

static void submit_as_json(const char *text, size_t len, const struct submit_headers *headers)
{
    struct append *append = NULL;
    struct faults faults = { 0 };
    enum err err = submit_json_text(the_types(), text, len, headers, NOW, &append, &faults);

    check(err, append, &faults);
    append_free(append);
    faults_clear(&faults);
}

static char *line_of(char **rest)
{
    char *line = *rest, *end = line ? strchr(line, '\n') : NULL;

    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return line;
}

static void submit_as_bytes(char *text, size_t len, const char *media_type, const struct submit_headers *headers)
{
    struct submit_param params[PARAMS_MAX];
    unsigned n = 0;
    char *rest = text;
    struct append *append = NULL;
    struct faults faults = { 0 };

    while (n < PARAMS_MAX) {
        char *name = line_of(&rest), *value = name && *name ? line_of(&rest) : NULL;
        if (!value)
            break;
        params[n++] = (struct submit_param){ name, value };
    }
    struct body *body = rest ? body_new(media_type, rest, len - (size_t)(rest - text)) : body_new(media_type, "", 0);
    if (!body)
        abort();
    enum err err = submit_raw(the_types(), params, n, body, headers, NOW, &append, &faults);
    check(err, append, &faults);
    if (err)
        body_unref(body);
    append_free(append);
    faults_clear(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const media_types[] = { "application/json", "image/png", "image/tiff", "text/plain" };
    struct submit_headers headers = { 0 };

    if (!size)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] & 0x10)
        headers.idempotency_key = text;
    if (data[0] & 0x20)
        headers.traceparent = text;
    if (data[0] & 0x40)             /* from a copy of its own length, so reading past it is seen */
        submit_as_json((const char *)data + 1, size - 1, &headers);
    else
        submit_as_bytes(text, size - 1, media_types[data[0] & 3], &headers);
    free(text);
    return 0;
}
