/* article.h: the loop and the pool behind the four routes of the article: one loop thread that a
 * blocking sleep really blocks, and 40 threads. They touch no job. */
#ifndef BUZZER_API_ARTICLE_H
#define BUZZER_API_ARTICLE_H

#include "schema/err.h"

struct article;

enum err article_new(double scale, struct article **ret_article);
void article_free(struct article *article);     /* pending sleeps are dropped; joins its threads */

#endif
