/* client.c: libcurl behind a few verbs. */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/say.h"
#include "schema/access_key.h"

#define ANSWER_BYTES (64u * 1024 * 1024) /* no answer kept in memory is near it */
#define HELD_S       90                  /* an answer is held for up to 60 s; a stream speaks every 15 */

struct client {
    CURL *curl;
    char *server;
    char key[ACCESS_KEY_TEXT_SIZE];     /* "": none */
    char fault[CURL_ERROR_SIZE];
};

/* One exchange under way. */
struct exchange {
    struct client *client;
    struct answer *answer;
    FILE *to;
    const struct stream *stream;
    bool ended_here;
};

enum err client_new(const char *server, struct client **ret_client)
{
    struct client *client = calloc(1, sizeof *client);
    size_t len;

    if (!server)
        server = getenv("BUZZER_SERVER");
    if (!server)
        server = "http://127.0.0.1:8000";
    if (strncmp(server, "http://", 7) != 0 && strncmp(server, "https://", 8) != 0) {
        say("'%s' is no address of a service: it must begin with http://", server);
        free(client);
        return ERR_USAGE;
    }
    if (client)
        client->server = strdup(server);
    if (!client || !client->server || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        say("%s", err_sentence(ERR_NOMEM));
        if (client)
            free(client->server);
        free(client);
        return ERR_NOMEM;
    }
    len = strlen(client->server);
    while (len && client->server[len - 1] == '/')
        client->server[--len] = '\0';
    client->curl = curl_easy_init();
    if (!client->curl) {
        client_free(client);
        return ERR_NOMEM;
    }
    *ret_client = client;
    return ERR_OK;
}

static const char *set_variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* One line, of which nothing is said but where it was. */
static enum err read_key(const char *path, char key[ACCESS_KEY_TEXT_SIZE])
{
    FILE *file = fopen(path, "re");
    bool ok;

    if (!file) {
        say("%s: %s", path, strerror(errno));
        return ERR_NOT_FOUND;
    }
    ok = fgets(key, ACCESS_KEY_TEXT_SIZE, file) != NULL;
    fclose(file);
    key[ok ? strcspn(key, "\r\n") : 0] = '\0';
    return ERR_OK;
}

enum err client_use_key(struct client *client, const char *file)
{
    const char *key = file ? NULL : set_variable("BUZZER_KEY");
    const char *where = file ? file : key ? "BUZZER_KEY" : set_variable("BUZZER_KEY_FILE");
    char id[ACCESS_KEY_ID_SIZE];
    enum err err = ERR_OK;

    if (!where)
        return ERR_OK;
    if (key)
        snprintf(client->key, sizeof client->key, "%s", key);
    else
        err = read_key(where, client->key);
    if (!err && !access_key_read_id(client->key, id)) {
        say("%s holds no key; one looks like bz_ID_SECRET", where);
        err = ERR_USAGE;
    }
    return err;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    explicit_bzero(client->key, sizeof client->key);
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    free(client->server);
    free(client);
}

const char *client_library_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

void answer_clear(struct answer *answer)
{
    text_clear(&answer->body);
    *answer = (struct answer){0};
}

static long status_of(const struct exchange *exchange)
{
    long status = 0;

    curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *arg)
{
    struct exchange *exchange = arg;
    size_t len = one * n;
    bool ok = status_of(exchange) == 200;

    if (ok && exchange->stream) {
        exchange->ended_here = !exchange->stream->on_bytes(exchange->stream->arg, bytes, len);
        return exchange->ended_here ? 0 : len;
    }
    if (ok && exchange->to)
        return fwrite(bytes, 1, len, exchange->to);
    if (len > ANSWER_BYTES - exchange->answer->body.len)
        return 0;
    text_add(&exchange->answer->body, bytes, len);
    return exchange->answer->body.failed ? 0 : len;
}

static int on_idle(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct exchange *exchange = arg;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    if (!exchange->stream || exchange->stream->on_idle(exchange->stream->arg))
        return 0;
    exchange->ended_here = true;
    return 1;
}

static enum err err_of(CURLcode code, const struct exchange *exchange)
{
    if (code == CURLE_OK || exchange->ended_here)
        return ERR_OK;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return ERR_NO_SERVICE;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_USAGE;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NOMEM;
    case CURLE_WRITE_ERROR:
        return ERR_IO;
    default:
        return ERR_AGAIN;
    }
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    struct text line = {0};
    struct curl_slist *longer = NULL;

    text_str(&line, name);
    text_str(&line, ": ");
    text_str(&line, value);
    if (!line.failed)
        longer = curl_slist_append(*list, line.at);
    text_clear(&line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool add_key(struct curl_slist **list, const struct client *client)
{
    char value[ACCESS_KEY_TEXT_SIZE + 8];
    bool ok;

    if (!client->key[0])
        return true;
    snprintf(value, sizeof value, "Bearer %s", client->key);
    ok = add_header(list, "Authorization", value);
    explicit_bzero(value, sizeof value);
    return ok;
}

/* What every exchange has in common; the rest is set by the caller. */
static void prepare(struct exchange *exchange, const char *url, struct curl_slist *headers)
{
    CURL *curl = exchange->client->curl;

    exchange->client->fault[0] = '\0';
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "buzzer/" BUZZER_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->client->fault);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)HELD_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_idle);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static enum err perform(struct exchange *exchange)
{
    CURLcode code = curl_easy_perform(exchange->client->curl);

    if (code != CURLE_OK && !exchange->client->fault[0])
        snprintf(exchange->client->fault, sizeof exchange->client->fault, "%s", curl_easy_strerror(code));
    exchange->answer->status = (int)status_of(exchange);
    return err_of(code, exchange);
}

