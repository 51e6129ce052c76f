/* A hostile ClickHouse: raw HTTP through libcurl, to a probe, a look at a table, a query and an INSERT. Whatever it says, each
 * ends in time, within its bounds, with a text that does nothing to a terminal. */
#include <stdlib.h>

#include "store/answer_text.h"
#include "store/codes.h"
#include "store/table/table.h"

#include "base/clock.h"
#include "config/options/options.h"
#include "fuzz/cost.h"
#include "store_fixture.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_BYTE 200
#define REQUEST_BYTES 20000 /* what a request of libcurl weighs */
#define TIMEOUT_NS (3 * NS_PER_SECOND)
#define HEAD "HTTP/1.1 200 OK\r\nX-ClickHouse-Server-Display-Name: x\r\n"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

/* Bytes above 0x7F stand for these; 0xFF ends a reply. */
static const char *const snippets[] = {
    HEAD "\r\n",
    HEAD,
    HEAD "Content-Length: 0\r\n\r\n",
    HEAD "Transfer-Encoding: chunked\r\n\r\n",
    HEAD "\r\n26.7.1.1\t1700000000\t100\n",
    HEAD "\r\n18.16.1\t1700000000\t100\n",
    HEAD "\r\nReplacingMergeTree\n",
    HEAD "\r\nReplacingMergeTree\ta, event_id\ttoYYYYMM(t)\tReplacingMergeTree ORDER BY a TTL t + toIntervalDay(1)\n",
    HEAD "\r\nevent_name\tString\t\t\nuser_id\tString\t\t\ntimestamp\tDateTime\t\t\nevent_id\tUUID\t\t\n",
    "HTTP/1.1 500 E\r\nX-ClickHouse-Exception-Code: 469\r\n\r\nCode: 469. DB::Exception: Constraint `x` is violated",
    "HTTP/1.1 404 E\r\nX-ClickHouse-Exception-Code: 60\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
    "HTTP/1.0 200\r\n\r\n",
    "HTTP/2 200\r\n\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Content-Encoding: gzip\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "X-ClickHouse-Exception-Code: 99999\r\n",
    "Connection: keep-alive\r\n",
    "Set-Cookie: a=b\r\n",
    "\r\n",
    "\r\n\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\nX-ClickHouse-Exception-Code: 1\r\n\r\n",
    "ffffffffffffffff\r\n",
    "\t",
    "\n",
    "Array(Nullable(",
    "LowCardinality(String)",
    "26.7\t99999999999999999999\t-1\n",
    ": while pushing to view default.mv. (X)",
    ": while converting column \"a\" from type String to type UInt8: While executing Native",
    "DB::Exception: Constraint `",
};
#define END_OF_REPLY 0xFF
#define LONGEST_ERROR (UINT64_C(64) << 10) /* what http_client.c reads of an error's text */

