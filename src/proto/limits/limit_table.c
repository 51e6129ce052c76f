/* Turns client addresses into rows of a table that is never larger. */
#include "proto/limits/limit_table.h"

#include "base/assert.h"
#include "base/hash.h"
#include "proto/front/client_address.h"
#include "proto/limits/limit_day.h"

#include <endian.h>
#include <stdlib.h>

#define WAYS 8
#define NETWORK_BYTES 8                   /* of an IPv6 address */
#define IPV4 (UINT64_C(1) << 32)          /* in ::/8, which is nobody's network */
#define LOCAL_NETWORK (UINT64_C(2) << 32) /* ::/64, that of ::1 */

/* Eight rows, and whose they are: 0 is nobody's. */
struct set {
    _Alignas(64) _Atomic uint64_t owners[WAYS];
    struct limit_row rows[WAYS];
};

struct limit_table {
    void *memory; /* zero pages, until they are used */
    struct set *sets;
    size_t set_count;          /* a power of two */
    struct limit_spent *spent; /* of each row; NULL: nobody is told */
    atomic_uint_fast64_t used, forgotten;
};

uint64_t limit_network_of(const struct client_address *address)
{
    static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    uint64_t network = be64toh(load_u64(address->bytes));
    if (memcmp(address->bytes, mapped, sizeof mapped) == 0) {
        return IPV4 | (be64toh(load_u64(address->bytes + NETWORK_BYTES)) & UINT32_MAX);
    }
    return network != 0 ? network : LOCAL_NETWORK;
}

struct limit_table *limit_table_new(uint64_t rows, bool shared)
{
    struct limit_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    table->set_count = 1;
    while (table->set_count * WAYS < rows) {
        table->set_count *= 2;
    }
    table->memory = calloc(table->set_count + 1, sizeof(struct set));
    table->spent = shared ? calloc(table->set_count * WAYS, sizeof *table->spent) : NULL;
    if (table->memory == NULL || (shared && table->spent == NULL)) {
        limit_table_free(table);
        return NULL;
    }
    uintptr_t line = _Alignof(struct set);
    table->sets = (struct set *)(((uintptr_t)table->memory + line - 1) & ~(line - 1));
    return table;
}

void limit_table_free(struct limit_table *table)
{
    if (table != NULL) {
        free(table->memory);
        free(table->spent);
        free(table);
    }
}

static double share_of_day(const _Atomic uint64_t *number, uint64_t day, uint64_t limit)
{
    return limit == 0 ? 0 : (double)limit_day_count(number, day) / (double)limit;
}

/* How much is used of the bucket of which most is: 1 is all of it, more is a debt. */
static double use_of(const struct limit_row *row, uint64_t owner, const struct limit_rates *rates, int64_t now,
                     int64_t wall_ns)
{
    uint64_t day = limit_day_of(wall_ns, owner);
    double most = share_of_day(&row->requests_of_day, day, rates->daily_requests);
    double events = share_of_day(&row->events_of_day, day, rates->daily_events);
    most = events > most ? events : most;
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        double use = (double)limit_bucket_used(&row->buckets[unit], now) * rates->of[unit].of_burst;
        most = use > most ? use : most;
    }
    return most;
}

/* A row that is to be had: nobody's, or the quietest one's. */
struct candidate {
    size_t way;
    uint64_t owner;
    double use;
};

static struct candidate choose(const struct set *set, const struct limit_rates *rates, int64_t now, int64_t wall_ns)
{
    struct candidate chosen = { 0 };
    for (size_t way = 0; way < WAYS; way++) {
        uint64_t owner = atomic_load_explicit(&set->owners[way], memory_order_relaxed);
        if (owner == 0) {
            return (struct candidate){ .way = way };
        }
        double use = use_of(&set->rows[way], owner, rates, now, wall_ns);
        if (way == 0 || use < chosen.use) {
            chosen = (struct candidate){ way, owner, use };
        }
    }
    return chosen;
}

/* False: another thread was faster. */
static bool settle(struct limit_table *table, struct set *set, const struct candidate *candidate, uint64_t network)
{
    uint64_t owner = candidate->owner;
    if (!atomic_compare_exchange_strong_explicit(&set->owners[candidate->way], &owner, network, memory_order_relaxed,
                                                 memory_order_relaxed)) {
        return false;
    }
    if (candidate->owner == 0) {
        atomic_fetch_add_explicit(&table->used, 1, memory_order_relaxed);
    } else if (candidate->use > 0) {
        atomic_fetch_add_explicit(&table->forgotten, 1, memory_order_relaxed);
    }
    return true;
}

struct limit_row *limit_table_find(struct limit_table *table, uint64_t network, const struct limit_rates *rates,
                                   int64_t now, int64_t wall_ns)
{
    ASSERT(network != 0);
    struct set *set = &table->sets[(size_t)hash_seeded_64(&network, sizeof network) & (table->set_count - 1)];
    for (;;) {
        for (size_t way = 0; way < WAYS; way++) {
            if (atomic_load_explicit(&set->owners[way], memory_order_relaxed) == network) {
                return &set->rows[way];
            }
        }
        struct candidate candidate = choose(set, rates, now, wall_ns);
        ASSERT_BELOW(candidate.way, WAYS);
        if (settle(table, set, &candidate, network)) {
            return &set->rows[candidate.way];
        }
    }
}

static struct set *set_of(const struct limit_table *table, const struct limit_row *row)
{
    size_t set = (size_t)((const char *)row - (const char *)table->sets) / sizeof *table->sets;
    ASSERT_BELOW(set, table->set_count);
    return &table->sets[set];
}

struct limit_row *limit_table_find_again(struct limit_table *table, uint64_t network, struct limit_place *place,
                                         const struct limit_rates *rates, int64_t now, int64_t wall_ns)
{
    if (!limit_place_is_of(place, network)) {
        struct limit_row *row = limit_table_find(table, network, rates, now, wall_ns);
        const struct set *set = set_of(table, row);
        *place = (struct limit_place){ network, row, &set->owners[row - set->rows] };
    }
    return place->row;
}

struct limit_spent *limit_table_spent(const struct limit_table *table, const struct limit_row *row)
{
    if (table->spent == NULL) {
        return NULL;
    }
    const struct set *set = set_of(table, row);
    return &table->spent[(size_t)(set - table->sets) * WAYS + (size_t)(row - set->rows)];
}

static bool has_spent(const struct limit_spent *spent)
{
    uint_fast64_t any = 0;
    for (size_t unit = 0; unit < LIMIT_UNITS; unit++) {
        any |= atomic_load_explicit(&spent->units[unit], memory_order_relaxed);
    }
    return any != 0;
}

struct limit_spent *limit_table_next_spent(const struct limit_table *table, size_t *cursor, uint64_t *network)
{
    ASSERT(table->spent != NULL);
    for (; *cursor < table->set_count * WAYS; ++*cursor) {
        struct limit_spent *spent = &table->spent[*cursor];
        if (has_spent(spent)) {
            *network = atomic_load_explicit(&table->sets[*cursor / WAYS].owners[*cursor % WAYS], memory_order_relaxed);
            ++*cursor;
            return spent;
        }
    }
    *cursor = 0;
    return NULL;
}

struct limits_counts limit_table_count(const struct limit_table *table)
{
    uint64_t used = atomic_load_explicit(&table->used, memory_order_relaxed);
    ASSERT_AT_MOST(used, table->set_count * WAYS);
    return (struct limits_counts){
        .addresses = used,
        .forgotten = atomic_load_explicit(&table->forgotten, memory_order_relaxed),
    };
}
