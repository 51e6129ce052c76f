/* Whose fault it is that the store gives the same answer again and again: the verdicts of poison.h, without a writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "store/delivery/poison.h"

#define ROW                                                                                                            \
    {                                                                                                                  \
        .one_row = true                                                                                                \
    }
#define BATCH                                                                                                          \
    {                                                                                                                  \
        0                                                                                                              \
    }

static enum poison_verdict judge_times(struct poison *poison, enum code_class class, struct poison_facts facts,
                                       int times)
{
    enum poison_verdict verdict = POISON_WAIT_STREAM;
    for (int i = 0; i < times; i++) {
        verdict = poison_judge(poison, class, 1, &facts);
    }
    return verdict;
}

static const struct {
    const char *what;
    enum code_class class;
    struct poison_facts facts;
    enum poison_verdict verdicts[4]; /* after one failure, two, ... */
} stories[] = {
    { "a suspect batch", CODE_SUSPECT, BATCH, { POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_SPLIT, POISON_SPLIT } },
    { "a short server", CODE_SHORT, BATCH, { POISON_WAIT_STREAM, POISON_SPLIT, POISON_SPLIT, POISON_SPLIT } },
    { "a big batch", CODE_SIZE, BATCH, { POISON_SPLIT, POISON_SPLIT, POISON_SPLIT, POISON_SPLIT } },
    { "an ill server",
      CODE_PASSING,
      BATCH,
      { POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_STAND_ASIDE, POISON_STAND_ASIDE } },
    { "a big row, nothing else to compare with",
      CODE_SIZE,
      ROW,
      { POISON_WAIT_ASIDE, POISON_WAIT_ASIDE, POISON_STAND_ASIDE, POISON_STAND_ASIDE } },
    { "a suspect row",
      CODE_SUSPECT,
      ROW,
      { POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_STAND_ASIDE, POISON_STAND_ASIDE } },
    { "a batch while another stands aside",
      CODE_SIZE,
      { .stuck = true },
      { POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_SPLIT, POISON_SPLIT } },
    { "a batch while another stands aside, and the server is ill",
      CODE_PASSING,
      { .stuck = true },
      { POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_WAIT_STREAM } },
    { "a row while another stands aside",
      CODE_SUSPECT,
      { .stuck = true, .one_row = true },
      { POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_WAIT_STREAM } },
    { "the row that stands aside",
      CODE_SUSPECT,
      { .stuck = true, .aside = true, .one_row = true },
      { POISON_WAIT_STREAM, POISON_WAIT_STREAM, POISON_STAND_ASIDE, POISON_STAND_ASIDE } },
};

static void the_same_answer_again_and_again_is_judged_by_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(stories); i++) {
        struct poison poison = { 0 };
        for (int failure = 0; failure < 4; failure++) {
            enum poison_verdict verdict = poison_judge(&poison, stories[i].class, 1, &stories[i].facts);
            if (verdict != stories[i].verdicts[failure]) {
                fail_msg("%s: verdict %d after %d failures", stories[i].what, verdict, failure + 1);
            }
        }
    }
}

static void a_row_is_buried_only_once_its_table_took_something_else(void **state)
{
    (void)state;
    static const enum code_class classes[] = { CODE_SUSPECT, CODE_SHORT, CODE_SIZE };
    for (size_t i = 0; i < ARRAY_LENGTH(classes); i++) {
        struct poison poison = { 0 };
        struct poison_facts facts = { .one_row = true, .taken = 7 };
        assert_int_equal(judge_times(&poison, classes[i], facts, 100), POISON_STAND_ASIDE);
        facts.taken = 8;
        assert_int_equal(judge_times(&poison, classes[i], facts, 1), POISON_BURY);
    }
}

static void a_row_is_not_buried_for_the_servers_state_whatever_it_took(void **state)
{
    (void)state;
    struct poison poison = { 0 };
    assert_int_equal(judge_times(&poison, CODE_PASSING, (struct poison_facts){ .one_row = true }, 3),
                     POISON_STAND_ASIDE);
    assert_int_equal(judge_times(&poison, CODE_PASSING, (struct poison_facts){ .one_row = true, .taken = 9 }, 9),
                     POISON_STAND_ASIDE);
    struct poison_facts facts = { .one_row = true, .taken = 9 };
    poison = (struct poison){ 0 };
    for (int i = 0; i < 9; i++) {
        assert_int_not_equal(poison_judge_lost(&poison, &facts), POISON_BURY);
    }
}

static void a_code_of_its_own_begins_anew(void **state)
{
    (void)state;
    struct poison poison = { 0 };
    struct poison_facts facts = { 0 };
    judge_times(&poison, CODE_SUSPECT, facts, 2);
    assert_int_equal(poison_judge(&poison, CODE_SUSPECT, 2, &facts), POISON_WAIT_STREAM);
}

/* Replicas in turn, and a server that now has no memory and now no time. */
static void answers_that_mean_the_same_count_together_whoever_gives_them(void **state)
{
    (void)state;
    struct poison poison = { 0 };
    struct poison_facts facts = { 0 };
    assert_int_equal(poison_judge_lost(&poison, &facts), POISON_WAIT_STREAM);
    facts.server = 1;
    assert_int_equal(poison_judge_lost(&poison, &facts), POISON_SPLIT);
    poison = (struct poison){ 0 };
    assert_int_equal(poison_judge(&poison, CODE_SHORT, 241, &facts), POISON_WAIT_STREAM);
    assert_int_equal(poison_judge(&poison, CODE_SHORT, 159, &facts), POISON_SPLIT);
    poison = (struct poison){ 0 };
    poison_judge(&poison, CODE_PASSING, 202, &facts);
    poison_judge(&poison, CODE_PARTS, 252, &facts);
    assert_int_equal(poison_judge(&poison, CODE_PASSING, 242, &facts), POISON_STAND_ASIDE);
}

