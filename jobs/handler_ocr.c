/* handler_ocr.c: the text of an image, with Tesseract. Reading its data takes longer than reading a
 * short line, so an executor keeps the engine for the next job, and loads it anew only for another
 * language. Images are handed over as pixels: the library never sees a file name of a client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "jobs/image_priv.h"

#define LANG_MAX 128

/* One executor runs one job at a time, in one process; this is what stays warm between jobs. */
static struct {
    TessBaseAPI *api;
    char lang[LANG_MAX + 1];
    bool leaves_cleanly;
} engine;

/* At exit the library reports as leaks what an engine still holds. */
static void let_go(void)
{
    TessBaseAPIDelete(engine.api);
}

struct ocr {
    struct buzzer_job *job;
    struct image image;
    unsigned page;
    int told;                /* percent of this page last told */
    double confidence;       /* summed over words */
    json_t *words;
    char *text;              /* of all pages */
    size_t text_len;
};

/* The name becomes part of a path, so it is checked here too, whoever checked before. */
static int read_lang(struct buzzer_job *job, char lang[LANG_MAX + 1])
{
    json_t *params = json_loads(job->params ? job->params : "{}", 0, NULL);
    const char *wanted = json_string_value(json_object_get(params, "lang"));

    if (!wanted)
        wanted = "eng";
    bool is_fine = *wanted && strlen(wanted) <= LANG_MAX &&
                   !wanted[strspn(wanted, "abcdefghijklmnopqrstuvwxyz_+")];
    if (is_fine)
        strcpy(lang, wanted);
    else
        job->fail(job, "lang is no language");
    json_decref(params);
    return is_fine ? 0 : BUZZER_BAD_INPUT;
}

static int warm_up(struct buzzer_job *job, const char *lang)
{
    char message[LANG_MAX + 64];

    if (engine.api && !strcmp(engine.lang, lang))
        return 0;
    if (engine.api)
        TessBaseAPIEnd(engine.api);
    else
        engine.api = TessBaseAPICreate();
    engine.lang[0] = '\0';
    if (!engine.api)
        return image_no_memory(job);
    if (TessBaseAPIInit2(engine.api, NULL, lang, OEM_LSTM_ONLY)) {
        snprintf(message, sizeof(message), "no language data for %s on this worker", lang);
        job->fail(job, message);
        return BUZZER_FAILED;
    }
    TessBaseAPISetPageSegMode(engine.api, PSM_AUTO);
    strcpy(engine.lang, lang);
    if (!engine.leaves_cleanly)      /* after the library's own exit functions, so it runs before them */
        engine.leaves_cleanly = !atexit(let_go);
    return 0;
}

/* Called for every word; watchers hear of whole percents. */
static bool on_progress(ETEXT_DESC *monitor, int left, int right, int top, int bottom)
{
    struct ocr *ocr = TessMonitorGetCancelThis(monitor);
    int percent = TessMonitorGetProgress(monitor);

    (void)left;
    (void)right;
    (void)top;
    (void)bottom;
    if (percent > ocr->told && percent <= 100) {
        ocr->told = percent;
        image_progress(ocr->job, &ocr->image, ocr->page, percent);
    }
    return false;            /* nobody asks to stop here: a cancelled job's process is killed */
}

static bool recognize(struct ocr *ocr)
{
    ETEXT_DESC *monitor = TessMonitorCreate();

    if (!monitor)
        return false;
    TessMonitorSetCancelThis(monitor, ocr);
    TessMonitorSetProgressFunc(monitor, on_progress);
    int failed = TessBaseAPIRecognize(engine.api, monitor);
    TessMonitorDelete(monitor);
    return !failed;
}

static bool add_text(struct ocr *ocr, const char *more)
{
    size_t len = strlen(more), gap = ocr->page ? 1 : 0;
    char *text = realloc(ocr->text, ocr->text_len + gap + len + 1);

    if (!text)
        return false;
    if (gap)
        text[ocr->text_len++] = '\f';
    memcpy(text + ocr->text_len, more, len + 1);
    ocr->text = text;
    ocr->text_len += len;
    return true;
}

static bool add_word(struct ocr *ocr, const TessResultIterator *words)
{
    char *text = TessResultIteratorGetUTF8Text(words, RIL_WORD);
    double confidence = (double)TessResultIteratorConfidence(words, RIL_WORD);
    int left = 0, top = 0, right = 0, bottom = 0;
    json_t *word;

    if (!text)
        return true;         /* a blob without text */
    TessPageIteratorBoundingBox(TessResultIteratorGetPageIteratorConst(words), RIL_WORD, &left, &top, &right, &bottom);
    word = json_pack("{s:o, s:f, s:[i,i,i,i]}", "text", image_string(text, strlen(text)), "confidence", confidence,
                     "box", left, top, right - left, bottom - top);
    TessDeleteText(text);
    if (word && ocr->image.n_pages > 1 && json_object_set_new(word, "page", json_integer(ocr->page + 1))) {
        json_decref(word);
        return false;
    }
    ocr->confidence += confidence;
    return word && !json_array_append_new(ocr->words, word);
}

static bool add_words(struct ocr *ocr)
{
    TessResultIterator *words = TessBaseAPIGetIterator(engine.api);
    bool is_fine = true;

    if (!words)
        return true;         /* an empty page */
    do
        is_fine = add_word(ocr, words);
    while (is_fine && TessResultIteratorNext(words, RIL_WORD));
    TessResultIteratorDelete(words);
    return is_fine;
}

static int read_page(struct ocr *ocr)
{
    PIX *pix = NULL;
    char *text = NULL;
    int end = image_page(ocr->job, &ocr->image, ocr->page, &pix);

    if (end)
        return end;
    ocr->told = 0;
    image_progress(ocr->job, &ocr->image, ocr->page, 0);
    TessBaseAPISetImage2(engine.api, pix);
    end = BUZZER_FAILED;
    if (!recognize(ocr)) {
        ocr->job->fail(ocr->job, "the recognition failed");
        goto out;
    }
    image_progress(ocr->job, &ocr->image, ocr->page, 100);   /* the library stops short of it */
    text = TessBaseAPIGetUTF8Text(engine.api);
    if (text && add_text(ocr, text) && add_words(ocr))
        end = 0;
    else
        end = image_no_memory(ocr->job);
out:
    TessDeleteText(text);
    TessBaseAPIClear(engine.api);
    pixDestroy(&pix);
    return end;
}

static int finish(struct ocr *ocr)
{
    size_t n_words = json_array_size(ocr->words);
    json_t *words = ocr->words;

    ocr->words = NULL;       /* json_pack takes it over even if it fails */
    return image_finish(ocr->job,
                        json_pack("{s:o, s:f, s:i, s:i, s:o}", "text", image_string(ocr->text, ocr->text_len),
                                  "mean_confidence", n_words ? ocr->confidence / (double)n_words : 0.0, "width",
                                  ocr->image.width, "height", ocr->image.height, "words", words));
}

int handler_ocr(struct buzzer_job *job)
{
    struct ocr ocr = { .job = job };
    char lang[LANG_MAX + 1];
    int end = read_lang(job, lang);

    if (!end)
        end = image_open(job, &ocr.image);
    if (!end)
        end = warm_up(job, lang);
    if (end)
        return end;
    ocr.words = json_array();
    if (!ocr.words)
        return image_no_memory(job);
    for (ocr.page = 0; !end && ocr.page < ocr.image.n_pages; ocr.page++)
        end = read_page(&ocr);
    if (!end)
        end = finish(&ocr);
    json_decref(ocr.words);
    free(ocr.text);
    return end;
}
