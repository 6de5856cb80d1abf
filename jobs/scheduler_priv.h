/* scheduler_priv.h: what the files of the scheduler share: the store of jobs it knows (80 bytes
 * each, so a million waiting ones are no matter) and the heaps that order them. */
#ifndef BUZZER_JOBS_SCHEDULER_PRIV_H
#define BUZZER_JOBS_SCHEDULER_PRIV_H

#include <sys/queue.h>

#include "jobs/scheduler.h"

#define SCHEDULER_LONG_MS 20         /* a job that was taken for short and is at it for so long is not */
#define SCHEDULER_AHEAD_MAX 512      /* claims in hand beyond the slots */
#define HOLD_MIN_MS 50               /* after a refusal nothing is asked of the log for so long, doubled each time */
#define HOLD_MAX_MS 1000
#define ENTRY_NONE UINT32_MAX
#define TYPE_UNKNOWN UINT16_MAX      /* of a type that the settings no longer name: never claimed */

enum entry_state {
    ENTRY_PARKED,     /* nothing to do but wait for its next change */
    ENTRY_TIMED,      /* scheduled or retrying: a timer says when it is due or expires */
    ENTRY_READY,      /* a candidate; a timer if it can expire */
    ENTRY_FOREIGN,    /* running under another incarnation: a timer says when to call it lost */
    ENTRY_CLAIMED     /* ours, see its claim */
};

enum heap_kind { HEAP_READY, HEAP_TIMER, HEAP_KIND_COUNT };

struct entry {
    char id[ID_SIZE];
    uint8_t state;                     /* enum entry_state */
    uint8_t generation;                /* of the seeding that saw it last */
    uint16_t type;
    int32_t epoch;
    uint32_t place[HEAP_KIND_COUNT];   /* in its heaps; ENTRY_NONE: not there */
    int64_t order;                     /* priority, then ready_pos: the lowest goes first */
    int64_t expires_at;
    int64_t pos;                       /* of the newest change seen */
    struct claim *claim;
};

/* scheduler_store.c: entries by number and by id. Numbers stay the same while an entry lives. */
struct store_slot {
    uint32_t number, hash;             /* the hash spares a look at entries that are not meant */
};

struct store {
    struct entry **chunks;
    uint32_t n_chunks, n_used, n_entries;
    uint32_t first_free;               /* chained through place[0] */
    struct store_slot *table;          /* open addressing, ENTRY_NONE: empty */
    uint32_t table_mask;
};

enum err store_init(struct store *store);
void store_clear(struct store *store);
struct entry *store_at(const struct store *store, uint32_t number);
uint32_t store_find(const struct store *store, const char *id);             /* ENTRY_NONE */
enum err store_add(struct store *store, const char *id, uint32_t *ret_number);  /* zeroed, in no heap */
void store_remove(struct store *store, uint32_t number);

/* scheduler_heap.c: entries by a key, lowest first; four children a node, so a level is one cache line. */
struct heap_node {
    int64_t key;
    uint32_t entry;
};

struct heap {
    enum heap_kind kind;
    uint32_t n, cap;
    struct heap_node *at;
};

void heap_clear(struct heap *heap);
enum err heap_reserve(struct heap *heap, uint32_t n);   /* so that n entries fit without asking again */
void heap_push(struct heap *heap, struct store *store, uint32_t entry, int64_t key);  /* room was reserved */
void heap_remove(struct heap *heap, struct store *store, uint32_t entry);             /* fine when it is not there */

/* scheduler_claim.c: what this worker holds or is about to. */
enum claim_state {
    CLAIM_SENT,       /* the claim is on its way through the log */
    CLAIM_HELD,       /* accepted: to be given out, or given out and not known to have begun */
    CLAIM_BEGUN,      /* an executor is at it */
    CLAIM_ENDING,     /* ended here; the event that says so is on its way */
    CLAIM_FENCED      /* no longer ours; its process is being killed */
};

enum { TODO_START = 1, TODO_KILL = 2, TODO_APPEND = 4 };

struct claim {
    TAILQ_ENTRY(claim) in_all, in_todo;
    char id[ID_SIZE];
    int epoch;
    uint32_t entry;              /* ENTRY_NONE when fenced */
    uint16_t type;
    uint8_t state;               /* enum claim_state */
    uint8_t todo;                /* what scheduler_next has to say of it */
    bool is_later;               /* in the list of what was refused, not in todo */
    bool is_long;                /* takes a whole slot; otherwise one of many short ones */
    bool is_stopping;            /* a kill was ordered, for `reason` */
    enum kill_reason reason;
    int64_t sent_ms, begun_ms;
    struct job *job;             /* from HELD to the end */
    struct event event;          /* for TODO_APPEND: kept here so that a result never waits for memory */
};

TAILQ_HEAD(claim_list, claim);

struct type_stat {
    struct heap ready;
    uint32_t n_entries;          /* of this type, in whatever state: what `ready` has room for */
    int n_in_hand;
    int64_t run_us;              /* moving average; -1: not measured */
};

struct scheduler {
    const struct types *types;
    char *worker;
    int slots;
    uint64_t random;
    struct store store;
    struct heap timers;          /* by wall time */
    struct type_stat *stats;     /* by the type's number */
    unsigned n_types, n_ready;
    struct claim_list all;       /* every claim but the ENDING ones: short enough to walk */
    struct claim_list ending;
    struct claim_list todo, later;
    struct claim_list spare;
    unsigned n_spare;
    int n_long, n_short;         /* in hand */
    int64_t round_trip_us;       /* of a claim, moving average */
    int64_t wall_ms, mono_ms;    /* as last told */
    int64_t hold_until_ms;       /* mono: the log refused something, so nothing is asked of it until then */
    int64_t hold_ms;             /* how long the next refusal holds */
    int64_t skip_upto;
    uint8_t generation;
    bool is_draining;
};

/* scheduler_known.c */
void entry_leave_heaps(struct scheduler *s, uint32_t number);
void entry_set_timer(struct scheduler *s, uint32_t number, int64_t wall_ms);
void entry_line_up(struct scheduler *s, uint32_t number, int64_t due_at);

struct claim *claim_new(struct scheduler *s, uint32_t entry, int epoch, int64_t mono_ms);
void claim_free(struct scheduler *s, struct claim *claim);
void claim_accept(struct scheduler *s, struct claim *claim, struct job *job, int64_t mono_ms);
void claim_begin(struct scheduler *s, struct claim *claim, int64_t mono_ms);
void claim_stop(struct scheduler *s, struct claim *claim, enum kill_reason reason);
void claim_finish(struct scheduler *s, struct claim *claim, enum event_kind kind);  /* its event is then filled in */
void claim_fence(struct scheduler *s, struct claim *claim);
void claim_make_long(struct scheduler *s, struct claim *claim);

#endif
