/* What a connection makes of replies that no Redis sends, or sends too late: a peer that says one thing whatever it is
 * asked. What real servers say is in dedup_redis_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "pipeline/dedup/redis_connection.h"

#define MEMBERS 3

struct peer {
    char folder[64];
    char path[96];
    int listener;
    struct thread thread;
    struct slice says;
    bool trickles; /* a byte every 20 ms */
    bool hangs_up;
};

static void say(const struct peer *peer, int fd)
{
    for (size_t i = 0; peer->trickles && i < peer->says.len && send(fd, peer->says.data + i, 1, MSG_NOSIGNAL) == 1;
         i++) {
        usleep(20000);
    }
    if (!peer->trickles && send(fd, peer->says.data, peer->says.len, MSG_NOSIGNAL) < 0) {
        return;
    }
    char ignored[256];
    while (!peer->hangs_up && read(fd, ignored, sizeof ignored) > 0) {
    }
}

static void serve(void *argument)
{
    const struct peer *peer = argument;
    int fd = accept(peer->listener, NULL, NULL);
    if (fd >= 0) {
        say(peer, fd);
        close(fd);
    }
}

static void start(struct peer *peer)
{
    strcpy(peer->folder, "/tmp/sluice-redis-XXXXXX");
    assert_non_null(mkdtemp(peer->folder));
    snprintf(peer->path, sizeof peer->path, "%s/s", peer->folder);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, peer->path, strlen(peer->path) + 1);
    peer->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 1), 0);
    assert_int_equal(thread_start(&peer->thread, "peer", serve, peer), OK);
}

static void stop(struct peer *peer)
{
    thread_join(&peer->thread);
    close(peer->listener);
    unlink(peer->path);
    rmdir(peer->folder);
}

static struct redis_connection *connect_to(const struct peer *peer)
{
    char url[160];
    struct redis_address address;
    struct buf problem = { 0 };
    snprintf(url, sizeof url, "redis+unix://%s", peer->path);
    assert_true(redis_address_parse(&address, slice_from_string(url), &problem));
    struct redis_connection *connection = redis_connection_open(&address, NS_PER_SECOND, &problem);
    assert_non_null(connection);
    redis_address_release(&address);
    return connection;
}

/* One round trip with SMISMEMBER, TIME and another command; *problem says what was wrong. */
static bool travel(struct peer *peer, uint8_t members[MEMBERS], int64_t *time_ns, int64_t timeout_ns,
                   struct buf *problem)
{
    struct redis_answer answers[] = {
        { .want = REDIS_WANT_MEMBERS, .members = members, .count = MEMBERS },
        { .want = REDIS_WANT_TIME },
        { .want = REDIS_WANT_DONE },
    };
    start(peer);
    struct redis_connection *connection = connect_to(peer);
    bool done = redis_connection_round_trip(connection, SLICE("*1\r\n$4\r\nPING\r\n"), answers, 3,
                                            clock_monotonic_ns() + timeout_ns, problem);
    redis_connection_close(connection);
    stop(peer);
    *time_ns = answers[1].time_ns;
    return done;
}

#define GOOD_TIME "*2\r\n$10\r\n1700000000\r\n$6\r\n000042\r\n"

static void takes_replies_that_make_sense(void **state)
{
    (void)state;
    uint8_t members[MEMBERS] = { 0 };
    int64_t time_ns;
    struct buf problem = { 0 };
    struct peer peer = { .says = SLICE("*3\r\n:1\r\n:0\r\n:1\r\n" GOOD_TIME "*2\r\n:5\r\n:1\r\n"), .trickles = false };
    if (!travel(&peer, members, &time_ns, NS_PER_SECOND, &problem)) {
        fail_msg("%s", buf_c_string(&problem));
    }
    assert_memory_equal(members, "\1\0\1", MEMBERS);
    assert_int_equal(time_ns, 1700000000 * NS_PER_SECOND + 42 * NS_PER_US);
}

static void takes_replies_byte_by_byte(void **state)
{
    (void)state;
    uint8_t members[MEMBERS] = { 0 };
    int64_t time_ns;
    struct buf problem = { 0 };
    struct peer peer = { .says = SLICE("*3\r\n:1\r\n:1\r\n:0\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n+OK\r\n"),
                         .trickles = true };
    assert_true(travel(&peer, members, &time_ns, 20 * NS_PER_SECOND, &problem));
    assert_memory_equal(members, "\1\1\0", MEMBERS);
    assert_int_equal(time_ns, NS_PER_SECOND + 2 * NS_PER_US);
}

