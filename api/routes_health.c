/* routes_health.c: what probes and operators ask. */
#include "api/log_health.h"
#include "api/router.h"
#include "api/server_priv.h"
#include "schema/metric.h"

void route_livez(struct request *request)
{
    reply_text(request, 200, "text/plain", "ok\n", 3);
}

void route_readyz(struct request *request)
{
    const struct thread *thread = request_thread(request);
    const struct server *server = thread->server;
    struct log_health health;

    log_health(thread, &health);
    const struct {
        const char *name;
        bool ok;
    } checks[] = {
        {"started", atomic_load(&server->ready) || atomic_load(&server->draining)},
        {"not draining", !atomic_load(&server->draining)},
        {"storage takes writes", !recorder_has_failed(thread->setup->recorder)},
        {"disk has room", !recorder_is_full(thread->setup->recorder)},
        {"event log answers", health.answers},
        {"event log is read up to date", health.is_read},
    };
    struct text text = {0};
    bool ok = true;

    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        ok = ok && checks[i].ok;
    if (request_param(request, "verbose"))
        for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
            text_printf(&text, "[%s] %s\n", checks[i].ok ? "ok" : "no", checks[i].name);
    text_str(&text, ok ? "ready\n" : "not ready\n");
    if (!ok)
        reply_header(request, "retry-after", "1");
    if (text.failed)
        reply_problem(request, ERR_NOMEM, NULL, NULL);
    else
        reply_text(request, ok ? 200 : 503, "text/plain", text.at, text.len);
    text_clear(&text);
}

void route_metrics(struct request *request)
{
    struct text text = {0};

    metric_encode(&text);
    if (text.failed)
        reply_problem(request, ERR_NOMEM, NULL, NULL);
    else
        reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", text.at, text.len);
    text_clear(&text);
}
