/* key_request.h: what a client says about a key it wants made. */
#ifndef BUZZER_API_KEY_REQUEST_H
#define BUZZER_API_KEY_REQUEST_H

#include "schema/access_key.h"
#include "schema/fault.h"

#define KEY_NAME_MAX 100              /* bytes */

/* ERR_NOT_JSON; ERR_INVALID: every fault is in faults. The key and its text, shown once. */
enum err key_request_decode(const char *text, size_t len, int64_t now_ms, struct access_key **ret_key,
                            char ret_text[ACCESS_KEY_TEXT_SIZE], struct faults *faults);
/* secret NULL: a key as it is listed. */
void key_encode(struct text *text, const struct access_key *key, const char *secret);

#endif
