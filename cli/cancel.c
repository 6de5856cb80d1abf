/* cancel.c: `buzzer cancel ID` and `buzzer retry ID`: ask for it, and tell what the job says now. */
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/job_show.h"
#include "cli/options.h"
#include "cli/query.h"

static int post(int argc, char **argv, const char *tail)
{
    struct options options = {0};
    struct client *client = NULL;
    struct text target = {0};
    struct answer answer = {0};
    json_t *job = NULL;
    const char *id;
    int code = options_one(argc, argv, OPTION_JSON, &options, &id, &client);

    if (code)
        goto out;
    code = EX_NOINPUT;
    if (!job_target(&target, id, tail))
        goto out;
    code = client_post(client, target.at, &answer);
    if (!code)
        code = answer_json(&answer, &job);
    if (!code)
        code = job_put(job, options.json);
out:
    json_decref(job);
    answer_clear(&answer);
    text_clear(&target);
    client_free(client);
    return code;
}

int command_cancel(int argc, char **argv)
{
    return post(argc, argv, ":cancel");
}

int command_retry(int argc, char **argv)
{
    return post(argc, argv, ":retry");
}
