/* claim.pml: how workers claim a job, lose it, stop themselves and tell late results, for every order
 * in which it can happen. One job, one log, two workers that each read the log at their own pace.
 * tests/model/README.md says what is left out and what was found; check.sh runs it.
 *
 * With one of these it must fail:
 *   -DNO_EPOCH   the fold believes whoever says that the job is done: a late result counts
 *   -DEAGER      a worker runs what it has claimed without reading the claim back
 *   -DNO_FENCE   a worker that was silent runs on when it is back
 *   -DOLD_CLAIMS it begins what it had claimed before, when it reads that claim back at last */

#define WORKERS 2
#define EPOCHS 2            /* claims that can be accepted: trouble is bounded, so that everything ends */
#define LOG_MAX (WORKERS * 3 + EPOCHS * 2 + 2)

mtype = { claimed, done, lost, released };
mtype = { waiting, running, succeeded };

/* The log, and the fold of each of its prefixes, so that a reader's view is the row it stands at. */
typedef event { mtype kind; byte epoch; byte who };
typedef view { mtype state; byte epoch; byte who };
event log[LOG_MAX];
view folded[LOG_MAX + 1];
byte n_log = 0;

byte holder[EPOCHS + 1];     /* whose claim made the epoch, plus one; 0: nobody's yet */
byte claimed_at[EPOCHS + 1]; /* where in the log */
byte n_outcomes = 0;         /* results that counted */
byte n_trouble = 0;          /* times a worker fell silent */
bool is_silent[WORKERS];     /* stopped, or cut off: nobody hears it, it hears nobody */
bool runs[WORKERS];          /* a process of it is at the job ... */
byte run_epoch[WORKERS];     /* ... under this claim */
byte at[WORKERS];            /* how far it has read */
byte sent[WORKERS];          /* the epoch of its newest claim; 0: none */
byte spoiled[WORKERS];       /* claims up to this epoch were made before it was last silent: handed back */

#ifdef NO_EPOCH
#define IS_HELD(e) (folded[n_log].state == running)
#else
#define IS_HELD(e) (folded[n_log].state == running && folded[n_log].epoch == e)
#endif

/* One step of the log and of its fold; what does not fit is ignored, as jobs/fold.c has it. */
inline append(k, e, w)
{
    d_step {
        assert(n_log < LOG_MAX);
        log[n_log].kind = k; log[n_log].epoch = e; log[n_log].who = w;
        folded[n_log + 1].state = folded[n_log].state;
        folded[n_log + 1].epoch = folded[n_log].epoch;
        folded[n_log + 1].who = folded[n_log].who;
        if
        :: k == claimed && folded[n_log].state == waiting && e == folded[n_log].epoch + 1 ->
            folded[n_log + 1].state = running; folded[n_log + 1].epoch = e; folded[n_log + 1].who = w;
            holder[e] = w + 1; claimed_at[e] = n_log + 1
        :: k == done && IS_HELD(e) ->
            folded[n_log + 1].state = succeeded; n_outcomes++;
            assert(e == folded[n_log].epoch)          /* no result of an older claim ever counts */
        :: (k == lost || k == released) && IS_HELD(e) ->
            folded[n_log + 1].state = waiting
        :: else
        fi;
        n_log++
    }
}

#define MINE (folded[at[me]].state == running && folded[at[me]].who == me)
#define SEEN folded[at[me]]

proctype worker(byte me)
{
    byte told = 0;           /* the epoch whose end we have told */
    byte accused = 0;        /* the epoch we have called lost */

end: do
    /* It reads on, one event at a time. */
    :: !is_silent[me] && at[me] < n_log ->
        atomic {
            at[me]++;
            if                                        /* what it runs is its own no more: killed as fenced */
            :: runs[me] && (SEEN.state != running || SEEN.epoch != run_epoch[me]) -> runs[me] = false
            :: else
            fi
        }
    /* A claim, from what it has read so far: perhaps old news, and perhaps another is on its way. */
    :: atomic { !is_silent[me] && SEEN.state == waiting && sent[me] <= SEEN.epoch && SEEN.epoch < EPOCHS ->
        sent[me] = SEEN.epoch + 1;
        append(claimed, sent[me], me);
#ifdef EAGER
        runs[me] = true; run_epoch[me] = sent[me]
#endif
        }
    /* It runs what it has read as its own, once, and only while it is heard. */
    :: atomic { !is_silent[me] && !runs[me] && MINE && told < SEEN.epoch && run_epoch[me] < SEEN.epoch &&
                spoiled[me] < SEEN.epoch ->
        runs[me] = true; run_epoch[me] = SEEN.epoch }
    /* The job ends, heard or not: what ended while nobody could be told is told late. */
    :: atomic { runs[me] && told < run_epoch[me] ->
        runs[me] = false; told = run_epoch[me];
        append(done, told, me) }
    /* Others are silent for a lease. By then they have stopped themselves, which is the rule of time that
     * this model takes for granted (README.md); a process that was stopped with its worker stops when it
     * wakes, below. */
    :: atomic { !is_silent[me] && SEEN.state == running && SEEN.who != me && is_silent[SEEN.who] &&
                accused < SEEN.epoch ->
        accused = SEEN.epoch;
        append(lost, accused, me) }
    /* What it has fenced it hands back. */
    :: atomic { !is_silent[me] && !runs[me] && MINE && told < SEEN.epoch &&
                (run_epoch[me] == SEEN.epoch || spoiled[me] >= SEEN.epoch) ->
        told = SEEN.epoch;
        append(released, told, me) }
    od
}

/* Workers fall silent and come back; whoever comes back fences itself first, unless its attempt has
 * ended in the meantime: that result is told late, by the rule above. */
proctype trouble()
{
    byte who;

end: do
    :: n_trouble < EPOCHS - 1 ->
        atomic { n_trouble++; select(who : 0 .. WORKERS - 1); is_silent[who] = true };
#ifdef NO_FENCE
        is_silent[who] = false
#else
        atomic {
            is_silent[who] = false; runs[who] = false;
#ifndef OLD_CLAIMS
            spoiled[who] = sent[who]
#endif
        }
#endif
    :: n_trouble >= EPOCHS - 1 -> break
    od
}

init
{
    byte i;

    atomic {
        folded[0].state = waiting;
        for (i : 0 .. WORKERS - 1) { run worker(i) }
        run trouble()
    }
}

#define FINAL (folded[n_log].state == succeeded)

#define HAS_READ(w) (!runs[w] || (holder[run_epoch[w]] == w + 1 && claimed_at[run_epoch[w]] <= at[w]))
#define AT_WORK(w) (runs[w] && !is_silent[w])
#define ALL_HAVE_READ (HAS_READ(0) && HAS_READ(1))
#define TWO_AT_WORK (AT_WORK(0) && AT_WORK(1))

ltl one_outcome { [] (n_outcomes <= 1) }
ltl absorbed { [] (FINAL -> [] FINAL) }
ltl read_back { [] ALL_HAVE_READ }
ltl one_runner { [] !TWO_AT_WORK }
ltl ends { <> FINAL }
