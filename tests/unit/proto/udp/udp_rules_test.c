#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options/access_options.h"
#include "config/options/udp_options.h"
#include "event/stream.h"
#include "proto/access/access.h"
#include "proto/front/client_address.h"
#include "proto/udp/udp_rules.h"
#include "signed_datagram.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define WINDOW (60 * NS_PER_SECOND)
#define HEX_OF_0 "00000000000000000000000000000000000000000000000000000000000000"

static struct stream events = { .name = "events", .index = 0 }, orders = { .name = "orders", .index = 1 };
static struct stream *const streams[] = { &events, &orders };
static const char *stream_names[] = { "orders" }, *origin_names[] = { "https://shop.example" };

/* The hash of the key at place i is i + 1 in its last byte. */
static struct key_options keys[] = {
    { .name = "plant", .sha256 = HEX_OF_0 "01", .scopes = ACCESS_WRITE, .expires = "" },
    { .name = "shop", .sha256 = HEX_OF_0 "02", .scopes = ACCESS_WRITE, .streams = { stream_names, 1 }, .expires = "" },
    { .name = "reader", .sha256 = HEX_OF_0 "03", .scopes = ACCESS_READ, .expires = "" },
    { .name = "page", .sha256 = HEX_OF_0 "04", .scopes = ACCESS_WRITE, .origins = { origin_names, 1 }, .expires = "" },
    { .name = "card", .sha256 = "", .scopes = ACCESS_WRITE, .subject = "CN=a", .expires = "" },
    { .name = "old", .sha256 = HEX_OF_0 "06", .scopes = ACCESS_WRITE, .expires = "2020-01-01" },
    { .name = "off", .sha256 = HEX_OF_0 "07", .scopes = ACCESS_WRITE, .expires = "", .disabled = true },
};

static const char *both[] = { "plant", "shop", "plant" }, *one[] = { "shop" }, *spent[] = { "old", "off" };
static struct udp_listener_options listeners[] = { { .line = 1, .hmac = { both, 3 } },
                                                   { .line = 2, .hmac = { one, 1 } },
                                                   { .line = 3 },
                                                   { .line = 4, .hmac = { spent, 2 } } };
static const struct udp_options options = {
    .listeners = listeners, .listener_count = 4, .hmac_window_ns = WINDOW, .hmac_remembered = 1000
};

static struct access *access_to;
static struct udp_rules *rules;
static struct digest_scratch *scratch;
static struct udp_visit visit;

static struct access *compile_keys(void)
{
    struct buf problems = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        keys[i].file = "f";
        keys[i].subject = keys[i].subject == NULL ? "" : keys[i].subject;
    }
    struct access *compiled = access_new(keys, ARRAY_LENGTH(keys), streams, 2, &problems);
    assert_string_equal(problems.len == 0 ? "" : buf_c_string(&problems), "");
    buf_release(&problems);
    return compiled;
}

static struct udp_rules *compile(const struct udp_options *of, const struct udp_rules *before, struct buf *problems)
{
    const struct udp_rules_source source = { of, access_to, before, NOW - WINDOW };
    return udp_rules_new(&source, problems);
}

static int make(void **state)
{
    (void)state;
    struct buf problems = { 0 };
    access_to = compile_keys();
    scratch = digest_scratch_new();
    rules = compile(&options, NULL, &problems);
    buf_release(&problems);
    return rules == NULL || scratch == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    udp_rules_free(rules);
    access_free(access_to);
    digest_scratch_free(scratch);
    return 0;
}

static enum error judge_from(const char *sender, size_t listener, struct slice bytes)
{
    struct client_address from;
    assert_true(client_address_parse(&from, slice_from_string(sender)));
    const struct udp_arrival arrival = { listener, &from, bytes, NOW };
    return udp_rules_judge(rules, access_to, scratch, &arrival, &visit);
}

static enum error judge(size_t listener, struct slice bytes)
{
    return judge_from("10.0.0.1", listener, bytes);
}

/* By the key whose hash ends so. */
static struct slice signed_by(uint8_t key, const char *payload, int64_t signed_ns)
{
    static struct buf datagram;
    uint8_t hash[DIGEST_SHA256_SIZE] = { 0 };
    hash[sizeof hash - 1] = key;
    buf_clear(&datagram);
    sign_datagram(&datagram, slice_from_string(payload), hash, (uint64_t)signed_ns);
    return buf_slice(&datagram);
}

static void only_listed_addresses_may_send(void **state)
{
    (void)state;
    const char *allow[] = { "10.0.0.0/8", "fd00::/8", "192.0.2.7" };
    struct udp_listener_options two[] = { { .line = 1, .allow = { allow, 3 } }, { .line = 2 } };
    const struct udp_options of = { .listeners = two, .listener_count = 2 };
    struct buf problems = { 0 };
    udp_rules_free(rules);
    rules = compile(&of, NULL, &problems);
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
        assert_int_equal(judge_from(rows[i].sender, 0, SLICE("{}")), rows[i].error);
        assert_int_equal(judge_from(rows[i].sender, 1, SLICE("{}")), OK);
        assert_true(slice_equal(visit.payload, SLICE("{}")) && visit.key == NULL);
    }
}

static void a_good_signature_says_who_sends(void **state)
{
    (void)state;
    assert_int_equal(judge(0, signed_by(1, "{}", NOW)), OK);
    assert_true(slice_equal(visit.payload, SLICE("{}")));
    assert_true(slice_equal(visit.key->name, SLICE("plant")) && visit.key->all_streams);
    assert_int_equal(judge(0, signed_by(2, "{}", NOW)), OK);
    assert_true(slice_equal(visit.key->name, SLICE("shop")));
    assert_true(stream_set_holds(&visit.key->streams, 1) && !stream_set_holds(&visit.key->streams, 0));
}

