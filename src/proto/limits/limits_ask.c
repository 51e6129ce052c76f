/* Turns what is sent into what is left of buckets. */
#include "proto/limits/limits_private.h"

#include "base/assert.h"
#include "proto/access/access.h"
#include "proto/limits/limit_day.h"

#define NS_PER_MICROSECOND 1000 /* CPU time is told in these */

/* Asking. */

#define MOST_CLAIMS 3

static size_t find_claims(struct limits *limits, const struct visitor *visitor, int64_t now,
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
        struct limit_row *row = limit_table_find(limits->addresses, network, &limits->address, now, visitor->wall_ns);
        uint64_t day = limits->of_day ? limit_day_of(visitor->wall_ns, network) : 0;
        claims[count++] = (struct claim){ LIMIT_ADDRESS, &limits->address, row, day,
                                          spent == NULL ? NULL : limit_table_spent(limits->addresses, row) };
    }
    ASSERT_AT_MOST(count, MOST_CLAIMS);
    return count;
}

static double amount(const struct spending *spending, size_t unit)
{
    switch ((enum limit_unit)unit) {
    case LIMIT_REQUESTS: return spending->requests;
    case LIMIT_EVENTS: return spending->events;
    case LIMIT_BYTES: return (double)spending->bytes;
    case LIMIT_CPU: return (double)spending->cpu_ns;
    case LIMIT_UNITS: break;
    }
    return 0;
}

/* The bucket that matters most. */
struct finding {
    enum limit_policy policy;
    size_t unit;
    const struct limit_rate *rate; /* NULL: it is the limit of a day, or there is none */
    uint64_t daily, had;
    int64_t used; /* ticks, with what is asked for if that fits */
    int64_t wait; /* ticks; 0: it fits */
    double use;   /* of all of it; below 0: there is no bucket */
};

static inline bool is_worse(const struct finding *worst, int64_t wait, double use)
{
    return wait > worst->wait || (worst->wait == 0 && wait == 0 && use > worst->use);
}

/* A request must fit; of all else, which is known only afterwards, something must be left. */
static void look_at_bucket(const struct claim *claim, size_t unit, const struct spending *spending, int64_t now,
                           struct finding *worst)
{
    const struct limit_rate *rate = &claim->rates->of[unit];
    int64_t used = limit_bucket_used(&claim->row->buckets[unit], now);
    int64_t cost = limit_rate_cost(rate, amount(spending, unit));
    int64_t needed = unit != LIMIT_REQUESTS ? 1 : cost < rate->burst ? cost : rate->burst;
    int64_t beyond = used + needed - rate->burst;
    int64_t wait = beyond > 0 ? beyond : 0;
    used += wait != 0 ? 0 : cost;
    double use = (double)used * rate->of_burst;
    if (is_worse(worst, wait, use)) {
        *worst = (struct finding){
            .policy = claim->policy, .unit = unit, .rate = rate, .used = used, .wait = wait, .use = use
        };
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
    struct finding finding = { .policy = LIMIT_DAILY, .unit = unit, .daily = limit, .had = fits ? had + asked : had };
    int64_t to_midnight_ns = LIMIT_DAY_NS - wall_ns % LIMIT_DAY_NS;
    finding.used = to_midnight_ns * LIMIT_TICKS_PER_NS;
    finding.wait = fits ? 0 : finding.used;
    finding.use = (double)finding.had / (double)limit;
    if (is_worse(worst, finding.wait, finding.use)) {
        *worst = finding;
    }
}

/* The first of the units that are left. */
static inline size_t next_unit(unsigned *left)
{
    size_t unit = (size_t)__builtin_ctz(*left);
    *left &= *left - 1;
    return unit;
}

static void look(const struct claim *claim, const struct visitor *visitor, const struct spending *spending, int64_t now,
                 struct finding *worst)
{
    for (unsigned left = claim->rates->limited; left != 0;) {
        look_at_bucket(claim, next_unit(&left), spending, now, worst);
    }
    if (claim->day != 0) {
        look_at_day(&claim->row->requests_of_day, claim->rates->daily_requests, LIMIT_REQUESTS, claim,
                    spending->requests, visitor->wall_ns, worst);
        look_at_day(&claim->row->events_of_day, claim->rates->daily_events, LIMIT_EVENTS, claim, spending->events,
                    visitor->wall_ns, worst);
    }
}

/* Charging. */

static void note_spent(struct limit_spent *spent, const struct spending *spending)
{
    const uint64_t units[LIMIT_UNITS] = { spending->requests, spending->events, spending->bytes,
                                          (uint64_t)spending->cpu_ns };
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        if (units[unit] != 0) {
            atomic_fetch_add_explicit(&spent->units[unit], units[unit], memory_order_relaxed);
        }
    }
}

