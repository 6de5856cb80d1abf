// needs: jobs
/* The other workers: what they hold, who is taken for lost, and what the log is told of it. */
#include "tests/support/cluster_bench.h"

#include "jobs/presence.h"

#define A "there.0000000b-1"
#define B "third.0000000c-1"
#define EARLIER "here.0000000a-1"
#define ASK_AGAIN 10000

static void leave(struct bench *b, const char *worker)
{
    beat_as(b, (struct peer){.name = worker, .leaving = true});
}

static void all_that_a_lost_worker_held_is_called_lost_once(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    for (unsigned n = 1; n <= 3; n++)
        submit_held(b, n, "one", A);
    live(b, LEASE);
    assert_int_equal(count_sent(b, EVENT_LOST), 3);
    live(b, ASK_AGAIN - 1);
    assert_int_equal(b->n_sent, 3);
    for (unsigned n = 1; n <= 3; n++)
        assert_true(was_sent(b, EVENT_LOST, n));
}

static void what_was_called_lost_and_not_heard_of_is_called_lost_again(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "one", A);
    live(b, LEASE);
    live(b, ASK_AGAIN - 1);
    assert_int_equal(b->n_sent, 1);
    pass(b, 1);
    assert_int_equal(b->n_sent, 2);
    fold_sent(b);                                     /* the second is of an old epoch by then */
    assert_int_equal(job_at(b, 1)->losses, 1);
}

static void what_the_log_would_not_take_is_called_lost_a_moment_later(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "one", A);
    live(b, LEASE);
    assert_int_equal(b->n_sent, 1);
    refuse_all(b);
    pass(b, HOLD_MIN_MS - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void a_lost_job_is_ours_to_claim_and_its_worker_is_forgotten(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE);
    settle(b);
    assert_int_equal(b->n_started, 1);
    assert_int_equal(b->started[0]->epoch, 2);
    assert_int_equal(b->s->n_members, 0);
    assert_int_equal(b->s->n_foreign, 0);
}

static void others_call_it_lost_first_and_we_a_step_later_each(void **state)
{
    struct bench *b = *state;
    for (int64_t rank = 0; rank < 3; rank++) {
        join_as(b, HERE, LEASE, 2);
        own_beat(b);
        beat(b, B);
        beat(b, "fourth.0000000d-1");
        int64_t step = step_of(b);
        unsigned n = job_of_rank(b, 1, rank);         /* while A is not in the line */
        beat(b, A);
        submit_held(b, n, "one", A);
        for (unsigned i = 0; i < 6; i++) {
            beat(b, B);
            beat(b, "fourth.0000000d-1");
            live(b, BEAT);
        }
        if (rank > 0) {
            live(b, rank * step - 1);
            assert_int_equal(b->n_sent, rank);
            live(b, 1);
        }
        assert_int_equal(b->n_sent, rank + 1);
        assert_true(was_sent(b, EVENT_LOST, n));
    }
}

static void those_whose_slots_are_full_call_lost_in_their_turn_too(void **state)
{
    struct bench *b = *state;
    beat_as(b, (struct peer){.name = B, .slots = 1});
    submit_held(b, 1, "one", B);
    unsigned n = job_of_rank(b, 2, 1);
    submit_held(b, n, "one", A);
    leave(b, A);
    assert_int_equal(b->n_sent, 0);
    pass(b, step_of(b));
    assert_true(was_sent(b, EVENT_LOST, n));
}

static void what_another_called_lost_in_its_turn_is_not_called_lost_by_us(void **state)
{
    struct bench *b = *state;
    beat(b, B);
    unsigned n = job_of_rank(b, 1, 1);
    submit_held(b, n, "one", A);
    leave(b, A);
    assert_int_equal(b->n_sent, 0);
    assert_int_equal(tell_of_claim(b, EVENT_LOST, n), FOLD_CHANGED);
    assert_int_equal(claim_by(b, n, B), FOLD_CHANGED);
    pass(b, step_of(b) + 1);
    assert_int_equal(b->n_sent, 0);
}

