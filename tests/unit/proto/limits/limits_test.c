/* Limits, with a clock that the test turns: exact over time, debts, bursts, a table that forgets, threads that race. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "config/options/access_options.h"
#include "config/options/limits_options.h"
#include "proto/access/access.h"
#include "proto/limits/limit_batch.h"
#include "proto/limits/limit_fields.h"
#include "proto/limits/limit_table.h"
#include "proto/limits/limits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define START_NS (INT64_C(1000) * NS_PER_SECOND)
#define WALL_NS (INT64_C(20000) * 86400 * NS_PER_SECOND)

static struct visitor somebody(const char *text)
{
    struct visitor visitor = { .wall_ns = WALL_NS };
    assert_true(client_address_parse(&visitor.address, slice_from_string(text)));
    return visitor;
}

static struct visitor numbered(uint32_t number)
{
    char text[32];
    snprintf(text, sizeof text, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
    return somebody(text);
}

static struct limits *limits_of(struct limits_options options)
{
    struct limits *limits;
    options.addresses = options.addresses == 0 ? 65536 : options.addresses;
    limits = limits_new(&options, NULL, 0);
    assert_non_null(limits);
    return limits;
}

static struct rate_options rate(uint64_t requests, uint64_t events, uint64_t bytes)
{
    return (struct rate_options){ .requests = requests, .events = events, .bytes = bytes, .burst_ns = NS_PER_SECOND };
}

static bool takes(struct limits *limits, const struct visitor *visitor, uint64_t bytes, int64_t now_ns)
{
    const struct spending spending = { .requests = 1, .bytes = bytes };
    struct limit_state told;
    return limits_take(limits, visitor, &spending, now_ns, &told) == OK;
}

static void without_options_nothing_is_limited(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ 0 });
    struct visitor visitor = somebody("192.0.2.1");
    struct limit_state told;
    assert_true(limits_are_off(limits));
    assert_int_equal(limits_take(limits, &visitor, &(struct spending){ .requests = 1 }, 0, &told), OK);
    assert_false(told.limited);
    limits_free(limits);
}

static void a_rate_is_kept_within_a_thousandth_over_a_long_time(void **state)
{
    (void)state;
    static const uint64_t rates[] = { 1, 3, 7, 100, 1000, 33333, 1000000 };
    for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
        struct limits *limits = limits_of((struct limits_options){ .address = rate(rates[i], 0, 0) });
        struct visitor visitor = somebody("192.0.2.1");
        uint64_t taken = 0;
        int64_t seconds = (int64_t)(200000 / rates[i]) + 2;
        int64_t step_ns = NS_PER_SECOND / (int64_t)rates[i] / 3 + 1; /* three times as fast as may be */
        for (int64_t at = 0; at < seconds * NS_PER_SECOND; at += step_ns) {
            taken += takes(limits, &visitor, 0, START_NS + at);
        }
        double expected = (double)rates[i] * (double)(seconds + 1); /* and the burst of a second */
        assert_true((double)taken > expected * 0.999 - 1 && (double)taken < expected * 1.001 + 1);
        limits_free(limits);
    }
}

static void bytes_are_kept_within_a_thousandth_whatever_their_pieces(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(0, 0, 10 << 20) });
    struct visitor visitor = somebody("192.0.2.1");
    uint64_t taken = 0;
    for (int64_t at_ms = 0; at_ms < 1000000; at_ms++) {
        uint64_t size = 1000 + (uint64_t)(at_ms * 7919 % 100000);
        taken += takes(limits, &visitor, size, START_NS + at_ms * NS_PER_MS) ? size : 0;
    }
    double expected = 1001.0 * (10 << 20);
    assert_true((double)taken > expected * 0.999 && (double)taken < expected * 1.001);
    limits_free(limits);
}

