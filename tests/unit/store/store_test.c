/* Quoting, binding, features, replies, DDL; and what the clickhouse store makes of every way in which a server can
 * answer or not, from a scripted one. The same against real servers: tests/integration/test_store.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lz4.h"
#include "base/thread.h"
#include "config/options/options.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "store/settings.h"
#include "store/sql.h"
#include "store/table/table.h"
#include "store/table/table_ddl.h"

#define assert_text(bytes, text)                                                                                       \
    do {                                                                                                               \
        assert_int_equal((bytes).len, strlen(text));                                                                   \
        assert_memory_equal((bytes).data, (text), strlen(text));                                                       \
    } while (0)

static void reads_the_code_of_an_error(void **state)
{
    (void)state;
    assert_int_equal(store_parse_error_code(SLICE("Code: 469. DB::Exception: x")), 469);
    assert_int_equal(store_parse_error_code(SLICE("Code: 60, e.displayText() = DB::Exception")), 60);
    assert_int_equal(store_parse_error_code(SLICE("junk\nCode: 62. y")), 62);
    assert_int_equal(store_parse_error_code(SLICE("Code: ")), 0);
    assert_int_equal(store_parse_error_code(SLICE("Code: 99999999999")), 0);
    assert_int_equal(store_parse_error_code(SLICE("502 Bad Gateway")), 0);
    assert_int_equal(store_parse_error_code(SLICE("")), 0);
}

static void knows_what_versions_can_do(void **state)
{
    static const struct {
        const char *answer;
        bool good, tokens, lz4, converts, json;
    } rows[] = {
        { "26.7.2.1\t1732233600\t7\n", true, true, true, true, true },
        { "24.8.1.2\t1732233600\t7\n", true, true, true, true, false },
        { "22.8.5.29\t1732233600\t7\n", true, true, true, false, false },
        { "18.16.1\t1732233600\t7\n", true, false, false, false, false },
        { "garbage\t1\t7\n", false, false, false, false, false },
        { "<html>", false, false, false, false, false },
        { "26.7.2.1\tx\t7\n", false, true, true, true, true },
        { "26.7.2.1\t1732233600\tx\n", false, true, true, true, true },
        { "26.7.2.1\t1732233600\n", false, false, false, false, false },
        { "", false, false, false, false, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct store_features features = { 0 };
        assert_int_equal(store_parse_probe(slice_from_string(rows[i].answer), 9 * NS_PER_SECOND, &features),
                         rows[i].good);
        assert_int_equal(features.tokens, rows[i].tokens);
        assert_int_equal(features.lz4_body, rows[i].lz4);
        assert_int_equal(features.converts, rows[i].converts);
        assert_int_equal(features.json, rows[i].json);
        if (rows[i].good) {
            assert_int_equal(features.started_wall_s, 1732233600);
            assert_int_equal(features.up_since_ns, 2 * NS_PER_SECOND);
        }
    }
}

static void replies_stay_on_one_line(void **state)
{
    struct store_reply reply;
    char longer[3000];
    (void)state;
    store_reply_set(&reply, STORE_ANSWERED, 1, 500, SLICE("  a\r\nb\tc\n\n"));
    assert_string_equal(reply.message, "a  b c");
    memset(longer, 'x', sizeof longer);
    store_reply_set(&reply, STORE_ANSWERED, 1, 500, slice_make(longer, sizeof longer));
    assert_int_equal(strlen(reply.message), sizeof reply.message - 1);
}

static void creates_what_the_server_knows(void **state)
{
    static struct field_options fields[] = {
        { .name = "kind",
          .type = "LowCardinality(Nullable(String))",
          .comment = "what it's called",
          .max_past_ns = -1,
          .max_future_ns = -1 },
        { .name = "at", .type = "DateTime", .required = true, .max_past_ns = -1, .max_future_ns = -1 },
    };
    const char *key[] = { "at" };
    struct stream_options options = { .name = "s",
                                      .table = "ta`ble",
                                      .dedup_key = { key, 1 },
                                      .fields = fields,
                                      .field_count = 2,
                                      .partition_by = "toYYYYMM(at)" };
    struct buf problems = { 0 };
    struct buf ddl = { 0 };
    struct store_features features = { 0 };
    struct table_form form = { .fsync = true };
    (void)state;
    struct stream *stream = stream_compile(&options, 0, &problems);
    assert_non_null(stream);
    store_features_by_version(&features, SLICE("26.7.2.1"));
    table_ddl(stream, "d", &features, &form, &ddl);
    const char *expected =
        "CREATE TABLE IF NOT EXISTS `d`.`ta\\`ble` (`kind` LowCardinality(Nullable(String)) COMMENT 'what it\\'s "
        "called', `at` DateTime, `event_id` UUID COMMENT 'identity of the event', `keep_first` UInt64 MATERIALIZED "
        "bitNot(toUInt64(toUnixTimestamp64Milli(now64(3)))) COMMENT 'falls with the time of receipt: of an event that "
        "comes twice the first row stays' CODEC(T64, LZ4)) ENGINE = ReplacingMergeTree(`keep_first`) "
        "PARTITION BY toYYYYMM(at) ORDER BY (`at`, `event_id`) "
        "SETTINGS non_replicated_deduplication_window = 10000, min_bytes_for_wide_part = 67108864, "
        "fsync_after_insert = 1, fsync_part_directory = 1";
    assert_string_equal(buf_c_string(&ddl), expected);
    buf_clear(&ddl);
    store_features_by_version(&features, SLICE("18.16.1"));
    table_ddl(stream, "", &features, &form, &ddl);
    expected =
        "CREATE TABLE IF NOT EXISTS `ta\\`ble` (`kind` Nullable(String) COMMENT 'what it\\'s called', "
        "`at` DateTime, `event_id` UUID COMMENT 'identity of the event', `keep_first` UInt64 MATERIALIZED "
        "bitNot(toUInt64(now())) COMMENT 'falls with the time of receipt: of an event that comes twice the first row "
        "stays') ENGINE = ReplacingMergeTree(`keep_first`) PARTITION BY toYYYYMM(at) ORDER BY (`at`, `event_id`)";
    assert_text(ddl, expected);
    stream_free(stream);
    buf_release(&ddl);
    buf_release(&problems);
}

/* A server of one connection after another that plays a script: each entry answers one request. */
enum act {
    ACT_ANSWER, /* the text, after the whole request */
    ACT_CLOSE,  /* closes after the whole request, without a byte */
    ACT_HANG,   /* never answers */
    ACT_CUT     /* closes after the head of the request */
};

