/* routes_docs.c: the contract as the program itself tells it. */
#include "api/files.h"
#include "api/router.h"

static void reply_file(struct request *request, const char *media_type, const struct file *file)
{
    reply_text(request, 200, media_type, (const char *)file->bytes, file->len);
}

void route_openapi(struct request *request)
{
    reply_file(request, "application/json", &file_openapi_json);
}

void route_asyncapi(struct request *request)
{
    reply_file(request, "application/json", &file_asyncapi_json);
}

/* The page behind the `type` of every problem document. */
void route_problems(struct request *request)
{
    struct text text = {0};

    text_str(&text, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Buzzer: problems</title>"
                    "<h1>Problems</h1><p>Every refusal is <code>application/problem+json</code> (RFC 9457); "
                    "its <code>type</code> leads here.</p>");
    for (enum err err = ERR_OK + 1; err < ERR_NOMEM; err++)
        text_printf(&text, "<h2 id=\"%s\">%s</h2><p><code>%d %s</code></p><p>%s</p>", err_word(err), err_title(err),
                    err_status(err), err_word(err), err_sentence(err));
    text_str(&text, "</html>");
    reply_header(request, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    if (text.failed)
        reply_problem(request, ERR_NOMEM, NULL, NULL);
    else
        reply_text(request, 200, "text/html; charset=utf-8", text.at, text.len);
    text_clear(&text);
}