enum err client_ask(struct client *client, const struct ask *ask, struct answer *ret_answer)
{
    struct exchange exchange = {.client = client, .answer = ret_answer, .to = ask->to};
    struct curl_slist *headers = NULL;
    struct text url = {0};
    enum err err = ERR_NOMEM;
    bool posts = strcmp(ask->method, "POST") == 0;

    *ret_answer = (struct answer){0};
    text_str(&url, client->server);
    text_str(&url, ask->path);
    if (url.failed || !add_header(&headers, "Accept", "*/*") || !add_key(&headers, client))
        goto out;
    if (ask->media_type && !add_header(&headers, "Content-Type", ask->media_type))
        goto out;
    if (ask->idempotency_key && !add_header(&headers, "Idempotency-Key", ask->idempotency_key))
        goto out;
    if (ask->prefer && !add_header(&headers, "Prefer", ask->prefer))
        goto out;
    /* Without these curl asks before it sends a larger body, and calls an absent one a form. */
    if (posts && (!add_header(&headers, "Expect", "") ||
                  (!ask->media_type && !add_header(&headers, "Content-Type", ""))))
        goto out;
    prepare(&exchange, url.at, headers);
    if (strcmp(ask->method, "DELETE") == 0)
        curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, "DELETE");
    if (posts) {
        curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, ask->body ? ask->body : "");
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->len);
    }
    err = perform(&exchange);
out:
    curl_slist_free_all(headers);
    text_clear(&url);
    return err;
}

enum err client_stream(struct client *client, const struct stream *stream, struct answer *ret_answer)
{
    struct exchange exchange = {.client = client, .answer = ret_answer, .stream = stream};
    struct curl_slist *headers = NULL;
    struct text url = {0};
    enum err err = ERR_NOMEM;

    *ret_answer = (struct answer){0};
    text_str(&url, client->server);
    text_str(&url, stream->path);
    if (url.failed || !add_header(&headers, "Accept", "text/event-stream") || !add_key(&headers, client))
        goto out;
    if (stream->last_event_id[0] && !add_header(&headers, "Last-Event-ID", stream->last_event_id))
        goto out;
    prepare(&exchange, url.at, headers);
    err = perform(&exchange);
out:
    curl_slist_free_all(headers);
    text_clear(&url);
    return err;
}

int client_failed(const struct client *client, enum err err)
{
    if (err == ERR_NO_SERVICE)
        say("no service at %s (%s); is `buzzer serve` running? --server names another", client->server,
            client->fault);
    else if (err == ERR_AGAIN)
        say("lost the service at %s (%s)", client->server, client->fault);
    else if (err == ERR_IO)
        say("what %s answered could not be written or kept (%s)", client->server, client->fault);
    else if (client->fault[0])
        say("%s: %s", client->server, client->fault);
    else
        say("%s", err_sentence(err));
    return err == ERR_AGAIN ? EX_UNAVAILABLE : exit_of_err(err);
}

static json_t *problem_of(const struct answer *answer)
{
    return answer->body.len ? json_loadb(answer->body.at, answer->body.len, JSON_ALLOW_NUL, NULL) : NULL;
}

bool answer_is_problem(const struct answer *answer, enum err err)
{
    json_t *problem = problem_of(answer);
    const char *type = json_string_value(json_object_get(problem, "type"));
    const char *word = type ? strrchr(type, '#') : NULL;
    bool is = answer->status == err_status(err) && word && strcmp(word + 1, err_word(err)) == 0;

    json_decref(problem);
    return is;
}

int answer_refused(const struct answer *answer)
{
    json_t *problem = problem_of(answer);
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    json_t *faults = json_object_get(problem, "errors"), *fault;
    size_t i;

    if (!title)
        say("the service answered %d", answer->status);
    else if (answer_is_problem(answer, ERR_NO_KEY)) /* what it says of headers helps nobody here */
        say("%s, one that is known, not revoked and not over: name a file that holds it with --key-file, or set "
            "BUZZER_KEY or BUZZER_KEY_FILE", title);
    else if (json_array_size(faults) || !detail)
        say("%s", title);
    else
        say("%s: %s", title, detail);
    json_array_foreach(faults, i, fault)
    {
        const char *pointer = json_string_value(json_object_get(fault, "pointer"));
        const char *what = json_string_value(json_object_get(fault, "detail"));

        say("  %s: %s", pointer ? pointer : "#", what ? what : "");
    }
    json_decref(problem);
    return exit_of_status(answer->status);
}

int client_ask_once(struct client *client, const struct ask *ask, struct answer *ret_answer)
{
    enum err err = client_ask(client, ask, ret_answer);
    int code = 0;

    if (err)
        code = client_failed(client, err);
    else if (ret_answer->status < 200 || ret_answer->status > 299)
        code = answer_refused(ret_answer);
    if (code)
        answer_clear(ret_answer);
    return code;
}

int client_get(struct client *client, const char *path, struct answer *ret_answer)
{
    return client_ask_once(client, &(struct ask){.method = "GET", .path = path}, ret_answer);
}

int client_post(struct client *client, const char *path, struct answer *ret_answer)
{
    return client_ask_once(client, &(struct ask){.method = "POST", .path = path}, ret_answer);
}

int answer_json(const struct answer *answer, json_t **ret_json)
{
    *ret_json = answer->body.len ? json_loadb(answer->body.at, answer->body.len, JSON_ALLOW_NUL, NULL) : NULL;
    if (*ret_json)
        return 0;
    say("the service answered %d with something that is not JSON", answer->status);
    return EX_SOFTWARE;
}

int client_get_json(struct client *client, const char *path, json_t **ret_json)
{
    struct answer answer;
    int code = client_get(client, path, &answer);

    if (code)
        return code;
    code = answer_json(&answer, ret_json);
    answer_clear(&answer);
    return code;
}
