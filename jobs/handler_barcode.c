/* handler_barcode.c: the bar codes and QR codes of an image, with zbar, which wants one byte of gray
 * a pixel. */
#include <string.h>
#include <zbar.h>

#include "jobs/image_priv.h"

/* The smallest upright box that holds every point zbar names. */
static json_t *box_of(const zbar_symbol_t *symbol)
{
    unsigned n = zbar_symbol_get_loc_size(symbol);
    int left = 0, top = 0, right = 0, bottom = 0;

    for (unsigned i = 0; i < n; i++) {
        int x = zbar_symbol_get_loc_x(symbol, i), y = zbar_symbol_get_loc_y(symbol, i);

        if (i == 0 || x < left)
            left = x;
        if (i == 0 || x > right)
            right = x;
        if (i == 0 || y < top)
            top = y;
        if (i == 0 || y > bottom)
            bottom = y;
    }
    return json_pack("[i,i,i,i]", left, top, right - left + 1, bottom - top + 1);
}

static bool add_symbol(const struct image *image, json_t *symbols, const zbar_symbol_t *symbol, unsigned page)
{
    json_t *data = image_string(zbar_symbol_get_data(symbol), zbar_symbol_get_data_length(symbol));
    json_t *item = json_pack("{s:s, s:o, s:o}", "type", zbar_get_symbol_name(zbar_symbol_get_type(symbol)), "data",
                             data, "box", box_of(symbol));

    if (item && image->n_pages > 1 && json_object_set_new(item, "page", json_integer(page + 1))) {
        json_decref(item);
        return false;
    }
    return item && !json_array_append_new(symbols, item);
}

/* False: no memory. */
static bool scan(const struct image *image, json_t *symbols, unsigned page, PIX *gray)
{
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *picture = zbar_image_create();
    l_uint8 *bytes = NULL;
    size_t len = 0;
    bool is_fine = scanner && picture && !pixGetRasterData(gray, &bytes, &len);

    if (!is_fine)
        goto out;
    zbar_image_set_format(picture, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(picture, (unsigned)pixGetWidth(gray), (unsigned)pixGetHeight(gray));
    zbar_image_set_data(picture, bytes, len, NULL);
    is_fine = zbar_scan_image(scanner, picture) >= 0;
    for (const zbar_symbol_t *symbol = is_fine ? zbar_image_first_symbol(picture) : NULL; symbol && is_fine;
         symbol = zbar_symbol_next(symbol))
        is_fine = add_symbol(image, symbols, symbol, page);
out:
    if (picture)
        zbar_image_destroy(picture);
    if (scanner)
        zbar_image_scanner_destroy(scanner);
    lept_free(bytes);
    return is_fine;
}

static int scan_page(struct buzzer_job *job, const struct image *image, json_t *symbols, unsigned page)
{
    PIX *pix = NULL;
    int end = image_page(job, image, page, &pix);

    if (end)
        return end;
    PIX *gray = pixConvertTo8(pix, 0);
    if (!gray || !scan(image, symbols, page, gray))
        end = image_no_memory(job);
    pixDestroy(&gray);
    pixDestroy(&pix);
    if (!end)
        image_progress(job, image, page, 100);
    return end;
}

int handler_barcode(struct buzzer_job *job)
{
    struct image image;
    json_t *symbols = NULL;
    int end = image_open(job, &image);

    if (end)
        return end;
    symbols = json_array();
    if (!symbols)
        return image_no_memory(job);
    for (unsigned page = 0; !end && page < image.n_pages; page++)
        end = scan_page(job, &image, symbols, page);
    if (!end)
        return image_finish(job, json_pack("{s:o}", "symbols", symbols));
    json_decref(symbols);
    return end;
}
