/* err.h: the one list of what can go wrong: code, HTTP status, word, title, and a sentence that
 * says what it means and what to do. The word ends the `type` URI of a problem document (RFC 9457)
 * and heads its paragraph on /docs/problems; the page, the answers and the log lines are all made
 * from this table. */
#ifndef BUZZER_SCHEMA_ERR_H
#define BUZZER_SCHEMA_ERR_H

#define ERR_LIST(X)                                                                                \
    X(OK, 200, "ok", "Done", "Nothing went wrong.")                                                \
    X(BAD_REQUEST, 400, "bad-request", "Not well-formed HTTP",                                     \
      "The request is not strict HTTP/1.1 (RFC 9112). The connection is closed.")                  \
    X(NOT_JSON, 400, "not-json", "Not JSON",                                                       \
      "The body is not JSON text in UTF-8, or names a member of an object twice.")                 \
    X(BAD_CURSOR, 400, "bad-cursor", "Not a cursor",                                               \
      "A cursor is what `cursor` of a job or an event said, unchanged.")                           \
    X(BAD_KEY, 400, "bad-idempotency-key", "Not an idempotency key",                               \
      "An Idempotency-Key has 1 to 255 printable ASCII characters.")                               \
    X(BAD_PAGE_TOKEN, 400, "bad-page-token", "Not a page token",                                   \
      "A page token is what `next_page_token` of the page before said, unchanged.")                \
    X(BAD_QUERY, 400, "bad-query", "Not a query this route knows",                                 \
      "A query parameter is unknown here, stands twice, or has a value that cannot be.")           \
    X(NO_KEY, 401, "no-key", "A key is needed",                                                    \
      "Send `Authorization: Bearer KEY` with a key that is known, not revoked and not over.")      \
    X(NO_RIGHT, 403, "no-right", "Not allowed with this key",                                      \
      "The key lacks the scope that this needs: submit, read, cancel or admin.")                   \
    X(FOREIGN_ORIGIN, 403, "foreign-origin", "Foreign origin",                                     \
      "A page of another origin may not do this. Name the origin in allow_origins if it should.")  \
    X(NOT_FOUND, 404, "not-found", "Nothing here",                                                 \
      "There is no such route or no such job; a job is removed keep_ms after its end.")            \
    X(METHOD, 405, "method-not-allowed", "Method not allowed",                                     \
      "The route exists, but not with this method; the Allow header names those it has.")          \
    X(NOT_FINISHED, 409, "not-finished", "Not finished yet",                                       \
      "The job has not ended. Ask again after Retry-After, or wait with ?wait=.")                  \
    X(NO_RESULT, 409, "no-result", "Ended without a result",                                       \
      "The job failed, was cancelled or expired; its error stands in the detail.")                 \
    X(ALREADY_FINISHED, 409, "already-finished", "Already finished",                               \
      "The job has ended; there is nothing left to cancel.")                                       \
    X(NOT_RETRYABLE, 409, "not-retryable", "Cannot be retried",                                    \
      "Only a job that failed, was cancelled or expired can be queued again.")                     \
    X(JOB_REMOVED, 409, "job-removed", "Job removed",                                              \
      "The Idempotency-Key belongs to a job that has been removed since.")                         \
    X(FIRST_KEY, 409, "first-key-not-admin", "The first key must be an administrator's",           \
      "Once a key exists keys are needed everywhere, so the first must be able to make others.")   \
    X(LAST_ADMIN, 409, "last-administrator", "The last administrator's key",                       \
      "Without it nobody could make or revoke keys any more.")                                     \
    X(NO_LENGTH, 411, "no-length", "Length required",                                              \
      "A body needs a Content-Length.")                                                            \
    X(TOO_LARGE, 413, "too-large", "Too large",                                                    \
      "The body is over the limit for its kind.")                                                  \
    X(TARGET_TOO_LONG, 414, "target-too-long", "Request target too long",                          \
      "Path and query together may have 8 KiB.")                                                   \
    X(MEDIA_TYPE, 415, "unsupported-media-type", "Media type not accepted",                        \
      "Name a Content-Type, and one that the job type accepts; no Content-Encoding is taken.")     \
    X(MISDIRECTED, 421, "misdirected", "Not a name of this service",                               \
      "While no key exists only a loopback name is accepted as Host, so that no web page can "     \
      "reach in by rebinding a name.")                                                             \
    X(INVALID, 422, "invalid-input", "Input not valid",                                            \
      "What was sent is well formed but not right; `errors` points at every fault.")               \
    X(KEY_REUSED, 422, "idempotency-key-reused", "Idempotency key reused",                         \
      "The same Idempotency-Key came before with another type, input or options.")                 \
    X(UPGRADE, 426, "upgrade-required", "WebSocket required",                                      \
      "This route speaks WebSocket (RFC 6455, version 13) only.")                                  \
    X(HEADERS_TOO_LARGE, 431, "headers-too-large", "Headers too large",                            \
      "All header fields together may have 16 KiB.")                                               \
    X(INTERNAL, 500, "internal", "Our fault",                                                      \
      "Something failed inside; the log of the service says what.")                                \
    X(NOT_IMPLEMENTED, 501, "not-implemented", "Not implemented",                                  \
      "The method or the transfer coding is not one this service knows; send a Content-Length.")   \
    X(QUEUE_FULL, 503, "queue-full", "Queue full",                                                 \
      "As many jobs wait as are allowed to. Try again after Retry-After.")                         \
    X(STORAGE_FULL, 503, "storage-full", "Storage full",                                           \
      "The disk is full. What was accepted is safe; new work is refused until there is room.")     \
    X(BUSY, 503, "busy", "No room just now",                                                       \
      "A limit on connections or on requests under way is reached. Try again after Retry-After.")  \
    X(LOG_AWAY, 503, "log-away", "The event log does not answer",                                  \
      "The message broker is away or slow. A request that was on its way to it may still be "      \
      "taken; to repeat it with the same Idempotency-Key is safe.")                                \
    X(BEHIND, 503, "behind", "Not there yet",                                                      \
      "This node has not read the log far enough: to its end after a start, or to the cursor asked "\
      "for. Try again after Retry-After.")                                                         \
    X(DRAINING, 503, "draining", "Going down",                                                     \
      "The service is stopping. Try again after Retry-After.")                                     \
    X(VERSION, 505, "http-version", "HTTP version not served",                                     \
      "HTTP/1.1 and HTTP/1.0 are served.")                                                         \
    /* The rest never reaches a client by itself: libraries tell programs. */                      \
    X(NOMEM, 500, "out-of-memory", "Out of memory", "The process could not get memory.")           \
    X(IO, 500, "io", "Input or output failed", "A file, socket or process did not do its part.")   \
    X(CONFIG, 500, "config", "Settings are wrong", "A setting is unknown or has no such value.")   \
    X(USAGE, 500, "usage", "Wrong use", "The command line is wrong; --help tells the right one.")  \
    X(IN_USE, 500, "in-use", "In use", "Another process has the data folder or the port.")         \
    X(NO_SERVICE, 500, "no-service", "No service there", "Nothing answers at that address.")       \
    X(CORRUPT, 500, "corrupt", "Data damaged", "What was stored does not read back as written.")   \
    X(GONE, 500, "gone", "No longer kept", "What is asked for was kept once and is not any more.")  \
    X(AGAIN, 500, "again", "Not yet", "Nothing there yet; ask again.")

enum err {
#define ERR_ENUM(name, status, word, title, sentence) ERR_##name,
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
    ERR_COUNT
};

int err_status(enum err err);              /* HTTP status */
const char *err_word(enum err err);        /* "queue-full" */
const char *err_title(enum err err);       /* "Queue full" */
const char *err_sentence(enum err err);

#endif
