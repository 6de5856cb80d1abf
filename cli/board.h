/* board.h: progress on a terminal: one line for each job under way, drawn over and over at the foot
 * of what has been printed. Time is an argument. One thread. */
#ifndef BUZZER_CLI_BOARD_H
#define BUZZER_CLI_BOARD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "schema/id.h"

#define BOARD_ROWS    16 /* more jobs than that at once are not drawn until there is room */
#define BOARD_MESSAGE 128

struct board_row {
    char id[ID_SIZE], type[65], state[16], message[BOARD_MESSAGE];
    int percent; /* -1: not told */
    int64_t started_at, finished_at;
};

struct board {
    FILE *out;
    int width; /* columns of the terminal */
    struct board_row rows[BOARD_ROWS];
    unsigned n, drawn;
};

void board_take(struct board *board, json_t *job, int64_t now_ms); /* what a job says now; draws */
void board_draw(struct board *board, int64_t now_ms);
void board_say(struct board *board, const char *line); /* a line above what is drawn */

#endif
