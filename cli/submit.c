/* submit.c: `buzzer submit`: a job goes in exactly once, however often the connection breaks: every
 * try carries the same idempotency key. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/job_show.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/result.h"
#include "cli/say.h"
#include "cli/submission.h"
#include "cli/watch.h"
#include "schema/id.h"

#define TRIES 6 /* with pauses of 0.2, 0.4, ... seconds between them: 6 seconds in all */

static bool add_pair(struct pair *pairs, unsigned *n, char *text, char flag)
{
    if (pair_add(pairs, n, text))
        return true;
    say("-%c takes NAME=VALUE, up to %d times, not '%s'", flag, SUBMISSION_PAIRS, text);
    return false;
}

static bool add_option(void *arg, char *text)
{
    struct submission *submission = arg;

    if (strncmp(text, "tags=", 5) == 0) {
        say("there is no option tags: give each tag by itself, -o tag=a -o tag=b");
        return false;
    }
    if (strncmp(text, "tag=", 4) != 0 && pair_is_there(submission->options, submission->n_options, text)) {
        say("-o %.*s stands there twice", (int)strcspn(text, "="), text);
        return false;
    }
    return add_pair(submission->options, &submission->n_options, text, 'o');
}

static bool add_param(void *arg, char *text)
{
    struct submission *submission = arg;

    if (pair_is_there(submission->params, submission->n_params, text)) {
        say("-p %.*s stands there twice", (int)strcspn(text, "="), text);
        return false;
    }
    return add_pair(submission->params, &submission->n_params, text, 'p');
}

/* Asks again when the connection was lost on the way; not when there was no service to begin with. */
static int ask_again(struct client *client, const struct ask *ask, json_t **ret_job, int *ret_status)
{
    struct answer answer = {0};
    int64_t pause_ms = 200;
    enum err err = client_ask(client, ask, &answer);
    int code;

    for (int i = 1; i < TRIES && (err == ERR_AGAIN || (err == ERR_NO_SERVICE && i > 1)); i++) {
        struct timespec pause = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000};

        nanosleep(&pause, NULL);
        pause_ms *= 2;
        answer_clear(&answer);
        err = client_ask(client, ask, &answer);
    }
    if (err)
        code = client_failed(client, err);
    else if (answer.status != 200 && answer.status != 202)
        code = answer_refused(&answer);
    else
        code = answer_json(&answer, ret_job);
    *ret_status = answer.status;
    answer_clear(&answer);
    return code;
}

static int send_job(struct client *client, const struct submission *submission, bool wait, json_t **ret_job)
{
    struct text target = {0}, body = {0};
    char key[33];
    int status, code = EX_SOFTWARE;
    struct ask ask = {.method = "POST", .idempotency_key = key, .prefer = wait ? "wait=60" : NULL};

    id_random_hex(key, 16);
    if (submission_encode(submission, &target, &body) != ERR_OK) {
        say("%s", err_sentence(ERR_NOMEM));
        goto out;
    }
    ask.path = target.at;
    ask.media_type = submission->input.media_type;
    ask.body = submission->input.is_json ? body.at : submission->input.bytes;
    ask.len = submission->input.is_json ? body.len : submission->input.len;
    code = ask_again(client, &ask, ret_job, &status);
out:
    text_clear(&target);
    text_clear(&body);
    return code;
}

/* Until the job is over; *job is replaced by what it says then. */
static int wait_for_job(struct client *client, json_t **job)
{
    struct text target = {0};
    int status, code = EX_SOFTWARE;

    if (job_target(&target, job_text(*job, "id"), "?wait=60"))
        code = 0;
    while (!code && !job_is_over(*job)) {
        json_t *newer = NULL;

        code = ask_again(client, &(struct ask){.method = "GET", .path = target.at}, &newer, &status);
        if (code)
            break;
        json_decref(*job);
        *job = newer;
    }
    text_clear(&target);
    return code;
}

static int put_finished(struct client *client, json_t *job, bool as_json)
{
    int code = job_exit(job);

    if (as_json)
        return job_put(job, true) ? EX_SOFTWARE : code;
    if (code == EXIT_DONE)
        return result_put(client, job_text(job, "id"));
    job_say_failure(job);
    return code;
}

static int put_id(json_t *job)
{
    put_harmless(stdout, job_text(job, "id"));
    fputc('\n', stdout);
    return say_written() ? EXIT_DONE : EX_SOFTWARE;
}

static int follow(struct client *client, const struct options *options, json_t **job)
{
    int code;

    if (options->wait) {
        code = wait_for_job(client, job);
        return code ? code : put_finished(client, *job, options->json);
    }
    if (options->watch) {
        /* Piped, there is one JSON line an event and nothing else; each names the job. */
        code = isatty(STDOUT_FILENO) ? put_id(*job) : EXIT_DONE;
        return code ? code : watch_job(client, job_text(*job, "id"));
    }
    return options->json ? job_put(*job, true) : put_id(*job);
}

int command_submit(int argc, char **argv)
{
    struct submission submission = {0};
    struct options options = {.on_option = add_option, .on_param = add_param, .arg = &submission};
    struct client *client = NULL;
    json_t *job = NULL;
    int first, code = options_read(argc, argv, OPTION_JSON | OPTION_WAIT | OPTION_WATCH | OPTION_PAIRS, 1, 2,
                                   &options, &first);

    if (!code && options.wait && options.watch) {
        say("submit takes --wait or --watch, not both");
        code = EX_USAGE;
    }
    if (code)
        goto out;
    submission.type = argv[first];
    code = input_read(first + 1 < argc ? argv[first + 1] : NULL, &submission.input);
    if (!code)
        code = options_client(&options, &client);
    if (!code)
        code = send_job(client, &submission, options.wait, &job);
    if (!code)
        code = follow(client, &options, &job);
out:
    json_decref(job);
    input_clear(&submission.input);
    client_free(client);
    return code;
}
