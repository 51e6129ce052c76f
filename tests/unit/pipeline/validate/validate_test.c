#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "schema_fixture.h"

/* One field of a type, one event {"v": value}: the value as it is read back, or the error. */
static const struct {
    const char *type, *value;
    enum error error;
    const char *stored;
} values[] = {
    { "String", "\"a\\u0000b\"", OK, "\"a\\u0000b\"" },
    { "String", "12", OK, "\"12\"" },
    { "String", "1.50", OK, "\"1.5\"" },
    { "String", "true", OK, "\"true\"" },
    { "String", "null", OK, "\"\"" },
    { "String", "{}", ERROR_WRONG_TYPE, NULL },
    { "String", "[]", ERROR_WRONG_TYPE, NULL },
    { "FixedString(3)", "\"abc\"", OK, "\"abc\"" },
    { "FixedString(3)", "\"abcd\"", ERROR_TOO_LONG, NULL },
    { "Bool", "true", OK, "1" },
    { "Bool", "0", OK, "0" },
    { "Bool", "2", ERROR_WRONG_TYPE, NULL },
    { "Bool", "\"true\"", ERROR_WRONG_TYPE, NULL },
    { "UInt8", "255", OK, "255" },
    { "UInt8", "256", ERROR_OUT_OF_RANGE, NULL },
    { "UInt8", "-1", ERROR_OUT_OF_RANGE, NULL },
    { "UInt8", "5.0", OK, "5" },
    { "UInt8", "5.5", ERROR_WRONG_TYPE, NULL },
    { "UInt8", "1e300", ERROR_OUT_OF_RANGE, NULL },
    { "UInt8", "\"5\"", OK, "5" },
    { "UInt8", "\"5.0\"", OK, "5" },
    { "UInt8", "\"2.5e1\"", OK, "25" },
    { "UInt8", "\"5.5\"", ERROR_WRONG_TYPE, NULL },
    { "UInt8", "\"256\"", ERROR_OUT_OF_RANGE, NULL },
    { "UInt8", "\"-1\"", ERROR_OUT_OF_RANGE, NULL },
    { "UInt8", "\"\"", ERROR_WRONG_TYPE, NULL },
    { "UInt8", "\" 5\"", ERROR_WRONG_TYPE, NULL },
    { "UInt8", "\"five\"", ERROR_WRONG_TYPE, NULL },
    { "UInt8", "\"1e99\"", ERROR_OUT_OF_RANGE, NULL },
    { "UInt8", "true", OK, "1" },
    { "UInt64", "false", OK, "\"0\"" },
    { "Int8", "true", OK, "1" },
    { "Int8", "\"-128\"", OK, "-128" },
    { "Int64", "\"9007199254740993.0\"", OK, "\"9007199254740993\"" }, /* a text has all its digits */
    { "Int8", "-128", OK, "-128" },
    { "Int8", "128", ERROR_OUT_OF_RANGE, NULL },
    { "Int16", "-32769", ERROR_OUT_OF_RANGE, NULL },
    { "UInt32", "4294967296", ERROR_OUT_OF_RANGE, NULL },
    { "Int64", "\"-9223372036854775808\"", OK, "\"-9223372036854775808\"" },
    { "Int64", "9223372036854775808", ERROR_OUT_OF_RANGE, NULL },
    { "Int64", "\"9223372036854775808\"", ERROR_OUT_OF_RANGE, NULL },
    { "Int64", "9223372036854775808.0", ERROR_OUT_OF_RANGE, NULL },
    { "Int64", "9007199254740991.0", OK, "\"9007199254740991\"" },
    { "Int64", "9007199254740993.0", ERROR_OUT_OF_RANGE, NULL }, /* a double would make it …992 */
    { "UInt64", "1e19", ERROR_OUT_OF_RANGE, NULL },
    { "UInt64", "18446744073709551615", OK, "\"18446744073709551615\"" },
    { "UInt64", "\"18446744073709551615\"", OK, "\"18446744073709551615\"" },
    { "UInt64", "\"18446744073709551616\"", ERROR_OUT_OF_RANGE, NULL },
    { "UInt64", "-1", ERROR_OUT_OF_RANGE, NULL },
    { "Float64", "1", OK, "1" },
    { "Float64", "18446744073709551615", OK, NULL },
    { "Float64", "\"1\"", OK, "1" },
    { "Float64", "\"-0.25e1\"", OK, "-2.5" },
    { "Float64", "\"0.1\"", OK, "0.1" },
    { "Float64", "\"1e400\"", ERROR_OUT_OF_RANGE, NULL },
    { "Float64", "\"nan\"", ERROR_WRONG_TYPE, NULL },
    { "Float64", "\"inf\"", ERROR_WRONG_TYPE, NULL },
    { "Float64", "\"0x10\"", ERROR_WRONG_TYPE, NULL },
    { "Float64", "\"1 \"", ERROR_WRONG_TYPE, NULL },
    { "Float64", "\"\"", ERROR_WRONG_TYPE, NULL },
    { "Float64", "true", ERROR_WRONG_TYPE, NULL },
    { "Float32", "\"1e39\"", ERROR_OUT_OF_RANGE, NULL },
    { "Float32", "\"0.5\"", OK, "0.5" },
    { "Float32", "0.5", OK, "0.5" },
    { "Float32", "1e39", ERROR_OUT_OF_RANGE, NULL },
    { "Date", "\"2024-02-29\"", OK, "\"2024-02-29\"" },
    { "Date", "\"2023-02-29\"", ERROR_INVALID_VALUE, NULL },
    { "Date", "1732233600123", OK, "\"2024-11-22\"" },
    { "Date", "\"1969-12-31\"", ERROR_OUT_OF_RANGE, NULL },
    { "Date", "\"2149-06-06\"", OK, "\"2149-06-06\"" },
    { "Date", "\"2149-06-07\"", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime", "1732233600.9", OK, "\"2024-11-22 00:00:00\"" },
    { "DateTime", "\"2106-02-07T06:28:15Z\"", OK, "\"2106-02-07 06:28:15\"" },
    { "DateTime", "\"2106-02-07T06:28:16Z\"", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime64(3)", "1732233600", OK, "\"2024-11-22 00:00:00.000\"" },
    { "DateTime64(3)", "1732233600123", OK, "\"2024-11-22 00:00:00.123\"" },
    { "DateTime64(3)", "1732233600123456", OK, "\"2024-11-22 00:00:00.123\"" },
    { "DateTime64(3)", "1732233600123456789", OK, "\"2024-11-22 00:00:00.123\"" },
    { "DateTime64(3)", "1732233600.123", OK, "\"2024-11-22 00:00:00.123\"" },
    { "DateTime64(3)", "\"1732233600123\"", OK, "\"2024-11-22 00:00:00.123\"" },
    { "DateTime64(3)", "\"2024-11-22T01:00:00.123456+01:00\"", OK, "\"2024-11-22 00:00:00.123\"" },
    { "DateTime64(3)", "\"2024-11-21 19:30:00.5-0430\"", OK, "\"2024-11-22 00:00:00.500\"" },
    { "DateTime64(3)", "\"2024-11-22 00:00:00\"", OK, "\"2024-11-22 00:00:00.000\"" },
    { "DateTime64(3)", "\"2024-11-21T24:00:00Z\"", OK, "\"2024-11-22 00:00:00.000\"" },
    { "DateTime64(3)", "\"Fri, 22 Nov 2024 00:00:00 GMT\"", OK, "\"2024-11-22 00:00:00.000\"" },
    { "DateTime64(3)", "\"1732233600.107\"", OK, "\"2024-11-22 00:00:00.107\"" },
    { "DateTime64(3)", "\"1732.5\"", ERROR_INVALID_VALUE, NULL },
    { "DateTime64(3)", "\"22/11/2024\"", ERROR_INVALID_VALUE, NULL },
    { "Date", "\"20241122T120000Z\"", OK, "\"2024-11-22\"" },
    { "DateTime64(3)", "\"2024-11-22T00:00:00Zx\"", ERROR_INVALID_VALUE, NULL },
    { "DateTime64(3)", "\"yesterday\"", ERROR_INVALID_VALUE, NULL },
    { "DateTime64(3)", "\"100000000\"", OK, "\"1973-03-03 09:46:40.000\"" },
    { "DateTime64(3)", "\"20241122\"", ERROR_INVALID_VALUE, NULL },
    { "Date", "\"2024\"", ERROR_INVALID_VALUE, NULL },
    { "DateTime64(3)", "-1", OK, "\"1969-12-31 23:59:59.000\"" },
    { "DateTime64(3)", "\"1899-12-31T23:59:59Z\"", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime64(3)", "\"2300-01-01T00:00:00Z\"", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime64(9)", "1732233600123456789", OK, "\"2024-11-22 00:00:00.123456789\"" },
    { "DateTime64(9)", "\"2263-01-01\"", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime64(9)", "\"2262-04-11T23:47:16.854775807Z\"", OK, "\"2262-04-11 23:47:16.854775807\"" },
    { "DateTime64(9)", "\"2262-04-11T23:47:16.854775808Z\"", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime64(0)", "\"2299-12-31T23:59:59.999999999Z\"", OK, NULL },
    { "DateTime64(3)", "18446744073709551615", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime64(3)", "1e300", ERROR_OUT_OF_RANGE, NULL },
    { "DateTime64(3)", "true", ERROR_WRONG_TYPE, NULL },
    { "UUID", "\"61F0c404-5cb3-11e7-907b-a6006ad3dba0\"", OK, "\"61f0c404-5cb3-11e7-907b-a6006ad3dba0\"" },
    { "UUID", "\"61f0c404-5cb3-11e7-907b-a6006ad3dba\"", ERROR_INVALID_VALUE, NULL },
    { "UUID", "5", ERROR_WRONG_TYPE, NULL },
    { "Enum8('a' = 1, 'b' = 2)", "\"b\"", OK, "\"b\"" },
    { "Enum8('a' = 1, 'b' = 2)", "\"c\"", ERROR_NOT_ALLOWED, NULL },
    { "Enum8('a' = 2, 'b' = 1)", "null", OK, "\"b\"" },
    { "Enum8('a' = 1, 'b' = 2)", "1", ERROR_WRONG_TYPE, NULL },
    { "Decimal(5, 2)", "123.45", OK, "\"123.45\"" },
    { "Decimal(5, 2)", "\"-000.50\"", OK, "\"-0.5\"" },
    { "Decimal(5, 2)", "999.99", OK, "\"999.99\"" },
    { "Decimal(5, 2)", "1000", ERROR_OUT_OF_RANGE, NULL },
    { "Decimal(5, 2)", "0.005", ERROR_OUT_OF_RANGE, NULL },
    { "Decimal(5, 2)", "1.5e2", OK, "\"150\"" },
    { "Decimal(5, 2)", "\"1.5e-1\"", OK, "\"0.15\"" },
    { "Decimal(5, 2)", "\"-0\"", OK, "\"0\"" },
    { "Decimal(5, 2)", "\"1e99999999999\"", ERROR_OUT_OF_RANGE, NULL },
    { "Decimal(5, 2)", "\"1.\"", ERROR_INVALID_VALUE, NULL },
    { "Decimal(5, 2)", "\"abc\"", ERROR_INVALID_VALUE, NULL },
    { "Decimal(5, 2)", "null", OK, "\"0\"" },
    { "Decimal(38, 10)", "12345678901.1234", OK, "\"12345678901.1234\"" }, /* 15 digits: a double keeps them */
    { "Decimal(38, 10)", "12345678901.12345678", ERROR_OUT_OF_RANGE, NULL },
    { "Decimal(38, 10)", "\"12345678901.12345678\"", OK, "\"12345678901.12345678\"" },
    { "Decimal(38, 10)", "9007199254740993.0", ERROR_OUT_OF_RANGE, NULL },
    { "Decimal(38, 10)", "1.5e20", OK, "\"150000000000000000000\"" },
    { "Decimal(38, 0)", "\"99999999999999999999999999999999999999\"", OK,
      "\"99999999999999999999999999999999999999\"" },
    { "IPv4", "\"192.0.2.1\"", OK, "\"192.0.2.1\"" },
    { "IPv4", "\"192.0.2.256\"", ERROR_INVALID_VALUE, NULL },
    { "IPv4", "\"::1\"", ERROR_INVALID_VALUE, NULL },
    { "IPv4", "null", OK, "\"0.0.0.0\"" },
    { "IPv6", "\"2001:DB8:0::1\"", OK, "\"2001:db8::1\"" },
    { "IPv6", "\"192.0.2.1\"", OK, "\"::ffff:192.0.2.1\"" },
    { "IPv6", "\"nope\"", ERROR_INVALID_VALUE, NULL },
    { "IPv6", "\"3574\"", ERROR_INVALID_VALUE, NULL }, /* not ::ffff:3574 */
    { "IPv6", "\"\"", ERROR_INVALID_VALUE, NULL },
    { "JSON", "{\"a\":[1,{\"b\":null}]}", OK, NULL },
    { "JSON", "null", OK, "\"{}\"" },
    { "JSON", "[]", ERROR_WRONG_TYPE, NULL },
    { "JSON", "{\"a.b\":1,\"a\":{\"b\":1}}", ERROR_CONFLICTING_KEYS, NULL },
    { "Nullable(UInt8)", "null", OK, "null" },
    { "Nullable(UInt8)", "7", OK, "7" },
    { "Nullable(UInt8)", "700", ERROR_OUT_OF_RANGE, NULL },
    { "Array(UInt8)", "[1,null,3]", OK, "[1,0,3]" },
    { "Array(Nullable(UInt8))", "[1,null,3]", OK, "[1,null,3]" },
    { "Array(UInt8)", "[1,256]", ERROR_OUT_OF_RANGE, NULL },
    { "Array(UInt8)", "5", ERROR_WRONG_TYPE, NULL },
    { "Array(String)", "[]", OK, "[]" },
    { "Array(String)", "[\"a\",2]", OK, "[\"a\",\"2\"]" },
    { "Array(String)", "[[]]", ERROR_WRONG_TYPE, NULL },
    { "Map(String, String)", "{\"a\":\"x\",\"b\":2,\"c\":false,\"d\":null}", OK,
      "{\"a\":\"x\",\"b\":\"2\",\"c\":\"false\"}" },
    { "Map(String, String)", "{\"a\":[]}", ERROR_WRONG_TYPE, NULL },
    { "Map(String, String)", "[]", ERROR_WRONG_TYPE, NULL },
};

static void stores_what_fits_and_refuses_what_a_server_could_refuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        struct field_options fields[] = { FIELD("v", values[i].type) };
        struct stream_options options = { .name = "s", .table = "t", .fields = fields, .field_count = 1 };
        struct fixture fixture;
        struct buf event = { 0 }, expected = { 0 };
        fixture_init(&fixture, &options);
        buf_printf(&event, "{\"v\":%s}", values[i].value);
        enum error error = fixture_event(&fixture, buf_c_string(&event));
        if (error != values[i].error) {
            fail_msg("%s %s: %s, not %s: %s", values[i].type, values[i].value, error_info(error)->code,
                     error_info(values[i].error)->code, fixture.error.message);
        }
        assert_int_equal(fixture.chunk->rows, error == OK);
        if (error != OK) {
            assert_string_equal(fixture.error.field, "v");
            assert_memory_equal(fixture.error.message, "v: ", 3);
        } else if (values[i].stored != NULL) {
            buf_printf(&expected, "{\"v\":%s,", values[i].stored);
            if (strncmp(fixture_row(&fixture, 0), buf_c_string(&expected), expected.len) != 0) {
                fail_msg("%s %s: %s, not %s", values[i].type, values[i].value, fixture_row(&fixture, 0),
                         buf_c_string(&expected));
            }
        }
        fixture_release(&fixture);
        buf_release(&event);
        buf_release(&expected);
    }
}

