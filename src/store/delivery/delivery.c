/* Turns the answers to one batch's attempts into its next step. */
#include "store/delivery/delivery.h"

#include "base/assert.h"
#include "base/clock.h"
#include "store/answer_text.h"

#include <inttypes.h>
#include <stdio.h>

/* How often a batch is sent again for the sake of a view that fails: about a minute. Its rows are in the table. */
#define VIEW_REFILLS 8

#define REFUSALS_MIN 10
#define REFUSALS_MAX 200

void delivery_explain(struct delivery *delivery, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(delivery->reason, sizeof delivery->reason, format, arguments);
    va_end(arguments);
    snprintf(delivery->answer, sizeof delivery->answer, "%s", delivery->reason);
}

static void explain_reply(struct delivery *delivery, const struct store_reply *reply)
{
    delivery->code = reply->code;
    answer_explain(reply, delivery->reason, sizeof delivery->reason);
    answer_quote(reply, delivery->answer, sizeof delivery->answer);
}

void delivery_init(struct delivery *delivery, const char *name, bool recovered)
{
    *delivery = (struct delivery){ .step = recovered ? DELIVERY_VERIFY : DELIVERY_SEND };
    snprintf(delivery->token, sizeof delivery->token, "%s", name);
}

void delivery_inherit(struct delivery *half, const struct delivery *whole)
{
    if (!whole->none_stored) {
        half->step = DELIVERY_VERIFY;
    }
    half->none_stored = whole->none_stored;
    half->in_doubt = !whole->none_stored;
    half->view_failed = whole->view_failed;
    half->view_move = whole->view_move;
    half->poison = poison_of_half(&whole->poison);
}

/* Numbered by the clock: an earlier process may have used `<name>.1` already, and a spent token is worse than none. */
static void take_fresh_token(struct delivery *delivery, const struct delivery_facts *facts)
{
    uint64_t number = (uint64_t)(facts->wall_ns / NS_PER_US), last = delivery->number;
    delivery->number = number > last ? number : last + 1;
    ASSERT_BELOW(last, delivery->number); /* a token is never used for other rows */
    snprintf(delivery->token, sizeof delivery->token, "%s.%" PRIu64, facts->name, delivery->number);
    delivery->claims += delivery->token_claimed;
    delivery->token_spent = false;
    delivery->token_claimed = false;
    delivery->step = DELIVERY_SEND;
}

void delivery_resume(struct delivery *delivery, const struct delivery_facts *facts)
{
    if (delivery->step == DELIVERY_VERIFY && !facts->has_event_id) {
        take_fresh_token(delivery, facts);
    }
}

void delivery_before_send(struct delivery *delivery, const struct delivery_facts *facts)
{
    if (!delivery->token_spent) {
        delivery->token_sent_ns = facts->now_ns;
    }
}

/* After an attempt that may have stored the rows, or not. A token keeps a table from holding them twice, not the views
 * behind it, so they are counted first. */
static void go_on_in_doubt(struct delivery *delivery, const struct delivery_facts *facts)
{
    delivery->step = facts->has_event_id ? DELIVERY_VERIFY : DELIVERY_SEND;
}

static enum delivery_move after_done(struct delivery *delivery, const struct delivery_facts *facts,
                                     const struct store_reply *reply)
{
    ASSERT(reply->outcome == STORE_DONE);
    bool cannot_lie = facts->replicated || !facts->tokens || (facts->in_process && !delivery->token_spent);
    delivery->view_failed = false;
    delivery->token_claimed = !cannot_lie;
    memcpy(delivery->done_by, reply->server, sizeof delivery->done_by);
    delivery->step = cannot_lie ? DELIVERY_STORED : DELIVERY_CONFIRM;
    return DELIVERY_NEXT;
}

/* Single rows are always looked for before they are buried; what is bigger, unless nothing of it can be there. */
static enum delivery_move take_apart(struct delivery *delivery, const struct delivery_facts *facts)
{
    if (facts->has_event_id && (!delivery->none_stored || facts->rows == 1)) {
        delivery->step = DELIVERY_EXAMINE;
    } else {
        delivery->step = facts->rows == 1 ? DELIVERY_BURY : DELIVERY_SPLIT;
    }
    return DELIVERY_NEXT;
}

enum delivery_move delivery_blame_schema(struct delivery *delivery, uint64_t allowed)
{
    char cause[256];
    snprintf(cause, sizeof cause, "%.255s", delivery->reason);
    delivery_explain(delivery, "more than %" PRIu64 " rows of one batch are refused, so it is the schema: %s", allowed,
                     cause);
    delivery->step = DELIVERY_SEND;
    return DELIVERY_HOLD_BATCH;
}

/* A row is at fault. */
static enum delivery_move after_refusal(struct delivery *delivery, const struct delivery_facts *facts)
{
    if (facts->refused >= facts->refusals_allowed) {
        return delivery_blame_schema(delivery, facts->refusals_allowed);
    }
    return take_apart(delivery, facts);
}

