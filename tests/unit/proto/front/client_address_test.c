#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "proto/front/client_address.h"

static void ranges_hold_what_lies_in_them(void **state)
{
    (void)state;
    static const struct {
        const char *range, *address;
        bool holds;
    } rows[] = {
        { "10.0.0.0/8", "10.255.0.1", true },
        { "10.0.0.0/8", "11.0.0.1", false },
        { "192.0.2.0/25", "192.0.2.127", true },
        { "192.0.2.0/25", "192.0.2.128", false },
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
        { "0.0.0.0/0", "203.0.113.9", true },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "2001:db8::/33", "2001:db8:7fff::", true },
        { "2001:db8::/33", "2001:db8:8000::", false },
        { "::1", "::1", true },
        { "::ffff:10.0.0.0/104", "10.1.2.3", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *items[] = { rows[i].range };
        struct string_list list = { items, 1 };
        struct address_ranges ranges;
        struct client_address address;
        struct buf problem = { 0 };
        assert_true(address_ranges_init(&ranges, &list, "http.trusted_proxies", &problem));
        assert_true(client_address_parse(&address, slice_from_string(rows[i].address)));
        assert_int_equal(address_ranges_hold(&ranges, &address), rows[i].holds);
        address_ranges_release(&ranges);
    }
}

static void a_bad_range_is_named(void **state)
{
    (void)state;
    static const char *const rows[] = { "10.0.0.0/33", "10.0.0/8", "proxy", "::1/129", "10.0.0.1/", "1.2.3.4/-1", "" };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *items[] = { "127.0.0.1", rows[i] };
        struct string_list list = { items, 2 };
        struct address_ranges ranges;
        struct buf problem = { 0 };
        assert_false(address_ranges_init(&ranges, &list, "http.trusted_proxies", &problem));
        assert_non_null(strstr(buf_c_string(&problem), rows[i]));
        buf_release(&problem);
    }
}

static void forwarded_for_is_read_from_the_right_through_trusted_proxies(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *forwarded_for, *client;
    } rows[] = {
        { "10.0.0.1", "192.0.2.1", "192.0.2.1" },
        { "10.0.0.1", "6.6.6.6, 192.0.2.1", "192.0.2.1" },
        { "10.0.0.1", "6.6.6.6, 192.0.2.1,10.0.0.2 ", "192.0.2.1" },
        { "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3" },
        { "10.0.0.1", "6.6.6.6, unknown", "10.0.0.1" },
        { "10.0.0.1", "6.6.6.6,, 10.0.0.2", "10.0.0.2" },
        { "10.0.0.1", "192.0.2.1:4711", "192.0.2.1" },
        { "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1" },
        { "10.0.0.1", "2001:db8::2", "2001:db8::2" },
        { "10.0.0.1", "", "10.0.0.1" },
        { "192.0.2.9", "6.6.6.6", "192.0.2.9" },
        { "10.0.0.1", "6.6.6.6|192.0.2.1", "192.0.2.1" },
        { "10.0.0.1", "6.6.6.6, 192.0.2.1|10.0.0.3|10.0.0.2", "192.0.2.1" },
        { "10.0.0.1", "192.0.2.1|unknown", "10.0.0.1" },
        { "10.0.0.1", "192.0.2.1|unknown, 10.0.0.2", "10.0.0.2" },
    };
    const char *items[] = { "10.0.0.0/8" };
    struct string_list list = { items, 1 };
    struct address_ranges trusted;
    struct buf problem = { 0 };
    assert_true(address_ranges_init(&trusted, &list, "http.trusted_proxies", &problem));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct client_address peer;
        char text[CLIENT_ADDRESS_TEXT];
        assert_true(client_address_parse(&peer, slice_from_string(rows[i].peer)));
        /* '|' stands between two fields */
        struct slice fields[4];
        size_t count = 0;
        struct slice rest = slice_from_string(rows[i].forwarded_for);
        while (slice_split(&rest, '|', &fields[count])) {
            count++;
        }
        struct client_address client = client_address_behind(&trusted, peer, fields, count);
        size_t len = client_address_format(&client, text);
        assert_true(slice_equal(slice_make(text, len), slice_from_string(rows[i].client)));
    }
    address_ranges_release(&trusted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_what_lies_in_them),
        cmocka_unit_test(a_bad_range_is_named),
        cmocka_unit_test(forwarded_for_is_read_from_the_right_through_trusted_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
