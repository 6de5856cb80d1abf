/* text.h: a growing piece of text, and JSON written into it straight away. The hot answers (a job,
 * an event) are composed with it: building a tree only to print it costs ten times as much.
 *
 * A text that could not grow remembers so (`failed`); every later call does nothing, and the writer
 * looks once at the end. One thread at a time. */
#ifndef BUZZER_SCHEMA_TEXT_H
#define BUZZER_SCHEMA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *at;      /* always ends in a NUL that len does not count, once anything was added */
    size_t len, cap;
    bool failed;
};

void text_clear(struct text *text);                       /* frees; {0} is an empty text */
void text_reset(struct text *text);                       /* empty again, memory kept */
char *text_take(struct text *text, size_t *ret_len);      /* you own it; NULL if it failed */
bool text_room(struct text *text, size_t more);           /* makes room for more bytes + NUL */
void text_add(struct text *text, const char *bytes, size_t len);
void text_str(struct text *text, const char *str);
void text_char(struct text *text, char c);
void text_int(struct text *text, int64_t value);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t text_utf8_len(const char *str, size_t len);        /* bytes of the character that starts here; 0: none does */

/* JSON (text_json.c): a comma is put before a member or an item unless the text is empty or ends in
 * `{`, `[`, `:` or `,`. */
void text_json_string(struct text *text, const char *str, size_t len);  /* quoted and escaped */
void text_json_key(struct text *text, const char *key);                 /* ,"key": (key is plain ASCII) */
void text_json_str(struct text *text, const char *key, const char *value);    /* NULL writes null */
void text_json_strs(struct text *text, const char *key, char *const *values, unsigned n);   /* a list of strings */
void text_json_int(struct text *text, const char *key, int64_t value);
void text_json_bool(struct text *text, const char *key, bool value);
/* JSON text as it is, but on one line: events and logs are told by the line. */
void text_json_raw(struct text *text, const char *key, const char *json, size_t len);
void text_json_time(struct text *text, const char *key, int64_t unix_ms);     /* RFC 3339, 0 writes null */

#endif