static struct field_options shop_fields[] = {
    FIELD("name", "LowCardinality(String)", .from = LIST("event_name", "name"), .required = true, .max_length = 10),
    FIELD("channel", "String", .one_of = LIST("web", "mobile"), .default_value = "web"),
    { .line = 1,
      .name = "at",
      .type = "DateTime64(3)",
      .default_value = "now",
      .max_past_ns = 3600 * NS_PER_SECOND,
      .max_future_ns = 60 * NS_PER_SECOND },
    FIELD("country", "String", .from = LIST("device.geo.country", "country")),
    FIELD("ids", "Array(String)", .from = LIST("items[].id"), .max_items = 3),
    FIELD("prices", "Array(Float64)", .from = LIST("items[].price")),
    FIELD("tags", "Array(LowCardinality(String))"),
    FIELD("level", "UInt8", .min = "1", .max = "5", .default_value = "3"),
    FIELD("ip", "String", .fill = FILL_CLIENT_IP, .anonymize = true),
    FIELD("agent", "String", .fill = FILL_USER_AGENT, .max_length = 4),
    FIELD("received", "DateTime", .fill = FILL_RECEIVED_AT),
};
static const struct stream_options shop = { .name = "shop",
                                            .table = "shop",
                                            .dedup_key = LIST("name", "at"),
                                            .fields = shop_fields,
                                            .field_count = ARRAY_LENGTH(shop_fields) };

