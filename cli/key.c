/* key.c: `buzzer key create`, `list` and `revoke`. A new key goes to standard output alone, so that it
 * can be put straight where it is kept; nothing else ever shows it again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/job_show.h"
#include "cli/options.h"
#include "cli/say.h"
#include "schema/access_key.h"
#include "schema/clock.h"

#define EXPIRES_MAX_S (100LL * 366 * 86400)

/* "90d", "12h", "30m", "60s". */
static bool read_span(const char *text, int64_t *ret_ms)
{
    static const struct {
        char unit;
        long long s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (end > text && !errno && n > 0 && end[0] == units[i].unit && !end[1] && n <= EXPIRES_MAX_S / units[i].s) {
            *ret_ms = n * units[i].s * 1000;
            return true;
        }
    }
    say("--expires takes a number and one of s, m, h and d, such as 90d, not '%s'", text);
    return false;
}

static void compose(struct text *body, const struct options *options, int64_t span_ms)
{
    text_char(body, '{');
    scopes_encode(body, options->scopes);
    if (options->tenant)
        text_json_str(body, "tenant", options->tenant);
    if (options->name)
        text_json_str(body, "name", options->name);
    if (span_ms)
        text_json_time(body, "expires_at", clock_wall_ms() + span_ms);
    text_char(body, '}');
}

static int key_create(int argc, char **argv)
{
    struct options options = {0};
    struct client *client = NULL;
    struct text body = {0};
    struct answer answer = {0};
    json_t *key = NULL;
    int64_t span_ms = 0;
    int first, code = options_read(argc, argv, OPTION_KEY, 0, 0, &options, &first);

    if (!code && !options.scopes) {
        say("key create needs --scope: submit, read, cancel or admin");
        code = EX_USAGE;
    }
    if (!code && options.expires && !read_span(options.expires, &span_ms))
        code = EX_USAGE;
    if (!code)
        code = options_client(&options, &client);
    if (code)
        goto out;
    code = EX_SOFTWARE;
    compose(&body, &options, span_ms);
    if (body.failed)
        goto out;
    code = client_ask_once(client,
                           &(struct ask){.method = "POST", .path = "/v1/keys", .media_type = "application/json",
                                         .body = body.at, .len = body.len},
                           &answer);
    if (!code)
        code = answer_json(&answer, &key);
    if (!code) {
        printf("%s\n", job_text(key, "key"));
        code = say_written() ? EXIT_DONE : EX_SOFTWARE;
    }
out:
    json_decref(key);
    answer_clear(&answer);
    text_clear(&body);
    client_free(client);
    return code;
}

static void put_row(json_t *key)
{
    json_t *scope;
    size_t i;
    char scopes[64] = "";

    json_array_foreach(json_object_get(key, "scopes"), i, scope) {
        size_t len = strlen(scopes);
        snprintf(scopes + len, sizeof scopes - len, "%s%s", i ? "," : "", json_string_value(scope));
    }
    printf("%-12.12s  %-25.25s  %-24.24s  ", job_text(key, "id"), scopes, job_text(key, "expires_at"));
    put_harmless(stdout, job_text(key, "tenant"));
    if (job_text(key, "name")[0])
        fputs("  ", stdout);
    put_harmless(stdout, job_text(key, "name"));
    putchar('\n');
}

static int key_list(int argc, char **argv)
{
    struct options options = {0};
    struct client *client = NULL;
    json_t *keys = NULL, *key;
    size_t i;
    bool as_table;
    int first, code = options_read(argc, argv, OPTION_JSON, 0, 0, &options, &first);

    if (!code)
        code = options_client(&options, &client);
    if (!code)
        code = client_get_json(client, "/v1/keys", &keys);
    if (code)
        goto out;
    as_table = !options.json && isatty(STDOUT_FILENO);
    if (as_table)
        printf("%-12s  %-25s  %-24s  %s\n", "ID", "SCOPES", "EXPIRES", "TENANT, NAME");
    json_array_foreach(json_object_get(keys, "keys"), i, key) {
        if (as_table)
            put_row(key);
        else
            json_put_line(stdout, key);
    }
    code = say_written() ? EXIT_DONE : EX_SOFTWARE;
out:
    json_decref(keys);
    client_free(client);
    return code;
}

static int key_revoke(int argc, char **argv)
{
    struct options options = {0};
    struct client *client = NULL;
    struct answer answer = {0};
    const char *id = NULL;
    char path[sizeof "/v1/keys/" + ACCESS_KEY_ID_LEN];
    int code = options_one(argc, argv, 0, &options, &id, &client);

    if (!code && !access_key_id_is_valid(id, strlen(id))) {
        say("'%s' is no key's id, which has 12 hexadecimal digits; `buzzer key list` tells them", id);
        code = EX_NOINPUT;
    }
    if (!code) {
        snprintf(path, sizeof path, "/v1/keys/%s", id);
        code = client_ask_once(client, &(struct ask){.method = "DELETE", .path = path}, &answer);
    }
    answer_clear(&answer);
    client_free(client);
    return code;
}

static const struct {
    const char *name;
    char *title;
    int (*run)(int argc, char **argv);
} actions[] = {
    {"create", (char[]){"buzzer key create"}, key_create},
    {"list", (char[]){"buzzer key list"}, key_list},
    {"revoke", (char[]){"buzzer key revoke"}, key_revoke},
};

int command_key(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[1], actions[i].name) == 0) {
            argv[1] = actions[i].title; /* getopt begins its complaints with it */
            return actions[i].run(argc - 1, argv + 1);
        }
    }
    say("key needs create, list or revoke; `buzzer help key` tells how");
    return EX_USAGE;
}
