/* Turns a real server into a verdict on our stores: the same checks against whichever is named.
 *
 *   store_integration embedded DIR              the engine in process, its data in DIR
 *   store_integration clickhouse URL USER PASS  a server
 *   store_integration bench DIR                 CPU per row of INSERTs of 100,000 rows, in process
 *   store_integration count DIR                 rows of table `crash` in DIR
 *   store_integration crash DIR                 inserts into `crash` until it is killed, a line per INSERT that is done
 *
 * Prints "ok" alone and exits 0, or says on stderr what failed. Anything else on stdout is a fault of the engine. */
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "config/options/options.h"
#include "event/stream.h"
#include "store/sql.h"
#include "store/table/table.h"
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static int failures;

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fprintf(stderr, "\n");                                                                                     \
            __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);                                                        \
        }                                                                                                              \
    } while (0)

struct world {
    struct store *store;
    struct store_session *session;
    struct store_features features;
    struct stream *stream;
    struct stream_options options;
};

static void insert_bytes(struct world *world, struct store_session *session, const struct stream *stream,
                         const char *name, uint64_t first, uint64_t rows, size_t cut, const char *missing,
                         struct store_reply *reply)
{
    struct segment segment;
    struct buf bytes = { 0 };
    make_segment(stream, name, first, rows, &segment, &bytes);
    struct store_insert insert = {
        .segment = &segment, .bytes = slice_make(bytes.data, bytes.len - cut), .token = name, .missing_column = missing
    };
    world->store->ops->insert(session, 0, &insert, reply);
    segment_header_release(&segment.header);
    buf_release(&bytes);
}

static void run(struct world *world, struct store_session *session, const char *sql, const char *format,
                const struct store_parameter *parameter, struct buf *out, struct store_reply *reply)
{
    struct store_query query = { .sql = slice_from_string(sql),
                                 .parameters = parameter,
                                 .parameter_count = parameter != NULL,
                                 .format = format,
                                 .timeout_ns = 20 * NS_PER_SECOND };
    world->store->ops->query(session, 0, &query, out, reply);
}

/* The answer's number; -1 with a failure noted if there is none. */
static int64_t number(struct world *world, const char *sql)
{
    struct buf out = { 0 };
    struct store_reply reply;
    int64_t value = -1;
    run(world, world->session, sql, "TSV", NULL, &out, &reply);
    struct slice text = buf_slice(&out);
    bool read =
        reply.outcome == STORE_DONE && text.len > 1 && slice_to_i64(slice_make(text.data, text.len - 1), &value);
    CHECK(read, "%s: %s", sql, reply.message);
    buf_release(&out);
    return value;
}

static void execute(struct world *world, const char *sql)
{
    struct buf out = { 0 };
    struct store_reply reply;
    run(world, world->session, sql, NULL, NULL, &out, &reply);
    CHECK(reply.outcome == STORE_DONE, "%s: %s", sql, reply.message);
    buf_release(&out);
}

static enum table_verdict prepare(struct world *world, struct stream *stream, bool create, struct table_info *info,
                                  struct buf *problem)
{
    buf_clear(problem);
    enum table_verdict verdict =
        table_prepare(world->store, world->session, 0, stream, create ? TABLE_CREATE : TABLE_TELL, true,
                      30 * NS_PER_SECOND, info, problem);
    buf_c_string(problem);
    return verdict;
}