static void a_burst_comes_at_once_and_one_more_does_not(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(100, 0, 0) });
    struct visitor visitor = somebody("192.0.2.1");
    for (int i = 0; i < 100; i++) {
        assert_true(takes(limits, &visitor, 0, START_NS));
    }
    struct limit_state told;
    const struct spending one = { .requests = 1 };
    assert_int_equal(limits_take(limits, &visitor, &one, START_NS, &told), ERROR_RATE_LIMITED);
    assert_int_equal(told.retry_after_ns, 10 * NS_PER_MS);
    assert_int_equal(told.limit, 100);
    assert_int_equal(told.remaining, 0);
    assert_int_equal(told.reset_ns, NS_PER_SECOND);
    assert_false(takes(limits, &visitor, 0, START_NS + 10 * NS_PER_MS - 1));
    assert_true(takes(limits, &visitor, 0, START_NS + 10 * NS_PER_MS));
    limits_free(limits);
}

static void a_clock_that_stands_still_gives_nothing_back(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(5, 0, 0) });
    struct visitor visitor = somebody("192.0.2.1");
    int taken = 0;
    for (int i = 0; i < 100000; i++) {
        taken += takes(limits, &visitor, 0, START_NS);
    }
    assert_int_equal(taken, 5);
    assert_false(takes(limits, &visitor, 0, START_NS - NS_PER_SECOND)); /* nor one that steps back */
    limits_free(limits);
}

static void what_was_charged_beyond_is_a_debt_that_time_pays(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(0, 100, 0) });
    struct visitor visitor = somebody("192.0.2.1");
    assert_true(takes(limits, &visitor, 0, START_NS));
    limits_charge(limits, &visitor, &(struct spending){ .events = 1000 }, START_NS);
    struct limit_state told;
    assert_int_equal(limits_ask(limits, &visitor, &(struct spending){ .requests = 1 }, START_NS, &told),
                     ERROR_RATE_LIMITED);
    assert_int_equal(told.unit, LIMIT_EVENTS);
    assert_int_equal(told.retry_after_ns / NS_PER_MS, 9000);
    assert_false(takes(limits, &visitor, 0, START_NS + 9 * NS_PER_SECOND - 1));
    assert_true(takes(limits, &visitor, 0, START_NS + 9 * NS_PER_SECOND + NS_PER_MS));
    limits_free(limits);
}

static void no_debt_overflows_or_lasts_longer_than_a_day(void **state)
{
    (void)state;
    struct limits *limits = limits_of(
        (struct limits_options){ .address = { .events = 1, .bytes = 1, .cpu_ns = 1, .burst_ns = NS_PER_SECOND } });
    struct visitor visitor = somebody("192.0.2.1");
    const struct spending all = { UINT32_MAX, UINT32_MAX, UINT64_MAX, INT64_MAX };
    for (int i = 0; i < 10; i++) {
        limits_charge(limits, &visitor, &all, START_NS);
    }
    int64_t day_ns = INT64_C(86400) * NS_PER_SECOND;
    assert_false(takes(limits, &visitor, 0, START_NS + day_ns - 2 * NS_PER_SECOND));
    assert_true(takes(limits, &visitor, 0, START_NS + day_ns));
    limits_free(limits);
}

static void a_payload_larger_than_the_burst_is_taken_by_a_bucket_that_is_not_empty(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(0, 0, 1000) });
    struct visitor visitor = somebody("192.0.2.1");
    assert_true(takes(limits, &visitor, 5000, START_NS));
    assert_false(takes(limits, &visitor, 1, START_NS + 4 * NS_PER_SECOND - NS_PER_MS));
    assert_true(takes(limits, &visitor, 1, START_NS + 4 * NS_PER_SECOND + NS_PER_MS));
    limits_free(limits);
}

