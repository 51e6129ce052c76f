#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/front/client_address.h"
#include "proto/gate/connection_limits.h"

#include <pthread.h>

static struct client_address address_of(uint32_t number)
{
    struct client_address address = { { 0x20, 0x01 } };
    memcpy(address.bytes + 4, &number, sizeof number);
    return address;
}

static enum error enter(struct connection_limits *limits, uint32_t number)
{
    struct client_address address = address_of(number);
    return connection_limits_enter(limits, &address);
}

static void leave(struct connection_limits *limits, uint32_t number)
{
    struct client_address address = address_of(number);
    connection_limits_leave(limits, &address);
}

static void refuses_beyond_the_bound_of_all(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(3, 10);
    assert_int_equal(enter(limits, 1), OK);
    assert_int_equal(enter(limits, 1), OK);
    assert_int_equal(enter(limits, 2), OK);
    assert_int_equal(enter(limits, 3), ERROR_TOO_MANY_WEBSOCKETS);
    leave(limits, 1);
    assert_int_equal(enter(limits, 3), OK);
    connection_limits_free(limits);
}

static void refuses_beyond_the_bound_of_one_address(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(100, 2);
    assert_int_equal(enter(limits, 1), OK);
    assert_int_equal(enter(limits, 1), OK);
    assert_int_equal(enter(limits, 1), ERROR_TOO_MANY_OF_ADDRESS);
    assert_int_equal(enter(limits, 2), OK);
    leave(limits, 1);
    assert_int_equal(enter(limits, 1), OK);
    connection_limits_free(limits);
}

static void counts_networks_of_ipv6_and_addresses_of_ipv4(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        enum error second_is;
    } rows[] = {
        { "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", ERROR_TOO_MANY_OF_ADDRESS },
        { "2001:db8:1:2::1", "2001:db8:1:3::1", OK },
        { "203.0.113.7", "203.0.113.8", OK },
        { "203.0.113.7", "::ffff:203.0.113.7", ERROR_TOO_MANY_OF_ADDRESS },
        { "::1", "::2", ERROR_TOO_MANY_OF_ADDRESS },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct connection_limits *limits = connection_limits_new(10, 1);
        struct client_address first, second;
        assert_true(client_address_parse(&first, slice_from_string(rows[i].first)));
        assert_true(client_address_parse(&second, slice_from_string(rows[i].second)));
        assert_int_equal(connection_limits_enter(limits, &first), OK);
        assert_int_equal(connection_limits_enter(limits, &second), rows[i].second_is);
        connection_limits_leave(limits, &first);
        assert_int_equal(connection_limits_enter(limits, &first), OK);
        connection_limits_free(limits);
    }
}

static void a_refused_one_is_not_counted(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(2, 1);
    assert_int_equal(enter(limits, 1), OK);
    assert_int_equal(enter(limits, 1), ERROR_TOO_MANY_OF_ADDRESS);
    assert_int_equal(enter(limits, 2), OK);
    assert_int_equal(enter(limits, 3), ERROR_TOO_MANY_WEBSOCKETS);
    connection_limits_free(limits);
}

static void leaving_without_having_come_changes_nothing(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(1, 1);
    leave(limits, 7);
    assert_int_equal(enter(limits, 1), OK);
    assert_int_equal(enter(limits, 2), ERROR_TOO_MANY_WEBSOCKETS);
    connection_limits_free(limits);
}

/* Against plain arrays, with an order of comings and goings that repeats itself. */
static void counts_right_whatever_the_order(void **state)
{
    (void)state;
    enum { ADDRESSES = 500, STEPS = 100000, PER_ADDRESS = 3, MAX = 600 };
    static int counts[ADDRESSES];
    struct connection_limits *limits = connection_limits_new(MAX, PER_ADDRESS);
    uint64_t seed = 42;
    int total = 0;
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t number = (uint32_t)(seed >> 33) % ADDRESSES;
        if ((seed >> 20 & 3) != 0) {
            enum error expected = total >= MAX                    ? ERROR_TOO_MANY_WEBSOCKETS
                                  : counts[number] >= PER_ADDRESS ? ERROR_TOO_MANY_OF_ADDRESS
                                                                  : OK;
            assert_int_equal(enter(limits, number), expected);
            counts[number] += expected == OK;
            total += expected == OK;
        } else if (counts[number] != 0) {
            leave(limits, number);
            counts[number]--;
            total--;
        }
    }
    connection_limits_free(limits);
}

static void *come_and_go(void *limits)
{
    for (uint32_t i = 0; i < 10000; i++) {
        if (enter(limits, i % 50) == OK) {
            leave(limits, i % 50);
        }
    }
    return NULL;
}

static void threads_leave_it_as_it_was(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(2, 1);
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, limits), 0);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(enter(limits, 1), OK);
    assert_int_equal(enter(limits, 2), OK);
    assert_int_equal(enter(limits, 3), ERROR_TOO_MANY_WEBSOCKETS);
    connection_limits_free(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_beyond_the_bound_of_all),
        cmocka_unit_test(refuses_beyond_the_bound_of_one_address),
        cmocka_unit_test(counts_networks_of_ipv6_and_addresses_of_ipv4),
        cmocka_unit_test(a_refused_one_is_not_counted),
        cmocka_unit_test(leaving_without_having_come_changes_nothing),
        cmocka_unit_test(counts_right_whatever_the_order),
        cmocka_unit_test(threads_leave_it_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