static enum delivery_move stand_aside(struct delivery *delivery, const struct delivery_facts *facts)
{
    char cause[256];
    snprintf(cause, sizeof cause, "%.255s", delivery->reason);
    delivery_explain(delivery, "%s stands aside, so that what is behind it is tried: %s", facts->name, cause);
    return DELIVERY_STAND_ASIDE;
}

/* `may_be_many`: not a row but their number may be at fault. */
static enum delivery_move follow(enum poison_verdict verdict, bool may_be_many, struct delivery *delivery,
                                 const struct delivery_facts *facts)
{
    switch (verdict) {
    case POISON_SPLIT: return may_be_many ? take_apart(delivery, facts) : after_refusal(delivery, facts);
    case POISON_BURY: return after_refusal(delivery, facts);
    case POISON_WAIT_STREAM:
    case POISON_WAIT_ASIDE:
    case POISON_STAND_ASIDE: break;
    }
    go_on_in_doubt(delivery, facts);
    if (verdict == POISON_STAND_ASIDE) {
        return stand_aside(delivery, facts);
    }
    return verdict == POISON_WAIT_ASIDE ? DELIVERY_RETRY_ASIDE : DELIVERY_RETRY_STREAM;
}

static enum delivery_move judge_answer(struct delivery *delivery, const struct delivery_facts *facts,
                                       const struct store_reply *reply)
{
    enum code_class class = code_classify(reply);
    switch (class) {
    case CODE_ROW: return after_refusal(delivery, facts);
    case CODE_COLUMNS: go_on_in_doubt(delivery, facts); return DELIVERY_HOLD_MISFIT;
    case CODE_HOLD: go_on_in_doubt(delivery, facts); return DELIVERY_HOLD_STREAM;
    case CODE_SUSPECT:
    case CODE_SHORT:
    case CODE_SIZE:
    case CODE_PARTS:
    case CODE_PASSING: break;
    }
    if (!code_is_before_store(reply)) {
        delivery->none_stored = false;
        delivery->in_doubt = true;
    }
    enum poison_verdict verdict = poison_judge(&delivery->poison, class, poison_answer(reply), &facts->poison);
    return follow(verdict, class != CODE_SUSPECT, delivery, facts);
}

static enum delivery_move after_answer(struct delivery *delivery, const struct delivery_facts *facts,
                                       const struct store_reply *reply)
{
    explain_reply(delivery, reply);
    enum delivery_move move = judge_answer(delivery, facts, reply);
    delivery->view_failed = reply->code != 0 && code_is_from_view(reply);
    if (delivery->view_failed && facts->has_event_id) {
        delivery->view_move = move;
        delivery->step = DELIVERY_VERIFY;
        return DELIVERY_NEXT;
    }
    return move;
}

enum delivery_move delivery_after_send(struct delivery *delivery, const struct delivery_facts *facts,
                                       const struct store_reply *reply)
{
    ASSERT(delivery->step == DELIVERY_SEND);
    if (reply->outcome == STORE_DONE) {
        return after_done(delivery, facts, reply);
    }
    if (reply->outcome == STORE_UNREACHABLE) {
        explain_reply(delivery, reply);
        return DELIVERY_RETRY_BATCH;
    }
    delivery->token_spent = true;
    if (reply->outcome == STORE_ANSWERED && !code_is_from_proxy(reply)) {
        return after_answer(delivery, facts, reply);
    }
    delivery->none_stored = false;
    delivery->in_doubt = true;
    explain_reply(delivery, reply);
    go_on_in_doubt(delivery, facts);
    return reply->outcome == STORE_ANSWERED ? DELIVERY_RETRY_BATCH : DELIVERY_RETRY_STREAM;
}

enum delivery_move delivery_after_lost(struct delivery *delivery, const struct delivery_facts *facts)
{
    return follow(poison_judge_lost(&delivery->poison, &facts->poison), true, delivery, facts);
}

enum delivery_move delivery_after_confirm(struct delivery *delivery, const struct delivery_facts *facts)
{
    ASSERT(delivery->step == DELIVERY_CONFIRM);
    if (facts->same_server && facts->up_since_ns <= delivery->token_sent_ns) {
        delivery->step = DELIVERY_STORED;
    } else if (facts->has_event_id) {
        delivery->step = DELIVERY_VERIFY;
    } else if (facts->several) {
        delivery->step = DELIVERY_STORED;
    } else {
        bool again = delivery->claims != 0; /* a server in its first second proves nothing: not once more at once */
        take_fresh_token(delivery, facts);
        return again ? DELIVERY_RETRY_BATCH : DELIVERY_NEXT;
    }
    return DELIVERY_NEXT;
}

/* Rows that are there already, of a resent event say, are no reason for the others to wait. */
static enum delivery_move after_examination(struct delivery *delivery, const struct delivery_facts *facts,
                                            uint64_t found)
{
    ASSERT(facts->rows != 0);
    delivery->none_stored = found == 0;
    if (facts->rows > 1) {
        delivery->step = DELIVERY_SPLIT;
    } else {
        delivery->step = found == 0 ? DELIVERY_BURY : DELIVERY_STORED;
    }
    return DELIVERY_NEXT;
}