static struct {
    int listener;
    pthread_mutex_t lock;
    struct slice replies; /* guarded: what is still to be said */
    struct store *store;
    struct store_session *session;
    struct stream_options options;
    struct stream *stream;
    struct segment segment;
    struct buf bytes;
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct slice next_reply(struct buf *out)
{
    pthread_mutex_lock(&world.lock);
    buf_clear(out);
    while (world.replies.len != 0) {
        uint8_t byte = (uint8_t)world.replies.data[0];
        world.replies = slice_after(world.replies, 1);
        if (byte == END_OF_REPLY) {
            break;
        }
        if (byte < 0x80) {
            buf_append_byte(out, byte);
        } else {
            buf_append_string(out, snippets[(size_t)(byte - 0x80) % ARRAY_LENGTH(snippets)]);
        }
    }
    pthread_mutex_unlock(&world.lock);
    return buf_slice(out);
}

/* One reply a connection, without a look at what is asked. */
static void *serve(void *unused)
{
    struct buf reply = { 0 };
    (void)unused;
    for (;;) {
        char ignored[4096];
        int fd = accept(world.listener, NULL, NULL);
        if (fd < 0 || recv(fd, ignored, sizeof ignored, 0) <= 0) {
            close(fd);
            continue;
        }
        struct slice says = next_reply(&reply);
        (void)!send(fd, says.data, says.len, MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        while (recv(fd, ignored, sizeof ignored, 0) > 0) {
        }
        close(fd);
    }
    return NULL;
}

static void begin(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    char url[64];
    struct buf problem = { 0 };
    pthread_t thread;
    world.listener = socket(AF_INET, SOCK_STREAM, 0);
    must(bind(world.listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(world.listener, 64) == 0);
    must(getsockname(world.listener, (struct sockaddr *)&address, &len) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    struct store_options options = { .kind = STORE_CLICKHOUSE,
                                     .url = url,
                                     .user = "u",
                                     .password = "p",
                                     .database = "d",
                                     .connect_timeout_ns = NS_PER_SECOND,
                                     .request_timeout_ns = NS_PER_SECOND };
    world.store = store_clickhouse_new(&options, &problem);
    must(world.store != NULL && pthread_create(&thread, NULL, serve, NULL) == 0);
    world.session = world.store->ops->session_new(world.store);
    world.stream = make_stream(&world.options, "events", OLD_FIELDS);
    make_segment(world.stream, "events-01890a5d-ac96-774b-bcce-b302099a8057", 0, 3, &world.segment, &world.bytes);
}

static void check_reply(const struct store_reply *reply)
{
    char told[512];
    must(strlen(reply->message) < sizeof reply->message && reply->code >= 0 && reply->code < 1000000);
    for (const char *at = reply->message; *at != '\0'; at++) {
        must((uint8_t)*at >= ' ' && *at != 0x7F);
    }
    answer_explain(reply, told, sizeof told);
    must(told[0] != '\0' || reply->outcome == STORE_DONE || reply->message[0] == '\0');
    (void)code_classify(reply);
}

static void ask(void)
{
    struct buf rows = { 0 };
    struct store_reply reply;
    struct store_query query = {
        .sql = SLICE("SELECT 1"), .format = "TSV", .timeout_ns = NS_PER_SECOND, .max_result_bytes = 1000
    };
    world.store->ops->query(world.session, 0, &query, &rows, &reply);
    must(rows.len <= (reply.outcome == STORE_DONE ? query.max_result_bytes : LONGEST_ERROR));
    check_reply(&reply);
    buf_release(&rows);
}

static void probe(void)
{
    struct store_features features = { 0 };
    struct store_reply reply;
    world.store->ops->probe(world.session, 0, &features, &reply);
    must(reply.outcome != STORE_DONE || features.known);
    check_reply(&reply);
}

static void prepare(void)
{
    struct table_info info;
    struct buf problem = { 0 };
    enum table_verdict verdict = table_prepare(world.store, world.session, 0, world.stream, TABLE_WAS_THERE, false,
                                               NS_PER_SECOND, &info, &problem);
    must(verdict == TABLE_READY || problem.len != 0);
    must(problem.len < ((size_t)64 << 10) && strlen(info.warnings) < sizeof info.warnings);
    buf_release(&problem);
}

static void insert(void)
{
    struct store_reply reply;
    struct store_insert insert = { .segment = &world.segment, .bytes = buf_slice(&world.bytes), .token = "t" };
    world.store->ops->insert(world.session, 0, &insert, &reply);
    check_reply(&reply);
}

static void take(const uint8_t *data, size_t size)
{
    static void (*const calls[])(void) = { probe, prepare, ask, insert };
    if (world.listener == 0) {
        begin();
    }
    if (size == 0) {
        return;
    }
    cost_weighs(REQUEST_BYTES);
    pthread_mutex_lock(&world.lock);
    world.replies = slice_make(data + 1, size - 1);
    pthread_mutex_unlock(&world.lock);
    int64_t began_ns = clock_monotonic_ns();
    calls[data[0] % ARRAY_LENGTH(calls)]();
    must(clock_monotonic_ns() - began_ns < 5 * TIMEOUT_NS);
    pthread_mutex_lock(&world.lock);
    world.replies = (struct slice){ NULL, 0 };
    pthread_mutex_unlock(&world.lock);
}

COST_FUZZER(take, NS_PER_BYTE)
