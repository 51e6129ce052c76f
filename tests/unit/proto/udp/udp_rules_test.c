#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/udp_options.h"
#include "proto/front/client_address.h"
#include "proto/udp/udp_rules.h"

static struct client_address address(const char *text)
{
    struct client_address address;
    assert_true(client_address_parse(&address, slice_from_string(text)));
    return address;
}

static enum error judged(const struct udp_rules *rules, size_t listener, const char *sender)
{
    struct client_address from = address(sender);
    const struct udp_arrival arrival = { listener, &from, SLICE("{}") };
    return udp_rules_judge(rules, &arrival);
}

static void only_listed_addresses_may_send(void **state)
{
    (void)state;
    const char *allow[] = { "10.0.0.0/8", "fd00::/8", "192.0.2.7" };
    struct udp_listener_options listeners[] = { { .line = 1, .allow = { allow, 3 } }, { .line = 2 } };
    const struct udp_options options = { .listeners = listeners, .listener_count = 2 };
    struct buf problems = { 0 };
    struct udp_rules *rules = udp_rules_new(&options, &problems);
    assert_non_null(rules);
    static const struct {
        const char *sender;
        enum error error;
    } rows[] = {
        { "10.255.1.2", OK },
        { "11.0.0.1", ERROR_ADDRESS_NOT_ALLOWED },
        { "192.0.2.7", OK },
        { "192.0.2.8", ERROR_ADDRESS_NOT_ALLOWED },
        { "fd12::1", OK },
        { "2001:db8::1", ERROR_ADDRESS_NOT_ALLOWED },
        { "::1", ERROR_ADDRESS_NOT_ALLOWED },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_int_equal(judged(rules, 0, rows[i].sender), rows[i].error);
        assert_int_equal(judged(rules, 1, rows[i].sender), OK);
    }
    udp_rules_free(rules);
    buf_release(&problems);
}

static void a_bad_range_is_told_with_its_line(void **state)
{
    (void)state;
    const char *allow[] = { "10.0.0.0/8", "everyone" };
    struct udp_listener_options listener = { .line = 7, .allow = { allow, 2 } };
    const struct udp_options options = { .listeners = &listener, .listener_count = 1 };
    struct buf problems = { 0 };
    assert_null(udp_rules_new(&options, &problems));
    assert_string_equal(buf_c_string(&problems),
                        "7: udp.listeners[].allow: \"everyone\" is not an address or a range such "
                        "as 10.0.0.0/8 or fd00::/8\n");
    buf_release(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_listed_addresses_may_send),
        cmocka_unit_test(a_bad_range_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
