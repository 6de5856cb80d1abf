/* sleep_pool.h: threads that do nothing but sleep, each for as long as a task says, as a pool of
 * blocking handlers would. They start as they are needed and stay. */
#ifndef BUZZER_API_SLEEP_POOL_H
#define BUZZER_API_SLEEP_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/err.h"

struct sleep_pool;
/* Called once for each task, on the pool's thread or in sleep_pool_free: false, it was cut short or dropped. */
typedef void sleep_ended_fn(void *arg, bool has_slept);

enum err sleep_pool_new(unsigned n_threads, unsigned max_waiting, struct sleep_pool **ret_pool);
/* Any thread; ended may be NULL, and is not called on an error. ERR_BUSY: max_waiting tasks wait;
 * ERR_NOMEM: no memory, or not one thread to be had. */
enum err sleep_pool_add(struct sleep_pool *pool, int64_t ms, sleep_ended_fn *ended, void *arg);
void sleep_pool_free(struct sleep_pool *pool);  /* sleepers wake and go; what waited is dropped */

#endif