static void refuses_nonsense_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *says, *because;
    } rows[] = {
        { "HTTP/1.1 400 Bad Request\r\n\r\n", "Redis server" },
        { "+OK\r\n", "not what the command calls for" },
        { ":1\r\n", "not what the command calls for" },
        { "$-1\r\n", "not what the command calls for" },
        { "*-1\r\n", "not what the command calls for" },
        { "*0\r\n", "not what the command calls for" },
        { "*2\r\n:1\r\n:1\r\n", "not what the command calls for" },
        { "*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n$1\r\n1\r\n:1\r\n", "not of integers" },
        { "*3\r\n:1\r\n$-1\r\n:1\r\n", "not of integers" },
        { "*3\r\n*9\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "not of integers" },
        { "*3\r\n:1\r\n*0\r\n:1\r\n", "not of integers" },
        { "*3\r\n:x\r\n", "Redis server" },
        { "*99999999999\r\n", "Redis server" },
        { "*2147483647\r\n", "not what the command calls for" },
        { "*1000000000\r\n:1\r\n", "not what the command calls for" },
        { "*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n*2147483647\r\n", "not of integers" },
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n*2\r\n*2147483647\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n" GOOD_TIME "*2147483646\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n" GOOD_TIME "+OK\r\n+OK\r\n", "more than it was asked" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n" GOOD_TIME "+OK\r\n*2147483647\r\n", "more than it was asked" },
        { "$-7\r\n", "Redis server" },
        { "-LOADING Redis is loading the dataset in memory\r\n", "LOADING" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n*2\r\n$1\r\nx\r\n$1\r\n1\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n*2\r\n$20\r\n99999999999999999999\r\n$1\r\n1\r\n",
          "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n*2\r\n$10\r\n9999999999\r\n$1\r\n1\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n*2\r\n$1\r\n1\r\n$7\r\n1000000\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n" GOOD_TIME "*-1\r\n", "not what the command calls for" },
        { "*3\r\n:1\r\n:1\r\n:1\r\n" GOOD_TIME "*2\r\n:1\r\n-OOM command not allowed\r\n", "OOM" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t members[MEMBERS];
        int64_t time_ns;
        struct buf problem = { 0 };
        struct peer peer = { .says = slice_from_string(rows[i].says) };
        if (travel(&peer, members, &time_ns, 5 * NS_PER_SECOND, &problem)) {
            fail_msg("row %zu was taken", i);
        }
        if (strstr(buf_c_string(&problem), rows[i].because) == NULL) {
            fail_msg("row %zu: %s", i, buf_c_string(&problem));
        }
        buf_release(&problem);
    }
}

static void endless_replies_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const begins[] = { "$2000000000\r\n", "+", "-ERR ", ":", "*3\r\n:1\r\n$1000000\r\n" };
    for (size_t i = 0; i < ARRAY_LENGTH(begins); i++) {
        uint8_t members[MEMBERS];
        int64_t time_ns;
        struct buf problem = { 0 }, says = { 0 };
        buf_append_string(&says, begins[i]);
        buf_append_fill(&says, '1', (size_t)16 << 20);
        struct peer peer = { .says = buf_slice(&says), .hangs_up = true };
        int64_t started_ns = clock_monotonic_ns();
        assert_false(travel(&peer, members, &time_ns, 30 * NS_PER_SECOND, &problem));
        assert_true(clock_monotonic_ns() - started_ns < 5 * NS_PER_SECOND);
        assert_non_null(strstr(buf_c_string(&problem), "no end"));
        buf_release(&problem);
        buf_release(&says);
    }
}

static void a_password_is_not_repeated_from_an_error(void **state)
{
    (void)state;
    uint8_t members[MEMBERS];
    int64_t time_ns;
    struct buf problem = { 0 };
    struct peer peer = { .says = SLICE(
                             "-ERR unknown command `AUTH`, with args beginning with: `default`, `secret`, \r\n") };
    assert_false(travel(&peer, members, &time_ns, NS_PER_SECOND, &problem));
    assert_non_null(strstr(buf_c_string(&problem), "unknown command `AUTH`"));
    assert_null(strstr(problem.data, "secret"));
    buf_release(&problem);
}

static void a_peer_that_trickles_is_given_up_at_the_deadline(void **state)
{
    (void)state;
    uint8_t members[MEMBERS];
    int64_t time_ns;
    struct buf problem = { 0 };
    struct peer peer = { .says = SLICE("*3\r\n:1\r\n:1\r\n:1\r\n" GOOD_TIME "+OK\r\n"), .trickles = true };
    int64_t started_ns = clock_monotonic_ns();
    assert_false(travel(&peer, members, &time_ns, 200 * NS_PER_MS, &problem));
    assert_true(clock_monotonic_ns() - started_ns < 5 * NS_PER_SECOND);
    assert_non_null(strstr(buf_c_string(&problem), "redis_timeout"));
    buf_release(&problem);
}

static void a_peer_that_hangs_up_is_told_from_one_that_is_silent(void **state)
{
    (void)state;
    for (int hangs_up = 0; hangs_up < 2; hangs_up++) {
        uint8_t members[MEMBERS];
        int64_t time_ns;
        struct buf problem = { 0 };
        struct peer peer = { .says = SLICE("*3\r\n:1\r\n"), .hangs_up = hangs_up };
        assert_false(travel(&peer, members, &time_ns, 100 * NS_PER_MS, &problem));
        assert_int_equal(strstr(buf_c_string(&problem), "redis_timeout") == NULL, hangs_up);
        buf_release(&problem);
    }
}

static void nobody_who_listens_is_said(void **state)
{
    (void)state;
    struct redis_address address;
    struct buf problem = { 0 };
    assert_true(redis_address_parse(&address, SLICE("redis+unix:///nonexistent/socket"), &problem));
    assert_null(redis_connection_open(&address, NS_PER_SECOND, &problem));
    assert_non_null(strstr(buf_c_string(&problem), "No such file"));
    redis_address_release(&address);
    buf_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_replies_that_make_sense),
        cmocka_unit_test(takes_replies_byte_by_byte),
        cmocka_unit_test(refuses_nonsense_with_the_reason),
        cmocka_unit_test(endless_replies_are_refused_at_once),
        cmocka_unit_test(a_password_is_not_repeated_from_an_error),
        cmocka_unit_test(a_peer_that_trickles_is_given_up_at_the_deadline),
        cmocka_unit_test(a_peer_that_hangs_up_is_told_from_one_that_is_silent),
        cmocka_unit_test(nobody_who_listens_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
