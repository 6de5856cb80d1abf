/* name_table.h: things found by their names, each in it once. They are their owner's and begin with a
 * struct named; the table only links them. */
#ifndef BUZZER_JOBS_NAME_TABLE_H
#define BUZZER_JOBS_NAME_TABLE_H

#include <sys/queue.h>

#include "schema/err.h"

struct named {
    LIST_ENTRY(named) link;
    const char *name;          /* the thing's own, for as long as it is in a table */
};

LIST_HEAD(named_list, named);

struct name_table {            /* all zero: empty */
    struct named_list *rows;   /* by a hash of the name */
    unsigned n_rows, n;
};

void name_table_clear(struct name_table *table);                                    /* frees nothing that is in it */
enum err name_table_add(struct name_table *table, struct named *named);             /* no other of its name is in it; ERR_NOMEM */
void name_table_remove(struct name_table *table, struct named *named);
struct named *name_table_find(const struct name_table *table, const char *name);    /* NULL: not in it */

/* All of them, in no order: the one after `named`, the first after NULL; NULL after the last. */
struct named *name_table_next(const struct name_table *table, const struct named *named);

#endif
