/* HTTP connections show keys: what one request was allowed says nothing of the next one, whatever is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/string_list.h"
#include "http_wire.h"
#include "keys.h"

#include "event/stream.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define SEND(fields) "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" fields "\r\n{}"
#define FETCH(path, fields) "GET " path " HTTP/1.1\r\nHost: x\r\n" fields "\r\n"
#define BEARER(key) "Authorization: Bearer " key "\r\n"
#define ORIGIN(of) "Origin: https://" of "\r\n"

static struct stream events = { .name = "events", .index = 0 };
static struct stream *const streams[] = { &events };

enum { WRITER, READER, PAGE, PASSING, KEYS };

static void fill(struct key_options keys[KEYS])
{
    static const char *shop[] = { "https://shop.example" };
    keys[WRITER] = key_of("writer", "key-of-writer");
    keys[READER] = key_of("reader", "key-of-reader");
    keys[READER].scopes = ACCESS_READ;
    keys[PAGE] = key_of("page", "key-of-page");
    keys[PAGE].origins = (struct string_list){ shop, 1 };
    keys[PASSING] = key_of("passing", "key-of-passing");
    keys[PASSING].expires = "2027-06-01";
}

static void serve_time(struct wire *wire, int64_t wall_ns)
{
    io_context_set_time(&wire->context, NS_PER_SECOND, wall_ns);
}

static struct wire *guarded(void)
{
    static struct key_options keys[KEYS];
    struct wire *wire = wire_new();
    fill(keys);
    wire->gatekeeper.access = keys_compiled(keys, KEYS, streams, ARRAY_LENGTH(streams));
    serve_time(wire, NOW);
    return wire;
}

/* As a reload does it: another struct, and maybe at the same address. */
static void reload(struct wire *wire, const struct key_options *keys, size_t count)
{
    access_free((struct access *)wire->gatekeeper.access);
    wire->gatekeeper.access = keys_compiled(keys, count, streams, ARRAY_LENGTH(streams));
}

static void guarded_free(struct wire *wire)
{
    access_free((struct access *)wire->gatekeeper.access);
    buf_release(&wire->context.shown);
    buf_release(&wire->context.query);
    wire_free(wire);
}

/* The status of the reply to one request. */
static int asks(struct wire *wire, const char *text)
{
    size_t before = world.count, at = wire->written.len;
    send_text(wire, text);
    if (world.count != before) {
        complete(wire, before, 1, 0, OK);
    }
    assert_true(wire->written.len > at + 12 && !wire->finished);
    return atoi(wire->written.data + at + 9);
}

static void each_request_is_judged_by_the_key_that_it_shows_itself(void **state)
{
    (void)state;
    struct wire *wire = guarded();
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        { SEND(BEARER("key-of-writer")), 202 },
        { SEND(BEARER("key-of-writer")), 202 },
        { SEND(BEARER("key-of-writeR")), 401 },
        { SEND(BEARER("key-of-writer2")), 401 },
        { SEND(BEARER("key-of-write")), 401 },
        { SEND(""), 401 },
        { SEND(BEARER("key-of-writer")), 202 },
        { SEND(BEARER("key-of-reader")), 403 },
        { SEND(BEARER("key-of-reader")), 403 },
        { SEND(BEARER("key-of-writer")), 202 },
        { SEND(BEARER("key-of-writer") "X-API-Key: key-of-reader\r\n"), 400 },
        { SEND(BEARER("key-of-writer") BEARER("key-of-reader")), 400 },
        { SEND(BEARER("key-of-reader") BEARER("key-of-writer")), 400 },
        { SEND("X-API-Key: key-of-writer\r\n"), 202 },
        { SEND("Authorization: Basic key-of-writer\r\n"), 400 },
        { SEND("Authorization: Digest key-of-writer\r\n"), 401 },
        { SEND(BEARER("key-of-writer")), 202 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_int_equal(asks(wire, rows[i].text), rows[i].status);
    }
    assert_int_equal(world.count, 6);
    guarded_free(wire);
}

