/* The verdicts on one segment: rows of a table, and stories of several attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/delivery/delivery.h"

#include <stdio.h>
#include <string.h>

#define NAME "events-0190a000-0000-7000-8000-000000000001"

/* A server with tokens that is probed after it said "done", and runs since long ago. */
static const struct delivery_facts usual = {
    .name = NAME,
    .has_event_id = true,
    .tokens = true,
    .same_server = true,
    .rows = 1000,
    .refusals_allowed = 10,
    .wall_ns = INT64_C(1700000000123456789),
};

static struct delivery_facts with(struct delivery_facts facts, bool has_event_id, bool tokens, bool replicated)
{
    facts.has_event_id = has_event_id;
    facts.tokens = tokens;
    facts.replicated = replicated;
    return facts;
}

static struct store_reply answer(enum store_outcome outcome, int code, int status, const char *message)
{
    struct store_reply reply = { .outcome = outcome, .code = code, .http_status = status };
    snprintf(reply.message, sizeof reply.message, "%s", message);
    return reply;
}

static enum delivery_move send(struct delivery *delivery, const struct delivery_facts *facts, struct store_reply reply)
{
    assert_int_equal(delivery->step, DELIVERY_SEND);
    delivery_before_send(delivery, facts);
    return delivery_after_send(delivery, facts, &reply);
}

static const struct {
    const char *what;
    enum store_outcome outcome;
    int code, status;
    const char *message;
    enum delivery_move move;
    enum delivery_step step;
} first_attempts[] = {
    { "done", STORE_DONE, 0, 200, "", DELIVERY_NEXT, DELIVERY_CONFIRM },
    { "never sent", STORE_UNREACHABLE, 0, 0, "refused", DELIVERY_RETRY_BATCH, DELIVERY_SEND },
    { "lost", STORE_UNKNOWN, 0, 0, "time-out", DELIVERY_RETRY_STREAM, DELIVERY_VERIFY },
    { "busy", STORE_ANSWERED, 241, 500, "(total) memory limit exceeded", DELIVERY_RETRY_STREAM, DELIVERY_VERIFY },
    { "too many parts", STORE_ANSWERED, 252, 500, "Too many parts (300)", DELIVERY_RETRY_STREAM, DELIVERY_VERIFY },
    { "unheard-of code", STORE_ANSWERED, 9999, 500, "?", DELIVERY_RETRY_STREAM, DELIVERY_VERIFY },
    { "no code", STORE_ANSWERED, 0, 500, "?", DELIVERY_RETRY_STREAM, DELIVERY_VERIFY },
    { "proxy", STORE_ANSWERED, 0, 503, "?", DELIVERY_RETRY_BATCH, DELIVERY_VERIFY },
    { "busy proxy", STORE_ANSWERED, 0, 429, "?", DELIVERY_RETRY_STREAM, DELIVERY_VERIFY },
    { "proxy that forbids", STORE_ANSWERED, 0, 403, "?", DELIVERY_HOLD_STREAM, DELIVERY_VERIFY },
    { "wrong password", STORE_ANSWERED, 516, 403, "password", DELIVERY_HOLD_STREAM, DELIVERY_VERIFY },
    { "no table", STORE_ANSWERED, 60, 404, "no table", DELIVERY_HOLD_STREAM, DELIVERY_VERIFY },
    { "row", STORE_ANSWERED, 469, 500, "Constraint", DELIVERY_NEXT, DELIVERY_EXAMINE },
    { "row in a view", STORE_ANSWERED, 469, 500, "x: while pushing to view db.v", DELIVERY_NEXT, DELIVERY_VERIFY },
    { "partitions", STORE_ANSWERED, 252, 500, "Too many partitions for single INSERT block", DELIVERY_NEXT,
      DELIVERY_EXAMINE },
};

