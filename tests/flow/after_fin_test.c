/* What is owed to a client that has sent its FIN: it goes through the table of its connection, whatever that is, and
 * nothing goes past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"
#include "proto/server/after_fin.h"
#include "proto/server/connection_life.h"
#include "proto/server/listener.h"
#include "proto/server/wishes.h"

#include <sys/socket.h>
#include <unistd.h>

#define REPLY "HTTP/1.1 202 Accepted\r\n"

/* Nobody speaks WebSocket here. */
const struct session_ops ws_session_ops = { 0 };

struct ws_session *ws_session_new(struct io_context *context, struct transport *transport, struct token token,
                                  struct ws_terms *terms)
{
    (void)context, (void)transport, (void)token, (void)terms;
    abort();
}

void ws_session_free(struct ws_session *session)
{
    (void)session;
    abort();
}

/* A transport that packs what it writes, as TLS does, and notes what it is asked for. */
static struct {
    struct buf packed;
    bool outlives;
    size_t asked; /* to outlive a FIN */
    size_t killed;
} recorded;

static ssize_t packing_write(struct transport *transport, struct slice bytes)
{
    (void)transport;
    for (size_t i = 0; i < bytes.len; i++) {
        buf_append_byte(&recorded.packed, (uint8_t)(bytes.data[i] ^ 0x55));
    }
    return (ssize_t)bytes.len;
}

static void packing_set_reading(struct transport *transport, bool on)
{
    (void)transport, (void)on;
}

static bool packing_has_input(struct transport *transport)
{
    (void)transport;
    return false;
}

static size_t packing_untaken(struct transport *transport)
{
    (void)transport;
    return 0;
}

static bool packing_outlive_fin(struct transport *transport)
{
    (void)transport;
    recorded.asked++;
    return recorded.outlives;
}

static void packing_kill(struct transport *transport)
{
    recorded.killed++;
    connection_life_end((struct connection *)transport);
}

static const struct transport_ops packing = {
    .write = packing_write,
    .set_reading = packing_set_reading,
    .finish = wishes_close,
    .has_input = packing_has_input,
    .untaken = packing_untaken,
    .outlive_fin = packing_outlive_fin,
    .kill = packing_kill,
    WISHES,
};

struct house {
    struct wire *wire;
    struct listener listener; /* its routes are the wire's */
    struct connections connections;
    atomic_int_fast64_t open;
};

static struct house *house_new(bool outlives)
{
    struct house *house = calloc(1, sizeof *house);
    assert_non_null(house);
    house->wire = wire_new();
    house->listener.routes = house->wire->routes;
    connections_init(&house->connections, &house->wire->context, &house->open, 100);
    buf_clear(&recorded.packed);
    recorded.asked = recorded.killed = 0;
    recorded.outlives = outlives;
    return house;
}

static void house_free(struct house *house)
{
    connections_release(&house->connections);
    assert_int_equal(atomic_load(&house->open), 0);
    buf_release(&recorded.packed);
    wire_free(house->wire);
    free(house);
}

/* A client that has sent an event, whose answer is owed. */
static struct connection *client_that_waits(struct house *house, const struct transport_ops *transport)
{
    enum error why;
    struct client_address peer = { { 1 } };
    house->listener.transport = transport;
    struct connection *connection = connection_life_begin(&house->connections, &house->listener, peer, &why);
    assert_non_null(connection);
    connection->ops->receive(connection->session, SLICE(POST));
    connection_life_round(&house->connections);
    return connection;
}

static void fin_comes(struct connection *connection)
{
    connection_life_closing(connection);
    connection_life_closed(connection);
}

static void accepted(struct house *house, size_t submitted)
{
    struct ticket ticket = { .token = world.submitted[submitted], .accepted = 1 };
    connections_complete(&house->connections, &ticket);
    connection_life_round(&house->connections);
}

