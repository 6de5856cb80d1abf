/* scheduler_priv.h: what the files of the scheduler share: the store of jobs it knows (88 bytes
 * each, so a million waiting ones are no matter), the heaps that order them, and the other workers. */
#ifndef BUZZER_JOBS_SCHEDULER_PRIV_H
#define BUZZER_JOBS_SCHEDULER_PRIV_H

#include <sys/queue.h>

#include "jobs/name_table.h"
#include "jobs/scheduler.h"

#define SCHEDULER_LONG_MS 20         /* a job that was taken for short and is at it for so long is not */
#define SCHEDULER_AHEAD_MAX 512      /* claims in hand beyond the slots */
#define HOLD_MIN_MS 50               /* after a refusal nothing is asked of the log for so long, doubled each time */
#define HOLD_MAX_MS 1000
#define ASK_AGAIN_MS 10000           /* for what was appended and not heard of: asking twice harms nothing */
#define ENTRY_NONE UINT32_MAX
#define TYPE_UNKNOWN UINT16_MAX      /* of a type that the settings no longer name: never claimed */

enum entry_state {
    ENTRY_PARKED,     /* nothing to do but wait for its next change */
    ENTRY_TIMED,      /* scheduled or retrying: a timer says when it is due or expires */
    ENTRY_READY,      /* a candidate; a timer if it can expire */
    ENTRY_FOREIGN,    /* running under somebody else, its holder; aside: to be called lost */
    ENTRY_CLAIMED     /* ours, see its claim */
};

/* Where it stands in line, if at all: these heaps share a place, since it stands in one of them. */
enum entry_line { LINE_NONE, LINE_READY, LINE_PAUSED, LINE_ASIDE };

enum heap_kind { HEAP_LINE, HEAP_TIMER, HEAP_KIND_COUNT };

struct entry {
    char id[ID_SIZE];
    uint8_t state;                     /* enum entry_state */
    uint8_t generation;                /* of the seeding that saw it last */
    uint8_t line : 4;                  /* enum entry_line */
    uint8_t is_ripe : 1;               /* has stepped aside for long enough: whoever has room takes it */
    uint16_t type;
    int32_t epoch;
    uint32_t place[HEAP_KIND_COUNT];   /* in its heaps; ENTRY_NONE: not there */
    union {
        struct {                       /* waiting, or a claim of ours */
            int64_t order;             /* priority, then ready_pos: the lowest goes first */
            int64_t expires_at;
        };
        struct {                       /* FOREIGN */
            struct member *holder;     /* NULL: not watched, since there is no lease */
            uint32_t next_held, prev_held;
        };
    };
    struct queue *queue;
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
void heap_rebuild(struct heap *heap, struct store *store);                            /* after at[0..n) was written by hand */

/* scheduler_queues.c: the queues that jobs wait in or that are paused, each once, by name. */
struct queue {
    struct named named;          /* first */
    unsigned n_refs;             /* entries, and the list of what is paused */
    bool is_paused;
    char name[];
};

struct queues {
    struct name_table names;
    struct queue **paused;
    unsigned n_paused;
};

struct queue *queue_take(struct queues *queues, const char *name);      /* NULL: no memory */
void queue_drop(struct queues *queues, struct queue *queue);
void queues_clear(struct queues *queues);

/* scheduler_members.c: the other workers, as their heartbeats and the jobs they hold show them. */
struct member {
    TAILQ_ENTRY(member) link;
    uint64_t hash;               /* of the name */
    int64_t heard_at;            /* on the clock of heard time, not of the wall */
    int slots;
    unsigned n_held;             /* jobs that the log shows it running */
    uint32_t first_held;         /* chained through next_held */
    bool has_beaten;             /* else its name is known from the log alone */
    bool is_draining;
    bool is_lost;                /* in `gone`; what it holds is being called lost */
    bool has_left;               /* it said so, or it was an earlier life of ours: no silence could tell more */
    char *name;
    uint64_t can_run[];          /* a bit for each type */
};

TAILQ_HEAD(member_list, member);

/* scheduler_claim.c: what this worker holds or is about to. */
enum claim_state {
    CLAIM_SENT,       /* the claim is on its way through the log */
    CLAIM_HELD,       /* accepted: to be given out, or given out and not known to have begun */
    CLAIM_BEGUN,      /* an executor is at it */
    CLAIM_ENDING,     /* ended here; the event that says so is on its way */
    CLAIM_FENCED      /* no longer ours; its process is being killed */
};

enum { TODO_START = 1, TODO_KILL = 2, TODO_APPEND = 4, TODO_TAKE_BACK = 8 };

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
    bool is_unwanted;            /* handed back as soon as it is accepted */
    bool is_stray;               /* the log shows it as ours, and we had given up on it */
    bool is_in_log;              /* which shows it as ours, as far as we have read */
    enum kill_reason reason;
    int64_t sent_ms, begun_ms;
    struct job *job;             /* from HELD to the end */
    struct event event;          /* for TODO_APPEND: kept here so that a result never waits for memory */
};