/* What another server takes is none: the one that refuses may be broken. */
static void a_row_that_several_servers_refuse_is_buried_once_one_of_them_took_something_else(void **state)
{
    (void)state;
    struct poison poison = { 0 };
    for (size_t i = 0; i < 9; i++) {
        struct poison_facts facts = { .server = i % 2, .one_row = true, .taken = 7 };
        assert_int_not_equal(poison_judge(&poison, CODE_SUSPECT, 1, &facts), POISON_BURY);
    }
    struct poison_facts other = { .server = 2, .one_row = true, .taken = 9 };
    assert_int_equal(poison_judge(&poison, CODE_SUSPECT, 1, &other), POISON_STAND_ASIDE);
    struct poison_facts same = { .server = 1, .one_row = true, .taken = 8 };
    assert_int_equal(poison_judge(&poison, CODE_SUSPECT, 1, &same), POISON_BURY);
}

static void a_server_that_is_short_for_a_moment_costs_no_row(void **state)
{
    (void)state;
    struct poison poison = { 0 };
    struct poison_facts facts = { .one_row = true };
    for (int i = 1; i < POISON_ATTEMPTS_SHORT; i++) {
        facts.taken++;
        assert_int_not_equal(poison_judge(&poison, CODE_SHORT, 241, &facts), POISON_BURY);
    }
    assert_int_equal(poison_judge(&poison, CODE_SHORT, 241, &facts), POISON_BURY);
}

static void a_group_is_halved_for_an_ill_server_once_others_are_taken(void **state)
{
    (void)state;
    struct poison poison = { 0 };
    struct poison_facts facts = { .group = true };
    assert_int_equal(judge_times(&poison, CODE_PASSING, facts, 3), POISON_STAND_ASIDE);
    facts.taken = 1;
    assert_int_equal(judge_times(&poison, CODE_PASSING, facts, 1), POISON_SPLIT);
    poison = (struct poison){ 0 };
    facts = (struct poison_facts){ .group = true, .stuck = true };
    assert_int_equal(judge_times(&poison, CODE_PARTS, facts, 2 * POISON_ATTEMPTS - 1), POISON_WAIT_STREAM);
    assert_int_equal(judge_times(&poison, CODE_PARTS, facts, 1), POISON_SPLIT); /* nothing else may come for long */
}

/* A half goes on where its whole was, but a row's own attempts begin with it. */
static void halves_are_parted_at_once_and_their_sibling_is_evidence(void **state)
{
    (void)state;
    struct poison whole = { 0 };
    struct poison_facts facts = { .taken = 7 };
    assert_int_equal(judge_times(&whole, CODE_SUSPECT, facts, 3), POISON_SPLIT);
    struct poison half = poison_of_half(&whole);
    facts.descendant = true;
    assert_int_equal(judge_times(&half, CODE_SUSPECT, facts, 1), POISON_SPLIT);
    struct poison row = poison_of_half(&half);
    facts.one_row = true;
    facts.taken = 8;
    assert_int_equal(judge_times(&row, CODE_SUSPECT, facts, 2), POISON_WAIT_ASIDE);
    assert_int_equal(judge_times(&row, CODE_SUSPECT, facts, 1), POISON_BURY);
}

/* That the halves of a big batch are taken says nothing of the row that is too big by itself. */
static void of_a_row_that_is_too_big_only_what_is_taken_later_is_evidence(void **state)
{
    (void)state;
    struct poison whole = { 0 };
    assert_int_equal(judge_times(&whole, CODE_SIZE, (struct poison_facts){ .taken = 7 }, 1), POISON_SPLIT);
    struct poison row = poison_of_half(&whole);
    struct poison_facts facts = { .taken = 8, .descendant = true, .one_row = true };
    assert_int_equal(judge_times(&row, CODE_SIZE, facts, 3), POISON_STAND_ASIDE);
    facts.taken = 9;
    assert_int_equal(judge_times(&row, CODE_SIZE, facts, 1), POISON_BURY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_answer_again_and_again_is_judged_by_its_class),
        cmocka_unit_test(a_row_is_buried_only_once_its_table_took_something_else),
        cmocka_unit_test(a_row_is_not_buried_for_the_servers_state_whatever_it_took),
        cmocka_unit_test(a_code_of_its_own_begins_anew),
        cmocka_unit_test(answers_that_mean_the_same_count_together_whoever_gives_them),
        cmocka_unit_test(a_row_that_several_servers_refuse_is_buried_once_one_of_them_took_something_else),
        cmocka_unit_test(a_server_that_is_short_for_a_moment_costs_no_row),
        cmocka_unit_test(a_group_is_halved_for_an_ill_server_once_others_are_taken),
        cmocka_unit_test(halves_are_parted_at_once_and_their_sibling_is_evidence),
        cmocka_unit_test(of_a_row_that_is_too_big_only_what_is_taken_later_is_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