static int start_shop(void **state)
{
    static struct fixture fixture;
    fixture_init(&fixture, &shop);
    *state = &fixture;
    return 0;
}

static int end_fixture(void **state)
{
    fixture_release(*state);
    return 0;
}

static void assert_row_begins(struct fixture *fixture, uint64_t row, const char *expected)
{
    const char *json = fixture_row(fixture, row);
    if (strncmp(json, expected, strlen(expected)) != 0) {
        fail_msg("%s\ndoes not begin with\n%s", json, expected);
    }
}

static void fills_and_defaults_what_is_absent(void **state)
{
    assert_int_equal(fixture_event(*state, "{\"name\":\"a\"}"), OK);
    assert_row_begins(
        *state, 0,
        "{\"name\":\"a\",\"channel\":\"web\",\"at\":\"2024-11-22 00:00:00.000\",\"country\":\"\",\"ids\":[],"
        "\"prices\":[],\"tags\":[],\"level\":3,\"ip\":\"192.0.2.0\",\"agent\":\"curl\","
        "\"received\":\"2024-11-22 00:00:00\",\"event_id\":\"");
}

static struct field_options visit_fields[] = {
    FIELD("n", "UInt8"),
    FIELD("ip", "Nullable(String)", .fill = FILL_CLIENT_IP),
    FIELD("agent", "Nullable(String)", .fill = FILL_USER_AGENT),
    FIELD("received", "DateTime", .fill = FILL_RECEIVED_AT),
};
static const struct stream_options visits = {
    .name = "visits", .table = "visits", .fields = visit_fields, .field_count = ARRAY_LENGTH(visit_fields)
};

static int start_visits(void **state)
{
    static struct fixture fixture;
    fixture_init(&fixture, &visits);
    *state = &fixture;
    return 0;
}

/* The payload's events, of which one is bad. */
static void take_payload(struct fixture *fixture, struct slice text, const struct event_context *context)
{
    struct json_document document;
    struct event_error error;
    buf_clear(&fixture->text);
    buf_append_slice(&fixture->text, text);
    buf_append_fill(&fixture->text, 0, JSON_PADDING);
    assert_int_equal(json_parse(fixture->parser, slice_make(fixture->text.data, text.len), &document), OK);
    size_t bad = 0;
    for (json_at m = json_first(JSON_ROOT); !json_at_end(&document, m); m = json_skip(&document, m)) {
        bad += !validate_event(fixture->validator, &document, m, context, fixture->chunk, &error);
    }
    assert_int_equal(bad, 1);
    assert_int_equal(validate_finish(fixture->validator, context, fixture->chunk), OK);
}