static void cpu_time_is_a_limit_like_others(void **state)
{
    (void)state;
    struct limits *limits =
        limits_of((struct limits_options){ .address = { .cpu_ns = 100 * NS_PER_MS, .burst_ns = NS_PER_SECOND } });
    struct visitor visitor = somebody("192.0.2.1");
    assert_true(limits_measure_cpu(limits));
    int64_t spent_ns = 0;
    for (int64_t at_ms = 0; at_ms < 600000; at_ms += 3) {
        if (takes(limits, &visitor, 0, START_NS + at_ms * NS_PER_MS)) {
            limits_charge(limits, &visitor, &(struct spending){ .cpu_ns = 7 * NS_PER_MS + at_ms },
                          START_NS + at_ms * NS_PER_MS);
            spent_ns += 7 * NS_PER_MS + at_ms;
        }
    }
    double expected = 600.0 * 100 * NS_PER_MS + 100 * NS_PER_MS;
    assert_true((double)spent_ns > expected * 0.999 && (double)spent_ns < expected * 1.001);
    limits_free(limits);
}

static void nothing_is_taken_of_one_bucket_if_another_refuses(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .all = rate(10, 0, 0), .address = rate(2, 0, 0) });
    struct visitor greedy = somebody("192.0.2.1"), other = somebody("192.0.2.2");
    int taken = 0;
    for (int i = 0; i < 1000; i++) {
        taken += takes(limits, &greedy, 0, START_NS);
    }
    assert_int_equal(taken, 2);
    assert_true(takes(limits, &other, 0, START_NS)); /* what was refused took nothing of what all have */
    limits_free(limits);
}

static void all_together_have_a_limit_of_their_own(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .all = rate(50, 0, 0) });
    int taken = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct visitor visitor = numbered(i);
        taken += takes(limits, &visitor, 0, START_NS);
    }
    assert_int_equal(taken, 50);
    limits_free(limits);
}

static void an_address_of_ipv6_is_its_slash_64_and_ipv4_is_itself(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(1, 0, 0) });
    struct visitor first = somebody("2001:db8:1:2::1"), second = somebody("2001:db8:1:2:ffff::9");
    struct visitor next = somebody("2001:db8:1:3::1"), v4 = somebody("192.0.2.1"), v4_next = somebody("192.0.2.2");
    struct visitor local = somebody("::1"), mapped = somebody("::ffff:192.0.2.1");
    assert_true(takes(limits, &first, 0, START_NS));
    assert_false(takes(limits, &second, 0, START_NS));
    assert_true(takes(limits, &next, 0, START_NS));
    assert_true(takes(limits, &v4, 0, START_NS));
    assert_true(takes(limits, &v4_next, 0, START_NS));
    assert_false(takes(limits, &mapped, 0, START_NS));
    assert_true(takes(limits, &local, 0, START_NS));
    limits_free(limits);
}

static void ten_thousand_addresses_each_have_their_rate(void **state)
{
    (void)state;
    enum { ADDRESSES = 10000, SECONDS = 20 };
    struct limits *limits = limits_of((struct limits_options){ .address = rate(5, 0, 0) });
    uint64_t taken = 0;
    for (int64_t at_ms = 0; at_ms < SECONDS * 1000; at_ms += 100) {
        for (uint32_t i = 0; i < ADDRESSES; i++) {
            struct visitor visitor = numbered(i);
            taken += takes(limits, &visitor, 0, START_NS + at_ms * NS_PER_MS);
        }
    }
    double expected = (double)ADDRESSES * 5 * (SECONDS + 1);
    assert_true((double)taken > expected * 0.98 && (double)taken < expected * 1.02);
    assert_true(limits_count(limits).addresses >= ADDRESSES * 99 / 100);
    limits_free(limits);
}

static void a_full_table_forgets_the_quietest_and_no_debtor(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(10, 0, 0), .addresses = 8 });
    struct visitor debtor = numbered(0);
    for (int i = 0; i < 10; i++) {
        assert_true(takes(limits, &debtor, 0, START_NS));
    }
    for (uint32_t i = 1; i < 1000; i++) { /* of whom each takes one */
        struct visitor visitor = numbered(i);
        (void)!takes(limits, &visitor, 0, START_NS);
        assert_false(takes(limits, &debtor, 0, START_NS));
    }
    assert_int_equal(limits_count(limits).addresses, 8);
    assert_true(limits_count(limits).forgotten > 0);
    limits_free(limits);
}