static void check_inserts(struct world *world)
{
    struct store_reply reply;
    const char *name = "events-0001";
    insert_bytes(world, world->session, world->stream, name, 0, 10000, 0, NULL, &reply);
    CHECK(reply.outcome == STORE_DONE, "%s", reply.message);
    CHECK(number(world, "SELECT count() FROM t_all") == 10000, "first insert");
    CHECK(number(world, "SELECT count() FROM system.parts WHERE table = 't_all' AND active") == 1, "one part");
    insert_bytes(world, world->session, world->stream, name, 0, 10000, 0, NULL, &reply);
    CHECK(reply.outcome == STORE_DONE, "%s", reply.message);
    CHECK(number(world, "SELECT count() FROM t_all") == (world->features.tokens ? 10000 : 20000), "same token");
    CHECK(number(world, "SELECT count() FROM t_all FINAL") == 10000, "collapsed");
    CHECK(number(world, "SELECT toInt64(sum(amount * 4)) FROM t_all FINAL") == 49995000, "values");
    CHECK(number(world, "SELECT countIf(event_name = 'purchase') FROM t_all FINAL") == 5000, "strings");

    insert_bytes(world, world->session, world->stream, "events-cut", 50000, 10000, 100, NULL, &reply);
    CHECK(reply.outcome != STORE_DONE, "a segment that is cut must not be answered with success");
    CHECK(number(world, "SELECT count() FROM t_all WHERE amount >= 12500") == 0, "nothing of a cut segment stays");
}

static void check_errors(struct world *world)
{
    struct store_reply reply;
    struct buf out = { 0 };
    struct stream_options options;
    struct stream *nowhere = make_stream(&options, "t_nowhere", OLD_FIELDS);
    insert_bytes(world, world->session, nowhere, "nowhere-1", 0, 10, 0, NULL, &reply);
    CHECK(reply.outcome == STORE_ANSWERED && reply.code == 60, "missing table: %d %s", reply.code, reply.message);
    CHECK(strchr(reply.message, '\n') == NULL, "one line");
    run(world, world->session, "SELEC 1", "TSV", NULL, &out, &reply);
    CHECK(reply.outcome == STORE_ANSWERED && reply.code == 62, "syntax: %d %s", reply.code, reply.message);
    struct store_query large = { .sql = SLICE("SELECT number FROM system.numbers LIMIT 1000000"),
                                 .format = "TSV",
                                 .max_result_bytes = 100000 };
    buf_clear(&out);
    world->store->ops->query(world->session, 0, &large, &out, &reply);
    CHECK(reply.outcome == STORE_ANSWERED && reply.code == 396, "large: %d %s", reply.code, reply.message);
    buf_clear(&out);
    run(world, world->session, "SELECT number, throwIf(number = 3000000) FROM system.numbers LIMIT 4000000", "TSV",
        NULL, &out, &reply);
    CHECK(reply.outcome == STORE_ANSWERED && reply.code == 395, "late: %d %s", reply.code, reply.message);
    struct store_query slow = { .sql = SLICE("SELECT count() FROM system.numbers WHERE NOT ignore(sleep(0.1))"),
                                .format = "TSV",
                                .timeout_ns = NS_PER_SECOND };
    buf_clear(&out);
    world->store->ops->query(world->session, 0, &slow, &out, &reply);
    CHECK(reply.outcome == STORE_UNKNOWN || reply.code == 159, "slow: %d %s", reply.code, reply.message);
    CHECK(number(world, "SELECT 7") == 7, "the session lives on");
    stream_free(nowhere);
    buf_release(&out);
}

/* Random bytes, with a liking for those that mean something. */
static void random_text(struct buf *text, unsigned *seed)
{
    static const char liked[] = "\\'`\"\n\t\r\0{}:%\xff\xc3;-/*x0 ";
    size_t len = (size_t)(rand_r(seed) % 40);
    buf_clear(text);
    for (size_t i = 0; i < len; i++) {
        int die = rand_r(seed);
        buf_append_byte(text, die % 3 == 0 ? (uint8_t)(die >> 8) : (uint8_t)liked[(size_t)(die >> 8) % sizeof liked]);
    }
}

static void to_hex(struct slice text, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < text.len; i++) {
        buf_printf(out, "%02X", (unsigned)(uint8_t)text.data[i]);
    }
    buf_append_byte(out, '\n');
}

