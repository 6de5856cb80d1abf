/* problem.c: composes a problem document out of the one list of errors (schema/err.h), so that the
 * answer, the frame and the page /docs/problems say the same. */
#include "api/problem.h"

#include <string.h>

#include "schema/metric.h"

void problem_encode(struct text *text, enum err err, const char *detail, const char *instance,
                    const struct faults *faults)
{
    if (err == ERR_LOG_AWAY)
        METRIC_INC(LOG_AWAY);
    text_str(text, "{\"type\":\"/docs/problems#");
    text_str(text, err_word(err));
    text_char(text, '"');
    text_json_str(text, "title", err_title(err));
    text_json_int(text, "status", err_status(err));
    text_json_str(text, "detail", detail ? detail : err_sentence(err));
    if (instance)
        text_json_str(text, "instance", instance);
    if (faults && faults->n) {
        text_json_key(text, "errors");
        faults_encode(text, faults);
    }
    text_char(text, '}');
}
