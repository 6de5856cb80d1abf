/* problem.h: what went wrong, told to a client: one problem document (RFC 9457), the same in an
 * answer and in a WebSocket error frame. */
#ifndef BUZZER_API_PROBLEM_H
#define BUZZER_API_PROBLEM_H

#include "schema/err.h"
#include "schema/fault.h"

/* Appends {"type","title","status","detail","instance","errors"}: detail NULL says the sentence of
 * err; instance NULL leaves it out; errors stands there when there are faults. */
void problem_encode(struct text *text, enum err err, const char *detail, const char *instance,
                    const struct faults *faults);

#endif
