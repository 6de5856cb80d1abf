/* board.c: the drawing. Every line is cut to the width of the terminal, because one that wraps could
 * not be drawn over. */
#include "cli/board.h"

#include <string.h>

#include "cli/job_show.h"
#include "cli/say.h"
#include "schema/clock.h"
#include "schema/text.h"

#define BAR 10

static void erase(struct board *board)
{
    if (!board->drawn)
        return;
    fputc('\r', board->out);
    if (board->drawn > 1)
        fprintf(board->out, "\033[%uA", board->drawn - 1);
    fputs("\033[J", board->out);
    board->drawn = 0;
}

static size_t cut(const char *line, size_t len, int width)
{
    size_t i = 0;

    for (; i < len; i++)
        if (((unsigned char)line[i] & 0xc0) != 0x80 && width-- == 0) /* the first byte of a character */
            break;
    return i;
}

static void put_row(const struct board *board, const struct board_row *row, int64_t now_ms)
{
    int64_t until = row->finished_at ? row->finished_at : now_ms;
    int64_t ms = row->started_at && until > row->started_at ? until - row->started_at : 0;
    char bar[BAR + 1], line[512], percent[16] = "";
    struct text text = {0};
    int full = row->percent < 0 ? 0 : row->percent * BAR / 100;

    memset(bar, '-', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = '\0';
    if (row->percent >= 0)
        snprintf(percent, sizeof percent, "%d%%", row->percent);
    snprintf(line, sizeof line, "%s %-9s [%s] %4s %4lld.%llds %s%s%s", row->id, row->state, bar, percent,
             (long long)(ms / 1000), (long long)(ms % 1000 / 100), row->type, row->message[0] ? ": " : "",
             row->message);
    text_harmless(&text, line, strlen(line));
    if (text.at && !text.failed)
        fwrite(text.at, 1, cut(text.at, text.len, board->width - 1), board->out);
    text_clear(&text);
}

void board_draw(struct board *board, int64_t now_ms)
{
    erase(board);
    for (unsigned i = 0; i < board->n; i++) {
        if (i)
            fputc('\n', board->out);
        put_row(board, &board->rows[i], now_ms);
        board->drawn++;
    }
    fflush(board->out);
}

static int64_t time_of(json_t *job, const char *name)
{
    const char *text = job_text(job, name);
    int64_t ms = 0;

    return clock_decode(text, strlen(text), &ms) ? ms : 0;
}

static void row_fill(struct board_row *row, json_t *job)
{
    json_t *progress = json_object_get(job, "progress"), *percent = json_object_get(progress, "percent");
    json_t *error = json_object_get(job, "error");

    snprintf(row->id, sizeof row->id, "%s", job_text(job, "id"));
    snprintf(row->type, sizeof row->type, "%s", job_text(job, "type"));
    snprintf(row->state, sizeof row->state, "%s", job_text(job, "state"));
    snprintf(row->message, sizeof row->message, "%s",
             json_is_object(error) ? job_text(error, "message") : job_text(progress, "message"));
    row->percent = json_is_integer(percent) ? (int)json_integer_value(percent) : -1;
    row->percent = row->percent > 100 ? 100 : row->percent;
    if (strcmp(row->state, "succeeded") == 0)
        row->percent = 100;
    row->started_at = time_of(job, "started_at");
    row->finished_at = time_of(job, "finished_at");
}

static unsigned row_find(const struct board *board, const char *id)
{
    unsigned i = 0;

    while (i < board->n && strcmp(board->rows[i].id, id) != 0)
        i++;
    return i;
}

void board_take(struct board *board, json_t *job, int64_t now_ms)
{
    struct board_row row = {0};
    unsigned i;

    row_fill(&row, job);
    i = row_find(board, row.id);
    if (job_is_over(job)) {
        erase(board);
        put_row(board, &row, now_ms); /* stays; the live ones are drawn below it */
        fputc('\n', board->out);
        if (i < board->n) {
            board->n--;
            memmove(&board->rows[i], &board->rows[i + 1], (board->n - i) * sizeof row);
        }
    } else if (i < BOARD_ROWS) {
        board->rows[i] = row;
        board->n += i == board->n;
    }
    board_draw(board, now_ms);
}

void board_say(struct board *board, const char *line)
{
    erase(board);
    put_harmless(board->out, line);
    fputc('\n', board->out);
    fflush(board->out);
}
