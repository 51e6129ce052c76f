/* Turns what is used at each gateway into what all of them know. */
#include "proto/limits/limits_private.h"

#include "base/assert.h"
#include "proto/limits/limit_day.h"

static uint32_t take_u32(atomic_uint_fast64_t *units)
{
    uint64_t taken = atomic_exchange_explicit(units, 0, memory_order_relaxed);
    return taken < UINT32_MAX ? (uint32_t)taken : UINT32_MAX;
}

static void take_spent(struct limit_spent *spent, enum limit_policy policy, uint64_t who, struct limit_use *use)
{
    *use = (struct limit_use){ .policy = policy, .who = who };
    use->spending.requests = take_u32(&spent->units[LIMIT_REQUESTS]);
    use->spending.events = take_u32(&spent->units[LIMIT_EVENTS]);
    use->spending.bytes = atomic_exchange_explicit(&spent->units[LIMIT_BYTES], 0, memory_order_relaxed);
    use->spending.cpu_ns = (int64_t)atomic_exchange_explicit(&spent->units[LIMIT_CPU], 0, memory_order_relaxed);
}

static bool is_something(const struct spending *spending)
{
    return spending->requests != 0 || spending->events != 0 || spending->bytes != 0 || spending->cpu_ns != 0;
}

static size_t collect(struct limits *limits, struct limit_use *uses, size_t most)
{
    size_t count = 0;
    take_spent(&limits->sharing->all, LIMIT_ALL, 0, &uses[count]);
    count += is_something(&uses[count].spending);
    for (size_t i = 0; i < limits->key_count && count < most; i++) {
        take_spent(&limits->keys[i].spent, LIMIT_KEY, limits->keys[i].name, &uses[count]);
        count += is_something(&uses[count].spending);
    }
    while (limits->addresses != NULL && count < most) {
        uint64_t network;
        struct limit_spent *spent = limit_table_next_spent(limits->addresses, &limits->sharing->cursor, &network);
        if (spent == NULL) {
            break;
        }
        take_spent(spent, LIMIT_ADDRESS, network, &uses[count]);
        count++;
    }
    ASSERT_AT_MOST(count, most);
    return count;
}

size_t limits_collect(struct limits *limits, struct limit_use *uses, size_t most)
{
    ASSERT(limits->sharing != NULL && most > 1);
    limits_lock(limits);
    size_t count = collect(limits, uses, most);
    limits_unlock(limits);
    return count;
}

static void apply_to_key(struct limits *limits, const struct limit_use *use, int64_t now)
{
    for (size_t i = 0; i < limits->key_count; i++) {
        if (limits->keys[i].name == use->who) {
            const struct claim claim = { LIMIT_KEY, &limits->keys[i].rates, &limits->keys[i].row, 0, NULL };
            limits_charge_claim(&claim, &use->spending, now);
        }
    }
}

static void apply_to_address(struct limits *limits, const struct limit_use *use, int64_t now, int64_t wall_ns)
{
    if (!limits->of_address || use->who == 0) {
        return;
    }
    struct limit_row *row = limit_table_find(limits->addresses, use->who, &limits->address, now, wall_ns);
    uint64_t day = limits->of_day ? limit_day_of(wall_ns, use->who) : 0;
    const struct claim claim = { LIMIT_ADDRESS, &limits->address, row, day, NULL };
    limits_charge_claim(&claim, &use->spending, now);
}

void limits_apply(struct limits *limits, const struct limit_use *use, int64_t now_ns, int64_t wall_ns)
{
    int64_t now = limit_ticks(now_ns);
    limits_lock(limits);
    if (use->policy == LIMIT_ALL) {
        const struct claim claim = { LIMIT_ALL, &limits->all, limits->all_row, 0, NULL };
        limits_charge_claim(&claim, &use->spending, now);
    } else if (use->policy == LIMIT_KEY) {
        apply_to_key(limits, use, now);
    } else if (use->policy == LIMIT_ADDRESS) {
        apply_to_address(limits, use, now, wall_ns);
    }
    limits_unlock(limits);
}
