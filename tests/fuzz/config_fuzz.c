// needs: schema
/* The settings file, with whatever stands in it: refused with a line, or read; never a crash or a leak. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "schema/config_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    char message[1024] = "";

    if (size > CONFIG_FILE_BYTES || config_new(&config) != ERR_OK)
        return 0;
    if (config_parse(config, "fuzz.yaml", "/etc/buzzer", data, size, message, sizeof message) == ERR_CONFIG &&
        !message[0])
        abort(); /* refused without a word */
    config_free(config);
    return 0;
}
