/* Turns what is sent into what is left of buckets. */
#include "proto/limits/limits_private.h"

#include "base/assert.h"
#include "proto/access/access.h"
#include "proto/limits/limit_day.h"

/* Asking. */

static inline size_t find_claims(struct limits *limits, const struct visitor *visitor, int64_t now,
                                 struct claim claims[MOST_CLAIMS])
{
    size_t count = 0;
    struct limit_spent *spent = limits->sharing == NULL ? NULL : &limits->sharing->all;
    if (limits->of_all) {
        claims[count++] = (struct claim){ LIMIT_ALL, &limits->all, limits->all_row, 0, spent };
    }
    if (limits->of_key && visitor->key != NULL && visitor->key->index < limits->key_count) {
        struct key_limit *key = &limits->keys[visitor->key->index];
        claims[count++] = (struct claim){ LIMIT_KEY, &key->rates, &key->row, 0, spent == NULL ? NULL : &key->spent };
    }
    if (limits->of_address) {
        uint64_t network = limit_network_of(&visitor->address);
        struct limit_row *row = limits_find_row(limits, visitor, network, now);
        uint64_t day = limits->of_day ? limit_day_of(visitor->wall_ns, network) : 0;
        claims[count++] = (struct claim){ LIMIT_ADDRESS, &limits->address, row, day,
                                          spent == NULL ? NULL : limit_table_spent(limits->addresses, row) };
    }
    ASSERT_AT_MOST(count, MOST_CLAIMS);
    return count;
}

/* By enum limit_unit. */
struct amounts {
    uint64_t of[LIMIT_UNITS];
};

static inline struct amounts amounts_of(const struct spending *spending)
{
    ASSERT(spending->cpu_ns >= 0);
    return (struct amounts){ { spending->requests, spending->events, spending->bytes, (uint64_t)spending->cpu_ns } };
}

/* The bucket that matters most. */
struct finding {
    const struct claim *claim; /* NULL: there is no bucket */
    size_t unit;
    uint64_t daily, had; /* daily is not 0: it is the limit of a day */
    int64_t used;        /* ticks, with what is asked for if that fits */
    int64_t wait;        /* ticks; 0: it fits */
    double use;          /* of all of it; below 0: there is no bucket */
};

static inline bool is_worse(const struct finding *worst, int64_t wait, double use)
{
    return wait > worst->wait || (worst->wait == 0 && wait == 0 && use > worst->use);
}

/* A request must fit; of all else, which is known only afterwards, something must be left. */
static inline void look_at_bucket(const struct claim *claim, size_t unit, uint64_t amount, int64_t now,
                                  struct finding *worst)
{
    const struct limit_rate *rate = &claim->rates->of[unit];
    int64_t used = limit_bucket_used(&claim->row->buckets[unit], now);
    int64_t cost = limit_rate_cost(rate, amount);
    int64_t needed = unit != LIMIT_REQUESTS ? 1 : cost < rate->burst ? cost : rate->burst;
    int64_t beyond = used + needed - rate->burst;
    int64_t wait = beyond > 0 ? beyond : 0;
    used += wait != 0 ? 0 : cost;
    double use = (double)used * rate->of_burst;
    if (is_worse(worst, wait, use)) {
        worst->claim = claim;
        worst->unit = unit;
        worst->daily = 0;
        worst->used = used;
        worst->wait = wait;
        worst->use = use;
    }
}

static void look_at_day(const _Atomic uint64_t *number, uint64_t limit, size_t unit, const struct claim *claim,
                        uint32_t asked, int64_t wall_ns, struct finding *worst)
{
    if (limit == 0) {
        return;
    }
    uint64_t had = limit_day_count(number, claim->day);
    bool fits = unit == LIMIT_REQUESTS ? had + asked <= limit : had < limit;
    struct finding finding = { .claim = claim, .unit = unit, .daily = limit, .had = fits ? had + asked : had };
    int64_t to_midnight_ns = LIMIT_DAY_NS - wall_ns % LIMIT_DAY_NS;
    finding.used = to_midnight_ns * LIMIT_TICKS_PER_NS;
    finding.wait = fits ? 0 : finding.used;
    finding.use = (double)finding.had / (double)limit;
    if (is_worse(worst, finding.wait, finding.use)) {
        *worst = finding;
    }
}

static void RARE look_at_days(const struct claim *claim, const struct spending *spending, int64_t wall_ns,
                              struct finding *worst)
{
    look_at_day(&claim->row->requests_of_day, claim->rates->daily_requests, LIMIT_REQUESTS, claim, spending->requests,
                wall_ns, worst);
    look_at_day(&claim->row->events_of_day, claim->rates->daily_events, LIMIT_EVENTS, claim, spending->events, wall_ns,
                worst);
}

