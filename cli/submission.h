/* submission.h: a request to POST /v1/jobs, made of a type, an input, options and parameters. */
#ifndef BUZZER_CLI_SUBMISSION_H
#define BUZZER_CLI_SUBMISSION_H

#include "cli/input.h"
#include "schema/err.h"
#include "schema/text.h"

#define SUBMISSION_PAIRS 64

struct pair {
    const char *name, *value;
};

struct submission {
    const char *type;
    struct input input;
    struct pair options[SUBMISSION_PAIRS], params[SUBMISSION_PAIRS];
    unsigned n_options, n_params;
};

/* "name=value", cut apart in place. False: no such thing, or too many. */
bool pair_add(struct pair *pairs, unsigned *n, char *text);
bool pair_is_there(const struct pair *pairs, unsigned n, const char *text); /* one with the name of that text */
/* JSON input: the target and a JSON body with everything in it. Bytes: everything in the target, and
 * body stays empty: the input itself is the body. ERR_NOMEM. */
enum err submission_encode(const struct submission *submission, struct text *ret_target,
                           struct text *ret_body);

#endif