static void the_first_answer_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(first_attempts); i++) {
        struct delivery delivery;
        delivery_init(&delivery, NAME, false);
        enum delivery_move move = send(&delivery, &usual,
                                       answer(first_attempts[i].outcome, first_attempts[i].code,
                                              first_attempts[i].status, first_attempts[i].message));
        if (move != first_attempts[i].move || delivery.step != first_attempts[i].step) {
            fail_msg("%s: move %d step %d", first_attempts[i].what, move, delivery.step);
        }
        assert_string_equal(delivery.token, NAME);
    }
}

/* What follows an attempt of unknown fate, and a "done": by what table and server there is. */
static const struct {
    bool has_event_id, tokens, replicated, in_process;
    enum delivery_step after_unknown;
    enum delivery_step after_done; /* at the first attempt */
} doubts[] = {
    { true, true, false, false, DELIVERY_VERIFY, DELIVERY_CONFIRM },
    { true, true, true, false, DELIVERY_VERIFY, DELIVERY_STORED },
    { true, false, false, false, DELIVERY_VERIFY, DELIVERY_STORED },
    { true, true, false, true, DELIVERY_VERIFY, DELIVERY_STORED },
    { false, true, false, false, DELIVERY_SEND, DELIVERY_CONFIRM },
    { false, true, true, false, DELIVERY_SEND, DELIVERY_STORED },
    { false, false, false, false, DELIVERY_SEND, DELIVERY_STORED },
};

static void doubt_is_settled_by_what_there_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(doubts); i++) {
        struct delivery_facts facts = with(usual, doubts[i].has_event_id, doubts[i].tokens, doubts[i].replicated);
        struct delivery delivery;
        facts.in_process = doubts[i].in_process;
        delivery_init(&delivery, NAME, false);
        send(&delivery, &facts, answer(STORE_UNKNOWN, 0, 0, "lost"));
        assert_int_equal(delivery.step, doubts[i].after_unknown);
        delivery_init(&delivery, NAME, false);
        send(&delivery, &facts, answer(STORE_DONE, 0, 200, ""));
        assert_int_equal(delivery.step, doubts[i].after_done);
    }
}

/* Its process may have died and come back between two attempts that somebody on the way made of one. */
static void the_first_done_counts_only_if_who_said_it_ran_before(void **state)
{
    static const struct {
        const char *what;
        bool same_server;
        int64_t up_since_ns;
        enum delivery_step step;
    } cases[] = { { "ran before", true, 400, DELIVERY_STORED },
                  { "started just then", true, 501, DELIVERY_VERIFY },
                  { "another server", false, 400, DELIVERY_VERIFY } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct delivery delivery;
        struct delivery_facts facts = usual;
        struct store_reply done = answer(STORE_DONE, 0, 200, "");
        snprintf(done.server, sizeof done.server, "one");
        delivery_init(&delivery, NAME, false);
        facts.now_ns = 500;
        send(&delivery, &facts, done);
        assert_string_equal(delivery.done_by, "one");
        facts.same_server = cases[i].same_server;
        facts.up_since_ns = cases[i].up_since_ns;
        assert_int_equal(delivery_after_confirm(&delivery, &facts), DELIVERY_NEXT);
        assert_int_equal(delivery.step, cases[i].step);
        if (delivery.step == DELIVERY_VERIFY) { /* the token is known to lie */
            delivery_after_count(&delivery, &facts, 1000, 0);
            assert_string_not_equal(delivery.token, NAME);
        }
    }
}

/* What it stored in part, in a view say, its own token does not store twice. */
static void what_was_not_stored_is_sent_under_its_own_token_first(void **state)
{
    struct delivery delivery;
    (void)state;
    delivery_init(&delivery, NAME, false);
    send(&delivery, &usual, answer(STORE_UNKNOWN, 0, 0, "lost"));
    assert_int_equal(delivery_after_count(&delivery, &usual, 1000, 0), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_SEND);
    assert_string_equal(delivery.token, NAME);
    send(&delivery, &usual, answer(STORE_ANSWERED, 241, 500, "memory"));
    assert_int_equal(delivery_after_count(&delivery, &usual, 1000, 999), DELIVERY_NEXT);
    assert_string_equal(delivery.token, NAME);
    send(&delivery, &usual, answer(STORE_DONE, 0, 200, ""));
    assert_int_equal(delivery.step, DELIVERY_CONFIRM);
}

