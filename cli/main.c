/* main.c: the program people type: a table of commands, and help about them. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/say.h"
#include "jobs/worker.h"
#include "schema/config.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments;
    const char *help; /* one line; NULL: not shown, the program's own use */
    const char *details;
};

#define CLIENT_OPTIONS \
    "  --server URL          the service (BUZZER_SERVER, or http://127.0.0.1:8000)\n" \
    "  --key-file FILE       holds the key to send (or BUZZER_KEY, or the file BUZZER_KEY_FILE)\n"

/* Commands of others find the usual mask, not the one that closes the data folder (serve.c): nobody else
 * gets into their scratch folder, and what they make may be packed up and sent elsewhere. */
static int run_executor(int argc, char **argv)
{
    umask(022);
    return executor_main(argc, argv);
}

/* clang-format off */
static const struct command commands[] = {
    {"serve", command_serve, "[OPTION ...]", "run the service", NULL},
    {"submit", command_submit, "TYPE [FILE | JSON | -]", "submit a job and print its id",
     "  --wait                print the result when it is there\n"
     "  --watch               follow its progress to the end\n"
     "  -o OPTION=VALUE       an option of the job: queue, priority, delay_ms, run_at, timeout_ms,\n"
     "                        max_attempts, expires_in_ms, keep_ms, tag (may stand several times)\n"
     "  -p PARAMETER=VALUE    a parameter of the type, such as lang=eng for ocr\n"
     "  --json                print the job instead\n" CLIENT_OPTIONS
     "The input is the name of a file, or JSON, or - for standard input, which is taken as JSON if it is JSON.\n"
     "A file whose name ends in .json must hold JSON. Any other is sent as it is: as a PNG, JPEG, TIFF or WebP\n"
     "image if it begins as one does, as text/plain if it is UTF-8 without a NUL, and as\n"
     "application/octet-stream if not. An input that begins with a dash comes after --.\n"},
    {"status", command_status, "ID", "tell how a job is",
     "  --json                print the job as JSON (as it is when piped)\n" CLIENT_OPTIONS},
    {"result", command_result, "ID", "print a job's result", CLIENT_OPTIONS},
    {"watch", command_watch, "ID | --all", "follow a job, or all of them",
     "  --all                 all jobs, from now on\n"
     "  --type T  --queue Q  --tag G    only those (with --all)\n" CLIENT_OPTIONS
     "Draws progress on a terminal, prints one JSON line an event when piped.\n"},
    {"cancel", command_cancel, "ID", "cancel a job", "  --json                print the job\n" CLIENT_OPTIONS},
    {"retry", command_retry, "ID", "queue a failed, cancelled or expired job again",
     "  --json                print the job\n" CLIENT_OPTIONS},
    {"list", command_list, "", "list jobs, newest first",
     "  --state S  --type T  --queue Q  --tag G    only those\n"
     "  --limit N             at most so many (100)\n"
     "  --json                one job a line, as JSON (as it is when piped)\n" CLIENT_OPTIONS},
    {"key", command_key, "create | list | revoke ID", "make, list and revoke access keys",
     "  create                make a key and print it, once\n"
     "    --scope S           what it may do: submit, read, cancel, admin (may stand several times)\n"
     "    --tenant T          whose jobs it is about (default)\n"
     "    --expires N         over after so long: 90d, 12h, 30m or 60s\n"
     "    --name N            what people call it\n"
     "  list                  all but the secrets; --json one a line, as JSON (as it is when piped)\n"
     "  revoke ID             end it at once\n" CLIENT_OPTIONS
     "An administrator's key is needed, but for the very first, which must be one.\n"},
    {"doctor", command_doctor, "[OPTION ...]", "check this machine and the settings",
     "Takes the options of `buzzer serve`, and checks what they say:\n"},
    {"version", command_version, "", "tell the version, and those of the libraries", NULL},
    {"executor", run_executor, "", NULL, NULL},
};
/* clang-format on */
static const unsigned n_commands = sizeof commands / sizeof commands[0];

static const struct command *command_find(const char *name)
{
    for (unsigned i = 0; i < n_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void help(FILE *out)
{
    fputs("usage: buzzer COMMAND [ARGUMENT ...]\n\n", out);
    for (unsigned i = 0; i < n_commands; i++)
        if (commands[i].help)
            fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].help);
    fputs("\n`buzzer help COMMAND` tells more; `buzzer help settings` prints a settings file.\n", out);
}

static void help_command(const struct command *command)
{
    printf("usage: buzzer %s %s\n\n%s.\n", command->name, command->arguments, command->help);
    if (command->details)
        printf("\n%s", command->details);
    if (command->run == command_serve || command->run == command_doctor) {
        fputs("\n", stdout);
        config_help(stdout);
        fputs("\nEach is also BUZZER_OPTION_NAME in the environment and option_name: in the settings file.\n",
              stdout);
    }
}

static int run_help(int argc, char **argv)
{
    const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;

    if (argc < 2) {
        help(stdout);
    } else if (strcmp(argv[1], "settings") == 0) {
        config_example(stdout);
    } else if (command && command->help) {
        help_command(command);
    } else {
        say("no command '%s'; `buzzer help` lists them", argv[1]);
        return EX_USAGE;
    }
    return say_written() ? EXIT_DONE : EX_SOFTWARE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    const struct command *command;
    char title[32];

    if (argc < 2) {
        help(stderr);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return run_help(argc - 1, argv + 1);
    command = command_find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!command) {
        say("no command '%s'; `buzzer help` lists them", argv[1]);
        return EX_USAGE;
    }
    if (command->help && asks_for_help(argc - 1, argv + 1))
        return run_help(2, (char *[]){argv[0], argv[1], NULL});
    snprintf(title, sizeof title, "buzzer %s", command->name);
    if (command->help) /* getopt begins its complaints with it */
        argv[1] = title;
    return command->run(argc - 1, argv + 1);
}