static void a_worker_that_says_it_leaves_is_lost_at_once(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    leave(b, A);
    assert_int_equal(b->n_sent, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
    leave(b, A);                                      /* heard twice */
    assert_int_equal(b->n_sent, 1);
}

/* Its last heartbeat wakes us, and our clock has not been told of since. */
static void the_step_is_counted_from_when_the_leaving_was_heard(void **state)
{
    struct bench *b = *state;
    beat(b, B);
    unsigned n = job_of_rank(b, 1, 1);
    int64_t step = step_of(b);
    beat(b, A);
    submit_held(b, n, "one", A);
    b->mono += 900;
    leave(b, A);
    assert_int_equal(b->n_sent, 0);
    pass(b, step - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, n));
}

static void who_has_left_is_not_brought_back_by_what_comes_after(void **state)
{
    struct bench *b = *state;
    beat(b, B);
    unsigned n = job_of_rank(b, 1, 1);
    submit_held(b, n, "one", A);
    leave(b, A);
    beat(b, A);                                       /* one that was overtaken */
    link_is(b, false);
    link_is(b, true);
    submit_held(b, job_of_rank(b, n + 1, 0), "one", A);
    hear(b);
    assert_int_equal(b->n_sent, 1);                   /* a claim that was still on its way is lost as it comes */
    pass(b, step_of(b));
    assert_int_equal(b->n_sent, 2);
    assert_true(was_sent(b, EVENT_LOST, n));
}

static void a_cut_gives_no_new_lease_to_who_has_left(void **state)
{
    struct bench *b = *state;
    beat(b, B);
    unsigned n = job_of_rank(b, 1, 1);
    submit_held(b, n, "one", A);
    leave(b, A);
    link_is(b, false);
    link_is(b, true);
    pass(b, step_of(b));
    assert_true(was_sent(b, EVENT_LOST, n));
}

static void who_leaves_and_holds_nothing_is_forgotten(void **state)
{
    struct bench *b = *state;
    leave(b, B);
    assert_int_equal(b->s->n_members, 0);
    beat(b, A);
    assert_int_equal(b->s->n_members, 1);
    leave(b, A);
    assert_int_equal(b->s->n_members, 0);
}

static void an_earlier_life_of_ours_is_lost_at_once_whoever_else_is_there(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    beat(b, B);
    for (unsigned n = 1; n <= 20; n++)
        submit_held(b, n, "one", EARLIER);
    hear(b);
    assert_int_equal(count_sent(b, EVENT_LOST), 20);  /* it is for nobody else to say */
    live(b, LEASE);
    assert_int_equal(b->n_sent, 20);
}