static void rows_that_are_there_are_not_sent_again(void **state)
{
    struct delivery delivery;
    (void)state;
    delivery_init(&delivery, NAME, false);
    send(&delivery, &usual, answer(STORE_UNKNOWN, 0, 0, "a proxy's 504"));
    assert_int_equal(delivery_after_count(&delivery, &usual, 1000, 1000), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_STORED);
    assert_false(delivery.view_failed);
}

/* The table has the rows: sent again only where that fills the view and nothing else, and not for ever. */
static void after_a_views_failure_the_table_decides(void **state)
{
    static const struct {
        const char *what;
        int code;
        bool refills;
        uint64_t found;
        enum delivery_move move;
        enum delivery_step step;
    } cases[] = { { "rows there", 153, false, 1000, DELIVERY_NEXT, DELIVERY_STORED },
                  { "rows there, of another kind", 469, false, 1000, DELIVERY_NEXT, DELIVERY_STORED },
                  { "rows there, the view can be filled", 153, true, 1000, DELIVERY_RETRY_BATCH, DELIVERY_SEND },
                  { "no rows, passing", 153, true, 0, DELIVERY_RETRY_STREAM, DELIVERY_SEND },
                  { "no rows, a row", 469, true, 0, DELIVERY_HOLD_STREAM, DELIVERY_SEND } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct delivery delivery;
        struct delivery_facts facts = usual;
        facts.view_refills = cases[i].refills;
        delivery_init(&delivery, NAME, false);
        assert_int_equal(
            send(&delivery, &facts, answer(STORE_ANSWERED, cases[i].code, 500, "x: while pushing to view d.v")),
            DELIVERY_NEXT);
        assert_int_equal(delivery.step, DELIVERY_VERIFY);
        enum delivery_move move = delivery_after_count(&delivery, &facts, 1000, cases[i].found);
        if (move != cases[i].move || delivery.step != cases[i].step) {
            fail_msg("%s: move %d step %d", cases[i].what, move, delivery.step);
        }
        assert_string_equal(delivery.token, NAME);
        assert_int_equal(delivery.view_failed, cases[i].found != 0); /* a gap, if it is forgotten so */
    }
}

static void a_view_that_keeps_failing_does_not_hold_its_stream(void **state)
{
    struct delivery delivery;
    struct delivery_facts facts = usual;
    int sent = 0;
    (void)state;
    facts.view_refills = true;
    delivery_init(&delivery, NAME, false);
    while (delivery.step != DELIVERY_STORED && sent < 100) {
        sent++;
        send(&delivery, &facts, answer(STORE_ANSWERED, 252, 500, "Too many parts: while pushing to view d.v"));
        delivery_after_count(&delivery, &facts, 1000, 1000);
    }
    assert_in_range(sent, 5, 20);
    assert_true(delivery.view_failed);
    delivery_init(&delivery, NAME, false);
    send(&delivery, &facts, answer(STORE_ANSWERED, 252, 500, "Too many parts: while pushing to view d.v"));
    delivery_after_count(&delivery, &facts, 1000, 1000);
    send(&delivery, &facts, answer(STORE_DONE, 0, 200, "")); /* it is mended */
    assert_false(delivery.view_failed);
}