struct scene {
    enum act act;
    const char *text;
};

struct script {
    const struct scene *scenes;
    size_t count;
    size_t requests; /* seen */
    int listener;
    uint16_t port;
    struct thread thread;
    char last_head[4096];
    struct buf last_body;
    int release[2]; /* closed to end a hanging scene */
};

/* Every reply of ClickHouse's has a header like this. */
#define NAME "X-ClickHouse-Server-Display-Name: one\r\n"

#define PROBE_ANSWER(version)                                                                                          \
    {                                                                                                                  \
        ACT_ANSWER, "HTTP/1.1 200 OK\r\n" NAME "Content-Length: " version                                              \
    }
#define MODERN PROBE_ANSWER("22\r\n\r\n26.7.2.1\t1732233600\t7\n")
#define OLD PROBE_ANSWER("21\r\n\r\n18.16.1\t1732233600\t7\n")
#define EMPTY_200                                                                                                      \
    {                                                                                                                  \
        ACT_ANSWER, "HTTP/1.1 200 OK\r\n" NAME "Content-Length: 0\r\n\r\n"                                             \
    }

/* Reads a request; false if the peer is gone. */
static bool read_request(struct script *script, int fd, bool whole)
{
    struct buf input = { 0 };
    uint64_t length = 0;
    char *end = NULL;
    bool there = true;
    while (there && (end == NULL || (whole && input.len < (size_t)(end - input.data) + 4 + length))) {
        there = buf_reserve(&input, 65536);
        ssize_t len = recv(fd, input.data + input.len, 65536, 0);
        there = len > 0;
        input.len += there ? (size_t)len : 0;
        end = there ? memmem(input.data, input.len, "\r\n\r\n", 4) : NULL;
        if (end != NULL) {
            snprintf(script->last_head, sizeof script->last_head, "%.*s", (int)(end - input.data), input.data);
            const char *field = strstr(script->last_head, "Content-Length: ");
            length = field != NULL ? strtoull(field + 16, NULL, 10) : 0;
        }
    }
    if (there && whole) {
        buf_clear(&script->last_body);
        buf_append_slice(&script->last_body, slice_make(end + 4, (size_t)length));
    }
    buf_release(&input);
    return there;
}

