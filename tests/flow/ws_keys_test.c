/* A WebSocket stays, and so does its key, until a reload or its end says otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keys.h"
#include "proto/ws/ws_session_private.h"
#include "ws_wire.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)

static struct stream events = { .name = "events", .index = 0 };
static struct stream *const streams[] = { &events };
static const struct event_route open_route = { .form = PAYLOAD_MANY, .open = true };

/* The options outlive what is made of them: of the one before nothing is left when the next is made. */
static struct access *of_one(struct key_options key)
{
    static struct key_options kept;
    kept = key;
    return keys_compiled(&kept, 1, streams, ARRAY_LENGTH(streams));
}

/* One that has shown the key. */
static struct wire *guarded(struct key_options options, bool open)
{
    struct wire *wire = wire_new(true);
    const struct credential credential = { .key = SLICE("key-of-shop") };
    const struct access_key *key;
    struct access *access = of_one(options);
    struct ws_terms *terms = &wire->session->terms;
    wire->gatekeeper.access = access;
    io_context_set_time(&wire->context, NS_PER_SECOND, NOW);
    assert_int_equal(access_identify(access, &credential, NOW, &key), OK);
    access_hold_take(&terms->key, access, key);
    terms->request.key_name = SLICE("shop");
    terms->route = open ? &open_route : terms->route;
    return wire;
}

static void reload(struct wire *wire, struct key_options key)
{
    access_free((struct access *)wire->gatekeeper.access);
    wire->gatekeeper.access = of_one(key);
}

static void guarded_free(struct wire *wire)
{
    access_free((struct access *)wire->gatekeeper.access);
    wire_free(wire);
}

static void send_event(struct wire *wire)
{
    struct buf bytes = { 0 };
    wire_frame(&bytes, 0x81, SLICE("{}"));
    wire_receive(wire, buf_slice(&bytes));
    buf_release(&bytes);
}

static void send_and_complete(struct wire *wire)
{
    size_t before = world.count;
    send_event(wire);
    assert_int_equal(world.count, before + 1);
    wire_complete(wire, before, 1, 0, OK);
    wire_flush(wire);
}

static bool closed_with_1008(const struct wire *wire)
{
    static const char close[] = "\x03\xF0"; /* behind the head of a close frame */
    return memmem(wire->written.data, wire->written.len, close, 2) != NULL;
}

static void a_key_that_a_reload_keeps_keeps_its_connections(void **state)
{
    (void)state;
    struct key_options key = key_of("shop", "key-of-shop");
    struct wire *wire = guarded(key, false);
    send_and_complete(wire);
    reload(wire, key);
    send_and_complete(wire);
    assert_int_equal(wire->session->terms.request.key_name.len, 4);
    guarded_free(wire);
}

static void a_key_that_ended_ends_its_connections_and_is_counted(void **state)
{
    (void)state;
    struct key_options off = key_of("shop", "key-of-shop"), scope = off, other = key_of("shop", "another");
    struct key_options renamed = key_of("new", "key-of-shop");
    off.disabled = true;
    scope.scopes = ACCESS_READ;
    const struct {
        struct key_options key;
        enum error error;
    } rows[] = { { off, ERROR_KEY_DISABLED },
                 { scope, ERROR_SCOPE_MISSING },
                 { other, ERROR_KEY_UNKNOWN },
                 { renamed, ERROR_KEY_UNKNOWN } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = guarded(key_of("shop", "key-of-shop"), false);
        send_and_complete(wire);
        reload(wire, rows[i].key);
        send_event(wire);
        assert_int_equal(world.count, 1); /* nothing of it is submitted */
        assert_true(closed_with_1008(wire));
        assert_int_equal(world.refused[rows[i].error], 1);
        assert_true(metric_read(wire->metrics, METRIC_KEY_REFUSALS, 0, rows[i].error, OK) >= 1);
        guarded_free(wire);
    }
}

static void a_key_that_expires_ends_its_connections(void **state)
{
    (void)state;
    struct key_options key = key_of("shop", "key-of-shop");
    key.expires = "2027-06-01";
    struct wire *wire = guarded(key, false);
    send_and_complete(wire);
    io_context_set_time(&wire->context, NS_PER_SECOND, INT64_C(1811808000) * NS_PER_SECOND);
    send_event(wire);
    assert_int_equal(world.count, 1);
    assert_true(closed_with_1008(wire));
    guarded_free(wire);
}

static void events_of_an_open_route_are_nobodys_once_the_key_has_ended(void **state)
{
    (void)state;
    struct wire *wire = guarded(key_of("shop", "key-of-shop"), true);
    send_and_complete(wire);
    assert_string_equal(buf_c_string(&world.last_key_name), "shop");
    reload(wire, key_of("other", "another")); /* no column and no id may say `shop` any more */
    send_and_complete(wire);
    assert_int_equal(world.last_key_name.len, 0);
    assert_false(closed_with_1008(wire));
    guarded_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_a_reload_keeps_keeps_its_connections),
        cmocka_unit_test(a_key_that_ended_ends_its_connections_and_is_counted),
        cmocka_unit_test(a_key_that_expires_ends_its_connections),
        cmocka_unit_test(events_of_an_open_route_are_nobodys_once_the_key_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