static void what_the_events_of_a_payload_have_in_common_is_in_each_of_its_rows_alone(void **state)
{
    static const struct event_context known = { .received_wall_ns = FIXTURE_NOW_NS,
                                                .client_ip = { "192.0.2.1", 9 },
                                                .user_agent = { "curl/8", 6 } };
    static const struct event_context unknown = { .received_wall_ns = FIXTURE_NOW_NS + NS_PER_SECOND,
                                                  .client_ip = { "", 0 },
                                                  .user_agent = { "", 0 } };
    static const char *const rows[] = {
        "{\"n\":1,\"ip\":\"192.0.2.1\",\"agent\":\"curl/8\",\"received\":\"2024-11-22 00:00:00\"",
        "{\"n\":2,\"ip\":\"192.0.2.1\",\"agent\":\"curl/8\",\"received\":\"2024-11-22 00:00:00\"",
        "{\"n\":3,\"ip\":\"192.0.2.1\",\"agent\":\"curl/8\",\"received\":\"2024-11-22 00:00:00\"",
        "{\"n\":4,\"ip\":null,\"agent\":null,\"received\":\"2024-11-22 00:00:01\"",
        "{\"n\":5,\"ip\":null,\"agent\":null,\"received\":\"2024-11-22 00:00:01\"",
        "{\"n\":6,\"ip\":\"192.0.2.1\",\"agent\":\"curl/8\",\"received\":\"2024-11-22 00:00:00\"",
    };
    take_payload(*state, SLICE("[{\"n\":1},{\"n\":2},{\"n\":-1},{\"n\":3}]"), &known);
    take_payload(*state, SLICE("[7]"), &known);
    take_payload(*state, SLICE("[{\"n\":-1},{\"n\":4},{\"n\":5}]"), &unknown);
    take_payload(*state, SLICE("[{\"n\":6},{\"n\":-1}]"), &known);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_row_begins(*state, i, rows[i]);
    }
}

static void what_they_have_in_common_takes_no_more_memory_than_a_chunk(void **state)
{
    struct fixture *fixture = *state;
    struct buf agent = { 0 };
    struct event_error error;
    struct json_document document;
    static const char text[7 + JSON_PADDING] = "{\"n\":1}";
    buf_append_fill(&agent, 'a', (size_t)1 << 20);
    const struct event_context context = { .received_wall_ns = FIXTURE_NOW_NS, .user_agent = buf_slice(&agent) };
    for (size_t i = 0; i < SEGMENT_MAX_CHUNK >> 20; i++) {
        assert_int_equal(json_parse(fixture->parser, slice_make(text, 7), &document), OK);
        assert_true(validate_event(fixture->validator, &document, JSON_ROOT, &context, fixture->chunk, &error));
    }
    assert_int_equal(validate_finish(fixture->validator, &context, fixture->chunk), ERROR_PAYLOAD_TOO_LARGE);
    assert_in_range(chunk_bytes(fixture->chunk), 0, (size_t)4 << 20);
    chunk_truncate(fixture->chunk, 0);
    buf_release(&agent);
}

static void a_clock_out_of_a_columns_range_gives_the_nearest_time_that_it_holds(void **state)
{
    static const int64_t day_ns = 86400 * NS_PER_SECOND;
    static const struct {
        int64_t wall_ns;
        const char *row;
    } clocks[] = {
        { -1, "{\"n\":1,\"d\":\"1970-01-01\",\"t\":\"1970-01-01 00:00:00\",\"now\":\"1970-01-01 00:00:00\","
              "\"m\":\"1969-12-31 23:59:59.999\",\"maybe\":\"1970-01-01\"" },
        { INT64_MIN, "{\"n\":1,\"d\":\"1970-01-01\",\"t\":\"1970-01-01 00:00:00\",\"now\":\"1970-01-01 00:00:00\","
                     "\"m\":\"1900-01-01 00:00:00.000\",\"maybe\":\"1970-01-01\"" },
        { (INT64_C(1) << 32) * NS_PER_SECOND,
          "{\"n\":1,\"d\":\"2106-02-07\",\"t\":\"2106-02-07 06:28:15\",\"now\":\"2106-02-07 06:28:15\","
          "\"m\":\"2106-02-07 06:28:16.000\",\"maybe\":\"2106-02-07\"" },
        { 65536 * day_ns, "{\"n\":1,\"d\":\"2149-06-06\",\"t\":\"2106-02-07 06:28:15\",\"now\":\"2106-02-07 06:28:15\","
                          "\"m\":\"2149-06-07 00:00:00.000\",\"maybe\":\"2149-06-06\"" },
        { INT64_MAX, "{\"n\":1,\"d\":\"2149-06-06\",\"t\":\"2106-02-07 06:28:15\",\"now\":\"2106-02-07 06:28:15\","
                     "\"m\":\"2262-04-11 23:47:16.854\",\"maybe\":\"2149-06-06\"" },
    };
    static struct field_options fields[] = {
        FIELD("n", "UInt8"),
        FIELD("d", "Date", .fill = FILL_RECEIVED_AT),
        FIELD("t", "DateTime", .fill = FILL_RECEIVED_AT),
        FIELD("now", "DateTime", .default_value = "now"),
        FIELD("m", "DateTime64(3)", .default_value = "now"),
        FIELD("maybe", "Nullable(Date)", .default_value = "now"),
    };
    static const struct stream_options options = { .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields) };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(clocks); i++) {
        struct fixture fixture;
        fixture_init(&fixture, &options);
        fixture.context.received_wall_ns = clocks[i].wall_ns;
        assert_int_equal(fixture_event(&fixture, "{\"n\":1}"), OK);
        assert_int_equal(fixture_event(&fixture, "{\"n\":1,\"now\":0}"), OK);
        assert_row_begins(&fixture, 0, clocks[i].row);
        assert_true(chunk_is_whole(fixture.chunk));
        /* verification looks for rows by `d`, between these */
        assert_in_range(fixture.chunk->min_time_ns, 0, 65536 * day_ns - 1);
        assert_in_range(fixture.chunk->max_time_ns, 0, 65536 * day_ns - 1);
        fixture_release(&fixture);
    }
}

static void a_text_shorter_than_min_length_is_refused(void **state)
{
    struct field_options fields[] = { FIELD("v", "String", .required = true, .min_length = 1, .max_length = 3),
                                      FIELD("tags", "Array(String)", .min_length = 2),
                                      FIELD("code", "FixedString(2)", .min_length = 2) };
    struct stream_options options = { .name = "s", .fields = fields, .field_count = 3 };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"v\":\"a\"}"), OK);
    assert_int_equal(fixture_event(&fixture, "{\"v\":\"\"}"), ERROR_TOO_SHORT);
    assert_string_equal(fixture.error.message, "v: \"\" is 0 bytes long; at least 1 are needed");
    assert_int_equal(fixture_event(&fixture, "{}"), ERROR_MISSING_FIELD);
    assert_int_equal(fixture_event(&fixture, "{\"v\":7}"), OK);
    assert_int_equal(fixture_event(&fixture, "{\"v\":\"abcd\"}"), ERROR_TOO_LONG);
    assert_int_equal(fixture_event(&fixture, "{\"v\":\"a\",\"tags\":[\"ab\",null]}"), OK);
    assert_int_equal(fixture_event(&fixture, "{\"v\":\"a\",\"tags\":[\"ab\",\"c\"]}"), ERROR_TOO_SHORT);
    assert_int_equal(fixture_event(&fixture, "{\"v\":\"a\",\"code\":\"x\"}"), ERROR_TOO_SHORT);
    assert_int_equal(fixture.chunk->rows, 3);
    fixture_release(&fixture);
}

