/* load.h: a whole file of test data. */
#ifndef BUZZER_TESTS_LOAD_H
#define BUZZER_TESTS_LOAD_H

#include <stdio.h>
#include <stdlib.h>

#define LOAD_MAX (1 << 20)

static inline unsigned char *load(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = calloc(1, LOAD_MAX);

    assert_non_null(file);
    assert_non_null(bytes);
    *ret_len = fread(bytes, 1, LOAD_MAX - 1, file);
    fclose(file);
    return bytes;
}

#endif
