/* From HTTP to the bytes that a WebSocket goes on with, without sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"
#include "proto/gate/gatekeeper.h"

#define UPGRADE_FIELDS                                                                                                 \
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                            \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "GET /ws HTTP/1.1\r\n" UPGRADE_FIELDS "\r\n"

static int64_t refused_upgrades(struct wire *wire, enum error reason)
{
    return metric_read(wire->metrics, METRIC_WEBSOCKETS_REFUSED, 0, (size_t)reason, reason);
}

/* What the WebSocket would go on with. */
static void assert_hands_over(struct wire *wire, const char *rest_expected)
{
    struct ws_terms terms;
    struct buf rest;
    assert_true(http_session_has_upgraded(&wire->session));
    http_session_hand_over(&wire->session, &terms, &rest);
    assert_non_null(terms.entered);
    assert_true(slice_equal(buf_slice(&rest), slice_from_string(rest_expected)));
    ws_terms_release(&terms);
    buf_release(&rest);
}

static void an_upgrade_waits_for_the_answers_before_it(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST UPGRADE "frames");
    assert_false(wire->reading);
    assert_int_equal(wire->written.len, 0);
    send_text(wire, " and more"); /* was on its way to us already */
    assert_false(http_session_has_upgraded(&wire->session));
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 101");
    assert_false(wire->finished || wire->closed || wire->reading);
    assert_hands_over(wire, "frames and more");
    wire_free(wire);
}

static void an_upgrade_is_taken_in_any_split(void **state)
{
    (void)state;
    const char *script = GET_PING UPGRADE "\x81\x80mask";
    size_t len = strlen(script);
    for (size_t split = 0; split <= len; split++) {
        struct wire *wire = wire_new();
        send_slice(wire, slice_make(script, split));
        send_slice(wire, slice_make(script + split, len - split));
        assert_string_equal(statuses(wire), "200 101");
        assert_hands_over(wire, "\x81\x80mask");
        wire_free(wire);
    }
}

static void an_upgrade_waits_until_the_socket_took_the_101(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    wire->block = true;
    send_text(wire, UPGRADE);
    assert_false(http_session_has_upgraded(&wire->session));
    wire->wants_flush = false;
    wire->block = false;
    http_session_ops.writable(&wire->session);
    assert_true(wire->wants_flush);
    assert_hands_over(wire, "");
    wire_free(wire);
}

static void connection_close_does_not_end_an_upgrade(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, "GET /ws HTTP/1.1\r\nConnection: close\r\n" UPGRADE_FIELDS "\r\n");
    assert_string_equal(statuses(wire), "101");
    assert_false(wire->finished);
    assert_hands_over(wire, "");
    wire_free(wire);
}

static void an_upgrade_that_dies_on_the_way_is_not_counted_any_more(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    struct client_address address = wire->session.exchange.peer;
    send_text(wire, POST UPGRADE);
    assert_int_equal(gatekeeper_enter(wire->context.gatekeeper, GATEKEEPER_WEBSOCKET, &address),
                     ERROR_TOO_MANY_WEBSOCKETS);
    http_session_ops.close(&wire->session);
    assert_int_equal(gatekeeper_enter(wire->context.gatekeeper, GATEKEEPER_WEBSOCKET, &address), OK);
    wire_free(wire);
}

static void a_refused_upgrade_is_a_problem_and_the_connection_goes_on(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        const char *statuses;
        enum error reason;
    } rows[] = {
        { "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n" GET_PING, "426 200", ERROR_UPGRADE_REQUIRED },
        { "GET /tr/v1/ws HTTP/1.1\r\nHost: x\r\n\r\n" GET_PING, "426 200", ERROR_UPGRADE_REQUIRED },
        { "GET /ws HTTP/1.1\r\nOrigin: https://evil.example\r\n" UPGRADE_FIELDS "\r\n" GET_PING, "403 200",
          ERROR_ORIGIN_NOT_ALLOWED },
        { "GET /ws?stream=x HTTP/1.1\r\n" UPGRADE_FIELDS "\r\n" GET_PING, "404 200", ERROR_UNKNOWN_STREAM },
        { "GET /ws HTTP/1.1\r\nContent-Length: 1\r\n" UPGRADE_FIELDS "\r\n!" GET_PING, "400 200", ERROR_BAD_REQUEST },
        { "GET /ws HTTP/1.1\r\nContent-Length: 9\r\n" UPGRADE_FIELDS "\r\n!", "400", ERROR_BAD_REQUEST },
        { "GET /ws HTTP/1.0\r\n" UPGRADE_FIELDS "\r\n" GET_PING, "400", ERROR_BAD_REQUEST },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        send_text(wire, rows[i].request);
        assert_string_equal(statuses(wire), rows[i].statuses);
        assert_true(wrote(wire, "application/problem+json"));
        assert_int_equal(refused_upgrades(wire, rows[i].reason), 1);
        assert_int_equal(world.refused[rows[i].reason], 0); /* no event */
        wire_free(wire);
    }
}

static void a_limit_that_is_reached_answers_503(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    struct client_address other = { { 1 } };
    assert_int_equal(gatekeeper_enter(wire->context.gatekeeper, GATEKEEPER_WEBSOCKET, &other), OK);
    send_text(wire, UPGRADE);
    assert_string_equal(statuses(wire), "503");
    assert_true(wrote(wire, "Retry-After: 1\r\n") && wrote(wire, "\"code\":\"too_many_websockets\""));
    wire_free(wire);
}

static void options_of_the_websocket_names_get(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, "OPTIONS /ws HTTP/1.1\r\nHost: x\r\n\r\nHEAD /ws HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(statuses(wire), "204 405");
    assert_true(wrote(wire, "Allow: GET, OPTIONS\r\n"));
    wire_free(wire);
}

static void the_websocket_of_a_proxied_client_counts_for_that_client(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    struct ws_terms terms;
    struct buf rest;
    send_text(wire, "GET /ws HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n" UPGRADE_FIELDS "\r\n");
    http_session_hand_over(&wire->session, &terms, &rest);
    assert_true(slice_equal(slice_make(terms.client_ip, terms.client_ip_length), SLICE("192.0.2.7")));
    ws_terms_release(&terms);
    buf_release(&rest);
    wire_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upgrade_waits_for_the_answers_before_it),
        cmocka_unit_test(an_upgrade_is_taken_in_any_split),
        cmocka_unit_test(an_upgrade_waits_until_the_socket_took_the_101),
        cmocka_unit_test(connection_close_does_not_end_an_upgrade),
        cmocka_unit_test(an_upgrade_that_dies_on_the_way_is_not_counted_any_more),
        cmocka_unit_test(a_refused_upgrade_is_a_problem_and_the_connection_goes_on),
        cmocka_unit_test(a_limit_that_is_reached_answers_503),
        cmocka_unit_test(options_of_the_websocket_names_get),
        cmocka_unit_test(the_websocket_of_a_proxied_client_counts_for_that_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
