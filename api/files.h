/* files.h: the files the program carries in itself; made from the tree by api/embed.py. */
#ifndef BUZZER_API_FILES_H
#define BUZZER_API_FILES_H

#include <stddef.h>

struct file {
    const unsigned char *bytes;
    size_t len;
};

extern const struct file file_openapi_json;
extern const struct file file_asyncapi_json;

#endif
