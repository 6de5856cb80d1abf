/* image_priv.h: images on their way to a recognizer; inside the module of the image types only. */
#ifndef BUZZER_JOBS_IMAGE_PRIV_H
#define BUZZER_JOBS_IMAGE_PRIV_H

#include <allheaders.h>
#include <jansson.h>
#include <stdbool.h>

#include "jobs/handler.h"

struct image {                /* of a job; its bytes stay the job's */
    const unsigned char *bytes;
    size_t len;
    bool is_tiff;
    unsigned n_pages;         /* 1, or the pages of a TIFF, as many as are looked at */
    l_int32 width, height;    /* of the first page */
};

/* 0, or what run() returns, the reason told to the job. */
int image_open(struct buzzer_job *job, struct image *image);
/* A page decoded and without transparency; yours (pixDestroy). On an error as above. */
int image_page(struct buzzer_job *job, const struct image *image, unsigned page, PIX **ret_pix);
/* percent of the page'th page, as percent of the whole. */
void image_progress(struct buzzer_job *job, const struct image *image, unsigned page, int percent);
/* Gives the result and ends the run; takes over result, which may be NULL: no memory. */
int image_finish(struct buzzer_job *job, json_t *result);
/* Text from a recognizer as a JSON string: UTF-8 as it is, anything else taken for Latin-1. */
json_t *image_string(const char *bytes, size_t len);
int image_no_memory(struct buzzer_job *job);

int handler_ocr(struct buzzer_job *job);
int handler_barcode(struct buzzer_job *job);

#endif
