/* Turns rates into buckets, and what is sent into what is left of them. */
#include "proto/limits/limits.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/metrics/metrics.h"
#include "config/options/access_options.h"
#include "config/options/limits_options.h"
#include "proto/access/access.h"
#include "proto/limits/limit_day.h"
#include "proto/limits/limit_table.h"

#include <stdlib.h>

#define NS_PER_MICROSECOND 1000 /* CPU time is told in these */

_Static_assert(LIMIT_POLICIES == METRICS_LIMIT_POLICY_COUNT && (int)LIMIT_UNITS == METRICS_LIMIT_UNIT_COUNT, "labels");

struct key_limit {
    uint64_t name; /* its hash */
    struct limit_rates rates;
    struct limit_row row;
};

struct limits {
    bool of_all, of_address, of_key; /* is there a limit? */
    bool of_day;
    bool measure_cpu;
    bool afterwards; /* something is charged that is known only then */
    struct limit_rates all;
    struct limit_rates address;
    struct limit_row *all_row;
    struct limit_table *addresses; /* NULL: there is no limit of an address */
    struct key_limit *keys;
    size_t key_count;
};

/* Making. */

static struct limit_rates compile(const struct rate_options *options)
{
    return (
        struct limit_rates){ .of = {
                                 [LIMIT_REQUESTS] = limit_rate_make((double)options->requests, options->burst_ns, 1),
                                 [LIMIT_EVENTS] = limit_rate_make((double)options->events, options->burst_ns, 1),
                                 [LIMIT_BYTES] = limit_rate_make((double)options->bytes, options->burst_ns, 1),
                                 [LIMIT_CPU] =
                                     limit_rate_make((double)options->cpu_ns, options->burst_ns, NS_PER_MICROSECOND),
                             } };
}

static bool limits_something(const struct limit_rates *rates)
{
    bool something = false;
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        something |= rates->of[unit].unit != 0;
    }
    return something;
}

/* What the limits of one kind ask of the doors. */
static bool note(struct limits *limits, const struct limit_rates *rates)
{
    limits->measure_cpu |= rates->of[LIMIT_CPU].unit != 0;
    limits->afterwards |= rates->of[LIMIT_CPU].unit != 0 || rates->of[LIMIT_EVENTS].unit != 0 ||
                          rates->of[LIMIT_BYTES].unit != 0 || rates->daily_events != 0;
    return limits_something(rates);
}

/* It has the usual limits, or its own. */
static void compile_key(struct key_limit *limit, const struct key_options *key, const struct rate_options *usual)
{
    limit->name = hash_xxh3_64(key->name, strlen(key->name));
    limit->rates = compile(&key->rate);
    if (!limits_something(&limit->rates)) {
        limit->rates = compile(usual);
    }
}

static bool make_keys(struct limits *limits, const struct limits_options *options, const struct key_options *keys,
                      size_t count)
{
    limits->keys = count == 0 ? NULL : aligned_alloc(_Alignof(struct key_limit), count * sizeof *limits->keys);
    if (count != 0 && limits->keys == NULL) {
        return false;
    }
    limits->key_count = count;
    for (size_t i = 0; i < count; i++) {
        memset(&limits->keys[i], 0, sizeof limits->keys[i]);
        compile_key(&limits->keys[i], &keys[i], &options->key);
        limits->of_key |= note(limits, &limits->keys[i].rates);
    }
    return true;
}

/* All but the memory that addresses and all have. */
static bool compile_all(struct limits *limits, const struct limits_options *options, const struct key_options *keys,
                        size_t key_count)
{
    limits->all = compile(&options->all);
    limits->address = compile(&options->address);
    limits->address.daily_requests = options->daily.requests;
    limits->address.daily_events = options->daily.events;
    limits->of_day = options->daily.requests != 0 || options->daily.events != 0;
    limits->of_all = note(limits, &limits->all);
    limits->of_address = note(limits, &limits->address) || limits->of_day;
    if (limits->of_address && limits->addresses == NULL) {
        limits->addresses = limit_table_new(options->addresses);
        if (limits->addresses == NULL) {
            return false;
        }
    }
    return make_keys(limits, options, keys, key_count);
}

struct limits *limits_new(const struct limits_options *options, const struct key_options *keys, size_t key_count)
{
    struct limits *limits = calloc(1, sizeof *limits);
    if (limits == NULL) {
        return NULL;
    }
    limits->all_row = aligned_alloc(_Alignof(struct limit_row), sizeof *limits->all_row);
    if (limits->all_row != NULL) {
        memset(limits->all_row, 0, sizeof *limits->all_row);
    }
    if (limits->all_row == NULL || !compile_all(limits, options, keys, key_count)) {
        limits_free(limits);
        return NULL;
    }
    return limits;
}

