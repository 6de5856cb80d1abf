/* blob_reply.h: an answer whose body the log keeps apart. */
#ifndef BUZZER_API_BLOB_REPLY_H
#define BUZZER_API_BLOB_REPLY_H

#include "api/request.h"

/* 200 with the body once the log has given it, or a problem. Sets the request's state. */
void reply_blob(struct request *request, const struct blob *blob);

#endif
