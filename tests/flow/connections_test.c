/* Slots, generations and the change from HTTP to WebSocket, without sockets. The WebSocket is played by this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"
#include "proto/gate/gatekeeper.h"
#include "proto/server/connections.h"
#include "proto/server/idle_connections.h"
#include "proto/server/listener.h"

#define UPGRADE                                                                                                        \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* The WebSocket's part: notes what it is told. */
struct ws_session {
    struct ws_terms terms;
    struct token token;
    struct buf received;
    size_t completions, ticks, drains;
    size_t flushed; /* as the how manieth */
    bool closed;
};

static struct ws_session *played; /* the newest */
static size_t flushes;
static struct connection *waits_again; /* for room, when it is flushed */
static bool memory_is_short;

static void played_receive(void *session, struct slice bytes)
{
    buf_append_slice(&((struct ws_session *)session)->received, bytes);
}

static void played_flush(void *session)
{
    ((struct ws_session *)session)->flushed = ++flushes;
    if (waits_again != NULL && waits_again->session == session) {
        connections_await_room(waits_again);
    }
}

static void played_complete(void *session, const struct ticket *ticket)
{
    (void)ticket;
    ((struct ws_session *)session)->completions++;
}

static void played_tick(void *session)
{
    ((struct ws_session *)session)->ticks++;
}

static void played_drain(void *session)
{
    ((struct ws_session *)session)->drains++;
}

static bool played_owes(const void *session)
{
    (void)session;
    return true;
}

static void played_close(void *opaque)
{
    struct ws_session *session = opaque;
    ws_terms_release(&session->terms);
    session->closed = true;
}

const struct session_ops ws_session_ops = {
    .receive = played_receive,
    .flush = played_flush,
    .complete = played_complete,
    .tick = played_tick,
    .drain = played_drain,
    .owes = played_owes,
    .close = played_close,
};

struct ws_session *ws_session_new(struct io_context *context, struct transport *transport, struct token token,
                                  struct ws_terms *terms)
{
    (void)context, (void)transport;
    if (memory_is_short) {
        ws_terms_release(terms);
        return NULL;
    }
    played = calloc(1, sizeof *played);
    assert_non_null(played);
    played->terms = *terms;
    played->token = token;
    return played;
}

void ws_session_free(struct ws_session *session)
{
    assert_true(session->closed);
    buf_release(&session->received);
    free(session);
    played = NULL;
}

/* The transport's part; reading and what was written are of no interest here. */
static ssize_t take_all(struct transport *connection, struct slice bytes)
{
    (void)connection;
    return (ssize_t)bytes.len;
}

static void ignore(struct transport *connection)
{
    (void)connection;
}

static void ignore_reading(struct transport *connection, bool on)
{
    (void)connection, (void)on;
}

static bool no_input(struct transport *connection)
{
    (void)connection;
    return false;
}

static size_t keep_none(struct transport *connection)
{
    (void)connection;
    return 0;
}

static const struct transport_ops no_transport = {
    .write = take_all,
    .set_reading = ignore_reading,
    .finish = ignore,
    .has_input = no_input,
    .untaken = keep_none,
    .close = ignore,
    .want_flush = ignore,
    .want_room = ignore,
    .want_turn = ignore,
};

struct slots {
    struct listener listener; /* its routes are the wire's */
    struct wire *wire;        /* its context and routes are borrowed */
    struct connections connections;
    atomic_int_fast64_t open;
};

static struct slots *slots_new(int64_t max)
{
    struct slots *slots = calloc(1, sizeof *slots);
    assert_non_null(slots);
    slots->wire = wire_new();
    slots->listener = (struct listener){ .routes = slots->wire->routes, .transport = &no_transport };
    connections_init(&slots->connections, &slots->wire->context, &slots->open, max);
    memory_is_short = false;
    return slots;
}

static void slots_free(struct slots *slots)
{
    connections_release(&slots->connections);
    assert_int_equal(atomic_load(&slots->open), 0);
    assert_null(played);
    wire_free(slots->wire);
    free(slots);
}

static struct connection *take(struct slots *slots)
{
    struct client_address peer = { { 1 } };
    return connections_take(&slots->connections, &slots->listener, peer);
}

static void receive(struct connection *connection, const char *text)
{
    connection->ops->receive(connection->session, slice_from_string(text));
    connection->ops->flush(connection->session);
}

