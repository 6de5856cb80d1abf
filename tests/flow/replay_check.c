// replay_check.c: holds a view against its log: folds the whole log of DIR anew and compares row by
// row. Says nothing and ends with 0 when both are equal; what the flow tests ask after every kill -9.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/view.h"
#include "schema/text.h"

static void keep_line(void *arg, const char *line, size_t len)
{
    text_add(arg, line, len);
    text_char(arg, '\n');
}

static enum err dump(const char *dir, struct text *text)
{
    enum err err = view_dump(dir, keep_line, text);

    return !err && text->failed ? ERR_NOMEM : err;
}

static void show_first_difference(const struct text *view, const struct text *log)
{
    size_t at = 0, line = 0;

    while (at < view->len && at < log->len && view->at[at] == log->at[at]) {
        if (view->at[at] == '\n')
            line = at + 1;
        at++;
    }
    fprintf(stderr, "the view has: %.500s\nthe log says: %.500s\n", line < view->len ? view->at + line : "(nothing)",
            line < log->len ? log->at + line : "(nothing)");
}

static int compare(const char *dir, const char *fresh)
{
    struct text view = {0}, log = {0};
    char message[512] = "";
    int status = EXIT_FAILURE;
    enum err err = view_replay(dir, fresh, message, sizeof(message));

    if (!err)
        err = dump(dir, &view);
    if (!err)
        err = dump(fresh, &log);
    if (err)
        fprintf(stderr, "%s: %s\n", err_word(err), message);
    else if (view.len == log.len && !memcmp(view.at ? view.at : "", log.at ? log.at : "", view.len))
        status = EXIT_SUCCESS;
    else
        show_first_difference(&view, &log);
    text_clear(&view);
    text_clear(&log);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: replay_check DIR EMPTY_DIR\n");
        return 64;
    }
    return compare(argv[1], argv[2]);
}
