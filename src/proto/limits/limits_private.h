/* The inside of limits.c, limits_ask.c and limits_sharing.c, not for others. */
#pragma once

#include "proto/limits/limit_table.h"
#include "proto/limits/limits.h"

#include <pthread.h>

#define NS_PER_MICROSECOND 1000 /* CPU time is told in these */

struct key_limit {
    uint64_t name;            /* its hash */
    struct limit_spent spent; /* if they are shared */
    struct limit_rates rates;
    struct limit_row row;
};

struct limits {
    bool of_all, of_address, of_key; /* is there a limit? */
    bool of_day;
    bool measure_cpu;
    bool afterwards;     /* something is charged that is known only then */
    bool others;         /* there are limits of something else than requests */
    bool requests_alone; /* are limited, of nobody's day, and nobody else is told */
    struct limit_rates all;
    struct limit_rates address;
    struct limit_row *all_row;
    struct limit_table *addresses; /* NULL: there is no limit of an address */
    struct key_limit *keys;
    size_t key_count;
    struct sharing *sharing; /* NULL: they are this gateway's alone */
};

/* What the thread needs that tells others. */
struct sharing {
    pthread_mutex_t mutex; /* it does not stand still while a reload changes keys and rates */
    struct limit_spent all;
    size_t cursor; /* in the table of addresses */
};

/* A visitor pays all, its key and its address. */
#define MOST_CLAIMS 3

/* The buckets of one policy that a visitor takes from. */
struct claim {
    enum limit_policy policy;
    const struct limit_rates *rates;
    struct limit_row *row;
    uint64_t day;              /* of limit_day.h; 0: there is no limit of a day */
    struct limit_spent *spent; /* NULL: nobody is told */
};

/* The row of the visitor's address. */
static inline struct limit_row *limits_find_row(struct limits *limits, const struct visitor *visitor, uint64_t network,
                                                int64_t now)
{
    struct limit_place *place = visitor->place;
    if (place == NULL) {
        return limit_table_find(limits->addresses, network, &limits->address, now, visitor->wall_ns);
    }
    return limit_place_is_of(place, network)
               ? place->row
               : limit_table_find_again(limits->addresses, network, place, &limits->address, now, visitor->wall_ns);
}

/* Takes one request where requests alone are limited, and tells what is left. False: it does not fit, or nothing is limited for this
 * visitor; nothing was taken. */
MUST_CHECK bool limits_take_request(struct limits *limits, const struct visitor *visitor, int64_t now,
                                    struct limit_state *state);

static inline int64_t limit_ns_of(int64_t ticks)
{
    return (ticks + LIMIT_TICKS_PER_NS - 1) / LIMIT_TICKS_PER_NS;
}

/* CPU time is told in microseconds. */
static inline uint64_t limit_units_of(const struct limit_rate *rate, enum limit_unit unit, int64_t ticks)
{
    double units = (double)ticks * rate->per_tick + 1e-6;
    return (uint64_t)(unit == LIMIT_CPU ? units / NS_PER_MICROSECOND : units);
}

/* `used` and `wait` in ticks. */
static inline void limits_tell_bucket(const struct limit_rate *rate, enum limit_policy policy, enum limit_unit unit,
                                      int64_t used, int64_t wait, struct limit_state *state)
{
    int64_t left = rate->burst - used;
    state->limited = true;
    state->policy = policy;
    state->unit = unit;
    state->retry_after_ns = limit_ns_of(wait);
    state->reset_ns = limit_ns_of(used);
    state->limit = limit_units_of(rate, unit, rate->burst);
    state->remaining = left > 0 ? limit_units_of(rate, unit, left) : 0;
    state->window_ns = limit_ns_of(rate->burst);
}

/* Takes it from these buckets, whatever there is. */
void limits_charge_claim(const struct claim *claim, const struct spending *spending, int64_t now);

/* While the thread that tells others may look, too. */
static inline void limits_lock(const struct limits *limits)
{
    if (limits->sharing != NULL) {
        pthread_mutex_lock(&limits->sharing->mutex);
    }
}

static inline void limits_unlock(const struct limits *limits)
{
    if (limits->sharing != NULL) {
        pthread_mutex_unlock(&limits->sharing->mutex);
    }
}
