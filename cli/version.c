/* version.c: `buzzer version`: which libraries are in use now, not which it was built with. */
#include <cyaml/cyaml.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/options.h"
#include "cli/say.h"

/* The headers of these two stay in api/ and jobs/; what they are called has not changed in years. */
const char *lws_get_library_version(void);
const char *sqlite3_libversion(void);

int command_version(int argc, char **argv)
{
    struct options options = {0};
    const char *lws; /* with the name of a branch after a dash */
    int first, code = options_read(argc, argv, 0, 0, 0, &options, &first);

    if (code)
        return code;
    lws = lws_get_library_version();
    printf("buzzer %s\nlibwebsockets %.*s\nSQLite %s\njansson %s\nlibcurl %s\nlibcyaml %s\n", BUZZER_VERSION,
           (int)strcspn(lws, "-"), lws, sqlite3_libversion(), jansson_version_str(), client_library_version(),
           cyaml_version_str);
    return say_written() ? EXIT_DONE : EX_SOFTWARE;
}