void limits_charge_claim(const struct claim *claim, const struct spending *spending, int64_t now)
{
    if (claim->spent != NULL) {
        note_spent(claim->spent, spending);
    }
    for (unsigned left = claim->rates->limited; left != 0;) {
        size_t unit = next_unit(&left);
        double units = amount(spending, unit);
        if (units != 0) {
            limit_bucket_charge(&claim->row->buckets[unit], now, limit_rate_cost(&claim->rates->of[unit], units));
        }
    }
    if (claim->day != 0 && spending->requests != 0 && claim->rates->daily_requests != 0) {
        limit_day_add(&claim->row->requests_of_day, claim->day, spending->requests);
    }
    if (claim->day != 0 && spending->events != 0 && claim->rates->daily_events != 0) {
        limit_day_add(&claim->row->events_of_day, claim->day, spending->events);
    }
}

/* Telling. */

static int64_t ns_of(int64_t ticks)
{
    return (ticks + LIMIT_TICKS_PER_NS - 1) / LIMIT_TICKS_PER_NS;
}

static uint64_t units_of(const struct finding *finding, int64_t ticks)
{
    double units = (double)ticks * finding->rate->per_tick + 1e-6;
    return (uint64_t)(finding->unit == LIMIT_CPU ? units / NS_PER_MICROSECOND : units);
}

static void tell(const struct finding *finding, struct limit_state *state)
{
    *state = (struct limit_state){ .limited = finding->use >= 0 };
    if (!state->limited) {
        return;
    }
    state->policy = finding->policy;
    state->unit = (enum limit_unit)finding->unit;
    state->retry_after_ns = ns_of(finding->wait);
    state->reset_ns = ns_of(finding->used);
    if (finding->rate == NULL) {
        state->limit = finding->daily;
        state->remaining = finding->daily > finding->had ? finding->daily - finding->had : 0;
        state->window_ns = LIMIT_DAY_NS;
        return;
    }
    int64_t left = finding->rate->burst - finding->used;
    state->limit = units_of(finding, finding->rate->burst);
    state->remaining = left > 0 ? units_of(finding, left) : 0;
    state->window_ns = ns_of(finding->rate->burst);
}

static enum error consider(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                           int64_t now_ns, struct limit_state *state, bool take)
{
    struct claim claims[MOST_CLAIMS];
    int64_t now = limit_ticks(now_ns);
    struct finding worst = { .use = -1 };
    size_t count = find_claims(limits, visitor, now, claims);
    for (size_t i = 0; i < count; i++) {
        look(&claims[i], visitor, spending, now, &worst);
    }
    if (state != NULL) {
        tell(&worst, state);
    }
    if (worst.wait > 0) {
        return ERROR_RATE_LIMITED;
    }
    for (size_t i = 0; take && i < count; i++) {
        limits_charge_claim(&claims[i], spending, now);
    }
    return OK;
}

enum error limits_take(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                       int64_t now_ns, struct limit_state *state)
{
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
    size_t count = find_claims(limits, visitor, now, claims);
    for (size_t i = 0; i < count; i++) {
        limits_charge_claim(&claims[i], spending, now);
    }
}