static void each_bad_signature_has_its_reason(void **state)
{
    (void)state;
    assert_int_equal(judge(0, SLICE("{}")), ERROR_BAD_SIGNATURE);
    assert_int_equal(judge(0, SLICE("")), ERROR_BAD_SIGNATURE);
    assert_int_equal(judge(0, signed_by(9, "{}", NOW)), ERROR_BAD_SIGNATURE);
    assert_int_equal(judge(1, signed_by(1, "{}", NOW)), ERROR_BAD_SIGNATURE); /* a key of another listener */
    assert_int_equal(judge(2, signed_by(1, "{}", NOW)), ERROR_SIGNATURE_UNEXPECTED);
    assert_int_equal(judge(0, signed_by(1, "{}", NOW - WINDOW - 1)), ERROR_SIGNATURE_TIME);
    assert_int_equal(judge(0, signed_by(1, "{}", NOW + WINDOW + 1)), ERROR_SIGNATURE_TIME);
    assert_int_equal(judge(0, signed_by(1, "{}", -1)), ERROR_SIGNATURE_TIME);
    assert_int_equal(judge(0, signed_by(1, "{}", 0)), ERROR_SIGNATURE_TIME);
    assert_int_equal(judge(0, signed_by(1, "{}", INT64_MAX)), ERROR_SIGNATURE_TIME);
    assert_int_equal(judge(0, signed_by(1, "{}", NOW - WINDOW)), OK);
    assert_int_equal(judge(0, signed_by(1, "{}", NOW + WINDOW)), OK);
    assert_int_equal(judge(3, signed_by(6, "{}", NOW)), ERROR_KEY_EXPIRED);
    assert_int_equal(judge(3, signed_by(7, "{}", NOW)), ERROR_KEY_DISABLED);
}

static void a_bit_that_changed_is_seen_wherever_it_is(void **state)
{
    (void)state;
    struct slice good = signed_by(1, "{\"n\":1}", NOW);
    char bytes[128];
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        memcpy(bytes, good.data, good.len);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        assert_int_not_equal(judge(0, slice_make(bytes, good.len)), OK);
    }
    assert_int_equal(judge(0, good), OK);
}

static void a_datagram_comes_in_once_by_whichever_listener(void **state)
{
    (void)state;
    assert_int_equal(judge(0, signed_by(2, "{}", NOW)), OK);
    assert_int_equal(judge(0, signed_by(2, "{}", NOW)), ERROR_REPLAYED);
    assert_int_equal(judge(1, signed_by(2, "{}", NOW)), ERROR_REPLAYED);
    assert_int_equal(judge(1, signed_by(2, "{}", NOW + 1)), OK);
    assert_int_equal(judge(0, signed_by(1, "{}", NOW)), OK); /* another key's is another one */
}

static void a_reload_remembers_what_came_before(void **state)
{
    (void)state;
    struct buf problems = { 0 };
    assert_int_equal(judge(0, signed_by(1, "{}", NOW)), OK);
    struct udp_rules *others = compile(&options, rules, &problems);
    assert_non_null(others);
    udp_rules_free(rules);
    rules = others;
    assert_int_equal(judge(0, signed_by(1, "{}", NOW)), ERROR_REPLAYED);
    assert_int_equal(judge(0, signed_by(1, "{}", NOW + 1)), OK);
}

static void each_option_that_cannot_be_is_a_line(void **state)
{
    (void)state;
    const char *allow[] = { "10.0.0.0/8", "everyone" };
    const char *names[] = { "nobody", "reader", "page", "card", "plant" };
    struct udp_listener_options two[] = { { .line = 7, .allow = { allow, 2 } }, { .line = 8, .hmac = { names, 5 } } };
    const struct udp_options of = { .listeners = two, .listener_count = 2, .hmac_remembered = 1000 };
    struct buf problems = { 0 };
    assert_null(compile(&of, NULL, &problems));
    assert_string_equal(
        buf_c_string(&problems),
        "7: udp.listeners[].allow: \"everyone\" is not an address or a range such as 10.0.0.0/8 or fd00::/8\n"
        "8: udp.listeners[].hmac: found \"nobody\", which is none of the keys; expected the name of a key of its own\n"
        "8: udp.listeners[].hmac: found \"reader\", a key without the scope write; expected the name of a key of its "
        "own\n"
        "8: udp.listeners[].hmac: found \"page\", a key with origins: a browser's key is no secret; expected the name "
        "of "
        "a key of its own\n"
        "8: udp.listeners[].hmac: found \"card\", a key with the subject of a certificate, which is no secret; "
        "expected "
        "the name of a key of its own\n");
    buf_release(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_listed_addresses_may_send, make, end),
        cmocka_unit_test_setup_teardown(a_good_signature_says_who_sends, make, end),
        cmocka_unit_test_setup_teardown(each_bad_signature_has_its_reason, make, end),
        cmocka_unit_test_setup_teardown(a_bit_that_changed_is_seen_wherever_it_is, make, end),
        cmocka_unit_test_setup_teardown(a_datagram_comes_in_once_by_whichever_listener, make, end),
        cmocka_unit_test_setup_teardown(a_reload_remembers_what_came_before, make, end),
        cmocka_unit_test_setup_teardown(each_option_that_cannot_be_is_a_line, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
