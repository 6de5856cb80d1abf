/* page_token.c: a cursor with a letter before it, so that the two are never taken for each other. */
#include "api/page_token.h"

#include <string.h>

void page_token_encode(const char *log_id, int64_t before_seq, char token[PAGE_TOKEN_SIZE])
{
    token[0] = 'p';
    cursor_encode(log_id, before_seq, token + 1);
}

bool page_token_decode(const char *token, const char *log_id, int64_t *ret_before_seq)
{
    char of[LOG_ID_SIZE];
    int64_t seq;

    if (token[0] != 'p' || !cursor_decode(token + 1, strlen(token + 1), of, &seq))
        return false;
    if (strcmp(of, log_id) != 0 || seq <= 0)
        return false;
    *ret_before_seq = seq;
    return true;
}
