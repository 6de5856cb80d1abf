/* name_table.c: chains in rows by hash. There are never more things than rows, so chains stay short however
 * many come; rows are kept when they go. */
#include "jobs/name_table.h"

#include <stdlib.h>
#include <string.h>

#include "schema/hash.h"

#define ROWS_MIN 64u

static unsigned row_of(const struct name_table *table, const char *name)
{
    return (unsigned)hash_bytes(HASH_START, name, strlen(name)) & (table->n_rows - 1);
}

void name_table_clear(struct name_table *table)
{
    free(table->rows);
    *table = (struct name_table){0};
}

static enum err make_room(struct name_table *table)
{
    struct name_table grown = *table;
    struct named *named;

    if (table->n < table->n_rows)
        return ERR_OK;
    grown.n_rows = table->n_rows ? table->n_rows * 2 : ROWS_MIN;
    grown.rows = calloc(grown.n_rows, sizeof *grown.rows);
    if (!grown.rows)
        return ERR_NOMEM;
    for (unsigned i = 0; i < table->n_rows; i++) {
        while ((named = LIST_FIRST(&table->rows[i]))) {
            LIST_REMOVE(named, link);
            LIST_INSERT_HEAD(&grown.rows[row_of(&grown, named->name)], named, link);
        }
    }
    free(table->rows);
    *table = grown;
    return ERR_OK;
}

enum err name_table_add(struct name_table *table, struct named *named)
{
    enum err err = make_room(table);

    if (err)
        return err;
    LIST_INSERT_HEAD(&table->rows[row_of(table, named->name)], named, link);
    table->n++;
    return ERR_OK;
}

void name_table_remove(struct name_table *table, struct named *named)
{
    LIST_REMOVE(named, link);
    table->n--;
}

struct named *name_table_find(const struct name_table *table, const char *name)
{
    struct named *named;

    if (table->n == 0)
        return NULL;
    LIST_FOREACH(named, &table->rows[row_of(table, name)], link)
        if (strcmp(named->name, name) == 0)
            break;
    return named;
}

struct named *name_table_next(const struct name_table *table, const struct named *named)
{
    struct named *next = named ? LIST_NEXT(named, link) : NULL;

    for (unsigned row = named ? row_of(table, named->name) + 1 : 0; !next && row < table->n_rows; row++)
        next = LIST_FIRST(&table->rows[row]);
    return next;
}