/* Behind a balancer a count that finds nothing may have asked the wrong one. */
static void several_servers_make_a_count_that_finds_nothing_worthless(void **state)
{
    struct delivery delivery;
    struct delivery_facts facts = usual;
    (void)state;
    facts.several = true;
    facts.same_server = false;
    delivery_init(&delivery, NAME, false);
    send(&delivery, &facts, answer(STORE_DONE, 0, 200, ""));
    delivery_after_confirm(&delivery, &facts);
    assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 0), DELIVERY_HOLD_BATCH);
    assert_int_equal(delivery.step, DELIVERY_VERIFY); /* counted again, never sent twice */
    assert_non_null(strstr(delivery.reason, "store.url"));
    assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 1000), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_STORED); /* one that finds all is proof */
    delivery_init(&delivery, NAME, false);
    send(&delivery, &facts, answer(STORE_UNKNOWN, 0, 0, "lost")); /* nobody said "done": never lost, perhaps twice */
    assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 0), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_SEND);
}

static void a_token_counts_only_if_the_server_ran_before_its_first_use(void **state)
{
    (void)state;
    static const struct {
        int64_t up_since_ns;
        enum delivery_step step;
    } cases[] = { { 400, DELIVERY_STORED }, { 500, DELIVERY_STORED }, { 501, DELIVERY_VERIFY } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct delivery delivery;
        struct delivery_facts facts = usual;
        delivery_init(&delivery, NAME, false);
        facts.now_ns = 500;
        send(&delivery, &facts, answer(STORE_UNKNOWN, 0, 0, "lost"));
        delivery_after_count(&delivery, &facts, 1000, 0);
        facts.now_ns = 900;
        facts.up_since_ns = cases[i].up_since_ns;
        send(&delivery, &facts, answer(STORE_DONE, 0, 200, ""));
        assert_int_equal(delivery.step, DELIVERY_CONFIRM);
        assert_int_equal(delivery_after_confirm(&delivery, &facts), DELIVERY_NEXT);
        assert_int_equal(delivery.step, cases[i].step);
    }
}

static void an_unreachable_server_does_not_spend_the_token(void **state)
{
    (void)state;
    struct delivery delivery;
    struct delivery_facts facts = usual;
    delivery_init(&delivery, NAME, false);
    facts.now_ns = 500;
    send(&delivery, &facts, answer(STORE_UNREACHABLE, 0, 0, "refused"));
    facts.now_ns = 2000;
    facts.up_since_ns = 1000; /* it came up meanwhile */
    send(&delivery, &facts, answer(STORE_DONE, 0, 200, ""));
    delivery_after_confirm(&delivery, &facts);
    assert_int_equal(delivery.step, DELIVERY_STORED);
}

static void a_recovered_segment_is_counted_first(void **state)
{
    (void)state;
    struct delivery delivery;
    delivery_init(&delivery, NAME, true);
    delivery_resume(&delivery, &usual);
    assert_int_equal(delivery.step, DELIVERY_VERIFY);
    delivery_after_count(&delivery, &usual, 1000, 1000);
    assert_int_equal(delivery.step, DELIVERY_STORED);
}

/* Of 1000 rows of three segments, 400 are found. */
static void a_group_that_is_found_in_part_is_parted_unless_the_table_knows_what_went_out_of_it(void **state)
{
    (void)state;
    static const struct {
        bool recovered, tokens, replicated, sent;
        enum delivery_step step;
    } cases[] = {
        { true, true, false, false, DELIVERY_SPLIT },  { true, true, true, false, DELIVERY_SPLIT },
        { true, false, false, false, DELIVERY_SPLIT }, { false, true, false, true, DELIVERY_SEND },
        { false, true, true, true, DELIVERY_SEND },    { false, false, false, true, DELIVERY_SPLIT },
        { false, false, true, true, DELIVERY_SEND }, /* by the hashes of its blocks */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct delivery_facts facts = with(usual, true, cases[i].tokens, cases[i].replicated);
        struct delivery delivery;
        facts.segments = 3;
        delivery_init(&delivery, NAME, cases[i].recovered);
        if (cases[i].sent) {
            send(&delivery, &facts, answer(STORE_UNKNOWN, 0, 0, "lost"));
        }
        assert_int_equal(delivery.step, DELIVERY_VERIFY);
        assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 400), DELIVERY_NEXT);
        assert_int_equal(delivery.step, cases[i].step);
        if (cases[i].tokens || cases[i].step == DELIVERY_SPLIT) {
            assert_string_equal(delivery.token, NAME);
        }
        assert_false(delivery.none_stored);
    }
}