static void play_connection(struct script *script, int fd)
{
    while (script->requests < script->count) {
        const struct scene *scene = &script->scenes[script->requests];
        struct pollfd hang = { .fd = script->release[0], .events = POLLIN };
        if (!read_request(script, fd, scene->act != ACT_CUT)) {
            return;
        }
        script->requests++;
        if (scene->act == ACT_HANG) {
            poll(&hang, 1, 10000);
        }
        if (scene->act != ACT_ANSWER || send(fd, scene->text, strlen(scene->text), MSG_NOSIGNAL) < 0) {
            return;
        }
        if (strstr(scene->text, "Connection: close") != NULL) {
            return;
        }
    }
}

static void play(void *context)
{
    struct script *script = context;
    for (;;) {
        int fd = accept(script->listener, NULL, NULL);
        if (fd < 0) {
            return;
        }
        play_connection(script, fd);
        close(fd);
    }
}

static void script_start(struct script *script, const struct scene *scenes, size_t count)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    *script = (struct script){ .scenes = scenes, .count = count };
    script->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(script->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(script->listener, 8), 0);
    getsockname(script->listener, (struct sockaddr *)&address, &len);
    script->port = ntohs(address.sin_port);
    assert_int_equal(pipe(script->release), 0);
    assert_int_equal(thread_start(&script->thread, "script", play, script), OK);
}

static void script_stop(struct script *script)
{
    close(script->release[1]);
    shutdown(script->listener, SHUT_RDWR);
    thread_join(&script->thread);
    close(script->listener);
    close(script->release[0]);
    buf_release(&script->last_body);
}

static struct store *connect_store(uint16_t port)
{
    static char url[128];
    struct buf problem = { 0 };
    snprintf(url, sizeof url, "http://me:s%%40cret@127.0.0.1:%u/", port);
    struct store_options options = { .kind = STORE_CLICKHOUSE,
                                     .url = url,
                                     .user = "",
                                     .password = "",
                                     .database = "d",
                                     .connect_timeout_ns = NS_PER_SECOND,
                                     .request_timeout_ns = 2 * NS_PER_SECOND };
    struct store *store = store_new(&options, "", false, &problem);
    assert_non_null(store);
    assert_null(strstr(store->server_names[0], "cret"));
    return store;
}

static void insert_through(struct store *store, struct store_session *session, struct store_reply *reply)
{
    static struct native_column columns[1];
    columns[0].name = SLICE("a");
    columns[0].wire_name = SLICE("UInt8");
    char table[] = "t";
    static char body[1 << 16];
    struct segment segment = { .header = { .table = table, .columns = columns, .column_count = 1 } };
    struct store_insert insert = { .segment = &segment, .bytes = slice_make(body, sizeof body), .token = "t-1" };
    store->ops->insert(session, 0, &insert, reply);
}