static void check_quoting(struct world *world)
{
    struct buf text = { 0 };
    struct buf sql = { 0 };
    struct buf out = { 0 };
    struct buf wanted = { 0 };
    struct store_reply reply;
    unsigned seed = 1;
    for (int i = 0; i < 500; i++) {
        random_text(&text, &seed);
        struct store_parameter parameter = { .name = "p", .type = "String", .value = buf_slice(&text) };
        to_hex(buf_slice(&text), &wanted);
        buf_clear(&sql);
        buf_clear(&out);
        buf_append_string(&sql, "SELECT hex(");
        sql_quote_literal(buf_slice(&text), &sql);
        buf_append_string(&sql, ")");
        /* a statement with a literal holds no parameters: {x} inside of it is text */
        struct store_query query = { .sql = buf_slice(&sql), .format = "TSV" };
        world->store->ops->query(world->session, 0, &query, &out, &reply);
        CHECK(slice_equal(buf_slice(&out), buf_slice(&wanted)), "literal %d: %s", i, reply.message);
        buf_clear(&out);
        run(world, world->session, "SELECT hex({p:String})", "TSV", &parameter, &out, &reply);
        CHECK(slice_equal(buf_slice(&out), buf_slice(&wanted)), "parameter %d: %s", i, reply.message);
        buf_clear(&sql);
        buf_clear(&out);
        buf_append_string(&sql, "SELECT b FROM (SELECT 1 AS b, 2 AS ");
        buf_append_byte(&text, 'x'); /* a name is never empty */
        sql_quote_identifier(buf_slice(&text), &sql);
        buf_append_string(&sql, ")");
        query.sql = buf_slice(&sql);
        world->store->ops->query(world->session, 0, &query, &out, &reply);
        CHECK(slice_equal(buf_slice(&out), SLICE("1\n")), "identifier %d: %s", i, reply.message);
    }
    struct store_parameter count = { .name = "n", .type = "UInt32", .value = SLICE("41") };
    buf_clear(&out);
    run(world, world->session, "SELECT {n:UInt32} + 1, '{n:UInt32}'", "TSV", &count, &out, &reply);
    CHECK(slice_equal(buf_slice(&out), SLICE("42\t{n:UInt32}\n")), "number: %s", reply.message);
    buf_release(&text);
    buf_release(&sql);
    buf_release(&out);
    buf_release(&wanted);
}

/* Nulls and arrays of any bytes, and a session that may only read. */
static void check_parameters(struct world *world)
{
    static const struct slice items[] = { { "it's", 4 }, { "", 0 }, { "\\N\t,]\n", 6 } };
    const struct store_parameter list = { .name = "p", .type = "Array(String)", .items = items, .item_count = 3 };
    const struct store_parameter empty = { .name = "p", .type = "Array(String)", .items = items };
    const struct store_parameter null = { .name = "p", .type = "Nullable(String)", .null = true };
    const struct store_parameter looks = { .name = "p", .type = "Nullable(String)", .value = SLICE("\\N") };
    const struct {
        const char *sql;
        const struct store_parameter *parameter;
        const char *answer;
    } rows[] = {
        { "SELECT arrayStringConcat(arrayMap(x -> hex(x), {p:Array(String)}), '-')", &list,
          "69742773--5C4E092C5D0A\n" },
        { "SELECT length({p:Array(String)})", &empty, "0\n" },
        { "SELECT {p:Nullable(String)} IS NULL", &null, "1\n" },
        { "SELECT hex({p:Nullable(String)})", &looks, "5C4E\n" },
    };
    struct store_session *reader = world->store->ops->session_new(world->store);
    struct store_reply reply;
    struct buf out = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        buf_clear(&out);
        run(world, world->session, rows[i].sql, "TSV", rows[i].parameter, &out, &reply);
        CHECK(slice_equal(buf_slice(&out), slice_from_string(rows[i].answer)), "%s: %.*s %s", rows[i].sql, (int)out.len,
              out.data, reply.message);
    }
    struct store_query query = { .sql = SLICE("SELECT toUInt64(18446744073709551615) AS u"),
                                 .format = "JSONEachRow",
                                 .max_result_rows = 5,
                                 .read_only = true };
    buf_clear(&out);
    world->store->ops->query(reader, 0, &query, &out, &reply);
    CHECK(slice_equal(buf_slice(&out), SLICE("{\"u\":18446744073709551615}\n")), "%.*s %s", (int)out.len, out.data,
          reply.message);
    const struct store_parameter number = { .name = "p", .type = "UInt32", .value = SLICE("41") };
    buf_clear(&out);
    query.sql = SLICE("SELECT ({p:UInt32} + 1) AS n");
    query.parameters = &number;
    query.parameter_count = 1;
    world->store->ops->query(reader, 0, &query, &out, &reply);
    CHECK(slice_equal(buf_slice(&out), SLICE("{\"n\":42}\n")), "%.*s %s", (int)out.len, out.data, reply.message);
    query.parameter_count = 0;
    buf_clear(&out);
    query.sql = SLICE("SELECT number FROM system.numbers LIMIT 6");
    world->store->ops->query(reader, 0, &query, &out, &reply);
    CHECK(reply.outcome == STORE_ANSWERED && reply.code == 396, "too many rows: %d %s", reply.code, reply.message);
    buf_clear(&out);
    query.sql = SLICE("CREATE TABLE t_forbidden (a UInt8) ENGINE = Memory");
    query.format = NULL;
    world->store->ops->query(reader, 0, &query, &out, &reply);
    CHECK(reply.outcome == STORE_ANSWERED && reply.code == 164, "read only: %d %s", reply.code, reply.message);
    world->store->ops->session_free(reader);
    buf_release(&out);
}

