#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/front/listen.h"
#include "proto/udp/udp_batch.h"
#include "proto/udp/udp_socket.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 4
#define LARGEST 100

static struct udp_batch *batch;
static int receiver, sender;

static int connected_to(int fd)
{
    struct sockaddr_storage to;
    socklen_t length = sizeof to;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &length), 0);
    int from = socket(to.ss_family, SOCK_DGRAM, 0);
    assert_int_equal(connect(from, (struct sockaddr *)&to, length), 0);
    return from;
}

static void open_on(const char *address)
{
    struct buf problem = { 0 };
    assert_true(listen_open_datagrams(address, &receiver, 1, &problem));
    sender = connected_to(receiver);
    batch = udp_batch_new(SLOTS, LARGEST);
    assert_non_null(batch);
}

static int open_pair(void **state)
{
    (void)state;
    open_on("127.0.0.1:0");
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    udp_batch_free(batch);
    close(receiver);
    close(sender);
    return 0;
}

static void send_bytes(const char *bytes, size_t length)
{
    assert_int_equal(send(sender, bytes, length, 0), (ssize_t)length);
}

static void assert_holds(size_t index, const char *text)
{
    struct udp_datagram datagram = udp_batch_at(batch, index);
    assert_true(slice_equal(datagram.bytes, slice_from_string(text)));
    assert_false(datagram.truncated);
}

static void takes_what_waits_in_order(void **state)
{
    (void)state;
    assert_int_equal(udp_batch_receive(batch, receiver), 0);
    send_bytes("one", 3);
    send_bytes("", 0);
    send_bytes("three", 5);
    assert_int_equal(udp_batch_receive(batch, receiver), 3);
    assert_holds(0, "one");
    assert_holds(1, "");
    assert_holds(2, "three");
    assert_int_equal(udp_batch_receive(batch, receiver), 0);
}

static void leaves_what_does_not_fit_for_the_next_call(void **state)
{
    (void)state;
    static const char *const texts[] = { "a", "b", "c", "d", "e" };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        send_bytes(texts[i], 1);
    }
    assert_int_equal(udp_batch_receive(batch, receiver), SLOTS);
    assert_holds(3, "d");
    assert_int_equal(udp_batch_receive(batch, receiver), 1);
    assert_holds(0, "e");
}

static void says_which_datagram_was_cut(void **state)
{
    (void)state;
    static const char bytes[LARGEST + 1] = { 'x' };
    send_bytes(bytes, LARGEST + 1);
    send_bytes(bytes, LARGEST);
    assert_int_equal(udp_batch_receive(batch, receiver), 2);
    assert_true(udp_batch_at(batch, 0).truncated);
    assert_int_equal(udp_batch_at(batch, 0).bytes.len, LARGEST);
    assert_false(udp_batch_at(batch, 1).truncated);
    assert_int_equal(udp_batch_at(batch, 1).bytes.len, LARGEST);
}

static void names_the_sender(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *sender;
    } rows[] = { { "127.0.0.1:0", "127.0.0.1" }, { "[::1]:0", "::1" } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        close_pair(state);
        open_on(rows[i].listen);
        send_bytes("x", 1);
        assert_int_equal(udp_batch_receive(batch, receiver), 1);
        assert_true(slice_equal(udp_batch_at(batch, 0).sender, slice_from_string(rows[i].sender)));
    }
}

static void counts_what_the_kernel_drops(void **state)
{
    (void)state;
    struct udp_socket_state kernel;
    size_t received = 0, some;
    const size_t sent = 2000;
    udp_socket_tell_drops(receiver);
    assert_int_equal(udp_socket_set_buffer(receiver, 64 << 10), 64 << 10);
    for (size_t i = 0; i < sent; i++) {
        send_bytes("x", 1);
    }
    while ((some = udp_batch_receive(batch, receiver)) != 0) {
        received += some;
    }
    assert_true(udp_socket_state(receiver, &kernel));
    assert_int_equal(kernel.buffer, 64 << 10);
    assert_true(received > 0 && received < sent);
    assert_int_equal(received + kernel.dropped, sent);
    assert_int_equal(udp_batch_dropped(batch), 0); /* those read came before the drops */
    for (size_t i = 0; i < 2 * SLOTS; i++) {
        send_bytes("x", 1);
    }
    assert_int_equal(udp_batch_receive(batch, receiver), SLOTS);
    assert_int_equal(udp_batch_dropped(batch), kernel.dropped);
    assert_int_equal(udp_batch_receive(batch, receiver), SLOTS);
    assert_int_equal(udp_batch_dropped(batch), kernel.dropped);
}

static void refuses_what_comes_later_and_counts_it(void **state)
{
    (void)state;
    struct udp_socket_state kernel;
    send_bytes("before", 6);
    udp_socket_refuse(receiver);
    send_bytes("after", 5);
    send_bytes("after", 5);
    assert_int_equal(udp_batch_receive(batch, receiver), 1);
    assert_holds(0, "before");
    assert_true(udp_socket_state(receiver, &kernel));
    assert_int_equal(kernel.dropped, 2);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(takes_what_waits_in_order),    ROW(leaves_what_does_not_fit_for_the_next_call),
        ROW(says_which_datagram_was_cut),  ROW(names_the_sender),
        ROW(counts_what_the_kernel_drops), ROW(refuses_what_comes_later_and_counts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