static void a_user_agent_that_is_no_utf8_is_mended(void **state)
{
    struct fixture *fixture = *state;
    fixture->context.user_agent = SLICE("bad\xffua");
    assert_int_equal(fixture_event(fixture, "{\"n\":1}"), OK);
    assert_non_null(strstr(fixture_row(fixture, 0), "\"agent\":\"bad\xEF\xBF\xBDua\""));
}

static void keeps_arrays_through_one_path_parallel(void **state)
{
    assert_int_equal(fixture_event(*state,
                                   "{\"name\":\"a\",\"items\":[{\"id\":\"x\",\"price\":1.5},{\"price\":2},{\"id\":7},"
                                   "null]}"),
                     ERROR_TOO_LONG);
    assert_int_equal(fixture_event(*state, "{\"name\":\"a\",\"items\":[{\"id\":\"x\",\"price\":1.5},null,{\"id\":7}]}"),
                     OK);
    assert_non_null(strstr(fixture_row(*state, 0), "\"ids\":[\"x\",\"\",\"7\"],\"prices\":[1.5,0,0]"));
    assert_int_equal(fixture_event(*state, "{\"name\":\"a\",\"items\":[5]}"), ERROR_WRONG_TYPE);
    assert_int_equal(fixture_event(*state, "{\"name\":\"a\",\"items\":{}}"), ERROR_WRONG_TYPE);
    assert_int_equal(fixture_event(*state, "{\"name\":\"a\",\"items\":[{\"price\":\"x\"}]}"), ERROR_WRONG_TYPE);
    assert_string_equal(((struct fixture *)*state)->error.field, "items[].price");
    assert_string_equal(fixture_column(*state), "prices");
    assert_int_equal(fixture_event(*state, "{\"name\":{}}"), ERROR_WRONG_TYPE);
    assert_string_equal(fixture_column(*state), "name");
    assert_int_equal(fixture_event(*state, "[]"), ERROR_NOT_AN_OBJECT);
    assert_string_equal(fixture_column(*state), "");
}

static void the_first_path_wins_and_the_last_of_equal_keys(void **state)
{
    assert_int_equal(fixture_event(*state, "{\"event_name\":\"first\",\"name\":\"second\"}"), OK);
    assert_int_equal(fixture_event(*state, "{\"name\":\"second\",\"event_name\":\"first\"}"), OK);
    assert_int_equal(fixture_event(*state, "{\"name\":\"old\",\"name\":\"new\"}"), OK);
    assert_int_equal(fixture_event(*state, "{\"event_name\":null,\"name\":\"second\"}"), OK);
    assert_int_equal(fixture_event(*state, "{\"name\":\"a\",\"name\":null}"), ERROR_MISSING_FIELD);
    assert_row_begins(*state, 0, "{\"name\":\"first\"");
    assert_row_begins(*state, 1, "{\"name\":\"first\"");
    assert_row_begins(*state, 2, "{\"name\":\"new\"");
    assert_row_begins(*state, 3, "{\"name\":\"second\"");
}