static void check_existing_tables(struct world *world)
{
    struct stream_options options;
    struct table_info info;
    struct buf problem = { 0 };
    struct store_reply reply;
    enum table_verdict verdict;
    struct stream *own = make_stream(&options, "t_own", 3);

    verdict = prepare(world, own, false, &info, &problem);
    CHECK(verdict == TABLE_UNFIT && strstr(problem.data, "create_table"), "%s", problem.data);
    execute(world, "CREATE TABLE t_own (event_name String, extra UInt8 DEFAULT 7, timestamp DateTime, event_id UUID, "
                   "user_id String MATERIALIZED 'x') ENGINE = MergeTree ORDER BY timestamp");
    verdict = prepare(world, own, true, &info, &problem);
    CHECK(verdict == TABLE_UNFIT && strstr(problem.data, "user_id") && strstr(problem.data, "MATERIALIZED"), "%s",
          problem.data);
    execute(world, "DROP TABLE t_own");
    execute(world, "CREATE TABLE t_own (event_name String, timestamp DateTime, event_id UUID) "
                   "ENGINE = MergeTree ORDER BY timestamp");
    verdict = prepare(world, own, true, &info, &problem);
    CHECK(verdict == TABLE_UNFIT && strstr(problem.data, "user_id") && strstr(problem.data, "ADD COLUMN"), "%s",
          problem.data);
    execute(world, "DROP TABLE t_own");
    execute(world, "CREATE TABLE t_own (event_name String, user_id Array(UInt8), timestamp DateTime, event_id UUID) "
                   "ENGINE = MergeTree ORDER BY timestamp");
    verdict = prepare(world, own, true, &info, &problem);
    CHECK(verdict == TABLE_UNFIT && strstr(problem.data, "user_id") && strstr(problem.data, "Array(UInt8)"), "%s",
          problem.data);
    execute(world, "DROP TABLE t_own");
    execute(world, "CREATE TABLE t_own (event_name String, user_id String, timestamp DateTime, extra UInt8 DEFAULT 7) "
                   "ENGINE = MergeTree ORDER BY timestamp");
    verdict = prepare(world, own, true, &info, &problem);
    if (world->features.converts) {
        struct stream *whole = make_stream(&options, "t_own", 4);
        CHECK(verdict == TABLE_READY && !info.has_event_id && !info.engine_collapses, "%s", problem.data);
        execute(world, "ALTER TABLE t_own ADD COLUMN amount Float64");
        insert_bytes(world, world->session, whole, "own-1", 0, 100, 0, "event_id", &reply);
        CHECK(reply.outcome == STORE_DONE, "%s", reply.message);
        CHECK(number(world, "SELECT sum(extra) FROM t_own") == 700, "defaults of the table's own columns");
        stream_free(whole);
    } else {
        CHECK(verdict == TABLE_UNFIT && strstr(problem.data, "event_id"), "%s", problem.data);
    }
    execute(world, "DROP TABLE t_own");
    stream_free(own);
    buf_release(&problem);
}

