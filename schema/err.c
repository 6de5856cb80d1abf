/* err.c: the table of err.h as arrays, one for each column. */
#include "schema/err.h"

static const struct row {
    int status;
    const char *word, *title, *sentence;
} rows[ERR_COUNT] = {
#define ERR_ROW(name, status, word, title, sentence) [ERR_##name] = {status, word, title, sentence},
    ERR_LIST(ERR_ROW)
#undef ERR_ROW
};

static const struct row *row(enum err err)
{
    return &rows[(unsigned)err < ERR_COUNT ? err : ERR_INTERNAL];
}

int err_status(enum err err)
{
    return row(err)->status;
}

const char *err_word(enum err err)
{
    return row(err)->word;
}

const char *err_title(enum err err)
{
    return row(err)->title;
}

const char *err_sentence(enum err err)
{
    return row(err)->sentence;
}
