/* input.h: what stands after the type in `buzzer submit`: a file, JSON, or standard input. */
#ifndef BUZZER_CLI_INPUT_H
#define BUZZER_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#define INPUT_BYTES (1024u * 1024 * 1024) /* no service takes more */

struct input {
    char *bytes; /* owned, ends in a NUL that len does not count; NULL: no input */
    size_t len;
    const char *media_type; /* a literal */
    bool is_json;           /* goes into a JSON submission, not as a raw body */
};

/* argument NULL: none. Returns 0, or says what is wrong and gives the exit code. */
int input_read(const char *argument, struct input *ret_input);
void input_clear(struct input *input);
/* The media type by the first bytes: png, jpeg, tiff, webp; NULL for anything else. */
const char *input_image_type(const char *bytes, size_t len);
bool input_is_text(const char *bytes, size_t len); /* UTF-8 throughout, and no NUL */

#endif
