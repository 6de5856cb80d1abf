/* image_handlers.c: what the shared object of the image types offers to an executor. */
#include "jobs/image_priv.h"

extern const struct buzzer_handler buzzer_handlers[];

const struct buzzer_handler buzzer_handlers[] = {
    { BUZZER_HANDLER_ABI, "ocr", handler_ocr },
    { BUZZER_HANDLER_ABI, "barcode", handler_barcode },
    { BUZZER_HANDLER_ABI, NULL, NULL },
};
