/* Turns rates into buckets. */
#include "proto/limits/limits_private.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/metrics/metrics.h"
#include "config/options/access_options.h"
#include "config/options/limits_options.h"

#include <stdlib.h>

_Static_assert(LIMIT_POLICIES == METRICS_LIMIT_POLICY_COUNT && (int)LIMIT_UNITS == METRICS_LIMIT_UNIT_COUNT, "labels");

static struct limit_rates compile(const struct rate_options *options)
{
    struct limit_rates rates = {
        .of = {
            [LIMIT_REQUESTS] = limit_rate_make((double)options->requests, options->burst_ns, 1),
            [LIMIT_EVENTS] = limit_rate_make((double)options->events, options->burst_ns, 1),
            [LIMIT_BYTES] = limit_rate_make((double)options->bytes, options->burst_ns, 1),
            [LIMIT_CPU] = limit_rate_make((double)options->cpu_ns, options->burst_ns, NS_PER_MICROSECOND),
        },
    };
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        rates.limited |= (unsigned)(rates.of[unit].unit != 0) << unit;
    }
    return rates;
}

static bool limits_something(const struct limit_rates *rates)
{
    return rates->limited != 0;
}

/* What the limits of one kind ask of the doors. */
static bool note(struct limits *limits, const struct limit_rates *rates)
{
    limits->others |= (rates->limited & ~(1U << LIMIT_REQUESTS)) != 0;
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
        limits->addresses = limit_table_new(options->addresses, limits->sharing != NULL);
        if (limits->addresses == NULL) {
            return false;
        }
    }
    bool made = make_keys(limits, options, keys, key_count);
    limits->requests_alone = !limits->of_day && limits->sharing == NULL && !limits->others;
    return made;
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
    limits->sharing = options->shared ? calloc(1, sizeof *limits->sharing) : NULL;
    if (limits->sharing != NULL) {
        pthread_mutex_init(&limits->sharing->mutex, NULL);
    }
    if (limits->all_row == NULL || (options->shared && limits->sharing == NULL) ||
        !compile_all(limits, options, keys, key_count)) {
        limits_free(limits);
        return NULL;
    }
    return limits;
}

void limits_free(struct limits *limits)
{
    if (limits != NULL) {
        limit_table_free(limits->addresses);
        if (limits->sharing != NULL) {
            pthread_mutex_destroy(&limits->sharing->mutex);
        }
        free(limits->sharing);
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
    struct limits now = {
        .all_row = limits->all_row,
        .addresses = limits->addresses,
        .sharing = limits->sharing,
    };
    if (!compile_all(&now, options, keys, key_count)) {
        if (now.addresses != limits->addresses) {
            limit_table_free(now.addresses);
        }
        return false;
    }
    limits_lock(limits);
    keep_keys(&now, limits);
    free(limits->keys);
    *limits = now;
    limits_unlock(&now);
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