static void to_be_forgotten_gives_nothing_back(void **state)
{
    (void)state;
    enum { ROWS = 8, RATE = 10 };
    struct limits *limits = limits_of((struct limits_options){ .address = rate(RATE, 0, 0), .addresses = ROWS });
    int taken = 0;
    for (uint32_t i = 0; i < 100000; i++) { /* from ever more addresses, while no time passes */
        struct visitor visitor = numbered(i % 1000);
        taken += takes(limits, &visitor, 0, START_NS);
    }
    assert_int_equal(taken, ROWS * RATE);
    limits_free(limits);
}

static bool same_state(const struct limit_state *a, const struct limit_state *b)
{
    return a->limited == b->limited &&
           (!a->limited ||
            (a->policy == b->policy && a->unit == b->unit && a->limit == b->limit && a->remaining == b->remaining &&
             a->window_ns == b->window_ns && a->reset_ns == b->reset_ns && a->retry_after_ns == b->retry_after_ns));
}

/* The way of requests alone beside that of all units, which a limit of events that nobody reaches makes the other one go. */
static void one_request_is_judged_alike_whatever_else_is_limited(void **state)
{
    (void)state;
    enum { VISITORS = 30 };
    const struct key_options keys[] = { { .name = "own", .rate = rate(7, 0, 0) }, { .name = "usual" } };
    struct limits_options options = { .all = rate(60, 0, 0), .address = rate(5, 0, 0), .addresses = 16 };
    const struct access_key known[] = { { .index = 0 }, { .index = 1 } };
    struct limit_place places[VISITORS] = { 0 };
    uint32_t random = 1;
    for (unsigned has = 1; has < 16; has++) {
        struct limits_options plain = options;
        plain.all = has & 1 ? options.all : rate(0, 0, 0);
        plain.address = has & 2 ? options.address : rate(0, 0, 0);
        plain.key = has & 8 ? rate(9, 0, 0) : rate(0, 0, 0);
        struct limits_options general = plain;
        general.all.events = general.address.events = general.key.events = 1000000;
        general.all.burst_ns = general.address.burst_ns = general.key.burst_ns = NS_PER_SECOND;
        size_t key_count = has & 4 ? ARRAY_LENGTH(keys) : 0;
        struct limits *quick = limits_new(&plain, keys, key_count), *whole = limits_new(&general, keys, key_count);
        assert_true(quick != NULL && whole != NULL);
        memset(places, 0, sizeof places);
        int64_t now_ns = START_NS;
        int refused = 0;
        for (int i = 0; i < 20000; i++) {
            struct limit_state told = { 0 }, expected = { 0 };
            random = random * 1664525 + 1013904223;
            uint32_t who = (random >> 16) % 8; /* as many as have a row for certain */
            struct visitor visitor = numbered(who);
            visitor.key = key_count == 0 || (random >> 20 & 3) > 1 ? NULL : &known[random >> 20 & 1];
            const struct spending one = { .requests = 1 };
            enum error error = limits_take(whole, &visitor, &one, now_ns, &expected);
            visitor.place = &places[(random >> 24) % VISITORS]; /* of whoever came by it last */
            assert_int_equal(limits_take(quick, &visitor, &one, now_ns, &told), error);
            assert_true(expected.unit == LIMIT_EVENTS || same_state(&told, &expected));
            refused += error != OK;
            now_ns += (int64_t)(random >> 8) % (20 * NS_PER_MS);
        }
        assert_true(refused > 0 || (has & 7) == 0); /* a rate of keys alone limits nobody without keys */
        limits_free(quick);
        limits_free(whole);
    }
}

