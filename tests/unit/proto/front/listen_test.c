#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/front/listen.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void sockets_of_one_listener_share_a_port(void **state)
{
    (void)state;
    int fds[3];
    struct buf problem = { 0 };
    assert_true(listen_open("127.0.0.1:0", fds, 3, &problem));
    assert_int_not_equal(listen_port(fds[0]), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(listen_port(fds[i]), listen_port(fds[0]));
    }
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

static void a_port_that_is_taken_is_said_to_be(void **state)
{
    (void)state;
    int fds[2], others[2];
    char address[32];
    struct buf problem = { 0 };
    assert_true(listen_open(":0", fds, 2, &problem));
    snprintf(address, sizeof address, ":%d", listen_port(fds[0]));
    assert_false(listen_open(address, others, 2, &problem));
    assert_non_null(strstr(buf_c_string(&problem), address));
    assert_non_null(strstr(buf_c_string(&problem), "address already in use"));
    buf_release(&problem);
    close(fds[0]);
    close(fds[1]);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = { "", "8080", "host", ":65536", ":http", "::1:80", "127.0.0.1:" };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int fd;
        struct buf problem = { 0 };
        assert_false(listen_open(rows[i], &fd, 1, &problem));
        assert_non_null(strstr(buf_c_string(&problem), "expected host:port"));
        buf_clear(&problem);
        assert_false(listen_check(rows[i], &problem));
        assert_non_null(strstr(buf_c_string(&problem), "expected host:port"));
        buf_release(&problem);
    }
}

static int datagrams_at(int fd)
{
    char byte;
    int count = 0;
    while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
        count++;
    }
    return count;
}

static void senders_of_datagrams_are_spread_over_the_sockets(void **state)
{
    (void)state;
    int fds[2];
    struct buf problem = { 0 };
    assert_true(listen_open_datagrams("127.0.0.1:0", fds, 2, &problem));
    assert_int_equal(listen_port(fds[0]), listen_port(fds[1]));
    struct sockaddr_storage to;
    socklen_t length = sizeof to;
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&to, &length), 0);
    for (size_t i = 0; i < 200; i++) {
        int sender = socket(to.ss_family, SOCK_DGRAM, 0);
        assert_int_equal(sendto(sender, "x", 1, 0, (struct sockaddr *)&to, length), 1);
        close(sender);
    }
    int first = datagrams_at(fds[0]), second = datagrams_at(fds[1]);
    assert_int_equal(first + second, 200);
    assert_true(first > 0 && second > 0);
    close(fds[0]);
    close(fds[1]);
}

static void a_port_that_takes_datagrams_is_not_shared_with_others(void **state)
{
    (void)state;
    int fds[2], others[2];
    char address[32];
    struct buf problem = { 0 };
    assert_true(listen_open_datagrams("127.0.0.1:0", fds, 2, &problem));
    snprintf(address, sizeof address, "127.0.0.1:%d", listen_port(fds[0]));
    assert_false(listen_open_datagrams(address, others, 2, &problem));
    assert_non_null(strstr(buf_c_string(&problem), "(UDP): address already in use"));
    buf_release(&problem);
    close(fds[0]);
    close(fds[1]);
}

/* What --check says of two addresses is what the kernel says of them. */
static void two_addresses_clash_where_the_second_cannot_be_listened_on(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool clash;
    } rows[] = {
        { "", "", true },
        { "", "127.0.0.1", true },
        { "", "[::1]", true },
        { "[::1]", "", true },
        { "0.0.0.0", "127.0.0.1", true },
        { "127.0.0.1", "0.0.0.0", true },
        { "127.0.0.1", "127.0.0.1", true },
        { "[::]", "[::1]", true },
        { "[::1]", "[0:0:0:0:0:0:0:1]", true },
        { "localhost", "LocalHost", true },
        { "127.0.0.1", "127.0.0.2", false },
        { "127.0.0.1", "[::1]", false },
        { "[::]", "0.0.0.0", false },
        { "[::]", "127.0.0.1", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int first, second;
        char addresses[2][64];
        struct buf problem = { 0 };
        snprintf(addresses[0], sizeof addresses[0], "%s:0", rows[i].first);
        assert_false(listen_clash(addresses[0], addresses[0]));
        assert_true(listen_open(addresses[0], &first, 1, &problem));
        snprintf(addresses[0], sizeof addresses[0], "%s:%d", rows[i].first, listen_port(first));
        snprintf(addresses[1], sizeof addresses[1], "%s:%d", rows[i].second, listen_port(first));
        assert_int_equal(listen_clash(addresses[0], addresses[1]), rows[i].clash);
        bool opened = listen_open(addresses[1], &second, 1, &problem);
        assert_int_equal(opened, !rows[i].clash);
        if (opened) {
            close(second);
        }
        close(first);
        buf_release(&problem);
    }
    assert_false(listen_clash("127.0.0.1:1", "127.0.0.1:2"));
    assert_false(listen_clash("off", "off"));
}

static void loopback_is_what_this_machine_alone_can_reach(void **state)
{
    (void)state;
    static const char *const loopback[] = { "127.0.0.1:1", "127.9.9.9:0", "[::1]:80", "localhost:1", "LOCALHOST:1" };
    static const char *const others[] = { ":1",      "0.0.0.0:1", "[::]:1", "10.0.0.1:1",         "128.0.0.1:1",
                                          "[::2]:1", "host:1",    "off",    "localhost.example:1" };
    for (size_t i = 0; i < ARRAY_LENGTH(loopback); i++) {
        assert_true(listen_is_loopback(loopback[i]));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        assert_false(listen_is_loopback(others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_what_this_machine_alone_can_reach),
        cmocka_unit_test(senders_of_datagrams_are_spread_over_the_sockets),
        cmocka_unit_test(a_port_that_takes_datagrams_is_not_shared_with_others),
        cmocka_unit_test(sockets_of_one_listener_share_a_port),
        cmocka_unit_test(a_port_that_is_taken_is_said_to_be),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(two_addresses_clash_where_the_second_cannot_be_listened_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
