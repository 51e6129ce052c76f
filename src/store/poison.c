/* Turns the same answer again and again into what becomes of the batch. */
#include "store/poison.h"

#include <limits.h>

#define LOST INT_MIN

/* By class: after how many failures in a row it is the batch's own, and what is done then. */
struct rule {
    unsigned patience;
    bool halves;
    bool buries;
    bool alone; /* evidence counts from the row's first failure alone: with others, it was their number */
};

static const struct rule passing = { POISON_ATTEMPTS, false, false, false };
static const struct rule lost = { 2, true, false, false };
static const struct rule rules[] = {
    [CODE_SUSPECT] = { POISON_ATTEMPTS, true, true, false },
    [CODE_SHORT] = { 2, true, true, true },
    [CODE_SIZE] = { 1, true, true, true },
};

int poison_answer(const struct store_reply *reply)
{
    return reply->code != 0 ? reply->code : -reply->http_status;
}

static void count(struct poison *poison, int answer, const struct poison_facts *facts)
{
    if (poison->failures == 0 || poison->answer != answer || poison->server != facts->server) {
        *poison = (struct poison){ .answer = answer, .server = facts->server, .taken = facts->taken };
    }
    poison->failures++;
    poison->own++;
}

bool poison_has_evidence(const struct poison *poison, const struct poison_facts *facts)
{
    return facts->taken > poison->taken;
}

static enum poison_verdict judge_row(const struct poison *poison, const struct poison_facts *facts)
{
    bool others_wait = facts->stuck && !facts->aside;
    if (poison->own < POISON_ATTEMPTS) {
        return others_wait && !facts->descendant ? POISON_WAIT_STREAM : POISON_WAIT_ASIDE;
    }
    if (poison_has_evidence(poison, facts)) {
        return POISON_BURY;
    }
    return others_wait ? POISON_WAIT_STREAM : POISON_STAND_ASIDE;
}

static enum poison_verdict judge(struct poison *poison, const struct rule *rule, int answer,
                                 const struct poison_facts *facts)
{
    count(poison, answer, facts);
    if (rule->alone && facts->one_row && poison->own == 1) {
        poison->taken = facts->taken;
    }
    if (poison->failures < rule->patience) {
        return POISON_WAIT_STREAM;
    }
    if (facts->one_row && rule->buries) {
        return judge_row(poison, facts);
    }
    bool others_wait = facts->stuck && !facts->aside;
    if (rule->halves && !facts->one_row && (!others_wait || poison->own >= POISON_ATTEMPTS)) {
        return POISON_SPLIT;
    }
    return others_wait ? POISON_WAIT_STREAM : POISON_STAND_ASIDE;
}

enum poison_verdict poison_judge(struct poison *poison, enum code_class class, int answer,
                                 const struct poison_facts *facts)
{
    bool has_rule = (size_t) class < ARRAY_LENGTH(rules) && rules[class].patience != 0;
    return judge(poison, has_rule ? &rules[class] : &passing, answer, facts);
}

enum poison_verdict poison_judge_lost(struct poison *poison, const struct poison_facts *facts)
{
    return judge(poison, &lost, LOST, facts);
}

struct poison poison_of_half(const struct poison *whole)
{
    struct poison half = *whole;
    half.own = 0;
    return half;
}
