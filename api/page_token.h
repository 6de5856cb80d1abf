/* page_token.h: where the next page of a list starts. Opaque to clients; bound to the log, so that
 * one of another service is refused instead of pointing anywhere. */
#ifndef BUZZER_API_PAGE_TOKEN_H
#define BUZZER_API_PAGE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/id.h"

#define PAGE_TOKEN_SIZE (CURSOR_SIZE + 1)

void page_token_encode(const char *log_id, int64_t before_seq, char token[PAGE_TOKEN_SIZE]);
bool page_token_decode(const char *token, const char *log_id, int64_t *ret_before_seq);

#endif