static void an_earlier_life_of_ours_is_lost_even_before_we_have_heard_ourselves(void **state)
{
    struct bench *b = *state;
    submit(b, 1, (struct wish){0});
    submit(b, 2, (struct wish){0});
    struct event claims[2];
    for (unsigned i = 0; i < 2; i++) {
        char id[ID_SIZE];
        id_of(i + 1, id);
        event_init(&claims[i], EVENT_CLAIMED, id, b->wall);
        claims[i].epoch = 1;
        claims[i].worker = strdup(i == 0 ? EARLIER : "here.0000000f-1");   /* another folder of this host */
        assert_int_equal(tell(b, &claims[i]), FOLD_CHANGED);
    }
    join_as(b, HERE, LEASE, 2);
    for (unsigned i = 0; i < b->n_jobs; i++)
        assert_int_equal(scheduler_seed(b->s, b->jobs[i], b->wall), ERR_OK);
    hear(b);
    assert_int_equal(b->n_sent, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void a_heartbeat_of_an_earlier_life_does_not_make_it_live(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "one", EARLIER);
    beat(b, EARLIER);                                 /* read late */
    hear(b);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void a_claim_in_the_log_is_a_sign_of_life(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    submit_held(b, 1, "one", A);
    live(b, LEASE - 1);
    submit_held(b, 2, "one", A);
    live(b, LEASE - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_int_equal(count_sent(b, EVENT_LOST), 2);
}

static void a_claim_brings_back_whom_we_took_for_lost(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "one", A);
    live(b, LEASE);
    assert_int_equal(b->n_sent, 1);
    submit_held(b, 2, "one", A);
    live(b, LEASE - 1);
    assert_int_equal(b->n_sent, 1);                   /* neither the second, nor the first again */
    pass(b, 1);
    assert_int_equal(count_sent(b, EVENT_LOST), 3);
}

static void other_news_of_a_job_is_no_sign_of_life_of_its_holder(void **state)
{
    struct bench *b = *state;
    submit_held(b, 1, "one", A);
    live(b, LEASE - 1);
    assert_int_equal(tell_simple(b, EVENT_CANCEL, 1), FOLD_CHANGED);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void whom_only_the_log_names_has_a_lease_from_its_claim_on(void **state)
{
    struct bench *b = *state;
    live(b, LEASE);
    submit_held(b, 1, "one", A);
    live(b, LEASE - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void who_is_heard_in_the_last_moment_is_not_called_lost(void **state)
{
    struct bench *b = *state;
    beat(b, B);
    unsigned n = job_of_rank(b, 1, 1);
    submit_held(b, n, "one", A);
    for (unsigned i = 0; i < 6; i++) {
        beat(b, B);
        live(b, BEAT);
    }
    pass(b, step_of(b) - 1);                          /* it is lost to us, and B is to say so */
    beat(b, A);
    pass(b, 1);
    assert_int_equal(b->n_sent, 0);
    beat(b, B);
    live(b, LEASE - 1 - 1);
    assert_int_equal(b->n_sent, 0);
    live(b, 1);
    live(b, step_of(b));
    assert_true(was_sent(b, EVENT_LOST, n));
}

static void each_is_silent_on_its_own(void **state)
{
    struct bench *b = *state;
    beat(b, A);
    unsigned n = job_of_rank(b, 10, 0);
    submit_held(b, 1, "one", A);
    submit_held(b, n, "one", B);
    live(b, 100);
    beat(b, A);                                       /* now B is the longest unheard */
    live(b, LEASE - 100 - 1);
    assert_int_equal(b->n_sent, 0);
    pass(b, 1);
    assert_int_equal(b->n_sent, 1);
    assert_true(was_sent(b, EVENT_LOST, n));
    live(b, 100 - 1);
    assert_int_equal(b->n_sent, 1);
    live(b, 1);
    assert_int_equal(b->n_sent, 2);
    assert_true(was_sent(b, EVENT_LOST, 1));
}

static void what_has_ended_in_time_is_not_called_lost(void **state)
{
    struct bench *b = *state;
    static const unsigned orders[][3] = {{1, 2, 3}, {3, 2, 1}, {2, 1, 3}, {2, 3, 1}};
    for (unsigned i = 0; i < 4; i++) {
        unsigned base = 10 * i;
        for (unsigned n = 1; n <= 4; n++)
            submit_held(b, base + n, "one", A);
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(tell_of_claim(b, EVENT_DONE, base + orders[i][k]), FOLD_CHANGED);
            assert_int_equal(b->s->n_foreign, 3 - k);
        }
        live(b, LEASE);
        assert_int_equal(b->n_sent, 1);
        assert_true(was_sent(b, EVENT_LOST, base + 4));
        assert_int_equal(tell_of_claim(b, EVENT_DONE, base + 4), FOLD_CHANGED);   /* it lived after all */
        assert_int_equal(b->s->n_members, 0);
        event_clear(&b->sent[--b->n_sent]);
    }
}

static void what_ends_after_its_worker_is_taken_for_lost_is_not_called_lost_any_more(void **state)
{
    struct bench *b = *state;
    beat(b, B);
    unsigned first = job_of_rank(b, 1, 1), second = job_of_rank(b, first + 1, 1);
    int64_t step = step_of(b);
    submit_held(b, first, "one", A);
    submit_held(b, second, "one", A);
    leave(b, A);
    assert_int_equal(tell_of_claim(b, EVENT_DONE, second), FOLD_CHANGED);
    pass(b, step);
    assert_int_equal(b->n_sent, 1);
    assert_true(was_sent(b, EVENT_LOST, first));
}

static void those_that_only_beat_are_bounded_in_number(void **state)
{
    struct bench *b = *state;
    char who[PRESENCE_NAME_SIZE];
    submit_held(b, 1, "one", A);
    for (unsigned i = 0; i < PRESENCE_MAX + 10; i++) {
        snprintf(who, sizeof who, "many.%08x-1", 100 + i);
        beat(b, who);
        assert_true(b->s->n_members <= PRESENCE_MAX);
    }
    assert_int_equal(b->s->n_members, PRESENCE_MAX);
    assert_string_equal(TAILQ_FIRST(&b->s->live)->name, A);   /* the longest unheard, but it holds something */
    submit_held(b, 2, "one", B);                      /* and who holds something is always known */
    assert_int_equal(b->s->n_members, PRESENCE_MAX + 1);
    live(b, LEASE);
    assert_int_equal(b->s->n_members, 2);             /* silence is the end of those that hold nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(all_that_a_lost_worker_held_is_called_lost_once),
        CLUSTER_TEST(what_was_called_lost_and_not_heard_of_is_called_lost_again),
        CLUSTER_TEST(what_the_log_would_not_take_is_called_lost_a_moment_later),
        CLUSTER_TEST(a_lost_job_is_ours_to_claim_and_its_worker_is_forgotten),
        CLUSTER_TEST(others_call_it_lost_first_and_we_a_step_later_each),
        CLUSTER_TEST(those_whose_slots_are_full_call_lost_in_their_turn_too),
        CLUSTER_TEST(what_another_called_lost_in_its_turn_is_not_called_lost_by_us),
        CLUSTER_TEST(a_worker_that_says_it_leaves_is_lost_at_once),
        CLUSTER_TEST(the_step_is_counted_from_when_the_leaving_was_heard),
        CLUSTER_TEST(who_has_left_is_not_brought_back_by_what_comes_after),
        CLUSTER_TEST(a_cut_gives_no_new_lease_to_who_has_left),
        CLUSTER_TEST(who_leaves_and_holds_nothing_is_forgotten),
        CLUSTER_TEST(an_earlier_life_of_ours_is_lost_at_once_whoever_else_is_there),
        DEAF_TEST(an_earlier_life_of_ours_is_lost_even_before_we_have_heard_ourselves),
        CLUSTER_TEST(a_heartbeat_of_an_earlier_life_does_not_make_it_live),
        CLUSTER_TEST(a_claim_in_the_log_is_a_sign_of_life),
        CLUSTER_TEST(a_claim_brings_back_whom_we_took_for_lost),
        CLUSTER_TEST(other_news_of_a_job_is_no_sign_of_life_of_its_holder),
        CLUSTER_TEST(whom_only_the_log_names_has_a_lease_from_its_claim_on),
        CLUSTER_TEST(who_is_heard_in_the_last_moment_is_not_called_lost),
        CLUSTER_TEST(each_is_silent_on_its_own),
        CLUSTER_TEST(what_has_ended_in_time_is_not_called_lost),
        CLUSTER_TEST(what_ends_after_its_worker_is_taken_for_lost_is_not_called_lost_any_more),
        CLUSTER_TEST(those_that_only_beat_are_bounded_in_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
