/* The scheduler's store: every unfinished job as a small fixed-size entry, found by number or by
 * id. Entries live in chunks that never move, so growing to a million copies nothing. */
#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"

#define CHUNK 4096u
#define TABLE_MIN 1024u

enum err store_init(struct store *store)
{
    *store = (struct store){.first_free = ENTRY_NONE, .table_mask = TABLE_MIN - 1};
    store->table = malloc(TABLE_MIN * sizeof *store->table);
    if (!store->table)
        return ERR_NOMEM;
    memset(store->table, 0xff, TABLE_MIN * sizeof *store->table);
    return ERR_OK;
}

void store_clear(struct store *store)
{
    for (uint32_t i = 0; i < store->n_chunks; i++)
        free(store->chunks[i]);
    free(store->chunks);
    free(store->table);
    *store = (struct store){0};
}

struct entry *store_at(const struct store *store, uint32_t number)
{
    return &store->chunks[number / CHUNK][number % CHUNK];
}

/* The end of a ULID is where two ids differ. */
static uint32_t hash(const char *id)
{
    uint64_t low, high;
    memcpy(&low, id + ID_LEN - 8, 8);
    memcpy(&high, id + ID_LEN - 16, 8);
    uint64_t mixed = (low ^ (high * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
    return (uint32_t)(mixed >> 32);
}

static uint32_t find_slot(const struct store *store, const char *id)
{
    uint32_t hashed = hash(id), slot = hashed & store->table_mask;

    while (store->table[slot].number != ENTRY_NONE) {
        if (store->table[slot].hash == hashed &&
            memcmp(store_at(store, store->table[slot].number)->id, id, ID_LEN) == 0)
            break;
        slot = (slot + 1) & store->table_mask;
    }
    return slot;
}

uint32_t store_find(const struct store *store, const char *id)
{
    return store->table[find_slot(store, id)].number;
}

static enum err grow_table(struct store *store)
{
    uint32_t size = (store->table_mask + 1) * 2;
    uint32_t old_size = store->table_mask + 1;
    struct store_slot *old = store->table, *table = malloc(size * sizeof *table);

    if (!table)
        return ERR_NOMEM;
    memset(table, 0xff, size * sizeof *table);
    store->table = table;
    store->table_mask = size - 1;
    for (uint32_t i = 0; i < old_size; i++) {
        uint32_t slot = old[i].hash & store->table_mask;
        if (old[i].number == ENTRY_NONE)
            continue;
        while (table[slot].number != ENTRY_NONE)
            slot = (slot + 1) & store->table_mask;
        table[slot] = old[i];
    }
    free(old);
    return ERR_OK;
}

static enum err grow_chunks(struct store *store)
{
    struct entry **chunks = realloc(store->chunks, (store->n_chunks + 1) * sizeof *chunks);
    if (!chunks)
        return ERR_NOMEM;
    store->chunks = chunks;
    chunks[store->n_chunks] = malloc(CHUNK * sizeof *chunks[0]);
    if (!chunks[store->n_chunks])
        return ERR_NOMEM;
    store->n_chunks++;
    return ERR_OK;
}

enum err store_add(struct store *store, const char *id, uint32_t *ret_number)
{
    enum err err = ERR_OK;
    uint32_t number = store->first_free;

    if ((store->n_entries + 1) * 2 > store->table_mask + 1)
        err = grow_table(store);
    if (!err && number == ENTRY_NONE && store->n_used == store->n_chunks * CHUNK)
        err = grow_chunks(store);
    if (err)
        return err;
    if (number != ENTRY_NONE)
        store->first_free = store_at(store, number)->place[0];
    else
        number = store->n_used++;

    struct entry *entry = store_at(store, number);
    *entry = (struct entry){.place = {ENTRY_NONE, ENTRY_NONE}};
    memcpy(entry->id, id, ID_LEN);
    store->table[find_slot(store, id)] = (struct store_slot){.number = number, .hash = hash(id)};
    store->n_entries++;
    *ret_number = number;
    return ERR_OK;
}

/* Closes the gap that a removal leaves in the table, so that no search ends too early. */
static void close_gap(struct store *store, uint32_t gap)
{
    uint32_t slot = gap;
    for (;;) {
        store->table[gap].number = ENTRY_NONE;
        for (;;) {
            slot = (slot + 1) & store->table_mask;
            if (store->table[slot].number == ENTRY_NONE)
                return;
            uint32_t home = store->table[slot].hash & store->table_mask;
            if (((slot - home) & store->table_mask) >= ((slot - gap) & store->table_mask))
                break;
        }
        store->table[gap] = store->table[slot];
        gap = slot;
    }
}

void store_remove(struct store *store, uint32_t number)
{
    struct entry *entry = store_at(store, number);

    close_gap(store, find_slot(store, entry->id));
    entry->id[0] = '\0';
    entry->place[0] = store->first_free;
    store->first_free = number;
    store->n_entries--;
}