static void the_last_of_equal_keys_wins_with_all_that_is_below_it(void **state)
{
    static const struct {
        const char *members, *row;
    } rows[] = {
        { "\"d\":{\"g\":{\"c\":\"DE\"}},\"d\":null", "{\"c\":\"\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
        { "\"d\":{\"g\":{\"c\":\"DE\"}},\"d\":{}", "{\"c\":\"\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
        { "\"d\":{\"g\":{\"c\":\"DE\"},\"g\":{}}", "{\"c\":\"\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
        { "\"d\":{\"g\":{\"c\":\"DE\"},\"g\":{\"c\":\"AT\"}}", "{\"c\":\"AT\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
        { "\"c\":\"CH\",\"d\":{\"g\":{}},\"d\":{\"g\":null}", "{\"c\":\"CH\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
        { "\"d\":{\"g\":{\"c\":\"DE\"}},\"c\":\"CH\"", "{\"c\":\"DE\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
        { "\"i\":[{\"id\":1,\"n\":2}],\"i\":null", "{\"c\":\"\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
        { "\"i\":[{\"id\":1,\"n\":2}],\"i\":[{\"n\":3}]", "{\"c\":\"\",\"ids\":[\"\"],\"n\":[3],\"all\":\"{}\"" },
        { "\"n\":[4],\"i\":[{\"id\":1,\"n\":2}],\"i\":null", "{\"c\":\"\",\"ids\":[],\"n\":[4],\"all\":\"{}\"" },
        { "\"all\":{\"x\":{\"ids\":[1]}},\"all\":{\"y\":2}",
          "{\"c\":\"\",\"ids\":[],\"n\":[],\"all\":\"{\\\"y\\\":2}\"" },
        { "\"all\":{\"x\":{\"ids\":[1]}},\"all\":null", "{\"c\":\"\",\"ids\":[],\"n\":[],\"all\":\"{}\"" },
    };
    struct field_options fields[] = { FIELD("c", "String", .from = LIST("d.g.c", "c")),
                                      FIELD("ids", "Array(String)", .from = LIST("i[].id", "all.x.ids")),
                                      FIELD("n", "Array(UInt8)", .from = LIST("n", "i[].n")), FIELD("all", "JSON") };
    struct stream_options options = { .name = "s", .fields = fields, .field_count = 4 };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf event = { 0 };
        buf_printf(&event, "{%s}", rows[i].members);
        assert_int_equal(fixture_event(&fixture, buf_c_string(&event)), OK);
        assert_row_begins(&fixture, i, rows[i].row);
        buf_release(&event);
    }
    fixture_release(&fixture);
}

static const struct {
    const char *event;
    enum error error;
    const char *field, *says;
} refusals[] = {
    { "[]", ERROR_NOT_AN_OBJECT, "", "an event must be a JSON object" },
    { "{}", ERROR_MISSING_FIELD, "event_name", "event_name: is required and missing" },
    { "{\"name\":\"12345678901\"}", ERROR_TOO_LONG, "name", "11 bytes long; at most 10" },
    { "{\"name\":\"a\",\"channel\":\"fax\"}", ERROR_NOT_ALLOWED, "channel",
      "channel: \"fax\" is not one of web, mobile" },
    { "{\"name\":\"a\",\"at\":1732229999}", ERROR_TIME_TOO_OLD, "at", "max_past (1h)" },
    { "{\"name\":\"a\",\"at\":1732233661}", ERROR_TIME_TOO_NEW, "at", "max_future (1m)" },
    { "{\"name\":\"a\",\"device\":5}", ERROR_WRONG_TYPE, "device", "must be an object" },
    { "{\"name\":\"a\",\"device\":{\"geo\":{\"country\":[]}}}", ERROR_WRONG_TYPE, "device.geo.country", "an array" },
    { "{\"name\":\"a\",\"tags\":[\"x\",{}]}", ERROR_WRONG_TYPE, "tags", "item 1: an object" },
    { "{\"name\":\"a\",\"level\":6}", ERROR_OUT_OF_RANGE, "level", "level: 6 is out of range; allowed is 1 to 5" },
    { "{\"name\":\"a\",\"level\":0}", ERROR_OUT_OF_RANGE, "level", "1 to 5" },
    { "{\"name\":\"a\",\"level\":3.1}", ERROR_WRONG_TYPE, "level", "level: 3.1 is not a whole number" },
    { "{\"name\":\"a\",\"level\":-1.7e308}", ERROR_OUT_OF_RANGE, "level", "level: -1.7e+308 is out of range" },
    { "{\"name\":\"a\",\"level\":0.30000000000000004}", ERROR_WRONG_TYPE, "level", "level: 0.30000000000000004 is" },
};

static void names_the_field_and_what_is_allowed_and_appends_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_event(fixture, "{\"name\":\"before\",\"tags\":[\"x\"],\"items\":[{\"id\":1}]}"), OK);
    for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
        enum error error = fixture_event(fixture, refusals[i].event);
        if (error != refusals[i].error || strstr(fixture->error.message, refusals[i].says) == NULL) {
            fail_msg("%s: %s: %s", refusals[i].event, error_info(error)->code, fixture->error.message);
        }
        assert_string_equal(fixture->error.field, refusals[i].field);
    }
    assert_int_equal(fixture_event(fixture, "{\"name\":\"after\",\"level\":2}"), OK);
    assert_int_equal(fixture->chunk->rows, 2);
    assert_row_begins(fixture, 0, "{\"name\":\"before\"");
    assert_row_begins(fixture, 1, "{\"name\":\"after\",\"channel\":\"web\"");
    assert_non_null(strstr(fixture_row(fixture, 1), "\"ids\":[],\"prices\":[],\"tags\":[],\"level\":2,"));
}

static void the_same_event_has_the_same_id_however_its_time_is_written(void **state)
{
    static const char *const same[] = {
        "{\"name\":\"a\",\"at\":1732233600}",
        "{\"event_name\":\"a\",\"at\":1732233600000,\"level\":2}",
        "{\"at\":\"2024-11-22T00:00:00Z\",\"name\":\"a\"}",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
        assert_int_equal(fixture_event(fixture, same[i]), OK);
        assert_memory_equal(&fixture->chunk->ids[i], &fixture->chunk->ids[0], sizeof(struct event_id));
        assert_true(event_id_is_stable(&fixture->chunk->ids[i]));
    }
    assert_int_equal(fixture_event(fixture, "{\"name\":\"b\",\"at\":1732233600}"), OK);
    assert_memory_not_equal(&fixture->chunk->ids[3], &fixture->chunk->ids[0], sizeof(struct event_id));
}

static void an_event_without_its_whole_key_is_never_a_duplicate(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(fixture_event(fixture, "{\"name\":\"a\"}"), OK);
        assert_false(event_id_is_stable(&fixture->chunk->ids[i]));
    }
    assert_memory_not_equal(&fixture->chunk->ids[0], &fixture->chunk->ids[1], sizeof(struct event_id));
}

static void the_chunk_knows_the_span_of_its_times(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture->chunk->min_time_ns > fixture->chunk->max_time_ns);
    assert_int_equal(fixture_event(fixture, "{\"name\":\"a\",\"at\":1732233590}"), OK);
    assert_int_equal(fixture_event(fixture, "{\"name\":\"a\"}"), OK);
    assert_int_equal(fixture_event(fixture, "{\"name\":\"a\",\"at\":1732233610}"), OK);
    assert_int_equal(fixture_event(fixture, "{\"at\":1732233650}"), ERROR_MISSING_FIELD);
    assert_true(fixture->chunk->min_time_ns == INT64_C(1732233590) * NS_PER_SECOND);
    assert_true(fixture->chunk->max_time_ns == INT64_C(1732233610) * NS_PER_SECOND);
}

static void unknown_fields_are_refused_or_collected(void **state)
{
    struct field_options fields[] = { FIELD("a", "String"), FIELD("d", "String", .from = LIST("n.d")),
                                      FIELD("rest", "JSON"), FIELD("x", "Array(String)", .from = LIST("l[].x")) };
    struct stream_options options = {
        .name = "s", .fields = fields, .field_count = 4, .unknown_fields = UNKNOWN_REJECT
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"a\":1,\"b\":2}"), ERROR_UNKNOWN_FIELD);
    assert_string_equal(fixture.error.field, "b");
    assert_int_equal(fixture_event(&fixture, "{\"a\":1,\"n\":{\"e\":2}}"), ERROR_UNKNOWN_FIELD);
    assert_int_equal(fixture_event(&fixture, "{\"a\":1,\"n\":{\"d\":2}}"), OK);
    assert_int_equal(fixture_event(&fixture, "{\"l\":[{\"x\":1,\"y\":2}]}"), ERROR_UNKNOWN_FIELD);
    assert_non_null(strstr(fixture.error.message, "l[].x: an item has the key \"y\""));
    assert_int_equal(fixture_event(&fixture, "{\"l\":[{\"x\":1}]}"), OK);
    fixture_release(&fixture);

    options = (struct stream_options){
        .name = "s", .fields = fields, .field_count = 3, .unknown_fields = UNKNOWN_COLLECT, .collect_into = "rest"
    };
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"a\":1,\"x\":{\"y\":[2]},\"n\":{\"e\":2},\"z\":1,\"z\":3}"), OK);
    assert_int_equal(fixture_event(&fixture, "{\"a\":1}"), OK);
    assert_row_begins(
        &fixture, 0,
        "{\"a\":\"1\",\"d\":\"\",\"rest\":\"{\\\"x\\\":{\\\"y\\\":[2]},\\\"n\\\":{\\\"e\\\":2},\\\"z\\\":3}\"");
    assert_int_equal(fixture_event(&fixture, "{\"n\":{\"d\":4,\"e\":5}}"), OK);
    assert_row_begins(&fixture, 1, "{\"a\":\"1\",\"d\":\"\",\"rest\":\"{}\"");
    assert_row_begins(&fixture, 2, "{\"a\":\"\",\"d\":\"4\",\"rest\":\"{\\\"n\\\":{\\\"e\\\":5}}\"");
    fixture_release(&fixture);
}