static void who_was_let_in_at_one_route_is_asked_at_another(void **state)
{
    (void)state;
    struct wire *wire = guarded();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
        assert_int_equal(asks(wire, FETCH("/ping", BEARER("key-of-writer"))), 403);
        assert_int_equal(asks(wire, SEND(BEARER("key-of-reader"))), 403);
        assert_int_equal(asks(wire, FETCH("/ping", BEARER("key-of-reader"))), 200);
        assert_int_equal(asks(wire, FETCH("/ping", BEARER("key-of-reader"))), 200);
        assert_int_equal(asks(wire, FETCH("/ping?key=key-of-reader", BEARER("key-of-writer"))), 403);
    }
    guarded_free(wire);
}

static void a_stream_that_the_query_or_the_path_names_is_looked_at_each_time(void **state)
{
    (void)state;
    struct wire *wire = guarded();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
        assert_int_equal(asks(wire, "POST /events?stream=no HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" BEARER(
                                        "key-of-writer") "\r\n{}"),
                         404);
        assert_int_equal(
            asks(wire, "POST /events/no HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" BEARER("key-of-writer") "\r\n{}"),
            404);
    }
    guarded_free(wire);
}

static void a_reload_ends_a_key_at_once_on_open_connections(void **state)
{
    (void)state;
    struct key_options keys[KEYS];
    struct wire *wire = guarded();
    fill(keys);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
    reload(wire, keys, KEYS); /* the same file */
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
    keys[WRITER].disabled = true;
    reload(wire, keys, KEYS);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 401);
    keys[WRITER].disabled = false;
    reload(wire, keys, KEYS);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
    keys[WRITER].scopes = ACCESS_READ;
    reload(wire, keys, KEYS);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 403);
    keys[WRITER].scopes = ACCESS_WRITE;
    reload(wire, keys, KEYS);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
    reload(wire, keys + 1, KEYS - 1); /* another has its place */
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 401);
    assert_int_equal(metric_read(wire->metrics, METRIC_KEY_REFUSALS, 0, ERROR_KEY_DISABLED, OK), 1);
    assert_int_equal(metric_read(wire->metrics, METRIC_KEY_REFUSALS, 0, ERROR_KEY_UNKNOWN, OK), 1);
    guarded_free(wire);
}

static void a_key_that_expires_ends_between_two_requests(void **state)
{
    (void)state;
    struct wire *wire = guarded();
    assert_int_equal(asks(wire, SEND(BEARER("key-of-passing"))), 202);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-passing"))), 202);
    serve_time(wire, INT64_C(1811808000) * NS_PER_SECOND - 1); /* 2027-06-01T00:00:00Z */
    assert_int_equal(asks(wire, SEND(BEARER("key-of-passing"))), 202);
    serve_time(wire, INT64_C(1811808000) * NS_PER_SECOND);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-passing"))), 401);
    guarded_free(wire);
}

static void the_origin_of_a_page_is_judged_each_time(void **state)
{
    (void)state;
    struct wire *wire = guarded();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(asks(wire, SEND(BEARER("key-of-page") ORIGIN("shop.example"))), 202);
        assert_int_equal(asks(wire, SEND(BEARER("key-of-page") ORIGIN("evil.example"))), 403);
        assert_int_equal(asks(wire, SEND(BEARER("key-of-page"))), 403);
    }
    guarded_free(wire);
}

static void the_next_connection_begins_anew(void **state)
{
    (void)state;
    struct wire *wire = guarded();
    assert_int_equal(asks(wire, SEND(BEARER("key-of-writer"))), 202);
    struct client_address peer;
    assert_true(client_address_parse(&peer, SLICE("10.1.2.4")));
    http_session_ops.close(&wire->session);
    http_session_open(&wire->session, &wire->context, &wire->routes, &wire->transport, (struct token){ .slot = 3 },
                      peer);
    assert_int_equal(wire->session.exchange.known.length, 0);
    assert_int_equal(asks(wire, SEND("")), 401);
    assert_int_equal(asks(wire, SEND(BEARER("key-of-reader"))), 403);
    guarded_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_judged_by_the_key_that_it_shows_itself),
        cmocka_unit_test(who_was_let_in_at_one_route_is_asked_at_another),
        cmocka_unit_test(a_stream_that_the_query_or_the_path_names_is_looked_at_each_time),
        cmocka_unit_test(a_reload_ends_a_key_at_once_on_open_connections),
        cmocka_unit_test(a_key_that_expires_ends_between_two_requests),
        cmocka_unit_test(the_origin_of_a_page_is_judged_each_time),
        cmocka_unit_test(the_next_connection_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