static void who_comes_back_to_a_row_that_is_somebody_elses_gets_his_own(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(1000, 0, 0), .addresses = 8 });
    struct visitor visitor = numbered(0);
    struct limit_place place = { 0 };
    visitor.place = &place;
    assert_true(takes(limits, &visitor, 0, START_NS));
    struct limit_row *first = place.row;
    assert_true(takes(limits, &visitor, 0, START_NS) && place.row == first);
    for (uint32_t i = 1; i < 100; i++) { /* until the row has another owner */
        struct visitor other = numbered(i);
        for (int k = 0; k < 10; k++) {
            assert_true(takes(limits, &other, 0, START_NS));
        }
    }
    assert_true(*place.owner != limit_network_of(&visitor.address));
    assert_true(takes(limits, &visitor, 0, START_NS));
    assert_true(*place.owner == limit_network_of(&visitor.address));
    visitor.address = numbered(7).address; /* behind a proxy: the next one is another */
    assert_true(takes(limits, &visitor, 0, START_NS));
    assert_true(*place.owner == limit_network_of(&visitor.address));
    limits_free(limits);
}

static void a_day_ends_at_midnight(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .daily = { .requests = 3, .events = 100 } });
    struct visitor visitor = somebody("192.0.2.1"), other = somebody("192.0.2.2");
    visitor.wall_ns = other.wall_ns = WALL_NS + 20 * 3600 * NS_PER_SECOND;
    struct limit_state told;
    const struct spending one = { .requests = 1 };
    assert_int_equal(limits_take(limits, &visitor, &one, START_NS, &told), OK);
    assert_int_equal(told.remaining, 2);
    assert_true(takes(limits, &visitor, 0, START_NS) && takes(limits, &visitor, 0, START_NS));
    assert_int_equal(limits_take(limits, &visitor, &one, START_NS, &told), ERROR_RATE_LIMITED);
    assert_int_equal(told.policy, LIMIT_DAILY);
    assert_int_equal(told.retry_after_ns / NS_PER_SECOND, 4 * 3600);
    assert_true(takes(limits, &other, 0, START_NS));
    limits_charge(limits, &other, &(struct spending){ .events = 100 }, START_NS);
    assert_false(takes(limits, &other, 0, START_NS)); /* events have a day as well */
    visitor.wall_ns = other.wall_ns = WALL_NS + 24 * 3600 * NS_PER_SECOND;
    assert_true(takes(limits, &visitor, 0, START_NS) && takes(limits, &other, 0, START_NS));
    limits_free(limits);
}

static void a_key_has_its_own_rate_or_the_usual_one_and_a_reload_keeps_what_it_used(void **state)
{
    (void)state;
    const struct limits_options options = { .key = rate(2, 0, 0), .addresses = 8 };
    const struct key_options keys[] = { { .name = "shop", .rate = rate(3, 0, 0) }, { .name = "app" } };
    struct limits *limits = limits_new(&options, keys, 2);
    const struct access_key shop = { .index = 0 }, app = { .index = 1 }, app_alone = { .index = 0 };
    struct visitor visitor = somebody("192.0.2.1");
    int taken[2] = { 0 };
    for (int i = 0; i < 10; i++) {
        visitor.key = &shop;
        taken[0] += takes(limits, &visitor, 0, START_NS);
        visitor.key = &app;
        taken[1] += takes(limits, &visitor, 0, START_NS);
    }
    assert_int_equal(taken[0], 3);
    assert_int_equal(taken[1], 2);
    visitor.key = NULL;
    assert_true(takes(limits, &visitor, 0, START_NS));
    assert_true(limits_reload(limits, &options, &keys[1], 1)); /* now it is the first */
    visitor.key = &app_alone;
    assert_false(takes(limits, &visitor, 0, START_NS));
    visitor.key = &app; /* of an index that is no more */
    assert_true(takes(limits, &visitor, 0, START_NS));
    limits_free(limits);
}

static void a_reload_changes_rates_and_keeps_what_addresses_used(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(10, 0, 0) });
    struct visitor visitor = somebody("192.0.2.1");
    for (int i = 0; i < 10; i++) {
        assert_true(takes(limits, &visitor, 0, START_NS));
    }
    const struct limits_options faster = { .address = rate(20, 0, 0), .addresses = 8 };
    assert_true(limits_reload(limits, &faster, NULL, 0));
    assert_false(takes(limits, &visitor, 0, START_NS));
    assert_true(takes(limits, &visitor, 0, START_NS + 50 * NS_PER_MS));
    const struct limits_options none = { .addresses = 8 };
    assert_true(limits_reload(limits, &none, NULL, 0));
    assert_true(limits_are_off(limits));
    limits_free(limits);
}

