/* service.h: the parts of `buzzer serve` as one: put together, started, stopped, taken apart. Main's
 * thread alone. */
#ifndef BUZZER_CLI_SERVICE_H
#define BUZZER_CLI_SERVICE_H

#include "api/server.h"
#include "jobs/heartbeat.h"
#include "jobs/presence.h"
#include "jobs/progress.h"
#include "jobs/recorder.h"
#include "jobs/sideband.h"
#include "jobs/types.h"
#include "jobs/view.h"
#include "jobs/worker.h"
#include "schema/config.h"

struct service {
    const struct config *config;
    char name[PRESENCE_NAME_SIZE];     /* this life of this process */
    struct types *types;
    struct view *view;
    struct eventlog *log;
    struct recorder *recorder;
    struct ranks *ranks;
    struct presence *presence;
    struct sideband *sideband;         /* many machines only */
    struct progress_feed *feed;
    struct heartbeat *heartbeat;
    struct server *server;             /* with the role api */
    struct worker *worker;             /* with the role worker */
    bool recorder_runs, server_runs, heartbeat_runs, worker_runs;
};

bool service_is_many(const struct config *config);   /* is the log kept elsewhere, for many machines? */
const char *service_lack(const struct config *config);   /* what keeps jobs from ever being done here; or NULL */

/* On an error what was made is for service_stop and service_free all the same. */
enum err service_make(struct service *service, const struct config *config, char *message, size_t size);
/* Everything but the worker, which starts when the log has been read up to its end. */
enum err service_start(struct service *service);
enum err service_start_worker(struct service *service);
void service_stop(struct service *service);
void service_free(struct service *service);

#endif