static void unknown_keys_of_items_are_collected_item_by_item(void **state)
{
    static const struct {
        const char *event, *rest;
    } rows[] = {
        { "{\"l\":[{\"x\":1,\"y\":2},{\"x\":3},{\"z\":[4]}]}", "{\"l\":[{\"y\":2},{},{\"z\":[4]}]}" },
        { "{\"l\":[{\"x\":1},null,{\"y\":1.5}],\"a\":1}", "{\"l\":[{},{},{\"y\":1.5}],\"a\":1}" },
        { "{\"l\":[{\"m\":{\"u\":1,\"v\":2}}]}", "{\"l\":[{\"m\":{\"v\":2}}]}" },
        { "{\"l\":[{\"x\":1}],\"a\":1}", "{\"a\":1}" },
        { "{\"l\":[{\"x\":1}]}", "{}" },
        { "{\"l\":[],\"b\":{}}", "{\"b\":{}}" },
        { "{\"t\":[1,2]}", "{}" },
        { "{\"w\":{\"k\":[{\"x\":1,\"y\":2}]}}", "{}" }, /* w is taken whole */
        { "{\"l\":[{\"y\":1,\"y\":2}]}", "{\"l\":[{\"y\":2}]}" },
        { "{\"n\":{\"d\":1},\"l\":[{\"m\":{\"u\":1}}],\"a\":1}", "{\"a\":1}" },
    };
    struct field_options fields[] = { FIELD("rest", "JSON"),
                                      FIELD("x", "Array(String)", .from = LIST("l[].x")),
                                      FIELD("u", "Array(String)", .from = LIST("l[].m.u")),
                                      FIELD("t", "Array(String)", .from = LIST("t[]")),
                                      FIELD("d", "String", .from = LIST("n.d")),
                                      FIELD("w", "JSON"),
                                      FIELD("k", "Array(String)", .from = LIST("w.k[].x")) };
    struct stream_options options = { .name = "s",
                                      .fields = fields,
                                      .field_count = ARRAY_LENGTH(fields),
                                      .unknown_fields = UNKNOWN_COLLECT,
                                      .collect_into = "rest",
                                      .max_keys = 4,
                                      .max_paths = 2 };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf row = { 0 };
        assert_int_equal(fixture_event(&fixture, rows[i].event), OK);
        buf_append_string(&row, "{\"rest\":");
        buf_append_json_string(&row, slice_from_string(rows[i].rest));
        assert_row_begins(&fixture, i, buf_c_string(&row));
        buf_release(&row);
    }
    fixture_release(&fixture);
}

static void unknown_fields_are_refused_or_collected_though_no_field_reads_any(void **state)
{
    struct field_options fields[] = { FIELD("received", "DateTime", .fill = FILL_RECEIVED_AT), FIELD("rest", "JSON") };
    struct stream_options options = {
        .name = "s", .fields = fields, .field_count = 1, .unknown_fields = UNKNOWN_REJECT
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"a\":1}"), ERROR_UNKNOWN_FIELD);
    assert_int_equal(fixture_event(&fixture, "{}"), OK);
    fixture_release(&fixture);

    options.field_count = 2;
    options.unknown_fields = UNKNOWN_COLLECT;
    options.collect_into = "rest";
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"a\":1,\"b\":{\"c\":2}}"), OK);
    assert_non_null(strstr(fixture_row(&fixture, 0), "\"rest\":\"{\\\"a\\\":1,\\\"b\\\":{\\\"c\\\":2}}\""));
    fixture_release(&fixture);
}

static void a_key_within_an_object_that_a_field_takes_whole_is_not_unknown(void **state)
{
    struct field_options fields[] = { FIELD("all", "JSON"), FIELD("c", "String", .from = LIST("all.d.c")),
                                      FIELD("rest", "String") };
    struct stream_options options = {
        .name = "s", .fields = fields, .field_count = 2, .unknown_fields = UNKNOWN_REJECT
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"all\":{\"x\":1,\"d\":{\"c\":2,\"y\":3}}}"), OK);
    assert_int_equal(fixture_event(&fixture, "{\"all\":{\"d\":{}},\"y\":3}"), ERROR_UNKNOWN_FIELD);
    fixture_release(&fixture);

    options.field_count = 3;
    options.unknown_fields = UNKNOWN_COLLECT;
    options.collect_into = "rest";
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"all\":{\"d\":{\"c\":2,\"y\":3}}}"), OK);
    assert_non_null(strstr(fixture_row(&fixture, 0), "\"c\":\"2\",\"rest\":\"\""));
    fixture_release(&fixture);
}

static void anonymizes_addresses(void **state)
{
    static const struct {
        const char *address, *stored;
    } rows[] = {
        { "203.0.113.9", "203.0.113.0" },
        { "2001:db8:aa:bb::9", "2001:db8:aa::" },
        { "::ffff:203.0.113.9", "::ffff:203.0.113.0" },
        { "::ffff:cb00:7109", "::ffff:203.0.113.0" },
        { "2002:cb00:7109::1", "2002::" }, /* 6to4 */
        { "2002:cb00:7109:1:2:3:4:5", "2002::" },
        { "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::" }, /* Teredo: of its server, and of the client */
        { "64:ff9b::203.0.113.9", "64:ff9b::" },              /* NAT64 */
        { "64:ff9b:1::cb00:7109", "64:ff9b:1::" },
        { "2001:db8:aa:bb:0:5efe:203.0.113.9", "2001:db8:aa::" }, /* ISATAP */
        { "fe80::200:5efe:203.0.113.9", "fe80::" },
        { "::203.0.113.9", "::" }, /* IPv4-compatible */
        { "2003:cb00:7109::1", "2003:cb00:7109::" },
        { "2001:1::1", "2001:1::" },
        { "unknown", "" },
        { "", "" },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf expected = { 0 };
        fixture->context.client_ip = slice_from_string(rows[i].address);
        assert_int_equal(fixture_event(fixture, "{\"name\":\"a\"}"), OK);
        buf_printf(&expected, "\"ip\":\"%s\"", rows[i].stored);
        assert_non_null(strstr(fixture_row(fixture, i), buf_c_string(&expected)));
        buf_release(&expected);
    }
}

static void an_item_at_fault_is_told_of_a_column_that_comes_from_it(void **state)
{
    struct field_options fields[] = { FIELD("ids", "Array(String)", .from = LIST("ids", "items[].id")),
                                      FIELD("prices", "Array(Float64)", .from = LIST("items[].price")) };
    struct stream_options options = { .name = "s", .fields = fields, .field_count = 2 };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"ids\":[\"x\"],\"items\":[{\"price\":1},5]}"), ERROR_WRONG_TYPE);
    assert_string_equal(fixture.error.message, "items[].price: an item is not an object");
    assert_int_equal(fixture_event(&fixture, "{\"items\":[5]}"), ERROR_WRONG_TYPE);
    assert_string_equal(fixture.error.field, "items[].id");
    fixture_release(&fixture);
}

#define TEN "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac" /* characters of 3 bytes */