/* Threads. */

struct racer {
    struct limits *limits;
    pthread_t thread;
    uint64_t taken;
    uint32_t addresses;
};

static void *race(void *opaque)
{
    struct racer *racer = opaque;
    for (uint32_t i = 0; i < 100000; i++) {
        struct visitor visitor = numbered(i % racer->addresses);
        racer->taken += takes(racer->limits, &visitor, 10, START_NS);
        limits_charge(racer->limits, &visitor, &(struct spending){ .events = 1 }, START_NS);
    }
    return NULL;
}

static uint64_t race_of(struct limits *limits, uint32_t addresses, size_t threads)
{
    struct racer racers[4] = { 0 };
    uint64_t taken = 0;
    for (size_t i = 0; i < threads; i++) {
        racers[i] = (struct racer){ .limits = limits, .addresses = addresses };
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(racers[i].thread, NULL);
        taken += racers[i].taken;
    }
    return taken;
}

static void threads_that_race_for_a_bucket_get_no_more_than_one_too_many_each(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .all = rate(1000, 0, 0), .address = rate(1000, 0, 0) });
    uint64_t taken = race_of(limits, 1, 4);
    assert_true(taken >= 1000 && taken <= 1003);
    limits_free(limits);
}

static void threads_that_race_for_rows_give_nothing_back(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(10, 0, 0), .addresses = 64 });
    uint64_t taken = race_of(limits, 5000, 4);
    assert_true(taken >= 640 && taken <= 640 + 4 * 64);
    assert_int_equal(limits_count(limits).addresses, 64);
    limits_free(limits);
}

/* Sharing. */

static struct limits *shared_limits(void)
{
    const struct key_options keys[] = { { .name = "shop", .rate = rate(1000, 0, 0) } };
    const struct limits_options options = { .all = rate(1000, 0, 0),
                                            .address = rate(10, 0, 0),
                                            .daily = { .requests = 100 },
                                            .addresses = 64,
                                            .shared = true };
    struct limits *limits = limits_new(&options, keys, 1);
    assert_non_null(limits);
    return limits;
}

/* Tells `to` what was used at `from`, by way of bytes; how many records that is. */
static size_t tell(struct limits *from, struct limits *to)
{
    struct limit_use uses[LIMIT_BATCH_MOST], use;
    struct buf bytes = { 0 };
    size_t count = limits_collect(from, uses, LIMIT_BATCH_MOST), seen = 0;
    limit_batch_write(&bytes, 7, uses, count);
    struct slice batches = buf_slice(&bytes), records;
    uint64_t gateway;
    assert_true(limit_batch_next(&batches, &gateway, &records));
    assert_int_equal(gateway, 7);
    while (limit_batch_use(&records, &use)) {
        limits_apply(to, &use, START_NS, WALL_NS);
        seen++;
    }
    assert_int_equal(seen, count);
    assert_false(limit_batch_next(&batches, &gateway, &records));
    buf_release(&bytes);
    return count;
}

static void what_is_used_at_one_gateway_is_gone_at_the_other(void **state)
{
    (void)state;
    struct limits *here = shared_limits(), *there = shared_limits();
    const struct access_key shop = { .index = 0 };
    struct visitor visitor = somebody("192.0.2.1"), other = somebody("192.0.2.2");
    visitor.key = &shop;
    for (int i = 0; i < 6; i++) {
        assert_true(takes(here, &visitor, 0, START_NS));
    }
    assert_int_equal(tell(here, there), 3); /* all, the key, the address */
    assert_int_equal(tell(here, there), 0);
    int left = 0;
    for (int i = 0; i < 10; i++) {
        left += takes(there, &visitor, 0, START_NS);
    }
    assert_int_equal(left, 4);
    assert_true(takes(there, &other, 0, START_NS));
    assert_int_equal(tell(there, here), 4); /* what was told is not told on */
    assert_false(takes(here, &visitor, 0, START_NS));
    limits_free(here);
    limits_free(there);
}