void limits_free(struct limits *limits)
{
    if (limits != NULL) {
        limit_table_free(limits->addresses);
        free(limits->all_row);
        free(limits->keys);
        free(limits);
    }
}

static void keep_row(struct limit_row *to, struct limit_row *from)
{
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        atomic_store(&to->buckets[unit], atomic_load(&from->buckets[unit]));
    }
}

static void keep_keys(struct limits *now, struct limits *before)
{
    for (size_t i = 0; i < now->key_count; i++) {
        for (size_t j = 0; j < before->key_count; j++) {
            if (now->keys[i].name == before->keys[j].name) {
                keep_row(&now->keys[i].row, &before->keys[j].row);
            }
        }
    }
}

bool limits_reload(struct limits *limits, const struct limits_options *options, const struct key_options *keys,
                   size_t key_count)
{
    struct limits now = { .all_row = limits->all_row, .addresses = limits->addresses };
    if (!compile_all(&now, options, keys, key_count)) {
        if (now.addresses != limits->addresses) {
            limit_table_free(now.addresses);
        }
        return false;
    }
    keep_keys(&now, limits);
    free(limits->keys);
    *limits = now;
    return true;
}

bool limits_are_off(const struct limits *limits)
{
    return !limits->of_all && !limits->of_address && !limits->of_key;
}

bool limits_measure_cpu(const struct limits *limits)
{
    return limits->measure_cpu;
}

void limits_count_refusal(struct metrics_cells *cells, const struct limit_state *state)
{
    ASSERT(state->limited && state->policy < LIMIT_POLICIES && state->unit < LIMIT_UNITS);
    metric_add_index(cells, METRIC_LIMITED, (size_t)state->policy * LIMIT_UNITS + state->unit, 1);
}

bool limits_charge_afterwards(const struct limits *limits)
{
    return limits->afterwards;
}

struct limits_counts limits_count(const struct limits *limits)
{
    return limits->addresses != NULL ? limit_table_count(limits->addresses) : (struct limits_counts){ 0 };
}

/* Asking. */

/* The buckets of one policy that a visitor takes from. */
struct claim {
    enum limit_policy policy;
    const struct limit_rates *rates;
    struct limit_row *row;
    uint64_t day; /* of limit_day.h; 0: there is no limit of a day */
};

#define MOST_CLAIMS 3

static size_t find_claims(struct limits *limits, const struct visitor *visitor, int64_t now,
                          struct claim claims[MOST_CLAIMS])
{
    size_t count = 0;
    if (limits->of_all) {
        claims[count++] = (struct claim){ LIMIT_ALL, &limits->all, limits->all_row, 0 };
    }
    if (limits->of_key && visitor->key != NULL && visitor->key->index < limits->key_count) {
        struct key_limit *key = &limits->keys[visitor->key->index];
        claims[count++] = (struct claim){ LIMIT_KEY, &key->rates, &key->row, 0 };
    }
    if (limits->of_address) {
        uint64_t network = limit_network_of(&visitor->address);
        struct limit_row *row = limit_table_find(limits->addresses, network, &limits->address, now, visitor->wall_ns);
        uint64_t day = limits->of_day ? limit_day_of(visitor->wall_ns, network) : 0;
        claims[count++] = (struct claim){ LIMIT_ADDRESS, &limits->address, row, day };
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

static void find_worse(struct finding *worst, const struct finding *other)
{
    if (other->wait > worst->wait || (worst->wait == 0 && other->wait == 0 && other->use > worst->use)) {
        *worst = *other;
    }
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
    struct finding finding = { .policy = claim->policy, .unit = unit, .rate = rate, .used = used };
    if (beyond > 0) {
        finding.wait = beyond;
    } else {
        finding.used += cost;
    }
    finding.use = (double)finding.used * rate->of_burst;
    find_worse(worst, &finding);
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
    find_worse(worst, &finding);
}

static void look(const struct claim *claim, const struct visitor *visitor, const struct spending *spending, int64_t now,
                 struct finding *worst)
{
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        if (claim->rates->of[unit].unit != 0) {
            look_at_bucket(claim, unit, spending, now, worst);
        }
    }
    if (claim->day != 0) {
        look_at_day(&claim->row->requests_of_day, claim->rates->daily_requests, LIMIT_REQUESTS, claim,
                    spending->requests, visitor->wall_ns, worst);
        look_at_day(&claim->row->events_of_day, claim->rates->daily_events, LIMIT_EVENTS, claim, spending->events,
                    visitor->wall_ns, worst);
    }
}

/* Charging. */

static void charge(const struct claim *claim, const struct spending *spending, int64_t now)
{
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        double units = claim->rates->of[unit].unit != 0 ? amount(spending, unit) : 0;
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
        charge(&claims[i], spending, now);
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
        charge(&claims[i], spending, now);
    }
}
