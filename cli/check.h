/* check.h: what `buzzer doctor` looks at: each check prints one line, and says how bad it is. */
#ifndef BUZZER_CLI_CHECK_H
#define BUZZER_CLI_CHECK_H

#include "schema/config.h"

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

enum finding finding_tell(enum finding finding, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4))); /* prints the line and gives the finding back */

/* check_machine.c */
enum finding check_files(const struct config *config);
enum finding check_event_loop(const struct config *config);
enum finding check_landlock(const struct config *config);
enum finding check_seccomp(const struct config *config);
enum finding check_clock(const struct config *config);
/* check_storage.c */
enum finding check_folder(const struct config *config);
enum finding check_space(const struct config *config);
enum finding check_fsync(const struct config *config);
/* check_database.c */
enum finding check_database(const struct config *config);
/* check_log.c */
enum finding check_log(const struct config *config);
/* check_service.c */
enum finding check_roles(const struct config *config);
enum finding check_types(const struct config *config);
enum finding check_images(const struct config *config);
enum finding check_port(const struct config *config);

#endif