TAILQ_HEAD(claim_list, claim);

struct type_stat {
    struct heap ready;
    struct heap paused;          /* those that would be ready if their queue was not paused */
    uint32_t n_entries;          /* of this type, in whatever state: what `ready` has room for */
    int n_in_hand;
    int n_held;                  /* our claims that the log shows, as far as we have read */
    int n_foreign;               /* running elsewhere */
    int n_aside;                 /* left to others for a moment */
    int64_t run_us;              /* moving average; -1: not measured */
};

struct scheduler {
    const struct types *types;
    char *worker;
    int slots;
    uint64_t random;
    struct store store;
    struct heap timers;          /* by wall time */
    struct heap asides;          /* by mono time: what is left to others for a moment */
    struct queues queues;
    struct type_stat *stats;     /* by the type's number */
    unsigned n_types, n_ready, n_aside;
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

    int64_t lease_ms;            /* 0: none of what follows is used */
    uint64_t name_hash;
    struct member_list live;     /* the longest unheard first */
    struct member_list gone;     /* lost or left, and holding something still */
    unsigned n_members, n_foreign;   /* n_foreign: jobs that they hold */
    int64_t last_own_ms;         /* mono: when the newest heartbeat of ours that came back was sent */
    int64_t deaf_since_ms;       /* mono: the same, or when the link came up again if that is later */
    int64_t heard_ms;            /* the clock of heard time: it runs while our own heartbeats come back */
    int64_t heard_upto_ms;       /* mono: how far that has been counted */
    bool is_up;                  /* the link */
    bool is_heard;               /* we hear ourselves, so others hear us: else nothing is claimed */
    bool is_fenced;              /* we have not for so long that others may take us for dead: nothing runs */
};

/* scheduler_known.c */
void entry_leave_heaps(struct scheduler *s, uint32_t number);
void entry_set_timer(struct scheduler *s, uint32_t number, int64_t wall_ms);
void entry_line_up(struct scheduler *s, uint32_t number, int64_t due_at);
/* Out of line until mono_ms. False: no memory, and a candidate stays where it is; what is FOREIGN has room. */
bool entry_step_aside(struct scheduler *s, uint32_t number, int64_t mono_ms);
void entry_come_back(struct scheduler *s, uint32_t number);   /* the moment is over */

struct claim *claim_new(struct scheduler *s, uint32_t entry, int epoch, int64_t mono_ms);
void claim_free(struct scheduler *s, struct claim *claim);
void claim_accept(struct scheduler *s, struct claim *claim, struct job *job, int64_t mono_ms);
void claim_begin(struct scheduler *s, struct claim *claim, int64_t mono_ms);
void claim_stop(struct scheduler *s, struct claim *claim, enum kill_reason reason);
void claim_finish(struct scheduler *s, struct claim *claim, enum event_kind kind);  /* its event is then filled in */
void claim_fence(struct scheduler *s, struct claim *claim);
void claim_make_long(struct scheduler *s, struct claim *claim);     /* its type too: what was claimed ahead of it goes back */
void claim_give_back(struct scheduler *s, struct claim *claim);     /* if it was claimed ahead and has not begun */

enum err member_hold(struct scheduler *s, const char *name, uint32_t entry);
void member_let_go(struct scheduler *s, uint32_t entry);          /* fine when nobody holds it */
void member_depart(struct scheduler *s, struct member *member);   /* what it holds is called lost; may free it */
void member_revive(struct scheduler *s, struct member *member);
void member_on_beat(struct scheduler *s, const struct peer *peer);
void members_clear(struct scheduler *s);

/* scheduler_watch.c: who can be heard, ourselves included. */
void watch(struct scheduler *s, int64_t mono_ms);
int64_t watch_next(const struct scheduler *s, int64_t mono_ms);   /* ms until a watch does something */

/* scheduler_rank.c: how long to leave a job to others, 0: it is ours to claim, or to call lost. */
int64_t rank_wait(const struct scheduler *s, const struct entry *entry, bool needs_slot);
uint64_t rank_hash(const char *name);

#endif