static void judges_every_ending_of_an_insert(void **state)
{
    static const struct {
        struct scene scene;
        enum store_outcome outcome;
        int code;
        int http_status;
    } rows[] = {
        { EMPTY_200, STORE_DONE, 0, 200 },
        { { ACT_ANSWER, "HTTP/1.1 200 OK\r\n" NAME "Content-Length: 23\r\n\r\nCode: 252. DB::Exception" },
          STORE_ANSWERED,
          252,
          200 },
        { { ACT_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" }, STORE_UNKNOWN, 0, 200 },
        { { ACT_ANSWER, "HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Code: 7\r\nContent-Length: 0\r\n\r\n" },
          STORE_ANSWERED,
          7,
          200 },
        { { ACT_ANSWER, "HTTP/1.1 500 E\r\nX-ClickHouse-Exception-Code: 241\r\nContent-Length: 4\r\n\r\nfull" },
          STORE_ANSWERED,
          241,
          500 },
        { { ACT_ANSWER, "HTTP/1.1 404 E\r\n" NAME "Content-Length: 9\r\n\r\nCode: 60." }, STORE_ANSWERED, 60, 404 },
        /* not ClickHouse's: a maintenance page, with a text or without, and one that speaks of a code */
        { { ACT_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" }, STORE_UNKNOWN, 0, 200 },
        { { ACT_ANSWER, "HTTP/1.1 200 OK\r\nServer: X-ClickHouse-Q\r\nContent-Length: 0\r\n\r\n" },
          STORE_UNKNOWN,
          0,
          200 },
        { { ACT_ANSWER, "HTTP/1.1 204 N\r\n\r\n" }, STORE_UNKNOWN, 0, 204 },
        { { ACT_ANSWER, "HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n" }, STORE_UNKNOWN, 0, 302 },
        { { ACT_ANSWER, "HTTP/1.1 500 E\r\nContent-Length: 9\r\n\r\nCode: 60." }, STORE_UNKNOWN, 0, 500 },
        { { ACT_ANSWER, "HTTP/1.1 400 E\r\nContent-Length: 0\r\n\r\n" }, STORE_ANSWERED, 0, 400 },
        { { ACT_ANSWER, "HTTP/1.1 413 E\r\nConnection: close\r\n\r\ntoo large" }, STORE_ANSWERED, 0, 413 },
        { { ACT_ANSWER, "HTTP/1.1 502 E\r\nContent-Length: 0\r\n\r\n" }, STORE_UNKNOWN, 0, 502 },
        { { ACT_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nshort" },
          STORE_UNKNOWN,
          0,
          0 },
        { { ACT_CLOSE, NULL }, STORE_UNKNOWN, 0, 0 },
        { { ACT_CUT, NULL }, STORE_UNKNOWN, 0, 0 },
        { { ACT_HANG, NULL }, STORE_UNKNOWN, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct scene scenes[] = { MODERN, rows[i].scene };
        struct script script;
        struct store_reply reply;
        script_start(&script, scenes, ARRAY_LENGTH(scenes));
        struct store *store = connect_store(script.port);
        struct store_session *session = store->ops->session_new(store);
        insert_through(store, session, &reply);
        assert_int_equal(reply.outcome, rows[i].outcome);
        assert_int_equal(reply.code, rows[i].code);
        assert_int_equal(reply.http_status, rows[i].http_status);
        assert_null(strstr(reply.message, "cret"));
        store->ops->session_free(session);
        store->ops->free(store);
        script_stop(&script);
        assert_int_equal(script.requests, 2); /* a request is never repeated behind our back */
    }
}

static void sends_credentials_and_settings_as_the_server_knows_them(void **state)
{
    static const struct scene scenes[] = { MODERN, EMPTY_200 };
    struct script script;
    struct store_reply reply;
    (void)state;
    script_start(&script, scenes, ARRAY_LENGTH(scenes));
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    insert_through(store, session, &reply);
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
    static const char *const wanted[] = { "X-ClickHouse-User: me\r\n",
                                          "X-ClickHouse-Key: s@cret\r\n",
                                          "Content-Encoding: lz4\r\n",
                                          "query_id=t-1",
                                          "async_insert=0",
                                          "optimize_on_insert=0",
                                          "input_format_try_infer_integers=0",
                                          "input_format_try_infer_dates=0",
                                          "input_format_try_infer_datetimes=0",
                                          "input_format_json_read_bools_as_numbers=0",
                                          "input_format_json_read_bools_as_strings=0",
                                          "insert_deduplication_token=t-1",
                                          "insert_deduplicate=1",
                                          "wait_end_of_query=1",
                                          "database=d" };
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
        if (strstr(script.last_head, wanted[i]) == NULL) {
            fail_msg("%s is not in %s", wanted[i], script.last_head);
        }
    }
    assert_null(strstr(script.last_head, "Expect"));
    assert_null(strstr(script.last_head, "Authorization"));
}

/* A URL of some kilobytes is refused by servers and proxies, with an empty answer. */
static void the_statement_travels_in_the_body(void **state)
{
    static const struct scene scenes[] = { MODERN, EMPTY_200 };
    struct script script;
    struct store_reply reply;
    struct buf plain = { 0 };
    size_t used = 0;
    (void)state;
    script_start(&script, scenes, ARRAY_LENGTH(scenes));
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    insert_through(store, session, &reply);
    assert_string_equal(reply.server, "one");
    assert_null(strstr(script.last_head, "INSERT"));
    struct lz4_decoder *decoder = lz4_decoder_new();
    assert_int_equal(lz4_frame_decode(decoder, buf_slice(&script.last_body), &used, &plain, 1000), OK);
    assert_text(plain, "INSERT INTO `d`.`t` (`a`) FORMAT Native\n");
    assert_int_equal(script.last_body.len, used + (1 << 16)); /* and the rows as they are */
    lz4_decoder_free(decoder);
    buf_release(&plain);
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
}

static void a_long_parameter_travels_in_the_body(void **state)
{
    static const struct scene scenes[] = { MODERN, EMPTY_200, EMPTY_200 };
    static char name[3000];
    struct script script;
    struct store_reply reply;
    struct buf out = { 0 };
    (void)state;
    memset(name, 'n', sizeof name);
    script_start(&script, scenes, ARRAY_LENGTH(scenes));
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    struct store_parameter parameter = { .name = "name", .type = "String", .value = { name, 20 } };
    struct store_query query = {
        .sql = SLICE("SELECT {name:String}"), .parameters = &parameter, .parameter_count = 1, .format = "TSV"
    };
    store->ops->query(session, 0, &query, &out, &reply);
    assert_non_null(strstr(script.last_head, "param_name=nnnn"));
    assert_text(script.last_body, "SELECT {name:String}\nFORMAT TSV");
    parameter.value.len = sizeof name;
    store->ops->query(session, 0, &query, &out, &reply);
    assert_null(strstr(script.last_head, "param_name"));
    assert_non_null(memmem(script.last_body.data, script.last_body.len, "SELECT 'nnnn", 12));
    buf_release(&out);
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
}

static void an_answer_without_a_reason_gets_one_of_ours(void **state)
{
    static const struct {
        struct scene scene;
        const char *says;
    } rows[] = {
        { { ACT_ANSWER, "HTTP/1.1 400 E\r\nContent-Length: 0\r\n\r\n" },
          "HTTP 400: an answer without a reason; usually: the server or a proxy could not read" },
        { { ACT_ANSWER, "HTTP/1.1 413 E\r\nContent-Length: 2\r\n\r\n\r\n" },
          "usually: the batch is larger than a proxy lets through" },
        { { ACT_ANSWER, "HTTP/1.1 504 E\r\nContent-Length: 0\r\n\r\n" },
          "usually: the server did not answer a proxy in time" },
        { { ACT_ANSWER, "HTTP/1.1 418 E\r\nContent-Length: 0\r\n\r\n" },
          "usually: a proxy answered, or another program" },
        { { ACT_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" }, "no ClickHouse answered" },
        { { ACT_ANSWER, "HTTP/1.1 403 E\r\nContent-Length: 4\r\n\r\nnope" }, "HTTP 403: nope" },
        { { ACT_CLOSE, NULL }, "the connection was lost" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct scene scenes[] = { MODERN, rows[i].scene };
        struct script script;
        struct store_reply reply;
        script_start(&script, scenes, ARRAY_LENGTH(scenes));
        struct store *store = connect_store(script.port);
        struct store_session *session = store->ops->session_new(store);
        insert_through(store, session, &reply);
        if (strstr(reply.message, rows[i].says) == NULL || strncmp(reply.message, "http://127.0.0.1:", 17) != 0) {
            fail_msg("%s is not in %s", rows[i].says, reply.message);
        }
        store->ops->session_free(session);
        store->ops->free(store);
        script_stop(&script);
    }
}

#define REFUSES(code, message)                                                                                         \
    {                                                                                                                  \
        ACT_ANSWER, "HTTP/1.1 500 E\r\nX-ClickHouse-Exception-Code: " code "\r\nConnection: close\r\n\r\n" message     \
    }

/* One that is in no table could not be left out. */
static void each_setting_for_json_columns_can_be_left_out(void **state)
{
    (void)state;
#define CHECK(name, value) assert_int_not_equal(setting_find(SLICE(name)), SETTING_COUNT);
    STORE_JSON_SETTINGS(CHECK)
#undef CHECK
}

/* The request was refused as a whole: it is sent again without what the user's profile pins. */
static void settings_that_a_profile_pins_are_left_out(void **state)
{
    static const struct scene scenes[] = {
        MODERN,
        REFUSES("452", "Code: 452. DB::Exception: Setting max_execution_time should not be changed."),
        REFUSES("452", "Code: 452. DB::Exception: Setting max_query_size shouldn't be greater than 300000."),
        { ACT_ANSWER, "HTTP/1.1 200 OK\r\n" NAME "Content-Length: 2\r\n\r\n7\n" },
        REFUSES("164", "Code: 164. DB::Exception: Cannot modify 'async_insert' setting in readonly mode."),
        REFUSES("115", "Code: 115. DB::Exception: Unknown setting 'optimize_on_insert'."),
        EMPTY_200,
        REFUSES("452", "Code: 452. DB::Exception: Setting insert_deduplication_token should not be changed."),
        EMPTY_200,
        MODERN,
    };
    struct script script;
    struct store_reply reply;
    struct store_features features = { 0 };
    struct buf out = { 0 };
    (void)state;
    script_start(&script, scenes, ARRAY_LENGTH(scenes));
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    struct store_query query = { .sql = SLICE("SELECT 7"), .format = "TSV", .timeout_ns = NS_PER_SECOND };
    store->ops->query(session, 0, &query, &out, &reply);
    assert_int_equal(reply.outcome, STORE_DONE);
    assert_text(out, "7\n");
    assert_null(strstr(script.last_head, "max_execution_time"));
    assert_null(strstr(script.last_head, "max_query_size"));
    insert_through(store, session, &reply);
    assert_int_equal(reply.outcome, STORE_DONE);
    assert_null(strstr(script.last_head, "&async_insert"));
    assert_null(strstr(script.last_head, "optimize_on_insert"));
    assert_non_null(strstr(script.last_head, "wait_for_async_insert=1"));
    assert_non_null(strstr(script.last_head, "insert_deduplicate=1"));
    insert_through(store, session, &reply);
    assert_int_equal(reply.outcome, STORE_DONE);
    assert_null(strstr(script.last_head, "insert_deduplication_token"));
    assert_non_null(strstr(script.last_head, "insert_deduplicate=0")); /* equal rows are no repeats */
    store->ops->probe(session, 0, &features, &reply);
    assert_true(features.pins);
    assert_false(features.tokens);
    buf_release(&out);
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
    assert_int_equal(script.requests, ARRAY_LENGTH(scenes));
}

/* Neither a count nor a probe of something else than ClickHouse says anything. */
static void only_clickhouse_answers_questions(void **state)
{
    static const struct scene scenes[] = {
        MODERN,
        { ACT_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n7\n" },
        { ACT_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n26.7.2.1\t1732233600\t7\n" },
    };
    struct script script;
    struct store_reply reply;
    struct store_features features = { 0 };
    struct buf out = { 0 };
    (void)state;
    script_start(&script, scenes, ARRAY_LENGTH(scenes));
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    struct store_query query = { .sql = SLICE("SELECT count()"), .format = "TSV" };
    store->ops->query(session, 0, &query, &out, &reply);
    assert_int_equal(reply.outcome, STORE_UNKNOWN);
    store->ops->probe(session, 0, &features, &reply);
    assert_int_equal(reply.outcome, STORE_UNKNOWN);
    buf_release(&out);
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
}

static void never_repeats_a_request_on_a_fresh_connection(void **state)
{
    static const struct scene scenes[] = { MODERN, EMPTY_200, { ACT_CLOSE, NULL }, EMPTY_200 };
    struct script script;
    struct store_reply reply;
    (void)state;
    script_start(&script, scenes, ARRAY_LENGTH(scenes));
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    insert_through(store, session, &reply);
    assert_int_equal(reply.outcome, STORE_DONE);
    insert_through(store, session, &reply); /* on the kept connection, which dies after the request */
    assert_int_equal(reply.outcome, STORE_UNKNOWN);
    insert_through(store, session, &reply);
    assert_int_equal(reply.outcome, STORE_DONE);
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
    assert_int_equal(script.requests, 4);
}

static void an_insert_that_was_never_sent_is_unreachable(void **state)
{
    static const struct scene hangs[] = { { ACT_HANG, NULL } };
    static const struct scene old[] = { OLD };
    struct script script;
    struct store_reply reply;
    (void)state;
    script_start(&script, hangs, 1); /* the probe before the INSERT gets no answer */
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    insert_through(store, session, &reply);
    assert_int_equal(reply.outcome, STORE_UNREACHABLE);
    store->ops->session_free(session);
    script_stop(&script);
    session = store->ops->session_new(store); /* nobody listens any more */
    insert_through(store, session, &reply);
    assert_int_equal(reply.outcome, STORE_UNREACHABLE);
    store->ops->session_free(session);
    store->ops->free(store);

    script_start(&script, old, 1); /* zeros are no segment: it cannot be unpacked for an old server */
    store = connect_store(script.port);
    session = store->ops->session_new(store);
    insert_through(store, session, &reply);
    assert_int_equal(reply.outcome, STORE_ANSWERED); /* the batch is at fault, not the server */
    assert_non_null(strstr(reply.message, "damaged"));
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
}

static void refuses_what_is_no_url(void **state)
{
    static const char *const urls[] = { "", "ftp://host/", "http://", "http://a,", "http://a:b:c" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
        struct buf problem = { 0 };
        struct store_options options = { .kind = STORE_CLICKHOUSE, .url = urls[i], .database = "" };
        assert_null(store_new(&options, "", false, &problem));
        assert_non_null(strstr(buf_c_string(&problem), "store.url"));
        buf_release(&problem);
    }
    struct buf problem = { 0 };
    struct store_options two = { .kind = STORE_CLICKHOUSE,
                                 .url = "http://a:8123, https://u:p@b/x?y=1",
                                 .database = "" };
    struct store *store = store_new(&two, "", false, &problem);
    assert_non_null(store);
    assert_int_equal(store->server_count, 2);
    assert_string_equal(store->server_names[0], "http://a:8123");
    assert_string_equal(store->server_names[1], "https://b/x");
    store->ops->free(store);
}

static void refuses_a_server_that_is_given_twice(void **state)
{
    static const char *const urls[] = { "http://a:8123,http://b,http://a:8123/", "http://a,http://u:p@a?x=1" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
        struct buf problem = { 0 };
        struct store_options options = { .kind = STORE_CLICKHOUSE, .url = urls[i], .database = "" };
        assert_null(store_new(&options, "", false, &problem));
        assert_non_null(strstr(buf_c_string(&problem), "store.url: http://a"));
        assert_non_null(strstr(buf_c_string(&problem), "given twice"));
        buf_release(&problem);
    }
}

/* What a hostile server says, without end: `begin`, then `piece` again and again, as long as anybody listens. */
struct flood {
    const char *begin, *piece;
    int listener;
    struct thread thread;
    size_t sent;
};

#define FLOOD_BYTES ((size_t)64 << 20)

static void pour(void *context)
{
    struct flood *flood = context;
    char ignored[65536];
    int fd = accept(flood->listener, NULL, NULL);
    struct buf pieces = { 0 };
    while (pieces.len < ((size_t)1 << 20)) {
        buf_append_string(&pieces, flood->piece);
    }
    (void)!recv(fd, ignored, sizeof ignored, 0);
    bool heard = send(fd, flood->begin, strlen(flood->begin), MSG_NOSIGNAL) > 0;
    while (heard && flood->sent < FLOOD_BYTES) {
        ssize_t sent = send(fd, pieces.data, pieces.len, MSG_NOSIGNAL);
        heard = sent > 0;
        flood->sent += heard ? (size_t)sent : 0;
    }
    close(fd);
    buf_release(&pieces);
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n" NAME

/* Each of these is endless: what is taken of it is bounded in bytes, hence in time and memory. */
static void answers_without_an_end_are_not_read_to_it(void **state)
{
    static const struct {
        const char *begin, *piece;
        enum store_outcome outcome;
    } rows[] = {
        { OK_HEAD, "X-More: headers\r\n", STORE_ANSWERED },
        { "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", STORE_ANSWERED },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X-More: trailers\r\n", STORE_ANSWERED },
        { OK_HEAD "\r\n", "a row of more\n", STORE_ANSWERED },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", "5\r\nmore\n\r\n", STORE_ANSWERED },
        { OK_HEAD "Content-Length: 9223372036854775807\r\n\r\n", "more", STORE_ANSWERED },
        { "HTTP/1.1 500 E\r\nX-ClickHouse-Exception-Code: 60\r\n\r\n", "an error that never ends, ", STORE_ANSWERED },
        { "HTTP/1.1 500 E\r\n", "X-ClickHouse-Exception-Code: 60\r\n", STORE_ANSWERED },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof address;
        struct flood flood = { .begin = rows[i].begin, .piece = rows[i].piece };
        struct buf answer = { 0 };
        struct store_features features = { 0 };
        struct store_reply reply;
        flood.listener = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(flood.listener, (struct sockaddr *)&address, len), 0);
        assert_int_equal(listen(flood.listener, 8), 0);
        getsockname(flood.listener, (struct sockaddr *)&address, &len);
        assert_int_equal(thread_start(&flood.thread, "flood", pour, &flood), OK);
        struct store *store = connect_store(ntohs(address.sin_port));
        struct store_session *session = store->ops->session_new(store);
        store->ops->probe(session, 0, &features, &reply);
        assert_int_equal(reply.outcome, rows[i].outcome);
        thread_join(&flood.thread);
        if (flood.sent > FLOOD_BYTES / 4) { /* the socket's buffers hold some of it */
            fail_msg("row %zu: %zu bytes were taken", i, flood.sent);
        }
        store->ops->session_free(session);
        store->ops->free(store);
        close(flood.listener);
        buf_release(&answer);
    }
}

/* An old server says its code in the text alone: an error's text is read whatever the answer may be long. */
static void an_error_is_read_where_a_short_answer_is_awaited(void **state)
{
    (void)state;
    static char text[4096];
    int head =
        snprintf(text, sizeof text, "HTTP/1.1 500 E\r\n" NAME "Connection: close\r\n\r\nCode: 60. DB::Exception: ");
    memset(text + head, 'x', 3000);
    const struct scene scenes[] = { OLD, { ACT_ANSWER, text } };
    struct script script;
    script_start(&script, scenes, 2);
    struct store *store = connect_store(script.port);
    struct store_session *session = store->ops->session_new(store);
    struct buf rows = { 0 };
    struct store_reply reply;
    struct store_query query = { .sql = SLICE("SELECT 1"), .format = "TSV", .max_result_bytes = 10 };
    store->ops->query(session, 0, &query, &rows, &reply);
    assert_int_equal(reply.outcome, STORE_ANSWERED);
    assert_int_equal(reply.code, 60);
    store->ops->session_free(session);
    store->ops->free(store);
    script_stop(&script);
    buf_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_code_of_an_error),
        cmocka_unit_test(knows_what_versions_can_do),
        cmocka_unit_test(replies_stay_on_one_line),
        cmocka_unit_test(creates_what_the_server_knows),
        cmocka_unit_test(judges_every_ending_of_an_insert),
        cmocka_unit_test(sends_credentials_and_settings_as_the_server_knows_them),
        cmocka_unit_test(the_statement_travels_in_the_body),
        cmocka_unit_test(a_long_parameter_travels_in_the_body),
        cmocka_unit_test(an_answer_without_a_reason_gets_one_of_ours),
        cmocka_unit_test(only_clickhouse_answers_questions),
        cmocka_unit_test(settings_that_a_profile_pins_are_left_out),
        cmocka_unit_test(each_setting_for_json_columns_can_be_left_out),
        cmocka_unit_test(never_repeats_a_request_on_a_fresh_connection),
        cmocka_unit_test(an_insert_that_was_never_sent_is_unreachable),
        cmocka_unit_test(refuses_what_is_no_url),
        cmocka_unit_test(refuses_a_server_that_is_given_twice),
        cmocka_unit_test(answers_without_an_end_are_not_read_to_it),
        cmocka_unit_test(an_error_is_read_where_a_short_answer_is_awaited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
