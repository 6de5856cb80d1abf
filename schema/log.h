/* log.h: lines on standard error: text on a terminal, one JSON object a line otherwise. Programs
 * log, libraries return errors; each failure is logged once. Any thread. Control characters in
 * arguments are escaped, so a client cannot forge a line. */
#ifndef BUZZER_SCHEMA_LOG_H
#define BUZZER_SCHEMA_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);                 /* before threads start; default LOG_INFO */
void log_set_component(const char *name);                 /* of the calling thread, which is called so; a literal of up to 15 */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
