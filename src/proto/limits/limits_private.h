/* The inside of limits.c, limits_ask.c and limits_sharing.c, not for others. */
#pragma once

#include "proto/limits/limit_table.h"
#include "proto/limits/limits.h"

#include <pthread.h>

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
    bool afterwards; /* something is charged that is known only then */
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

/* The buckets of one policy that a visitor takes from. */
struct claim {
    enum limit_policy policy;
    const struct limit_rates *rates;
    struct limit_row *row;
    uint64_t day;              /* of limit_day.h; 0: there is no limit of a day */
    struct limit_spent *spent; /* NULL: nobody is told */
};

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
