/* submit_priv.h: what the files of a submission share.
 *
 *   JSON text ──scan, parse──┐                      submit_text.c
 *   JSON tree ───────────────┼─> members: options   submit_options.c
 *   query + raw body ────────┘            input     submit_input.c    ──> spec + body ──> append
 *                                         key       submit_key.c, submit_hash.c           submit.c
 */
#ifndef BUZZER_JOBS_SUBMIT_PRIV_H
#define BUZZER_JOBS_SUBMIT_PRIV_H

#include "jobs/submit.h"

#define SUBMIT_DEPTH_MAX 64
#define SUBMIT_DELAY_MS_MAX (3650LL * 24 * 3600 * 1000)   /* 10 years */
#define SUBMIT_KEY_MAX 255
#define SUBMIT_TRACEPARENT_LEN 55

enum submit_number {
    NUMBER_PRIORITY, NUMBER_DELAY_MS, NUMBER_TIMEOUT_MS, NUMBER_MAX_ATTEMPTS, NUMBER_EXPIRES_IN_MS,
    NUMBER_KEEP_MS, NUMBER_COUNT
};

struct submit_span {         /* a piece of somebody else's text; at NULL: none */
    const char *at;
    size_t len;
};

/* A submission while it is looked at. Strings are borrowed from the JSON tree it came from. */
struct submission {
    const struct types *types;
    const char *prefix;              /* of pointers: "" or "/jobs/3" */
    struct faults *faults;
    int64_t now_ms;
    const struct job_type *type;
    int64_t number[NUMBER_COUNT];    /* -1: not given; a priority always has a value */
    int64_t run_at;                  /* 0: not given */
    const char *queue;
    json_t *params;                  /* borrowed; NULL: not given or empty */
    unsigned n_tags;
    const char *tags[TAGS_MAX];
    json_t *input;                   /* a reference: the JSON input; NULL when it is bytes */
    struct body *body;               /* a reference */
};

/* Notes a fault at a member of the submission, or at a member of a member ("params" and its name).
 * Names are the client's: they are escaped, and cut if very long. */
void submit_fault(struct submission *s, const char *member, const char *detail);
void submit_fault_in(struct submission *s, const char *parent, const char *member, const char *detail);

/* submit_query.c: the object that a JSON submission would have been. */
enum err submit_query(const struct submit_param *params, unsigned n_params, json_t **ret_root, struct submission *s);

/* submit_options.c: takes one member other than type and input; an unknown one is a fault. */
void submit_take_option(struct submission *s, const char *name, json_t *value);
/* Faults that need the type or several members. */
void submit_check_options(struct submission *s);

/* submit_input.c. ERR_OK also when faults were noted. span: the input's own text, if known.
 * The raw one takes a reference of body. */
enum err submit_take_input(struct submission *s, json_t *value, const struct submit_span *span);
enum err submit_take_raw(struct submission *s, struct body *body);

/* submit_text.c */
bool submit_is_too_deep(const json_t *value);
/* ERR_NOT_JSON or ERR_INVALID (too deep) with a fault at pointer; the tree is yours. */
enum err submit_parse(const char *text, size_t len, const char *pointer, struct submit_span *ret_input,
                      json_t **ret_root, struct faults *faults);

/* submit_base64.c: RFC 4648 section 4, strictly: padded, no white space, no stray bits. out has room
 * for len / 4 * 3 bytes. */
bool submit_base64_decode(const char *text, size_t len, unsigned char *out, size_t *ret_len);

/* submit_key.c */
enum err submit_key_decode(const char *header, char key[SUBMIT_KEY_MAX + 1]);
bool submit_traceparent_decode(const char *header, char traceparent[SUBMIT_TRACEPARENT_LEN + 1]);
uint64_t submit_fingerprint(const struct submission *s);   /* of what the client gave: before a type's defaults */

/* submit_hash.c: XXH64, github.com/Cyan4973/xxHash doc/xxhash_spec.md. */
uint64_t submit_hash(const void *bytes, size_t len, uint64_t seed);

#endif
