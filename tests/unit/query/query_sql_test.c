/* The read API without a store: arguments to SQL, rows to JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/options/options.h"
#include "event/stream.h"
#include "query/query_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_NS (INT64_C(1700000000) * NS_PER_SECOND)

static struct field_options fields[] = {
    { .name = "event_name", .type = "LowCardinality(String)", .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "user_id", .type = "String", .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "timestamp", .type = "DateTime64(3)", .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "channel", .type = "LowCardinality(String)", .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "country", .type = "LowCardinality(Nullable(String))", .max_past_ns = -1, .max_future_ns = -1 },
};

static struct field_options day_fields[] = {
    { .name = "day", .type = "Date", .max_past_ns = -1, .max_future_ns = -1 },
};

static struct field_options second_fields[] = {
    { .name = "at", .type = "DateTime", .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "event_name", .type = "String", .max_past_ns = -1, .max_future_ns = -1 },
};

static struct stream_options options[] = {
    { .name = "events", .table = "events", .fields = fields, .field_count = 5 },
    { .name = "days", .table = "d`ays", .fields = day_fields, .field_count = 1 },
    { .name = "seconds", .table = "seconds", .fields = second_fields, .field_count = 2 },
};

static struct stream *streams[3];

static int compile_streams(void **state)
{
    (void)state;
    struct buf problems = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
        streams[i] = stream_compile(&options[i], i, &problems);
        if (streams[i] == NULL) {
            print_error("%.*s\n", (int)problems.len, problems.data);
            return -1;
        }
    }
    buf_release(&problems);
    return 0;
}

static int free_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
        stream_free(streams[i]);
    }
    return 0;
}

static enum error read_request(struct query_request *request, const char *arguments, struct buf *problem)
{
    return query_request_read(request, slice_from_string(arguments), streams, ARRAY_LENGTH(streams), NOW_NS, problem);
}

static struct query_request request_of(const char *arguments)
{
    struct query_request request;
    struct buf problem = { 0 };
    enum error error = read_request(&request, arguments, &problem);
    if (error != OK) {
        fail_msg("%s: %.*s", arguments, (int)problem.len, problem.data);
    }
    buf_release(&problem);
    return request;
}

static void assert_text(struct buf *found, const char *expected)
{
    assert_non_null(buf_c_string(found));
    assert_string_equal(found->data, expected);
    buf_release(found);
}

#define COUNTS "uniqExact(`event_id`) AS total, uniqExact(`user_id`) AS users FROM `default`.`events`"
#define LAST_DAY                                                                                                       \
    " WHERE `timestamp` >= fromUnixTimestamp64Milli(toInt64(1699913600000)) AND `timestamp` < "                        \
    "fromUnixTimestamp64Milli(toInt64(1700000000000))"

static const struct {
    const char *arguments;
    const char *sql;
} queries[] = {
    { "", "SELECT " COUNTS LAST_DAY },
    { "event_name=purchase", "SELECT " COUNTS LAST_DAY " AND `event_name` = {event_name:String}" },
    { "group_by=channel", "SELECT toString(`channel`) AS group_key, " COUNTS LAST_DAY
                          " GROUP BY group_key WITH TOTALS ORDER BY total DESC, group_key LIMIT 1000" },
    { "group_by=country", "SELECT ifNull(toString(`country`), '') AS group_key, " COUNTS LAST_DAY
                          " GROUP BY group_key WITH TOTALS ORDER BY total DESC, group_key LIMIT 1000" },
    { "group_by=daily", "SELECT intDiv(toUnixTimestamp(`timestamp`), 86400) AS group_key, " COUNTS LAST_DAY
                        " GROUP BY group_key WITH TOTALS ORDER BY group_key LIMIT 1000" },
    { "group_by=hourly", "SELECT intDiv(toUnixTimestamp(`timestamp`), 3600) AS group_key, " COUNTS LAST_DAY
                         " GROUP BY group_key WITH TOTALS ORDER BY group_key LIMIT 1000" },
    { "stream=seconds&from=1970-01-01T00:00:10.5Z&to=1970-01-01T00:00:20.5Z",
      "SELECT uniqExact(`event_id`) AS total, 0 AS users FROM `default`.`seconds` WHERE `at` >= toDateTime(11) AND "
      "`at` < toDateTime(21)" },
    { "stream=days&from=1970-01-02&to=1970-01-03T00:00:01Z&group_by=hourly",
      "SELECT toUInt32(`day`) * 24 AS group_key, uniqExact(`event_id`) AS total, 0 AS users FROM "
      "`default`.`d\\`ays` WHERE `day` >= toDate(1) AND `day` < toDate(3) GROUP BY group_key WITH TOTALS ORDER BY "
      "group_key LIMIT 1000" },
};

static void arguments_become_sql(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(queries); i++) {
        struct query_request request = request_of(queries[i].arguments);
        struct buf sql = { 0 };
        query_request_sql(&request, "default", &sql);
        assert_text(&sql, queries[i].sql);
        query_request_release(&request);
    }
}

static void the_clients_text_never_gets_into_the_sql(void **state)
{
    (void)state;
    struct query_request request = request_of("event_name=%27%29%3B%20DROP%20TABLE%20events%3B--");
    struct buf sql = { 0 };
    query_request_sql(&request, "", &sql);
    assert_null(memmem(sql.data, sql.len, "DROP", 4));
    assert_true(slice_equal(buf_slice(&request.event_name), SLICE("'); DROP TABLE events;--")));
    buf_release(&sql);
    query_request_release(&request);
}

static void times_come_in_several_ways(void **state)
{
    (void)state;
    static const struct {
        const char *arguments;
        int64_t from_ms;
    } cases[] = { { "from=1699999999", 1699999999000 },
                  { "from=1699999999123", 1699999999123 },
                  { "from=2023-11-14T22:13:19Z", 1699999999000 },
                  { "from=2023-11-14T22:13:19.5Z", 1699999999500 },
                  { "from=2023-11-14T23:13:19%2B01:00", 1699999999000 },
                  { "from=2023-11-14", 1699920000000 },
                  { "from=", 1699913600000 },
                  { "to=1600000000", 1599913600000 },
                  { "to=10", 0 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct query_request request = request_of(cases[i].arguments);
        assert_int_equal(request.from_ns / NS_PER_MS, cases[i].from_ms);
        query_request_release(&request);
    }
}

static const struct {
    const char *arguments;
    enum error error;
    const char *says;
} refused[] = {
    { "stream=nope", ERROR_UNKNOWN_STREAM, "stream: found \"nope\", there are: events days seconds" },
    { "from=yesterday", ERROR_BAD_ARGUMENT, "from: found \"yesterday\", expected RFC 3339" },
    { "to=-5", ERROR_BAD_ARGUMENT, "to: found \"-5\"" },
    { "from=1960-01-01T00:00:00Z", ERROR_BAD_ARGUMENT, "from 1970 on" },
    { "from=1700000000&to=1700000000", ERROR_BAD_ARGUMENT, "from: it must lie before to" },
    { "from=1800000000", ERROR_BAD_ARGUMENT, "from: it must lie before to" },
    { "group_by=user_id", ERROR_BAD_ARGUMENT,
      "group_by: found \"user_id\", allowed are: daily hourly event_name channel country" },
    { "group_by=weekly", ERROR_BAD_ARGUMENT, "allowed are: daily hourly" },
    { "event_name=%zz", ERROR_BAD_ARGUMENT, "event_name: its percent escapes are malformed" },
    { "stream=days&event_name=x", ERROR_BAD_ARGUMENT, "event_name: stream days has no such field" },
};

static void a_bad_argument_is_named_with_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct query_request request;
        struct buf problem = { 0 };
        assert_int_equal(read_request(&request, refused[i].arguments, &problem), refused[i].error);
        assert_non_null(buf_c_string(&problem));
        if (strstr(problem.data, refused[i].says) == NULL) {
            fail_msg("%s: %s", refused[i].arguments, problem.data);
        }
        buf_release(&problem);
        query_request_release(&request);
    }
}

static void an_endless_argument_is_refused(void **state)
{
    (void)state;
    struct query_request request;
    struct buf problem = { 0 }, arguments = { 0 };
    buf_append_string(&arguments, "event_name=");
    buf_append_fill(&arguments, 'x', 1025);
    assert_int_equal(read_request(&request, buf_c_string(&arguments), &problem), ERROR_BAD_ARGUMENT);
    buf_release(&problem);
    buf_release(&arguments);
    query_request_release(&request);
}

static void an_argument_that_is_not_utf8_is_refused_by_its_name(void **state)
{
    static const char *const names[] = { "stream", "to", "from", "event_name", "group_by" };
    static const char *const values[] = { "%ff", "a%C3", "%ED%A0%80", "%C0%80" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names) * ARRAY_LENGTH(values); i++) {
        char arguments[64], says[64];
        struct query_request request;
        struct buf problem = { 0 };
        snprintf(arguments, sizeof arguments, "%s=%s", names[i % ARRAY_LENGTH(names)], values[i / ARRAY_LENGTH(names)]);
        snprintf(says, sizeof says, "%s: it is not UTF-8", names[i % ARRAY_LENGTH(names)]);
        assert_int_equal(read_request(&request, arguments, &problem), ERROR_BAD_ARGUMENT);
        assert_ptr_equal(strstr(buf_c_string(&problem), says), problem.data);
        buf_release(&problem);
        query_request_release(&request);
    }
    struct query_request request = request_of("event_name=caf%C3%A9");
    assert_true(slice_equal(buf_slice(&request.event_name), SLICE("café")));
    query_request_release(&request);
}

#define HEAD(name) "{\"event_name\":" name ",\"from\":\"2023-11-13T22:13:20Z\",\"to\":\"2023-11-14T22:13:20Z\","

static const struct {
    const char *arguments;
    const char *rows;
    const char *json; /* NULL: the rows make no sense */
} answers[] = {
    { "event_name=buy", "10\t3\n",
      HEAD("\"buy\"") "\"total_count\":10,\"unique_user_count\":3,\"grouped_metrics\":[]}\n" },
    { "", "0\t0\n", HEAD("null") "\"total_count\":0,\"unique_user_count\":0,\"grouped_metrics\":[]}\n" },
    { "group_by=channel", "web\t7\t2\nmob\\tile\\\\\t3\t1\n\n\t10\t3\n",
      HEAD("null") "\"total_count\":10,\"unique_user_count\":3,\"grouped_metrics\":[{\"group_key\":\"web\","
                   "\"total_count\":7,\"unique_user_count\":2},{\"group_key\":\"mob\\tile\\\\\",\"total_count\":3,"
                   "\"unique_user_count\":1}]}\n" },
    { "group_by=channel", "\n\t0\t0\n",
      HEAD("null") "\"total_count\":0,\"unique_user_count\":0,\"grouped_metrics\":[]}\n" },
    { "group_by=daily", "19675\t7\t2\n\n0\t7\t2\n",
      HEAD("null") "\"total_count\":7,\"unique_user_count\":2,\"grouped_metrics\":[{\"group_key\":\"2023-11-14\","
                   "\"total_count\":7,\"unique_user_count\":2}]}\n" },
    { "group_by=hourly", "472222\t7\t2\n\n0\t7\t2\n",
      HEAD("null") "\"total_count\":7,\"unique_user_count\":2,\"grouped_metrics\":[{\"group_key\":"
                   "\"2023-11-14T22:00:00Z\",\"total_count\":7,\"unique_user_count\":2}]}\n" },
    { "", "", NULL },
    { "", "x\t1\n", NULL },
    { "", "1\n", NULL },
    { "", "1\t2\t3\n", NULL },
    { "group_by=daily", "today\t7\t2\n\n0\t7\t2\n", NULL },
    { "group_by=daily", "99999999999\t7\t2\n\n0\t7\t2\n", NULL },
    { "group_by=channel", "web\t7\t2\n", NULL },
};

static void rows_become_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        struct query_request request = request_of(answers[i].arguments);
        struct buf json = { 0 };
        bool valid = query_json(&request, slice_from_string(answers[i].rows), &json);
        assert_int_equal(valid, answers[i].json != NULL);
        if (valid) {
            assert_text(&json, answers[i].json);
        }
        buf_release(&json);
        query_request_release(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_become_sql),
        cmocka_unit_test(the_clients_text_never_gets_into_the_sql),
        cmocka_unit_test(times_come_in_several_ways),
        cmocka_unit_test(a_bad_argument_is_named_with_what_is_allowed),
        cmocka_unit_test(an_endless_argument_is_refused),
        cmocka_unit_test(an_argument_that_is_not_utf8_is_refused_by_its_name),
        cmocka_unit_test(rows_become_json),
    };
    return cmocka_run_group_tests(tests, compile_streams, free_streams);
}
