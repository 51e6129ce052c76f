/* Turns the same answer again and again into what becomes of the batch. */
#include "store/delivery/poison.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "store/store.h"

#include <limits.h>

/* What stands for an answer that is not a code of its own. */
#define TOO_BIG INT_MIN
#define ILL (INT_MIN + 1)

/* By class: after how many failures in a row it is the batch's own, and what is done then. */
struct rule {
    unsigned patience;
    bool halves;
    unsigned buries; /* a row after so many attempts alone; 0: never */
    bool alone;      /* evidence counts from the row's first failure alone: with others, it was their number */
    int answer;      /* 0: its code */
};

static const struct rule passing = { POISON_ATTEMPTS, false, 0, false, ILL };
static const struct rule lost = { 2, true, 0, false, TOO_BIG };
static const struct rule rules[] = {
    [CODE_SUSPECT] = { POISON_ATTEMPTS, true, POISON_ATTEMPTS, false, 0 },
    [CODE_SHORT] = { 2, true, POISON_ATTEMPTS_SHORT, true, TOO_BIG },
    [CODE_SIZE] = { 1, true, POISON_ATTEMPTS, true, TOO_BIG },
};

int poison_answer(const struct store_reply *reply)
{
    return reply->code != 0 ? reply->code : -reply->http_status;
}

static const struct poison_place *find_place(const struct poison *poison, size_t server)
{
    for (size_t i = 0; i < poison->place_count; i++) {
        if (poison->places[i].server == server) {
            return &poison->places[i];
        }
    }
    return NULL;
}

static void note_place(struct poison *poison, const struct poison_facts *facts)
{
    if (find_place(poison, facts->server) == NULL) {
        poison->places[poison->next_place] = (struct poison_place){ facts->server, facts->taken };
        poison->next_place = (poison->next_place + 1) % POISON_PLACES;
        poison->place_count += poison->place_count < POISON_PLACES;
        ASSERT_BELOW(poison->next_place, POISON_PLACES);
    }
}

static void count(struct poison *poison, const struct rule *rule, int answer, const struct poison_facts *facts)
{
    if (poison->failures == 0 || poison->answer != answer) {
        *poison = (struct poison){ .answer = answer };
    }
    poison->failures++;
    poison->own++;
    ASSERT_AT_MOST(poison->own, poison->failures);
    if (rule->alone && facts->one_row && poison->own == 1) {
        poison->place_count = poison->next_place = 0;
    }
    note_place(poison, facts);
}

bool poison_has_evidence(const struct poison *poison, const struct poison_facts *facts)
{
    const struct poison_place *place = find_place(poison, facts->server);
    return place != NULL && facts->taken > place->taken;
}

static enum poison_verdict judge_row(const struct poison *poison, const struct rule *rule,
                                     const struct poison_facts *facts)
{
    ASSERT(facts->one_row && rule->buries != 0);
    bool others_wait = facts->stuck && !facts->aside;
    if (poison->own < rule->buries) {
        return others_wait && !facts->descendant ? POISON_WAIT_STREAM : POISON_WAIT_ASIDE;
    }
    if (poison_has_evidence(poison, facts)) {
        return POISON_BURY;
    }
    return others_wait ? POISON_WAIT_STREAM : POISON_STAND_ASIDE;
}

/* Not while all may be ill: a group that is halved in vain costs an INSERT each of its parts. */
static bool is_group_to_halve(const struct poison *poison, const struct poison_facts *facts)
{
    return facts->group && (poison_has_evidence(poison, facts) || poison->own >= 2 * POISON_ATTEMPTS);
}

static enum poison_verdict judge(struct poison *poison, const struct rule *rule, int code,
                                 const struct poison_facts *facts)
{
    ASSERT(!facts->group || !facts->one_row);
    count(poison, rule, rule->answer != 0 ? rule->answer : code, facts);
    if (poison->failures < rule->patience) {
        return POISON_WAIT_STREAM;
    }
    if (facts->one_row && rule->buries != 0) {
        return judge_row(poison, rule, facts);
    }
    bool others_wait = facts->stuck && !facts->aside;
    if (rule->halves && !facts->one_row && (!others_wait || poison->own >= POISON_ATTEMPTS)) {
        return POISON_SPLIT;
    }
    if (is_group_to_halve(poison, facts)) {
        return POISON_SPLIT;
    }
    return others_wait ? POISON_WAIT_STREAM : POISON_STAND_ASIDE;
}

enum poison_verdict poison_judge(struct poison *poison, enum code_class class, int code,
                                 const struct poison_facts *facts)
{
    bool has_rule = (size_t) class < ARRAY_LENGTH(rules) && rules[class].patience != 0;
    return judge(poison, has_rule ? &rules[class] : &passing, code, facts);
}

enum poison_verdict poison_judge_lost(struct poison *poison, const struct poison_facts *facts)
{
    return judge(poison, &lost, 0, facts);
}

struct poison poison_of_half(const struct poison *whole)
{
    struct poison half = *whole;
    half.own = 0;
    return half;
}
