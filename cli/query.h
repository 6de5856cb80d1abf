/* query.h: request targets: "/v1/jobs/ID:cancel", "?type=ocr&tag=a". */
#ifndef BUZZER_CLI_QUERY_H
#define BUZZER_CLI_QUERY_H

#include "schema/text.h"

/* Adds ?name=value or &name=value, escaped; NULL adds nothing. */
void query_add(struct text *target, const char *name, const char *value);
/* "/v1/jobs/" id tail; false, and says so, when id is no job id. */
bool job_target(struct text *target, const char *id, const char *tail);

#endif