#define WRITES 6
#define WRITE_ROWS 20000

struct writing {
    struct world *world;
    int number;
    bool only_reads;
};

static void write_and_read(void *argument)
{
    struct writing *writing = argument;
    struct world *world = writing->world;
    struct store_session *session = world->store->ops->session_new(world->store);
    CHECK(session != NULL, "session");
    for (int i = 0; i < WRITES; i++) {
        struct store_reply reply;
        char name[64];
        struct buf out = { 0 };
        uint64_t first = 1000000 + (uint64_t)(writing->number * WRITES + i) * WRITE_ROWS;
        snprintf(name, sizeof name, "busy-%d-%d", writing->number, i);
        if (writing->only_reads) {
            run(world, session, "SELECT user_id, uniq(event_id) FROM t_all FINAL GROUP BY user_id", "JSONCompact", NULL,
                &out, &reply);
        } else {
            insert_bytes(world, session, world->stream, name, first, WRITE_ROWS, 0, NULL, &reply);
        }
        CHECK(reply.outcome == STORE_DONE, "%s", reply.message);
        buf_release(&out);
    }
    world->store->ops->session_free(session);
}

static void check_side_by_side(struct world *world)
{
    struct thread threads[3] = { 0 };
    struct writing writings[3] = { { world, 0, false }, { world, 1, false }, { world, 2, true } };
    for (size_t i = 0; i < 3; i++) {
        CHECK(thread_start(&threads[i], "test", write_and_read, &writings[i]) == OK, "thread");
    }
    for (size_t i = 0; i < 3; i++) {
        thread_join(&threads[i]);
    }
    CHECK(number(world, "SELECT count() FROM t_all FINAL WHERE amount >= 250000") == 2 * WRITES * WRITE_ROWS, "count");
}

static void check_all(struct world *world)
{
    struct store_reply reply;
    struct table_info info;
    struct buf problem = { 0 };
    struct stream_options all_options;
    world->store->ops->probe(world->session, 0, &world->features, &reply);
    CHECK(reply.outcome == STORE_DONE && world->features.known, "%s", reply.message);
    bool modern = world->features.json;
    struct stream *all = make_stream(&all_options, "t_all", ARRAY_LENGTH(fields));
    world->stream = make_stream(&world->options, "t_all", modern ? ARRAY_LENGTH(fields) : OLD_FIELDS);
    if (!modern) {
        enum table_verdict verdict = prepare(world, all, true, &info, &problem);
        CHECK(verdict == TABLE_UNFIT && strstr(problem.data, "metadata") && strstr(problem.data, "JSON"), "%s",
              problem.data);
    }
    CHECK(prepare(world, world->stream, true, &info, &problem) == TABLE_READY, "%s", problem.data);
    CHECK(info.has_event_id && info.engine_collapses && !info.replicated, "what the table is");
    CHECK(prepare(world, world->stream, false, &info, &problem) == TABLE_READY, "again: %s", problem.data);
    if (failures == 0) {
        check_inserts(world);
        check_errors(world);
        check_quoting(world);
        check_parameters(world);
        check_existing_tables(world);
        check_side_by_side(world);
    }
    stream_free(all);
    buf_release(&problem);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void bench(struct world *world)
{
    struct table_info info;
    struct buf problem = { 0 };
    struct buf bytes = { 0 };
    struct segment segment;
    struct store_reply reply;
    world->stream = make_stream(&world->options, "bench", ARRAY_LENGTH(fields));
    CHECK(prepare(world, world->stream, true, &info, &problem) == TABLE_READY, "%s", problem.data);
    for (uint64_t i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof name, "bench-%llu-%d", (unsigned long long)i, (int)getpid());
        make_segment(world->stream, name, i * 100000, 100000, &segment, &bytes);
        struct store_insert insert = { .segment = &segment, .bytes = buf_slice(&bytes), .token = name };
        double cpu = cpu_seconds();
        int64_t start = clock_monotonic_ns();
        world->store->ops->insert(world->session, 0, &insert, &reply);
        CHECK(reply.outcome == STORE_DONE, "%s", reply.message);
        fprintf(stderr, "100000 rows, %zu bytes: %.2f us of CPU a row, %.0f ms\n", bytes.len,
                (cpu_seconds() - cpu) * 10, (double)(clock_monotonic_ns() - start) / 1e6);
        segment_header_release(&segment.header);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "most resident: %ld MiB\n", usage.ru_maxrss / 1024);
    buf_release(&bytes);
    buf_release(&problem);
}

