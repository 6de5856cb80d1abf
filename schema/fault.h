/* fault.h: all that is wrong with an input at once: a list of JSON pointers (RFC 6901, with a
 * leading `#`) and sentences, as problem documents show them. Bounded: past FAULTS_MAX only the
 * count goes on. One thread. */
#ifndef BUZZER_SCHEMA_FAULT_H
#define BUZZER_SCHEMA_FAULT_H

#include <stddef.h>

#include "schema/text.h"

#define FAULTS_MAX 50

struct fault {
    char *pointer;  /* "/input/below" */
    char *detail;
};

struct faults {
    unsigned n, n_dropped;
    struct fault at[FAULTS_MAX];
};

void faults_clear(struct faults *faults);
void faults_add(struct faults *faults, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The `errors` array: [{"pointer":"#/input/below","loc":["body","input","below"],"detail":"..."}] */
void faults_encode(struct text *text, const struct faults *faults);

#endif
