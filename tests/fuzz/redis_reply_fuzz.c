/* A hostile Redis: whatever it says, a round trip ends before its deadline, and what it is taken for makes sense. */
#include <stdlib.h>

#include "base/clock.h"
#include "fuzz/cost.h"
#include "pipeline/dedup/redis_connection.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MEMBERS 3
#define CONNECTION_BYTES 2000 /* what a connection weighs */
#define TIMEOUT_NS (2 * NS_PER_SECOND)

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

/* Bytes above 0x7F stand for these. */
static const char *const snippets[] = {
    "*3\r\n:1\r\n:0\r\n:1\r\n",
    "*2\r\n$10\r\n1700000000\r\n$6\r\n000042\r\n",
    "+OK\r\n",
    "+QUEUED\r\n",
    "*2\r\n:1\r\n:1\r\n",
    "-ERR ",
    "-NOAUTH x\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "$0\r\n\r\n",
    "*3\r\n",
    "*2\r\n",
    ":1\r\n",
    ":-9223372036854775808\r\n",
    "*2147483647\r\n",
    "$2147483647\r\n",
    "*1\r\n*1\r\n*1\r\n",
    "$1000000000\r\n",
    "\r\n",
};

static struct {
    int listener;
    struct redis_address address;
} peer;

static void listen_once(void)
{
    char folder[] = "/tmp/sluice-redis-fuzz-XXXXXX", url[128];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct buf problem = { 0 };
    must(mkdtemp(folder) != NULL);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
    snprintf(url, sizeof url, "redis+unix://%s/s", folder);
    peer.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    must(bind(peer.listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(peer.listener, 8) == 0);
    must(redis_address_parse(&peer.address, slice_from_string(url), &problem));
}

static void spell_out(const uint8_t *data, size_t size, struct buf *out)
{
    for (size_t i = 0; i < size && out->len < ((size_t)64 << 10); i++) {
        if (data[i] < 0x80) {
            buf_append_byte(out, data[i]);
        } else {
            buf_append_string(out, snippets[(size_t)(data[i] - 0x80) % ARRAY_LENGTH(snippets)]);
        }
    }
}

static void travel(struct slice says)
{
    uint8_t members[MEMBERS] = { 2, 2, 2 };
    struct redis_answer answers[] = {
        { .want = REDIS_WANT_MEMBERS, .members = members, .count = MEMBERS },
        { .want = REDIS_WANT_TIME },
        { .want = REDIS_WANT_DONE },
    };
    struct buf problem = { 0 };
    struct redis_connection *connection = redis_connection_open(&peer.address, NS_PER_SECOND, &problem);
    int fd = accept(peer.listener, NULL, NULL);
    must(connection != NULL && fd >= 0);
    must(send(fd, says.data, says.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)says.len || says.len == 0);
    shutdown(fd, SHUT_WR);
    int64_t began_ns = clock_monotonic_ns();
    bool done = redis_connection_round_trip(connection, SLICE("*1\r\n$4\r\nPING\r\n"), answers, ARRAY_LENGTH(answers),
                                            began_ns + TIMEOUT_NS, &problem);
    must(clock_monotonic_ns() - began_ns < TIMEOUT_NS);
    must(done == (problem.len == 0));
    for (size_t i = 0; done && i < MEMBERS; i++) {
        must(members[i] <= 1);
    }
    must(problem.len < 1024);
    redis_connection_close(connection);
    close(fd);
    buf_release(&problem);
}

static void take(const uint8_t *data, size_t size)
{
    struct buf says = { 0 };
    if (peer.listener == 0) {
        listen_once();
    }
    spell_out(data, size, &says);
    cost_weighs(says.len + CONNECTION_BYTES);
    travel(buf_slice(&says));
    buf_release(&says);
}

COST_FUZZER(take, 200)