static void what_does_not_fit_into_a_batch_is_told_in_the_next(void **state)
{
    (void)state;
    struct limits *here = shared_limits();
    struct limit_use uses[10];
    for (uint32_t i = 0; i < 30; i++) {
        struct visitor visitor = numbered(i);
        assert_true(takes(here, &visitor, 0, START_NS));
    }
    uint64_t told = 0;
    size_t count;
    while ((count = limits_collect(here, uses, ARRAY_LENGTH(uses))) != 0) {
        for (size_t i = 0; i < count; i++) {
            told += uses[i].policy == LIMIT_ADDRESS ? uses[i].spending.requests : 0;
        }
    }
    assert_int_equal(told, 30);
    limits_free(here);
}

static void batches_that_make_no_sense_end_there(void **state)
{
    (void)state;
    struct buf bytes = { 0 };
    const struct limit_use use = { .policy = LIMIT_ALL, .spending = { .requests = 1 } };
    limit_batch_write(&bytes, 1, &use, 1);
    for (size_t length = 0; length < bytes.len; length++) {
        struct slice batches = slice_make(bytes.data, length), records;
        uint64_t gateway;
        assert_false(limit_batch_next(&batches, &gateway, &records));
    }
    bytes.data[7] = 1; /* 16 million records */
    struct slice batches = buf_slice(&bytes), records;
    uint64_t gateway;
    assert_false(limit_batch_next(&batches, &gateway, &records));
    buf_release(&bytes);
}

/* Fields. */

static void assert_lines(struct slice lines, const char *expected)
{
    assert_int_equal(lines.len, strlen(expected));
    assert_memory_equal(lines.data, expected, lines.len);
}

static void fields_are_those_of_the_draft(void **state)
{
    (void)state;
    struct limits *limits = limits_of((struct limits_options){ .address = rate(100, 0, 0) });
    struct visitor visitor = somebody("192.0.2.1");
    struct limit_state told;
    assert_int_equal(limits_take(limits, &visitor, &(struct spending){ .requests = 1 }, START_NS, &told), OK);
    assert_lines(limit_fields_of(&told), "RateLimit-Policy: \"address\";q=100;w=1\r\n"
                                         "RateLimit: \"address\";r=99;t=1\r\n"
                                         "X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 99\r\n"
                                         "X-RateLimit-Reset: 1\r\n");
    limits_free(limits);
}

static void a_refusal_says_whose_limit_it_is_and_of_what(void **state)
{
    (void)state;
    const struct limit_state of_key = { .limited = true, .policy = LIMIT_KEY, .unit = LIMIT_EVENTS };
    const struct limit_state of_day = { .limited = true, .policy = LIMIT_DAILY, .unit = LIMIT_REQUESTS };
    assert_string_equal(limit_refusal(&of_key).data, "this key has used up its events (its rate, or limits.key); "
                                                     "wait as long as Retry-After says");
    assert_string_equal(limit_refusal(&of_day).data, "this address has used up its requests of the day (limits.daily); "
                                                     "wait as long as Retry-After says");
}

