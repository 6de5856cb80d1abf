// needs: jobs
/* Lives of a service, one for each seed. SIM_SEEDS says how many of each kind, SIM_FIRST from which
 * seed on; the seed of a life that breaks a rule is printed with the rule, and SIM_TRACE=1 prints
 * each of its events:  SIM_TRACE=1 SIM_FIRST=794 SIM_SEEDS=1 SIM_SEEDS_WITH_VIEW=0 test_sim */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim.h"

#define SEEDS 300
#define LEASE_MS 3000
#define SEEDS_WITH_VIEW 12 /* SQLite takes its time */

static struct types *types;

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && text[0] ? strtoull(text, NULL, 10) : otherwise;
}

static int make_types(void **state)
{
    static char *command[] = {"/bin/true", NULL};
    struct config_type entries[SIM_KINDS];
    struct config config = {.types = entries, .n_types = SIM_KINDS};
    char message[256];

    (void)state;
    for (unsigned i = 0; i < SIM_KINDS; i++)
        entries[i] = (struct config_type){.name = (char *)(uintptr_t)sim_kinds[i].name, .command = command, .n_command = 1,
                                          .timeout_ms = sim_kinds[i].timeout_ms, .kill_grace_ms = -1,
                                          .backoff_ms = 50, .backoff_max_ms = 400, .memory_bytes = -1,
                                          .output_bytes = -1, .keep_ms = -1, .max_attempts = -1, .max_losses = -1,
                                          .concurrency = sim_kinds[i].concurrency, .network = -1};
    return types_new(&config, &types, message, sizeof message) != ERR_OK;
}

static int drop_types(void **state)
{
    (void)state;
    types_free(types);
    return 0;
}

static void add(struct sim_seen *sum, const struct sim_seen *seen)
{
    const uint64_t *from = (const uint64_t *)seen;
    uint64_t *to = (uint64_t *)sum;

    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

#define N(member) (unsigned long long)sum.member

static struct sim_seen live(unsigned least_workers, unsigned most_workers, uint64_t seeds, int64_t lease_ms, bool with_view)
{
    uint64_t first = from_environment("SIM_FIRST", 1);
    struct sim *sim = calloc(1, sizeof *sim);
    struct sim_seen sum = {0};

    assert_non_null(sim);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        memset(sim, 0, sizeof *sim);
        sim->seed = seed;
        sim->types = types;
        sim->lease_ms = lease_ms;
        sim->trace = getenv("SIM_TRACE") != NULL;
        sim->n_workers = least_workers + (unsigned)(seed % (most_workers - least_workers + 1));
        assert_true(sim_log_open(sim, with_view));
        assert_true(sim_run(sim));
        sim->seen.lives = 1;
        add(&sum, &sim->seen);
    }
    free(sim);
    print_message("%llu lives: %llu jobs, %llu attempts, %llu crashes, %llu lost, %llu refused, %llu ignored\n", N(lives),
                  N(submitted), N(starts), N(crashes), N(lost), N(refused), N(ignored));
    return sum;
}

static void one_worker_brings_every_job_to_one_end(void **state)
{
    (void)state;
    live(1, 1, from_environment("SIM_SEEDS", SEEDS), 0, false);
}

static void many_workers_bring_every_job_to_one_end(void **state)
{
    (void)state;
    live(2, 5, from_environment("SIM_SEEDS", SEEDS), 0, false);
}

/* Nobody but the workers themselves says who is lost. Over many lives each kind of trouble came up. */
static void workers_with_leases_bring_every_job_to_one_end(void **state)
{
    uint64_t seeds = from_environment("SIM_SEEDS", SEEDS);
    struct sim_seen sum = live(2, SIM_WORKERS, seeds, LEASE_MS, false);

    (void)state;
    print_message("%llu pauses, %llu cut off, %llu gone for good, %llu left; %llu stopped by themselves, %llu repeats, "
                  "%llu late results kept out\n%.2f claims for each that counted, %.2f for each job\n",
                  N(pauses), N(cuts), N(gone), N(left), N(fenced), N(repeats), N(late),
                  (double)sum.claims / (double)sum.claimed, (double)sum.claims / (double)sum.submitted);
    assert_true(sum.claims * 2 < sum.claimed * 3);
    if (seeds >= 100) {
        assert_true(sum.late > 0);
        assert_true(sum.lost > 0);
        assert_true(sum.fenced > 0);
        assert_true(sum.gone > 0);
        assert_true(sum.left > 0);
    }
}

static void the_view_says_what_the_fold_says(void **state)
{
    (void)state;
    live(1, 5, from_environment("SIM_SEEDS_WITH_VIEW", SEEDS_WITH_VIEW), 0, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_brings_every_job_to_one_end),
        cmocka_unit_test(many_workers_bring_every_job_to_one_end),
        cmocka_unit_test(workers_with_leases_bring_every_job_to_one_end),
        cmocka_unit_test(the_view_says_what_the_fold_says),
    };
    return cmocka_run_group_tests(tests, make_types, drop_types);
}
