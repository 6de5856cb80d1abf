/* command.h: what a command is: a row of the table in main.c. argv[0] is "buzzer NAME"; what a
 * command returns is the exit code (exit.h). */
#ifndef BUZZER_CLI_COMMAND_H
#define BUZZER_CLI_COMMAND_H

#include <stdio.h>

int command_serve(int argc, char **argv);  /* serve.c */
int command_submit(int argc, char **argv); /* submit.c, and so on */
int command_status(int argc, char **argv);
int command_result(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_retry(int argc, char **argv); /* cancel.c: the same thing with another word */
int command_list(int argc, char **argv);
int command_key(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