static void what_is_not_there_is_sent_under_a_token_never_used(void **state)
{
    (void)state;
    struct delivery delivery;
    delivery_init(&delivery, NAME, true);
    delivery_after_count(&delivery, &usual, 1000, 999);
    assert_string_equal(delivery.token, NAME ".1700000000123456");
    send(&delivery, &usual, answer(STORE_DONE, 0, 200, ""));
    assert_int_equal(delivery.step, DELIVERY_CONFIRM);

    delivery.step = DELIVERY_VERIFY; /* the clock has stood still */
    delivery_after_count(&delivery, &usual, 1000, 0);
    assert_string_equal(delivery.token, NAME ".1700000000123457");
}

static void a_replica_that_lags_behind_does_not_cost_a_token(void **state)
{
    (void)state;
    struct delivery_facts facts = with(usual, true, true, true);
    struct delivery delivery;
    delivery_init(&delivery, NAME, true);
    delivery_after_count(&delivery, &facts, 1000, 999);
    assert_int_equal(delivery.step, DELIVERY_SEND);
    assert_string_equal(delivery.token, NAME);
}

static void without_event_ids_a_recovered_segment_is_sent_again(void **state)
{
    (void)state;
    struct delivery_facts facts = with(usual, false, true, false);
    struct delivery delivery;
    delivery_init(&delivery, NAME, true);
    delivery_resume(&delivery, &facts);
    assert_int_equal(delivery.step, DELIVERY_SEND);
    assert_string_not_equal(delivery.token, NAME);
}

static const struct {
    const char *what;
    bool has_event_id, none_stored;
    uint64_t rows, refused;
    enum delivery_move move;
    enum delivery_step step;
} refusals[] = {
    { "a whole batch is looked for first", true, false, 1000, 0, DELIVERY_NEXT, DELIVERY_EXAMINE },
    { "a half is not", true, true, 500, 0, DELIVERY_NEXT, DELIVERY_SPLIT },
    { "one row is, before it is buried", true, true, 1, 0, DELIVERY_NEXT, DELIVERY_EXAMINE },
    { "the tenth row", true, true, 1, 9, DELIVERY_NEXT, DELIVERY_EXAMINE },
    { "more than ten", true, true, 1, 10, DELIVERY_HOLD_BATCH, DELIVERY_SEND },
    { "more than ten, in a half", true, true, 500, 10, DELIVERY_HOLD_BATCH, DELIVERY_SEND },
    { "nothing to count by", false, false, 1000, 0, DELIVERY_NEXT, DELIVERY_SPLIT },
    { "nothing to count by, one row", false, true, 1, 0, DELIVERY_NEXT, DELIVERY_BURY },
};

static void refused_rows_are_looked_for_and_parted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
        struct delivery_facts facts = usual;
        struct delivery delivery;
        facts.has_event_id = refusals[i].has_event_id;
        facts.rows = refusals[i].rows;
        facts.refused = refusals[i].refused;
        delivery_init(&delivery, NAME, false);
        delivery.none_stored = refusals[i].none_stored;
        enum delivery_move move = send(&delivery, &facts, answer(STORE_ANSWERED, 469, 500, "Constraint `c`"));
        if (move != refusals[i].move || delivery.step != refusals[i].step) {
            fail_msg("%s: move %d step %d", refusals[i].what, move, delivery.step);
        }
        assert_non_null(strstr(delivery.reason, "VIOLATED_CONSTRAINT"));
    }
}

static const struct {
    const char *what;
    uint64_t rows, found;
    enum delivery_step step;
    bool halves_are_counted; /* before they are sent */
} examinations[] = {
    { "none is there", 1000, 0, DELIVERY_SPLIT, false },
    { "some are there", 1000, 7, DELIVERY_SPLIT, true },
    { "all are there", 1000, 1000, DELIVERY_SPLIT, true },
    { "the row at fault", 1, 0, DELIVERY_BURY, false },
    { "a repeat of a row that is there", 1, 1, DELIVERY_STORED, false },
};