static void insert_until_killed(struct world *world)
{
    struct table_info info;
    struct buf problem = { 0 };
    struct store_reply reply;
    world->stream = make_stream(&world->options, "crash", OLD_FIELDS);
    CHECK(prepare(world, world->stream, true, &info, &problem) == TABLE_READY, "%s", problem.data);
    uint64_t first = (uint64_t)number(world, "SELECT count() FROM crash FINAL");
    for (uint64_t i = 0; failures == 0; i++) {
        char name[64];
        snprintf(name, sizeof name, "crash-%llu-%llu", (unsigned long long)first, (unsigned long long)i);
        insert_bytes(world, world->session, world->stream, name, first + i * 1000, 1000, 0, NULL, &reply);
        CHECK(reply.outcome == STORE_DONE, "%s", reply.message);
        dprintf(STDOUT_FILENO, "done %llu\n", (unsigned long long)(first + (i + 1) * 1000));
    }
    buf_release(&problem);
}

int main(int argc, char **argv)
{
    struct store_options options = { .connect_timeout_ns = 2 * NS_PER_SECOND,
                                     .request_timeout_ns = 60 * NS_PER_SECOND,
                                     .max_memory = UINT64_C(1) << 30,
                                     .path = "",
                                     .library = "",
                                     .url = "",
                                     .user = "",
                                     .password = "",
                                     .database = "default" };
    struct buf problem = { 0 };
    struct world world = { 0 };
    if (argc < 3) {
        return 2;
    }
    log_init(LOG_INFO, LOG_TEXT);
    bool http = strcmp(argv[1], "clickhouse") == 0;
    options.kind = http ? STORE_CLICKHOUSE : STORE_EMBEDDED;
    if (http) {
        options.url = argv[2];
        options.user = argc > 3 ? argv[3] : "";
        options.password = argc > 4 ? argv[4] : "";
    }
    world.store = store_new(&options, argv[2], true, &problem);
    bool open = world.store != NULL && store_open(world.store, &problem);
    CHECK(open, "%s", buf_c_string(&problem));
    if (!open) {
        return 1;
    }
    world.session = world.store->ops->session_new(world.store);
    CHECK(world.session != NULL, "session");
    if (strcmp(argv[1], "bench") == 0) {
        bench(&world);
    } else if (strcmp(argv[1], "crash") == 0) {
        insert_until_killed(&world);
    } else if (strcmp(argv[1], "count") == 0) {
        printf("%lld\n", (long long)number(&world, "SELECT count() FROM crash FINAL"));
    } else {
        check_all(&world);
        printf("%s", failures == 0 ? "ok\n" : "");
    }
    world.store->ops->session_free(world.session);
    world.store->ops->free(world.store);
    if (world.stream != NULL) {
        stream_free(world.stream);
    }
    buf_release(&problem);
    return failures == 0 ? 0 : 1;
}
