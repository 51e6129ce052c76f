/* Turns one request into what is left of buckets of requests: what limits_ask.c does for all of them, in a third of its time. */
#include "proto/limits/limits_private.h"

#include "base/assert.h"
#include "proto/access/access.h"

/* The bucket that is nearest to its end. */
struct nearest {
    const struct limit_rate *rate; /* NULL: there is no bucket */
    enum limit_policy policy;
    int64_t used; /* with this request */
    double use;   /* of all of it */
};

/* False: it does not fit. */
static inline bool look(enum limit_policy policy, const struct limit_rates *rates, const struct limit_row *row,
                        int64_t now, struct nearest *nearest)
{
    const struct limit_rate *rate = &rates->of[LIMIT_REQUESTS];
    int64_t used = limit_bucket_used(&row->buckets[LIMIT_REQUESTS], now) + rate->one;
    double use = (double)used * rate->of_burst;
    if (use > nearest->use) {
        *nearest = (struct nearest){ rate, policy, used, use };
    }
    return used <= rate->burst;
}

static inline void charge(const struct limit_rates *rates, struct limit_row *row, int64_t now)
{
    limit_bucket_charge(&row->buckets[LIMIT_REQUESTS], now, rates->of[LIMIT_REQUESTS].one);
}

/* NULL: the visitor has none, or one that is not limited. */
static inline struct key_limit *key_of(const struct limits *limits, const struct visitor *visitor)
{
    if (!limits->of_key || visitor->key == NULL || visitor->key->index >= limits->key_count) {
        return NULL;
    }
    struct key_limit *key = &limits->keys[visitor->key->index];
    return key->rates.limited != 0 ? key : NULL;
}

static inline struct limit_row *row_of(struct limits *limits, const struct visitor *visitor, int64_t now)
{
    return limits->of_address ? limits_find_row(limits, visitor, limit_network_of(&visitor->address), now) : NULL;
}

bool limits_take_request(struct limits *limits, const struct visitor *visitor, int64_t now, struct limit_state *state)
{
    struct nearest nearest = { .use = -1 };
    struct key_limit *key = key_of(limits, visitor);
    struct limit_row *row = row_of(limits, visitor, now);
    ASSERT(limits->requests_alone);
    bool fits = (!limits->of_all || look(LIMIT_ALL, &limits->all, limits->all_row, now, &nearest)) &&
                (key == NULL || look(LIMIT_KEY, &key->rates, &key->row, now, &nearest)) &&
                (row == NULL || look(LIMIT_ADDRESS, &limits->address, row, now, &nearest));
    if (!fits || nearest.rate == NULL) {
        return false;
    }
    limits_tell_bucket(nearest.rate, nearest.policy, LIMIT_REQUESTS, nearest.used, 0, state);
    if (limits->of_all) {
        charge(&limits->all, limits->all_row, now);
    }
    if (key != NULL) {
        charge(&key->rates, &key->row, now);
    }
    if (row != NULL) {
        charge(&limits->address, row, now);
    }
    return true;
}