static void rows_that_are_in_the_table_are_stored_and_the_others_parted_or_buried(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(examinations); i++) {
        struct delivery_facts facts = usual;
        struct delivery delivery, half;
        facts.rows = examinations[i].rows;
        delivery_init(&delivery, NAME, false);
        delivery.step = DELIVERY_EXAMINE;
        assert_int_equal(delivery_after_count(&delivery, &facts, facts.rows, examinations[i].found), DELIVERY_NEXT);
        if (delivery.step != examinations[i].step) {
            fail_msg("%s: step %d", examinations[i].what, delivery.step);
        }
        delivery_init(&half, "half", false);
        delivery_inherit(&half, &delivery);
        if (delivery.step == DELIVERY_SPLIT) {
            assert_int_equal(half.step, examinations[i].halves_are_counted ? DELIVERY_VERIFY : DELIVERY_SEND);
        }
    }
}

/* Every answer of a store or a proxy that says that the batch is too big: halved at once, or when it says so again. */
static const struct {
    const char *what;
    int code, status;
    const char *message;
    int after; /* failures */
} sizes[] = {
    { "too many partitions", 252, 500, "Too many partitions for single INSERT block (more than 100)", 1 },
    { "a query's memory", 241, 500, "Query memory limit exceeded: would use 1.2 GiB", 1 },
    { "a query's memory, old", 241, 500, "Memory limit (for query) exceeded: would use 1.2 GiB", 1 },
    { "a user's memory", 241, 500, "User memory limit exceeded: would use 1.2 GiB", 1 },
    { "rows of a query", 158, 500, "Limit for rows exceeded", 1 },
    { "bytes of a query", 307, 500, "Limit for (uncompressed) bytes exceeded", 1 },
    { "rows or bytes", 396, 500, "Limit for result exceeded", 1 },
    { "files", 76, 500, "Cannot open file x.bin, errno: 24, strerror: Too many open files", 1 },
    { "a proxy", 0, 413, "<html>413 Request Entity Too Large</html>", 1 },
    { "a proxy without words", 0, 413, "", 1 },
    { "a URL", 0, 414, "URI Too Long", 1 },
    { "a head", 0, 431, "", 1 },
    { "another proxy", 0, 400, "request body is too large", 1 },
    { "a filter", 0, 403, "Body size exceeds the limit", 1 },
    { "the server's memory", 241, 500, "(total) memory limit exceeded: would use 2 GiB", 2 },
    { "malloc", 173, 500, "Allocator: Cannot mmap 64 MiB", 2 },
    { "the server's time", 159, 500, "Timeout exceeded: elapsed 61 seconds", 2 },
    { "the server's estimate", 160, 500, "Estimated query execution time is too long", 2 },
    { "the server's socket", 209, 500, "Timeout exceeded while reading from socket", 2 },
    { "a proxy's time", 0, 408, "Request Timeout", 2 },
    { "an expression", 153, 500, "Division by zero", 3 },
    { "a thrower", 395, 500, "Value passed to throwIf", 3 },
    { "a code that nobody knows", 9999, 500, "?", 3 },
    { "the server's state", 242, 500, "Table is in readonly mode", INT32_MAX },
    { "too many parts", 252, 500, "Too many parts (300)", INT32_MAX },
    { "a file that cannot be opened", 76, 500, "Cannot open file, errno: 13, strerror: Permission denied", INT32_MAX },
    { "a view's expression", 153, 500, "Division by zero: while pushing to view db.v", INT32_MAX },
    { "a view's memory", 241, 500, "Query memory limit exceeded: while pushing to view db.v", INT32_MAX },
};

