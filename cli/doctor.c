/* doctor.c: `buzzer doctor`: looks for what would go wrong, before it does. */
#include <stdarg.h>

#include "cli/check.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/say.h"

static enum finding (*const checks[])(const struct config *config) = {
    check_roles, check_types, check_images, check_folder,     check_database, check_space,   check_fsync,
    check_log,   check_port,  check_files,  check_event_loop, check_landlock, check_seccomp, check_clock,
};

enum finding finding_tell(enum finding finding, const char *subject, const char *format, ...)
{
    static const char *const words[] = {"ok", "warn", "FAIL"};
    char line[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    printf("%-4s  %-13s  ", words[finding], subject);
    put_harmless(stdout, line);
    putchar('\n');
    return finding;
}

int command_doctor(int argc, char **argv)
{
    struct config *config = NULL;
    char message[1024];
    enum err err = config_load(argc - 1, argv + 1, &config, message, sizeof message);
    bool failed = false;

    if (err == ERR_CONFIG)
        finding_tell(FINDING_FAIL, "settings", "%s", message);
    else if (err)
        say(err == ERR_USAGE ? "%s; `buzzer help doctor` tells more" : "%s", message);
    if (err)
        return exit_of_err(err);
    finding_tell(FINDING_OK, "settings", "%s",
                 config->config_file ? config->config_file : "no file; the defaults");
    for (unsigned i = 0; i < sizeof checks / sizeof checks[0]; i++)
        failed |= checks[i](config) == FINDING_FAIL;
    config_free(config);
    if (!say_written())
        return EX_SOFTWARE;
    return failed ? EX_CONFIG : EXIT_DONE;
}
