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

/* On ERR_OK the text is the caller's. */
static enum err dump(const char *dir, char **ret_text)
{
    struct text text = {0};
    enum err err = view_dump(dir, keep_line, &text);

    if (err) {
        text_clear(&text);
        return err;
    }
    *ret_text = text_take(&text, NULL);
    return *ret_text ? ERR_OK : ERR_NOMEM;
}

static void show_first_difference(const char *view, const char *log)
{
    size_t line = 0;

    for (size_t at = 0; view[at] && view[at] == log[at]; at++)
        if (view[at] == '\n')
            line = at + 1;
    fprintf(stderr, "the view has: %.500s\nthe log says: %.500s\n", view[line] ? view + line : "(nothing)",
            log[line] ? log + line : "(nothing)");
}

static int compare(const char *dir, const char *fresh)
{
    char *view = NULL, *log = NULL, message[512] = "";
    int status = EXIT_FAILURE;
    enum err err = view_replay(dir, fresh, message, sizeof(message));

    if (!err)
        err = dump(dir, &view);
    if (!err)
        err = dump(fresh, &log);
    if (err)
        fprintf(stderr, "%s: %s\n", err_word(err), message);
    else if (strcmp(view, log) == 0)
        status = EXIT_SUCCESS;
    else
        show_first_difference(view, log);
    free(view);
    free(log);
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