/* All rows are in the table. If a view failed: the same token again, where only what failed takes it; else, and in the
 * end, the events are stored, and the view's gap is reported. */
static enum delivery_move after_all_found(struct delivery *delivery, const struct delivery_facts *facts)
{
    delivery->step = DELIVERY_STORED;
    if (!delivery->view_failed || !facts->view_refills || !delivery->token_spent ||
        delivery->view_refills >= VIEW_REFILLS) {
        return DELIVERY_NEXT;
    }
    delivery->view_refills++;
    ASSERT_AT_MOST(delivery->view_refills, VIEW_REFILLS);
    delivery->step = DELIVERY_SEND;
    return DELIVERY_RETRY_BATCH;
}

/* A replica that is asked may lag behind: the token knows better. And what an attempt stored in part, in views or
 * partitions, its own token does not store twice. */
static bool token_may_help(const struct delivery *delivery, const struct delivery_facts *facts)
{
    return facts->tokens && (facts->replicated || (delivery->token_spent && !delivery->token_claimed));
}

/* Some segments of a group are stored, each for itself: not by an attempt with the group as it is, which may have stored
 * some partitions of all of them. The table knows those by the token, a Replicated* one without tokens by their hashes,
 * and takes the others of the same group alone. */
static bool is_found_by_segment(const struct delivery *delivery, const struct delivery_facts *facts, uint64_t found)
{
    bool knows_partitions = facts->replicated || token_may_help(delivery, facts);
    return facts->segments > 1 && found != 0 && !(delivery->token_spent && knows_partitions);
}

/* Rows that replace: some are not there, or others are in their place. They go again until the server that has taken them
 * proves it; where several answer at the address, none may ever, and a second token that was done is believed. */
static enum delivery_move send_again(struct delivery *delivery, const struct delivery_facts *facts,
                                     enum delivery_move move)
{
    bool claimed = delivery->token_claimed;
    if (claimed && facts->several && !facts->replicated && delivery->claims != 0) {
        delivery->step = DELIVERY_STORED;
        return DELIVERY_NEXT;
    }
    if (token_may_help(delivery, facts)) {
        delivery->step = DELIVERY_SEND;
    } else {
        take_fresh_token(delivery, facts);
    }
    return claimed && move == DELIVERY_NEXT ? DELIVERY_RETRY_BATCH : move;
}

static enum delivery_move after_some_missing(struct delivery *delivery, const struct delivery_facts *facts,
                                             uint64_t found)
{
    enum delivery_move move = delivery->view_failed ? delivery->view_move : DELIVERY_NEXT;
    delivery->view_failed = false;
    if (facts->replaces) {
        return send_again(delivery, facts, move);
    }
    if (facts->several && !facts->replicated && delivery->token_claimed) {
        delivery_explain(
            delivery, "an INSERT was answered \"done\", and none of the servers asked at this address has all of its "
                      "rows: name each server in store.url by itself");
        return DELIVERY_HOLD_BATCH;
    }
    if (is_found_by_segment(delivery, facts, found)) {
        delivery->step = DELIVERY_SPLIT;
        delivery->none_stored = false;
        return DELIVERY_NEXT;
    }
    if (token_may_help(delivery, facts)) {
        delivery->step = DELIVERY_SEND;
    } else {
        take_fresh_token(delivery, facts);
    }
    return move;
}

enum delivery_move delivery_after_count(struct delivery *delivery, const struct delivery_facts *facts,
                                        uint64_t distinct, uint64_t found)
{
    ASSERT(delivery->step == DELIVERY_EXAMINE || delivery->step == DELIVERY_VERIFY);
    if (delivery->step == DELIVERY_EXAMINE) {
        return after_examination(delivery, facts, found);
    }
    return found >= distinct ? after_all_found(delivery, facts) : after_some_missing(delivery, facts, found);
}

enum delivery_move delivery_after_bad_file(struct delivery *delivery, const struct delivery_facts *facts)
{
    if (facts->segments < 2) {
        return DELIVERY_HOLD_BATCH;
    }
    delivery->none_stored = !delivery->token_spent && delivery->step != DELIVERY_VERIFY;
    delivery->step = DELIVERY_SPLIT;
    return DELIVERY_NEXT;
}

enum delivery_move delivery_after_failed_question(struct delivery *delivery, const struct store_reply *reply)
{
    explain_reply(delivery, reply);
    switch (reply->outcome) {
    case STORE_UNREACHABLE: return DELIVERY_RETRY_BATCH;
    case STORE_ANSWERED: return code_classify(reply) >= CODE_COLUMNS ? DELIVERY_HOLD_STREAM : DELIVERY_RETRY_STREAM;
    case STORE_UNKNOWN:
    case STORE_DONE: break;
    }
    return DELIVERY_RETRY_STREAM;
}

uint64_t delivery_refusals_allowed(uint64_t root_rows)
{
    ASSERT(root_rows != 0);
    uint64_t percent = root_rows / 100;
    if (percent > REFUSALS_MAX) {
        return REFUSALS_MAX;
    }
    return percent < REFUSALS_MIN ? REFUSALS_MIN : percent;
}