static void of_a_long_name_that_is_allowed_as_much_is_told_as_fits(void **state)
{
    static const struct {
        const char *names[2];
        const char *told;
    } rows[] = {
        { { TEN TEN TEN TEN, "b" }, TEN TEN TEN "\u20ac\u20ac\u20ac\u20ac…, …" },
        { { TEN TEN TEN "\u20ac\u20ac\u20ac\u20aca", "b" }, TEN TEN TEN "\u20ac\u20ac\u20ac\u20aca, …" },
        { { TEN TEN TEN "\u20ac\u20ac\u20ac", "b" }, TEN TEN TEN "\u20ac\u20ac\u20ac, b" },
        { { "b", TEN TEN TEN TEN }, "b, …" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options fields[] = { FIELD("e", "String", .one_of = LIST(rows[i].names[0], rows[i].names[1]),
                                                .default_value = "b") };
        struct stream_options options = { .name = "s", .fields = fields, .field_count = 1 };
        struct fixture fixture;
        struct buf expected = { 0 };
        fixture_init(&fixture, &options);
        assert_int_equal(fixture_event(&fixture, "{\"e\":\"z\"}"), ERROR_NOT_ALLOWED);
        buf_printf(&expected, "e: \"z\" is not one of %s", rows[i].told);
        assert_string_equal(fixture.error.message, buf_c_string(&expected));
        buf_release(&expected);
        fixture_release(&fixture);
    }
}

static void messages_are_cut_between_characters(void **state)
{
    struct fixture *fixture = *state;
    char event[1200] = "{\"name\":\"a\",\"channel\":\"x";
    for (int i = 0; i < 200; i++) {
        strcat(event, "\xe2\x82\xac");
    }
    strcat(event, "\"}");
    assert_int_equal(fixture_event(fixture, event), ERROR_NOT_ALLOWED);
    struct buf quoted = { 0 };
    const char *reason;
    buf_append_json_string(&quoted, slice_from_string(fixture->error.message));
    assert_int_equal(json_locate(buf_slice(&quoted), false, &reason), quoted.len);
    buf_release(&quoted);
}

static void append_members(struct buf *out, const char *before, const char *key, unsigned count, const char *after)
{
    buf_append_string(out, before);
    for (unsigned i = 0; i < count; i++) {
        buf_printf(out, "%s\"%s%u\":1", i == 0 ? "" : ",", key, i);
    }
    buf_append_string(out, after);
}

static void a_json_value_of_more_than_the_engine_takes_is_refused_by_name(void **state)
{
    struct field_options fields[] = { FIELD("j", "JSON"), FIELD("rest", "JSON"), FIELD("text", "String") };
    const struct stream_options options = { .name = "s",
                                            .fields = fields,
                                            .field_count = 2,
                                            .unknown_fields = UNKNOWN_COLLECT,
                                            .collect_into = "rest",
                                            .max_keys = 20,
                                            .max_paths = 10,
                                            .max_event_bytes = 400 };
    static const struct {
        const char *before, *key, *after;
        unsigned fits;
        enum error error;
        const char *message;
    } cases[] = {
        { "{\"j\":{", "k", "}}", 10, ERROR_TOO_MANY_PATHS, "j: has 11 paths; max_paths of the stream allows 10" },
        { "{\"j\":{\"a\":{\"b\":{", "k", "}}}}", 10, ERROR_TOO_MANY_PATHS,
          "j: has 11 paths; max_paths of the stream allows 10" },
        { "{", "k", "}", 10, ERROR_TOO_MANY_PATHS, "rest: has 11 paths; max_paths of the stream allows 10" },
        { "{\"j\":{\"a\":[{", "k", "}]}}", 19, ERROR_TOO_MANY_KEYS,
          "j: has 21 keys; max_keys of the stream allows 20" },
        { "{\"j\":{"
          "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456\":{",
          "k", "}}}", 4, ERROR_TOO_MANY_PATHS,
          "j: has keys of 490 bytes in all, each counted for all the paths below it; max_event of the stream allows "
          "400" },
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf text = { 0 };
        append_members(&text, cases[i].before, cases[i].key, cases[i].fits, cases[i].after);
        assert_int_equal(fixture_event(&fixture, buf_c_string(&text)), OK);
        buf_clear(&text);
        append_members(&text, cases[i].before, cases[i].key, cases[i].fits + 1, cases[i].after);
        assert_int_equal(fixture_event(&fixture, buf_c_string(&text)), cases[i].error);
        assert_string_equal(fixture.error.message, cases[i].message);
        buf_release(&text);
    }
    assert_int_equal(fixture.chunk->rows, ARRAY_LENGTH(cases));
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_what_fits_and_refuses_what_a_server_could_refuse),
        cmocka_unit_test(a_clock_out_of_a_columns_range_gives_the_nearest_time_that_it_holds),
        cmocka_unit_test(a_text_shorter_than_min_length_is_refused),
        cmocka_unit_test_setup_teardown(fills_and_defaults_what_is_absent, start_shop, end_fixture),
        cmocka_unit_test_setup_teardown(what_they_have_in_common_takes_no_more_memory_than_a_chunk, start_visits,
                                        end_fixture),
        cmocka_unit_test_setup_teardown(what_the_events_of_a_payload_have_in_common_is_in_each_of_its_rows_alone,
                                        start_visits, end_fixture),
        cmocka_unit_test_setup_teardown(a_user_agent_that_is_no_utf8_is_mended, start_visits, end_fixture),
        cmocka_unit_test_setup_teardown(keeps_arrays_through_one_path_parallel, start_shop, end_fixture),
        cmocka_unit_test_setup_teardown(the_first_path_wins_and_the_last_of_equal_keys, start_shop, end_fixture),
        cmocka_unit_test(the_last_of_equal_keys_wins_with_all_that_is_below_it),
        cmocka_unit_test_setup_teardown(names_the_field_and_what_is_allowed_and_appends_nothing, start_shop,
                                        end_fixture),
        cmocka_unit_test_setup_teardown(the_same_event_has_the_same_id_however_its_time_is_written, start_shop,
                                        end_fixture),
        cmocka_unit_test_setup_teardown(an_event_without_its_whole_key_is_never_a_duplicate, start_shop, end_fixture),
        cmocka_unit_test_setup_teardown(the_chunk_knows_the_span_of_its_times, start_shop, end_fixture),
        cmocka_unit_test(unknown_fields_are_refused_or_collected),
        cmocka_unit_test(unknown_keys_of_items_are_collected_item_by_item),
        cmocka_unit_test(unknown_fields_are_refused_or_collected_though_no_field_reads_any),
        cmocka_unit_test(a_key_within_an_object_that_a_field_takes_whole_is_not_unknown),
        cmocka_unit_test_setup_teardown(anonymizes_addresses, start_shop, end_fixture),
        cmocka_unit_test_setup_teardown(messages_are_cut_between_characters, start_shop, end_fixture),
        cmocka_unit_test(an_item_at_fault_is_told_of_a_column_that_comes_from_it),
        cmocka_unit_test(a_json_value_of_more_than_the_engine_takes_is_refused_by_name),
        cmocka_unit_test(of_a_long_name_that_is_allowed_as_much_is_told_as_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
