/* result.c: `buzzer result ID`. */
#include "cli/result.h"

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/say.h"

/* What the service says of an unfinished job is for those who speak HTTP. */
static int say_refused(const struct answer *answer, const char *id)
{
    if (!answer_is_problem(answer, ERR_NOT_FINISHED))
        return answer_refused(answer);
    say("the job has not ended yet; `buzzer watch %s` follows it to its end", id);
    return exit_of_status(answer->status);
}

int result_put(struct client *client, const char *id)
{
    struct text target = {0};
    struct answer answer = {0};
    int code = EX_NOINPUT;
    enum err err;

    if (!job_target(&target, id, "/result"))
        goto out;
    err = client_ask(client, &(struct ask){.method = "GET", .path = target.at, .to = stdout}, &answer);
    if (err)
        code = client_failed(client, err);
    else if (answer.status != 200)
        code = say_refused(&answer, id);
    else
        code = say_written() ? EXIT_DONE : EX_SOFTWARE;
out:
    answer_clear(&answer);
    text_clear(&target);
    return code;
}

int command_result(int argc, char **argv)
{
    struct options options = {0};
    struct client *client = NULL;
    const char *id;
    int code = options_one(argc, argv, 0, &options, &id, &client);

    if (!code)
        code = result_put(client, id);
    client_free(client);
    return code;
}