static void fields_follow_what_remains_digit_by_digit(void **state)
{
    (void)state;
    const uint64_t remains[] = { 1000, 999, 998, 990, 989, 100, 99, 10, 9, 0, 9, 10, 11, 1000, 1001, 1999, 2000, 2000 };
    for (size_t i = 0; i < 4 * ARRAY_LENGTH(remains); i++) {
        uint64_t remaining = remains[i % ARRAY_LENGTH(remains)];
        uint64_t reset = i / ARRAY_LENGTH(remains);
        const struct limit_state told = {
            .limited = true,
            .policy = i % 7 == 0 ? LIMIT_KEY : LIMIT_ADDRESS,
            .limit = 2000,
            .remaining = remaining,
            .window_ns = NS_PER_SECOND,
            .reset_ns = (int64_t)reset * NS_PER_SECOND,
        };
        const char *policy = told.policy == LIMIT_KEY ? "key" : "address";
        char text[400];
        snprintf(text, sizeof text,
                 "RateLimit-Policy: \"%s\";q=2000;w=1\r\nRateLimit: \"%s\";r=%llu;t=%llu\r\nX-RateLimit-Limit: 2000\r\n"
                 "X-RateLimit-Remaining: %llu\r\nX-RateLimit-Reset: %llu\r\n",
                 policy, policy, (unsigned long long)remaining, (unsigned long long)reset,
                 (unsigned long long)remaining, (unsigned long long)reset);
        assert_lines(limit_fields_of(&told), text);
    }
}

static void fields_fit_whatever_the_numbers_are(void **state)
{
    (void)state;
    for (unsigned policy = 0; policy < LIMIT_POLICIES; policy++) {
        for (unsigned unit = 0; unit < LIMIT_UNITS; unit++) {
            const struct limit_state told = { true,
                                              (enum limit_policy)policy,
                                              (enum limit_unit)unit,
                                              UINT64_MAX,
                                              UINT64_MAX,
                                              INT64_MAX / 2,
                                              INT64_MAX / 2,
                                              0 };
            struct slice lines = limit_fields_of(&told);
            assert_true(lines.len > 100);
            assert_memory_equal(lines.data + lines.len - 2, "\r\n", 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_nothing_is_limited),
        cmocka_unit_test(a_rate_is_kept_within_a_thousandth_over_a_long_time),
        cmocka_unit_test(bytes_are_kept_within_a_thousandth_whatever_their_pieces),
        cmocka_unit_test(a_burst_comes_at_once_and_one_more_does_not),
        cmocka_unit_test(a_clock_that_stands_still_gives_nothing_back),
        cmocka_unit_test(what_was_charged_beyond_is_a_debt_that_time_pays),
        cmocka_unit_test(no_debt_overflows_or_lasts_longer_than_a_day),
        cmocka_unit_test(a_payload_larger_than_the_burst_is_taken_by_a_bucket_that_is_not_empty),
        cmocka_unit_test(cpu_time_is_a_limit_like_others),
        cmocka_unit_test(nothing_is_taken_of_one_bucket_if_another_refuses),
        cmocka_unit_test(all_together_have_a_limit_of_their_own),
        cmocka_unit_test(an_address_of_ipv6_is_its_slash_64_and_ipv4_is_itself),
        cmocka_unit_test(ten_thousand_addresses_each_have_their_rate),
        cmocka_unit_test(a_full_table_forgets_the_quietest_and_no_debtor),
        cmocka_unit_test(to_be_forgotten_gives_nothing_back),
        cmocka_unit_test(one_request_is_judged_alike_whatever_else_is_limited),
        cmocka_unit_test(who_comes_back_to_a_row_that_is_somebody_elses_gets_his_own),
        cmocka_unit_test(a_day_ends_at_midnight),
        cmocka_unit_test(a_key_has_its_own_rate_or_the_usual_one_and_a_reload_keeps_what_it_used),
        cmocka_unit_test(a_reload_changes_rates_and_keeps_what_addresses_used),
        cmocka_unit_test(threads_that_race_for_a_bucket_get_no_more_than_one_too_many_each),
        cmocka_unit_test(threads_that_race_for_rows_give_nothing_back),
        cmocka_unit_test(what_is_used_at_one_gateway_is_gone_at_the_other),
        cmocka_unit_test(what_does_not_fit_into_a_batch_is_told_in_the_next),
        cmocka_unit_test(batches_that_make_no_sense_end_there),
        cmocka_unit_test(fields_are_those_of_the_draft),
        cmocka_unit_test(a_refusal_says_whose_limit_it_is_and_of_what),
        cmocka_unit_test(fields_follow_what_remains_digit_by_digit),
        cmocka_unit_test(fields_fit_whatever_the_numbers_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