static void what_is_too_big_is_parted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct delivery delivery;
        delivery_init(&delivery, NAME, false);
        for (int failures = 1; failures <= 5; failures++) {
            delivery.step = DELIVERY_SEND;
            enum delivery_move move =
                send(&delivery, &usual, answer(STORE_ANSWERED, sizes[i].code, sizes[i].status, sizes[i].message));
            bool parted = move == DELIVERY_NEXT && delivery.step == DELIVERY_EXAMINE;
            if (parted != (failures >= sizes[i].after)) {
                fail_msg("%s: move %d step %d after %d failures", sizes[i].what, move, delivery.step, failures);
            }
            if (parted) {
                break;
            }
        }
    }
}

static void a_proxys_refusal_stored_nothing_and_a_servers_may_have(void **state)
{
    (void)state;
    struct delivery delivery;
    delivery_init(&delivery, NAME, false);
    delivery.none_stored = true;
    send(&delivery, &usual, answer(STORE_ANSWERED, 0, 413, ""));
    assert_int_equal(delivery.step, DELIVERY_SPLIT);
    delivery.step = DELIVERY_SEND;
    send(&delivery, &usual, answer(STORE_ANSWERED, 307, 500, "Limit for bytes exceeded"));
    assert_int_equal(delivery.step, DELIVERY_EXAMINE);
}

static void what_times_out_twice_is_parted(void **state)
{
    (void)state;
    struct delivery_facts facts = with(usual, false, false, false);
    struct delivery delivery;
    delivery_init(&delivery, NAME, false);
    assert_int_equal(send(&delivery, &facts, answer(STORE_UNKNOWN, 0, 0, "time-out")), DELIVERY_RETRY_STREAM);
    assert_int_equal(delivery_after_lost(&delivery, &facts), DELIVERY_RETRY_STREAM);
    assert_int_equal(send(&delivery, &facts, answer(STORE_UNKNOWN, 0, 0, "time-out")), DELIVERY_RETRY_STREAM);
    assert_int_equal(delivery_after_lost(&delivery, &facts), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_SPLIT);
}

static void a_failed_count_leaves_the_step(void **state)
{
    (void)state;
    static const struct {
        enum store_outcome outcome;
        int code;
        enum delivery_move move;
    } cases[] = { { STORE_UNREACHABLE, 0, DELIVERY_RETRY_BATCH },
                  { STORE_UNKNOWN, 0, DELIVERY_RETRY_STREAM },
                  { STORE_ANSWERED, 241, DELIVERY_RETRY_STREAM },
                  { STORE_ANSWERED, 497, DELIVERY_HOLD_STREAM } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct store_reply reply = answer(cases[i].outcome, cases[i].code, 0, "no");
        struct delivery delivery;
        delivery_init(&delivery, NAME, true);
        assert_int_equal(delivery_after_failed_question(&delivery, &reply), cases[i].move);
        assert_int_equal(delivery.step, DELIVERY_VERIFY);
    }
}

