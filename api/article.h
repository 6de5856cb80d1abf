/* article.h: the loop and the pools behind the four routes of the article: one loop thread that a
 * blocking sleep really blocks, an executor pool beside it, and 40 threads for the route that is not
 * async. They touch no job. */
#ifndef BUZZER_API_ARTICLE_H
#define BUZZER_API_ARTICLE_H

#include "schema/err.h"

struct article;

/* What a request asks for; how it ends is told to `ended`. */
enum article_kind {
    ARTICLE_SLOWEST,       /* blocks the loop for 5 s */
    ARTICLE_EVENT_LOOP,    /* the loop hands a blocking second to the executor pool and ends at once */
    ARTICLE_ASYNC_SLEEP,   /* a timer of 1 s on the loop */
    ARTICLE_SYNC           /* blocks one of the 40 threads for 1 s */
};

/* Called once, on a thread of the article's or in article_free; must not wait. ERR_OK; ERR_BUSY: too
 * much waits already; ERR_DRAINING: dropped by article_free. */
typedef void article_ended_fn(void *arg, enum err err);

enum err article_new(double scale, struct article **ret_article);
/* Any thread; never waits. ERR_BUSY and ERR_NOMEM: ended will not be called. */
enum err article_start(struct article *article, enum article_kind kind, article_ended_fn *ended, void *arg);
void article_free(struct article *article);     /* pending sleeps are dropped; joins its threads */

#endif
