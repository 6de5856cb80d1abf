/* status.c: `buzzer status ID`. */
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/job_show.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/say.h"

int command_status(int argc, char **argv)
{
    struct options options = {0};
    struct client *client = NULL;
    struct text target = {0};
    json_t *job = NULL;
    const char *id;
    int code = options_one(argc, argv, OPTION_JSON, &options, &id, &client);

    if (code)
        goto out;
    code = EX_NOINPUT;
    if (!job_target(&target, id, ""))
        goto out;
    code = client_get_json(client, target.at, &job);
    if (code)
        goto out;
    if (options.json || !isatty(STDOUT_FILENO))
        json_put_line(stdout, job);
    else
        job_show(stdout, job);
    if (!say_written())
        code = EX_SOFTWARE;
out:
    json_decref(job);
    text_clear(&target);
    client_free(client);
    return code;
}