static void the_bound_of_refusals_is_one_percent_within_reason(void **state)
{
    (void)state;
    static const uint64_t cases[][2] = { { 1, 10 },    { 1000, 10 },   { 1100, 11 },
                                         { 5000, 50 }, { 10000, 100 }, { 100000, 200 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(delivery_refusals_allowed(cases[i][0]), cases[i][1]);
    }
}

static void a_long_reason_is_cut_not_overrun(void **state)
{
    (void)state;
    struct store_reply reply = answer(STORE_ANSWERED, 469, 500, "");
    struct delivery_facts facts = usual;
    struct delivery delivery;
    memset(reply.message, 'x', sizeof reply.message - 1);
    facts.refused = 10;
    delivery_init(&delivery, NAME, false);
    send(&delivery, &facts, reply);
    assert_true(strlen(delivery.reason) < sizeof delivery.reason);
    assert_non_null(strstr(delivery.reason, "it is the schema"));
}

/* What is not there may have been replaced: nobody can count that it was stored. */
static void rows_that_replace_are_sent_again_until_a_server_proves_that_it_has_them(void **state)
{
    (void)state;
    struct delivery_facts facts = usual;
    struct delivery delivery;
    facts.replaces = true;
    delivery_init(&delivery, NAME, false);
    send(&delivery, &facts, answer(STORE_UNKNOWN, 0, 0, "time-out"));
    assert_int_equal(delivery.step, DELIVERY_VERIFY);
    assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 999), DELIVERY_NEXT);
    assert_string_equal(delivery.token, NAME); /* what is there of it is not stored again */
    facts.same_server = false;
    for (int i = 0; i < 3; i++) {
        char token[DELIVERY_TOKEN_MAX];
        strcpy(token, delivery.token);
        assert_int_equal(send(&delivery, &facts, answer(STORE_DONE, 0, 200, "")), DELIVERY_NEXT);
        assert_int_equal(delivery_after_confirm(&delivery, &facts), DELIVERY_NEXT);
        assert_int_equal(delivery.step, DELIVERY_VERIFY);
        assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 999), DELIVERY_RETRY_BATCH);
        assert_string_not_equal(delivery.token, token);
    }
    facts.several = true; /* none may ever prove it: two tokens were said to be done */
    send(&delivery, &facts, answer(STORE_DONE, 0, 200, ""));
    delivery_after_confirm(&delivery, &facts);
    assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 999), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_STORED);
}

static void a_group_of_rows_that_replace_is_not_parted_for_what_is_missing(void **state)
{
    (void)state;
    struct delivery_facts facts = usual;
    struct delivery delivery;
    facts.replaces = true;
    facts.segments = 3;
    delivery_init(&delivery, NAME, true);
    assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 500), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_SEND);
    delivery_init(&delivery, NAME, true);
    assert_int_equal(delivery_after_count(&delivery, &facts, 1000, 1000), DELIVERY_NEXT);
    assert_int_equal(delivery.step, DELIVERY_STORED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_decides),
        cmocka_unit_test(doubt_is_settled_by_what_there_is),
        cmocka_unit_test(the_first_done_counts_only_if_who_said_it_ran_before),
        cmocka_unit_test(what_was_not_stored_is_sent_under_its_own_token_first),
        cmocka_unit_test(rows_that_are_there_are_not_sent_again),
        cmocka_unit_test(after_a_views_failure_the_table_decides),
        cmocka_unit_test(a_view_that_keeps_failing_does_not_hold_its_stream),
        cmocka_unit_test(several_servers_make_a_count_that_finds_nothing_worthless),
        cmocka_unit_test(a_token_counts_only_if_the_server_ran_before_its_first_use),
        cmocka_unit_test(an_unreachable_server_does_not_spend_the_token),
        cmocka_unit_test(a_recovered_segment_is_counted_first),
        cmocka_unit_test(a_group_that_is_found_in_part_is_parted_unless_the_table_knows_what_went_out_of_it),
        cmocka_unit_test(what_is_not_there_is_sent_under_a_token_never_used),
        cmocka_unit_test(a_replica_that_lags_behind_does_not_cost_a_token),
        cmocka_unit_test(without_event_ids_a_recovered_segment_is_sent_again),
        cmocka_unit_test(rows_that_replace_are_sent_again_until_a_server_proves_that_it_has_them),
        cmocka_unit_test(a_group_of_rows_that_replace_is_not_parted_for_what_is_missing),
        cmocka_unit_test(refused_rows_are_looked_for_and_parted),
        cmocka_unit_test(rows_that_are_in_the_table_are_stored_and_the_others_parted_or_buried),
        cmocka_unit_test(what_is_too_big_is_parted),
        cmocka_unit_test(a_proxys_refusal_stored_nothing_and_a_servers_may_have),
        cmocka_unit_test(what_times_out_twice_is_parted),
        cmocka_unit_test(a_failed_count_leaves_the_step),
        cmocka_unit_test(the_bound_of_refusals_is_one_percent_within_reason),
        cmocka_unit_test(a_long_reason_is_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
