/* Statements and results on a socket: whole, cut anywhere, and made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "query/sql_wire.h"

struct pair {
    int near, far;
};

static struct pair new_pair(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){ fds[0], fds[1] };
}

static void close_pair(struct pair pair)
{
    if (pair.near >= 0) {
        close(pair.near);
    }
    close(pair.far);
}

static const struct sql_request sample = { { "SELECT 1", 8 }, { "TSV", 3 }, true };

/* Its bytes, as they travel. */
static size_t sample_bytes(char *space, size_t size)
{
    struct pair pair = new_pair();
    assert_true(sql_wire_ask(pair.near, &sample));
    ssize_t len = recv(pair.far, space, size, 0);
    close_pair(pair);
    assert_true(len > 0);
    return (size_t)len;
}

static void a_request_arrives_as_it_was(void **state)
{
    (void)state;
    struct pair pair = new_pair();
    struct buf space = { 0 };
    struct sql_request got;
    assert_true(sql_wire_ask(pair.near, &sample));
    assert_true(sql_wire_read_request(pair.far, &space, &got));
    assert_true(slice_equal(got.statement, sample.statement));
    assert_true(slice_equal(got.format, sample.format));
    assert_true(got.write);
    buf_release(&space);
    close_pair(pair);
}

/* Sends what is given, hangs up, and says whether it was a request. */
static bool is_request(const char *bytes, size_t len)
{
    struct pair pair = new_pair();
    struct buf space = { 0 };
    struct sql_request got;
    assert_int_equal(send(pair.near, bytes, len, 0), (ssize_t)len);
    close(pair.near);
    pair.near = -1;
    bool read = sql_wire_read_request(pair.far, &space, &got);
    buf_release(&space);
    close_pair(pair);
    return read;
}

static void a_request_that_is_cut_is_none(void **state)
{
    (void)state;
    char bytes[128];
    size_t len = sample_bytes(bytes, sizeof bytes);
    for (size_t i = 1; i < len; i++) {
        assert_false(is_request(bytes, i));
    }
    assert_true(is_request(bytes, len));
}

static void sizes_that_nobody_may_ask_for_are_refused(void **state)
{
    (void)state;
    char bytes[128];
    size_t len = sample_bytes(bytes, sizeof bytes);
    for (size_t at = 8; at < 20; at += 4) {
        char changed[128];
        memcpy(changed, bytes, len);
        memset(changed + at, 0xFF, 4);
        assert_false(is_request(changed, len));
    }
    bytes[0] = 'G';
    assert_false(is_request(bytes, len));
    struct sql_request large = sample;
    large.format.len = SQL_FORMAT_MAX + 1;
    assert_false(sql_wire_ask(-1, &large));
    large.statement.len = (size_t)SQL_STATEMENT_MAX + 1;
    assert_false(sql_wire_ask(-1, &large));
}

static void frames_arrive_in_order(void **state)
{
    (void)state;
    struct pair pair = new_pair();
    struct buf bytes = { 0 };
    enum sql_frame kind;
    assert_true(sql_wire_send(pair.near, SQL_PIECE, SLICE("1\n")));
    assert_true(sql_wire_send(pair.near, SQL_FAILED, SLICE("no")));
    assert_true(sql_wire_send(pair.near, SQL_DONE, SLICE("")));
    assert_true(sql_wire_receive(pair.far, &kind, &bytes));
    assert_int_equal(kind, SQL_PIECE);
    assert_string_equal(buf_c_string(&bytes), "1\n");
    assert_true(sql_wire_receive(pair.far, &kind, &bytes));
    assert_int_equal(kind, SQL_FAILED);
    assert_string_equal(buf_c_string(&bytes), "no");
    assert_true(sql_wire_receive(pair.far, &kind, &bytes));
    assert_int_equal(kind, SQL_DONE);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(send(pair.near, "\x09\0\0\0\0\0\0\0", 8, 0), 8);
    assert_false(sql_wire_receive(pair.far, &kind, &bytes));
    close(pair.near);
    pair.near = -1;
    assert_false(sql_wire_receive(pair.far, &kind, &bytes));
    buf_release(&bytes);
    close_pair(pair);
}

static void the_socket_is_its_users_alone_and_replaces_what_was_left(void **state)
{
    (void)state;
    char folder[] = "/tmp/sql-wire-XXXXXX";
    char path[64];
    struct stat found;
    struct buf problem = { 0 };
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sql.sock", folder);
    assert_int_equal(sql_wire_connect(folder), -1);
    assert_int_equal(errno, ENOENT);
    int left = sql_wire_listen(folder, &problem);
    assert_true(left >= 0);
    close(left);
    assert_int_equal(sql_wire_connect(folder), -1);
    assert_int_equal(errno, ECONNREFUSED);
    int fd = sql_wire_listen(folder, &problem);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    int client = sql_wire_connect(folder);
    assert_true(client >= 0);
    close(client);
    close(fd);
    sql_wire_remove(folder);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(sql_wire_listen(folder, &problem), -1);
    assert_non_null(strstr(buf_c_string(&problem), "cannot listen on"));
    buf_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_as_it_was),
        cmocka_unit_test(a_request_that_is_cut_is_none),
        cmocka_unit_test(sizes_that_nobody_may_ask_for_are_refused),
        cmocka_unit_test(frames_arrive_in_order),
        cmocka_unit_test(the_socket_is_its_users_alone_and_replaces_what_was_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
