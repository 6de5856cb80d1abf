/* submit_base64.c: base64 as RFC 4648 section 4 has it, and nothing looser: one input has one
 * spelling, so the same bytes never look like two. */
#include "jobs/submit_priv.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool submit_base64_decode(const char *text, size_t len, unsigned char *out, size_t *ret_len)
{
    size_t n = 0, n_padding = 0;

    if (len % 4)
        return false;
    if (len && text[len - 1] == '=')
        n_padding = text[len - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < len; i += 4) {
        unsigned n_here = i + 4 == len ? 4 - (unsigned)n_padding : 4;
        uint32_t bits = 0;

        for (unsigned k = 0; k < 4; k++) {
            int value = k < n_here ? value_of(text[i + k]) : 0;

            if (value < 0)
                return false;
            bits = bits << 6 | (uint32_t)value;
        }
        if (bits & ((1u << (4 - n_here) * 8) - 1))   /* bits that belong to no byte */
            return false;
        for (unsigned k = 0; k + 1 < n_here; k++)
            out[n++] = (unsigned char)(bits >> (16 - 8 * k));
    }
    *ret_len = n;
    return true;
}
