/* options.c: one table of what client commands can be told. */
#include "cli/options.h"

#include <getopt.h>

#include "cli/exit.h"
#include "cli/say.h"
#include "schema/access_key.h"

enum { SERVER = 256, JSON, ALL, WAIT, WATCH, STATE, TYPE, QUEUE, TAG, LIMIT, KEY_FILE, TENANT, SCOPE, EXPIRES, NAME };

static const struct option table[] = {
    {"server", required_argument, NULL, SERVER},
    {"json", no_argument, NULL, JSON},
    {"all", no_argument, NULL, ALL},
    {"wait", no_argument, NULL, WAIT},
    {"watch", no_argument, NULL, WATCH},
    {"state", required_argument, NULL, STATE},
    {"type", required_argument, NULL, TYPE},
    {"queue", required_argument, NULL, QUEUE},
    {"tag", required_argument, NULL, TAG},
    {"limit", required_argument, NULL, LIMIT},
    {"key-file", required_argument, NULL, KEY_FILE},
    {"tenant", required_argument, NULL, TENANT},
    {"scope", required_argument, NULL, SCOPE},
    {"expires", required_argument, NULL, EXPIRES},
    {"name", required_argument, NULL, NAME},
    {NULL, 0, NULL, 0},
};

static unsigned kind_of(int option)
{
    switch (option) {
    case JSON:
        return OPTION_JSON;
    case ALL:
        return OPTION_ALL;
    case WAIT:
        return OPTION_WAIT;
    case WATCH:
        return OPTION_WATCH;
    case STATE:
        return OPTION_STATE;
    case LIMIT:
        return OPTION_LIMIT;
    case TENANT:
    case SCOPE:
    case EXPIRES:
    case NAME:
        return OPTION_KEY;
    case 'o':
    case 'p':
        return OPTION_PAIRS;
    default:
        return OPTION_FILTER;
    }
}

static bool take_scope(struct options *options, const char *word)
{
    enum scope scope;

    if (!scope_decode(word, &scope)) {
        say("--scope takes submit, read, cancel or admin, not '%s'", word);
        return false;
    }
    options->scopes |= scope;
    return true;
}

static const char *name_of(int option)
{
    const struct option *row = table;

    while (row->name && row->val != option)
        row++;
    return row->name;
}

/* What getopt has found wrong (its own words would not say where to read on). word: where it stands. */
static void say_wrong(const char *command, int found, const char *word, bool takes_input)
{
    const char *name = name_of(optopt);

    if (found == ':' && !name)
        say("-%c needs a value; `buzzer help %s` tells more", optopt, command);
    else if (found == ':')
        say("--%s needs a value; `buzzer help %s` tells more", name, command);
    else if (name)
        say("--%s takes no value; `buzzer help %s` tells more", name, command);
    else if (optopt)
        say("unknown option '-%c'%s; `buzzer help %s` tells more", optopt,
            takes_input ? " (-- goes before an input that begins with a dash)" : "", command);
    else
        say("unknown option '%.80s'; `buzzer help %s` tells more", word, command);
}

/* False: it cannot be, and why was said. */
static bool take(struct options *options, int option, char *value)
{
    switch (option) {
    case SERVER:
        options->server = value;
        return true;
    case KEY_FILE:
        options->key_file = value;
        return true;
    case TENANT:
        options->tenant = value;
        return true;
    case SCOPE:
        return take_scope(options, value);
    case EXPIRES:
        options->expires = value;
        return true;
    case NAME:
        options->name = value;
        return true;
    case JSON:
        return options->json = true;
    case ALL:
        return options->all = true;
    case WAIT:
        return options->wait = true;
    case WATCH:
        return options->watch = true;
    case STATE:
        options->state = value;
        return true;
    case TYPE:
        options->type = value;
        return true;
    case QUEUE:
        options->queue = value;
        return true;
    case TAG:
        options->tag = value;
        return true;
    case LIMIT:
        options->limit = value;
        return true;
    case 'o':
        return options->on_option(options->arg, value);
    default:
        return options->on_param(options->arg, value);
    }
}

int options_read(int argc, char **argv, unsigned takes, int min, int max, struct options *options,
                 int *ret_first)
{
    const char *command = argv[0] + sizeof "buzzer";
    int option, index = 0;

    optind = 0; /* from the start, whoever used getopt before */
    while ((option = getopt_long(argc, argv, ":o:p:", table, &index)) != -1) {
        if (option == '?' || option == ':') {
            say_wrong(command, option, argv[optind - 1], takes & OPTION_PAIRS);
            return EX_USAGE;
        }
        if (option != SERVER && option != KEY_FILE && !(takes & kind_of(option))) {
            say("%s does not take %s%s; `buzzer help %s` tells more", command, option < SERVER ? "-o or -p" : "--",
                option < SERVER ? "" : table[index].name, command);
            return EX_USAGE;
        }
        if (!take(options, option, optarg))
            return EX_USAGE;
    }
    if (argc - optind < min || argc - optind > max) {
        say("%s needs %s; `buzzer help %s` tells how", command,
            argc - optind < min ? "more arguments" : "fewer arguments", command);
        return EX_USAGE;
    }
    *ret_first = optind;
    return 0;
}

int options_client(const struct options *options, struct client **ret_client)
{
    struct client *client = NULL;
    enum err err = client_new(options->server, &client);

    if (!err)
        err = client_use_key(client, options->key_file);
    if (err) {
        client_free(client);
        return err == ERR_NOT_FOUND ? EX_NOINPUT : exit_of_err(err);
    }
    *ret_client = client;
    return 0;
}

int options_one(int argc, char **argv, unsigned takes, struct options *options, const char **ret_id,
                struct client **ret_client)
{
    int first, code = options_read(argc, argv, takes, 1, 1, options, &first);

    if (code)
        return code;
    *ret_id = argv[first];
    return options_client(options, ret_client);
}
