/* media_type.h: what a Content-Type may say (RFC 9110, 8.3.1). */
#ifndef BUZZER_SCHEMA_MEDIA_TYPE_H
#define BUZZER_SCHEMA_MEDIA_TYPE_H

#include <stdbool.h>

bool media_type_is_valid(const char *header);                    /* type "/" subtype, and parameters */
bool media_type_is_printable(const char *header);                /* can stand in a header, whatever it says */
bool media_type_is(const char *header, const char *media_type);  /* whatever its parameters */

#endif