static void what_is_owed_after_a_fin_goes_through_the_table_of_the_connection(void **state)
{
    (void)state;
    struct house *house = house_new(true);
    fin_comes(client_that_waits(house, &packing));
    assert_int_equal(recorded.asked, 1);
    assert_int_equal(recorded.packed.len, 0);
    accepted(house, 0);
    for (size_t i = 0; i < recorded.packed.len; i++) {
        recorded.packed.data[i] ^= 0x55;
    }
    assert_true(slice_starts_with(buf_slice(&recorded.packed), SLICE(REPLY)));
    connection_life_round(&house->connections);
    assert_int_equal(recorded.killed, 1);
    assert_int_equal(atomic_load(&house->open), 0);
    house_free(house);
}

static void a_transport_that_does_not_outlive_a_fin_writes_nothing_after_it(void **state)
{
    (void)state;
    struct house *house = house_new(false);
    fin_comes(client_that_waits(house, &packing));
    assert_int_equal(recorded.asked, 1);
    assert_int_equal(atomic_load(&house->open), 0);
    accepted(house, 0); /* for nobody */
    assert_int_equal(recorded.packed.len, 0);
    house_free(house);
}

static void nobody_stays_for_a_client_that_is_owed_nothing(void **state)
{
    (void)state;
    struct house *house = house_new(true);
    enum error why;
    struct client_address peer = { { 1 } };
    house->listener.transport = &packing;
    fin_comes(connection_life_begin(&house->connections, &house->listener, peer, &why));
    assert_int_equal(recorded.asked, 0);
    assert_int_equal(atomic_load(&house->open), 0);
    house_free(house);
}

/* Of clients that send FIN while they wait, only so many a second may cost what an orphan costs. */
static void at_most_sixteen_a_second_outlive_their_fin(void **state)
{
    (void)state;
    struct house *house = house_new(true);
    for (size_t i = 0; i < 20; i++) {
        fin_comes(client_that_waits(house, &packing));
    }
    assert_int_equal(recorded.asked, 16);
    connections_tick(&house->connections);
    fin_comes(client_that_waits(house, &packing));
    assert_int_equal(recorded.asked, 17);
    house_free(house);
}

/* The plain row: libwebsockets closes the socket, a duplicate of it takes the answer, and is closed behind it. */
static const struct transport_ops plain_at_first = {
    .write = packing_write,
    .set_reading = packing_set_reading,
    .has_input = packing_has_input,
    .untaken = packing_untaken,
    WISHES,
};

static void a_plain_connection_goes_on_with_a_duplicate_of_its_socket(void **state)
{
    (void)state;
    struct house *house = house_new(true);
    int pair[2];
    char got[4096] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct connection *connection = client_that_waits(house, &plain_at_first);
    assert_true(after_fin_take_over(connection, pair[0]));
    connection->orphan = true;
    close(pair[0]);
    connection_life_closed(connection);
    accepted(house, 0);
    connection_life_round(&house->connections);
    assert_true(recv(pair[1], got, sizeof got - 1, 0) > 0);
    assert_int_equal(strncmp(got, REPLY, strlen(REPLY)), 0);
    assert_int_equal(recv(pair[1], got, sizeof got, 0), 0);
    assert_int_equal(recorded.packed.len, 0);
    assert_int_equal(atomic_load(&house->open), 0);
    close(pair[1]);
    house_free(house);
}

static void a_socket_that_cannot_be_duplicated_is_said_to_be(void **state)
{
    (void)state;
    struct house *house = house_new(true);
    struct connection *connection = client_that_waits(house, &plain_at_first);
    assert_false(after_fin_take_over(connection, -1));
    assert_ptr_equal(connection->transport.ops, &plain_at_first);
    house_free(house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_owed_after_a_fin_goes_through_the_table_of_the_connection),
        cmocka_unit_test(a_transport_that_does_not_outlive_a_fin_writes_nothing_after_it),
        cmocka_unit_test(nobody_stays_for_a_client_that_is_owed_nothing),
        cmocka_unit_test(at_most_sixteen_a_second_outlive_their_fin),
        cmocka_unit_test(a_plain_connection_goes_on_with_a_duplicate_of_its_socket),
        cmocka_unit_test(a_socket_that_cannot_be_duplicated_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
