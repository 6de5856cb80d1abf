/* members_priv.h: a JSON object read strictly: each member once, of the right kind and within
 * bounds, and at the end none that nobody asked for. What was read wrong is remembered, so a reader
 * takes all members and looks once. One thread at a time. */
#ifndef BUZZER_SCHEMA_MEMBERS_PRIV_H
#define BUZZER_SCHEMA_MEMBERS_PRIV_H

#include <jansson.h>

#include "schema/access_key.h"
#include "schema/job.h"
#include "schema/text.h"

struct members {
    const json_t *object;
    size_t n_seen;
    enum err err; /* OK, CORRUPT or NOMEM: the first thing that went wrong */
};

/* Text first: NULL unless it is one JSON object without a name twice. Free with json_decref. */
json_t *members_parse(const char *json, size_t len);

void members_open(struct members *members, const json_t *object); /* CORRUPT if it is none */
json_t *members_get(struct members *members, const char *name);   /* borrowed; NULL if absent */
int64_t members_int(struct members *members, const char *name, int64_t min, int64_t max, int64_t absent);
bool members_bool(struct members *members, const char *name);     /* absent: false */
const char *members_str(struct members *members, const char *name); /* borrowed; NULL if absent */
char *members_copy(struct members *members, const char *name);    /* owned; NULL if absent */
enum err members_close(struct members *members); /* CORRUPT if one is left that was not asked for */

/* What several files of the family write and read. */
void error_encode(struct text *text, const struct job_error *error);           /* one JSON object */
enum err error_decode(const json_t *value, struct job_error *ret_error);       /* NULL value: none */
enum err spec_read(const json_t *value, const char *id, struct spec **ret_spec);
/* access_key_json.c: a key made, with all there is of it, or revoked, with its id alone. */
void access_key_encode(struct text *text, const struct access_key *key);
enum err access_key_decode(const json_t *value, struct access_key **ret_key);

#endif
