/* recorder.h: the one thread that writes. It takes what the log gives, folds and commits it as one
 * group, and then tells: each append's done, and the batch of changes to every listener. No linger:
 * the next group forms itself while this one is written.
 *
 * A full disk: submissions of the group are refused with STORAGE_FULL, a ballast file kept for that
 * moment is given up so that what was accepted can still end, and new work is taken again once
 * there is room to lay the ballast down anew. Of a log kept elsewhere nothing is refused: the group
 * is tried once a second until it can be written. */
#ifndef BUZZER_JOBS_RECORDER_H
#define BUZZER_JOBS_RECORDER_H

#include "jobs/eventlog.h"
#include "jobs/view.h"

/* On the recorder's thread, after the commit and before the dones of that group; takes no time and
 * never waits; keeps a reference if it wants the batch longer. */
typedef void recorder_listener_fn(void *arg, struct changes *changes);

struct recorder;

enum err recorder_new(const char *dir, struct eventlog *log, struct view *view, struct recorder **ret_recorder);
void recorder_listen(struct recorder *recorder, recorder_listener_fn *fn, void *arg);  /* before start */
enum err recorder_start(struct recorder *recorder);
bool recorder_is_full(const struct recorder *recorder);    /* any thread: is the disk full? */
bool recorder_has_failed(const struct recorder *recorder); /* any thread: a write failed for another reason */
void recorder_join(struct recorder *recorder);             /* after eventlog_stop: returns when all is written */
void recorder_free(struct recorder *recorder);

#endif