static void at(struct slots *slots, int64_t seconds)
{
    io_context_set_time(&slots->wire->context, seconds * NS_PER_SECOND, seconds * NS_PER_SECOND);
}

static void who_never_spoke_goes_first_and_then_who_is_idle_longest(void **state)
{
    (void)state;
    struct slots *slots = slots_new(4);
    struct connection *connections[4];
    at(slots, 10);
    for (size_t i = 0; i < 3; i++) {
        connections[i] = take(slots);
    }
    at(slots, 11);
    receive(connections[1], "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    at(slots, 12);
    receive(connections[0], "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    receive(connections[2], "GET /nowhere HTTP/1.1\r\nHos"); /* is not idle */
    connections[3] = take(slots);
    assert_ptr_equal(idle_connections_next(&slots->connections), connections[1]);
    at(slots, 13);
    assert_ptr_equal(idle_connections_next(&slots->connections), connections[3]);
    connections_give(connections[3]);
    assert_ptr_equal(idle_connections_next(&slots->connections), connections[1]);
    connections_give(connections[1]);
    assert_ptr_equal(idle_connections_next(&slots->connections), connections[0]);
    connections_give(connections[0]);
    at(slots, 20);
    assert_null(idle_connections_next(&slots->connections));
    slots_free(slots);
}

static void who_asks_again_is_not_idle_any_more(void **state)
{
    (void)state;
    struct slots *slots = slots_new(100);
    struct connection *connections[100];
    at(slots, 10);
    for (size_t i = 0; i < 100; i++) {
        connections[i] = take(slots);
    }
    at(slots, 12);
    assert_non_null(idle_connections_next(&slots->connections));
    for (size_t i = 0; i < 100; i++) {
        receive(connections[i], "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    assert_null(idle_connections_next(&slots->connections));
    at(slots, 14);
    for (size_t i = 0; i < 100; i++) { /* more than one look finds */
        struct connection *idle = idle_connections_next(&slots->connections);
        assert_non_null(idle);
        connections_give(idle);
        at(slots, 15 + (int64_t)i);
    }
    slots_free(slots);
}

static void takes_no_more_than_the_bound_and_recycles(void **state)
{
    (void)state;
    struct slots *slots = slots_new(2);
    struct connection *first = take(slots);
    assert_non_null(first);
    assert_non_null(take(slots));
    assert_null(take(slots));
    uint32_t generation = first->generation;
    connections_give(first);
    assert_ptr_equal(take(slots), first);
    assert_int_not_equal(first->generation, generation);
    slots_free(slots);
}

static void a_completion_that_comes_too_late_finds_nobody(void **state)
{
    (void)state;
    struct slots *slots = slots_new(1);
    struct connection *connection = take(slots);
    receive(connection, POST);
    struct ticket ticket = { .token = world.submitted[0], .accepted = 1 };
    connections_give(connection);
    connections_complete(&slots->connections, &ticket); /* a free slot */
    assert_ptr_equal(take(slots), connection);
    receive(connection, POST);
    connections_complete(&slots->connections, &ticket); /* another client's */
    assert_true(connections_owe(&slots->connections));
    ticket.token = world.submitted[1];
    connections_complete(&slots->connections, &ticket);
    connection->ops->flush(connection->session);
    assert_false(connections_owe(&slots->connections));
    slots_free(slots);
}

static void a_token_of_no_slot_is_dropped(void **state)
{
    (void)state;
    struct slots *slots = slots_new(1);
    struct ticket ticket = { .token = { .slot = 4000000 } };
    connections_complete(&slots->connections, &ticket);
    connections_stored(&slots->connections, ticket.token);
    slots_free(slots);
}

static void an_upgrade_hands_over_bytes_and_later_completions(void **state)
{
    (void)state;
    struct slots *slots = slots_new(1);
    struct connection *connection = take(slots);
    receive(connection, UPGRADE "frames");
    assert_true(http_session_has_upgraded(connection->http));
    struct token of_http = { .slot = connection->slot, .generation = connection->generation };
    assert_true(connections_upgrade(connection));
    assert_true(slice_equal(buf_slice(&played->received), SLICE("frames")));
    assert_int_equal(played->token.slot, connection->slot);
    struct ticket ticket = { .token = of_http };
    connections_complete(&slots->connections, &ticket);
    assert_int_equal(played->completions, 0);
    ticket.token = played->token;
    connections_complete(&slots->connections, &ticket);
    assert_int_equal(played->completions, 1);
    connections_tick(&slots->connections);
    connections_drain(&slots->connections);
    assert_true(played->ticks == 1 && played->drains == 1 && connections_owe(&slots->connections));
    slots_free(slots);
}

static void an_upgraded_slot_keeps_no_memory_of_http(void **state)
{
    (void)state;
    struct slots *slots = slots_new(1);
    struct connection *connection = take(slots);
    receive(connection, UPGRADE);
    assert_true(connections_upgrade(connection));
    const struct http_session *http = connection->http;
    assert_null(http->input.bytes.data);
    assert_null(http->out.bytes.data);
    assert_null(http->input.body.data);
    assert_null(http->exchange.answers.items);
    connections_give(connection);
    assert_ptr_equal(take(slots), connection); /* and begins as HTTP again */
    receive(connection, POST);
    assert_true(connections_owe(&slots->connections));
    slots_free(slots);
}

static void those_that_wait_for_room_are_flushed_once_the_oldest_first(void **state)
{
    (void)state;
    struct slots *slots = slots_new(6);
    struct connection *upgraded[5];
    struct ws_session *sessions[5];
    for (size_t i = 0; i < 5; i++) {
        upgraded[i] = take(slots);
        receive(upgraded[i], UPGRADE);
        assert_true(connections_upgrade(upgraded[i]));
        sessions[i] = played;
        connections_await_room(upgraded[i]);
        connections_await_room(upgraded[i]);
    }
    flushes = 0;
    connections_list(upgraded[1]);       /* its turn comes sooner, by itself */
    connections_await_room(upgraded[1]); /* and it stays so */
    connections_give(upgraded[2]);
    waits_again = upgraded[0];
    connections_flush_waiting(&slots->connections);
    assert_int_equal(flushes, 3);
    assert_true(sessions[0]->flushed == 1 && sessions[3]->flushed == 2 && sessions[4]->flushed == 3);
    assert_ptr_equal(connections_unlist(&slots->connections), upgraded[1]);
    assert_null(connections_unlist(&slots->connections));
    assert_ptr_equal(slots->connections.waiting, upgraded[0]);
    waits_again = NULL;
    connections_flush_waiting(&slots->connections);
    assert_int_equal(sessions[0]->flushed, 4);
    assert_null(slots->connections.waiting);
    slots_free(slots);
}

static void an_upgrade_while_draining_is_told_at_once(void **state)
{
    (void)state;
    struct slots *slots = slots_new(1);
    struct connection *connection = take(slots);
    receive(connection, UPGRADE);
    slots->wire->context.draining = true;
    assert_true(connections_upgrade(connection));
    assert_int_equal(played->drains, 1);
    slots_free(slots);
}

static void an_upgrade_without_memory_is_not_counted_any_more(void **state)
{
    (void)state;
    struct slots *slots = slots_new(1);
    struct connection *connection = take(slots);
    struct client_address peer = { { 1 } };
    receive(connection, UPGRADE "frames");
    memory_is_short = true;
    assert_false(connections_upgrade(connection));
    assert_int_equal(gatekeeper_enter(slots->wire->context.gatekeeper, GATEKEEPER_WEBSOCKET, &peer), OK);
    connections_give(connection);
    slots_free(slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_never_spoke_goes_first_and_then_who_is_idle_longest),
        cmocka_unit_test(who_asks_again_is_not_idle_any_more),
        cmocka_unit_test(takes_no_more_than_the_bound_and_recycles),
        cmocka_unit_test(a_completion_that_comes_too_late_finds_nobody),
        cmocka_unit_test(a_token_of_no_slot_is_dropped),
        cmocka_unit_test(an_upgrade_hands_over_bytes_and_later_completions),
        cmocka_unit_test(an_upgraded_slot_keeps_no_memory_of_http),
        cmocka_unit_test(those_that_wait_for_room_are_flushed_once_the_oldest_first),
        cmocka_unit_test(an_upgrade_while_draining_is_told_at_once),
        cmocka_unit_test(an_upgrade_without_memory_is_not_counted_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