/* The first of the units that are left. */
static inline size_t next_unit(unsigned *left)
{
    size_t unit = (size_t)__builtin_ctz(*left);
    *left &= *left - 1;
    return unit;
}

static inline void look(const struct claim *claim, const struct visitor *visitor, const struct spending *spending,
                        const struct amounts *amounts, int64_t now, struct finding *worst)
{
    for (unsigned left = claim->rates->limited; left != 0;) {
        size_t unit = next_unit(&left);
        look_at_bucket(claim, unit, amounts->of[unit], now, worst);
    }
    if (claim->day != 0) {
        look_at_days(claim, spending, visitor->wall_ns, worst);
    }
}

/* Charging. */

static void RARE note_spent(struct limit_spent *spent, const struct amounts *amounts)
{
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        if (amounts->of[unit] != 0) {
            atomic_fetch_add_explicit(&spent->units[unit], amounts->of[unit], memory_order_relaxed);
        }
    }
}

static void RARE charge_days(const struct claim *claim, const struct spending *spending)
{
    if (spending->requests != 0 && claim->rates->daily_requests != 0) {
        limit_day_add(&claim->row->requests_of_day, claim->day, spending->requests);
    }
    if (spending->events != 0 && claim->rates->daily_events != 0) {
        limit_day_add(&claim->row->events_of_day, claim->day, spending->events);
    }
}

static inline void charge(const struct claim *claim, const struct spending *spending, const struct amounts *amounts,
                          int64_t now)
{
    if (claim->spent != NULL) {
        note_spent(claim->spent, amounts);
    }
    for (unsigned left = claim->rates->limited; left != 0;) {
        size_t unit = next_unit(&left);
        if (amounts->of[unit] != 0) {
            int64_t cost = limit_rate_cost(&claim->rates->of[unit], amounts->of[unit]);
            limit_bucket_charge(&claim->row->buckets[unit], now, cost);
        }
    }
    if (claim->day != 0) {
        charge_days(claim, spending);
    }
}

void limits_charge_claim(const struct claim *claim, const struct spending *spending, int64_t now)
{
    const struct amounts amounts = amounts_of(spending);
    charge(claim, spending, &amounts, now);
}

/* Telling. */

static void RARE tell_day(const struct finding *finding, struct limit_state *state)
{
    *state = (struct limit_state){ .limited = true, .policy = LIMIT_DAILY, .unit = (enum limit_unit)finding->unit };
    state->retry_after_ns = limit_ns_of(finding->wait);
    state->reset_ns = limit_ns_of(finding->used);
    state->limit = finding->daily;
    state->remaining = finding->daily > finding->had ? finding->daily - finding->had : 0;
    state->window_ns = LIMIT_DAY_NS;
}

static inline void tell(const struct finding *finding, struct limit_state *state)
{
    if (finding->claim == NULL) {
        *state = (struct limit_state){ 0 };
    } else if (finding->daily != 0) {
        tell_day(finding, state);
    } else {
        limits_tell_bucket(&finding->claim->rates->of[finding->unit], finding->claim->policy,
                           (enum limit_unit)finding->unit, finding->used, finding->wait, state);
    }
}

static enum error consider(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                           int64_t now_ns, struct limit_state *state, bool take)
{
    struct claim claims[MOST_CLAIMS];
    int64_t now = limit_ticks(now_ns);
    struct finding worst = { .use = -1 };
    const struct amounts amounts = amounts_of(spending);
    size_t count = find_claims(limits, visitor, now, claims);
    for (size_t i = 0; i < count; i++) {
        look(&claims[i], visitor, spending, &amounts, now, &worst);
    }
    if (state != NULL) {
        tell(&worst, state);
    }
    if (worst.wait > 0) {
        return ERROR_RATE_LIMITED;
    }
    for (size_t i = 0; take && i < count; i++) {
        charge(&claims[i], spending, &amounts, now);
    }
    return OK;
}

enum error limits_take(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                       int64_t now_ns, struct limit_state *state)
{
    bool is_request = limits->requests_alone && spending->requests == 1 && state != NULL;
    if (is_request && limits_take_request(limits, visitor, limit_ticks(now_ns), state)) {
        return OK;
    }
    return consider(limits, visitor, spending, now_ns, state, true);
}

enum error limits_ask(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                      int64_t now_ns, struct limit_state *state)
{
    return consider(limits, visitor, spending, now_ns, state, false);
}

void limits_charge(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                   int64_t now_ns)
{
    if (!limits->afterwards && spending->requests == 0) {
        return;
    }
    struct claim claims[MOST_CLAIMS];
    int64_t now = limit_ticks(now_ns);
    const struct amounts amounts = amounts_of(spending);
    size_t count = find_claims(limits, visitor, now, claims);
    for (size_t i = 0; i < count; i++) {
        charge(&claims[i], spending, &amounts, now);
    }
}
