#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/path.h"
#include "event/stream.h"
#include "schema_fixture.h"
#include "store/sql.h"

static struct stream_options options_of(struct field_options *fields, size_t count)
{
    return (struct stream_options){ .line = 9, .name = "s", .table = "t", .fields = fields, .field_count = count };
}

/* The table's ORDER BY, and its PARTITION BY (NULL: whatever it is). */
static void assert_order(const struct stream *stream, const char *order, const char *partition)
{
    struct buf text = { 0 };
    sql_order_by(stream, &text);
    assert_string_equal(buf_c_string(&text), order);
    buf_clear(&text);
    sql_partition_by(stream, &text);
    if (partition != NULL) {
        assert_string_equal(buf_c_string(&text), partition);
    }
    buf_release(&text);
}

static void orders_by_the_dedup_key_and_partitions_by_its_time(void **state)
{
    struct field_options fields[] = { FIELD("name", "String"), FIELD("received", "DateTime", .fill = FILL_RECEIVED_AT),
                                      FIELD("at", "DateTime64(3)"), FIELD("odd`name", "UInt8") };
    struct stream_options options = options_of(fields, 4);
    options.dedup_key = (struct string_list)LIST("name", "at", "odd`name");
    struct stream *stream = fixture_compile(&options);
    (void)state;
    assert_non_null(stream);
    assert_order(stream, "`name`, `at`, `odd\\`name`, `event_id`", "toYYYYMM(`at`)");
    assert_int_equal(stream->time_column, 2);
    assert_int_equal(stream->event_id_column, 4);
    assert_int_equal(stream->columns[2].key_position, 1);
    stream_free(stream);
}

static void optional_fields_of_the_key_order_only_where_order_by_says(void **state)
{
    struct field_options fields[] = { FIELD("id", "String"), FIELD("seen", "DateTime"), FIELD("name", "String"),
                                      FIELD("at", "DateTime") };
    struct stream_options options = options_of(fields, 4);
    (void)state;
    options.dedup_key = (struct string_list)LIST("seen?", "name", "id?", "at");
    struct stream *stream = fixture_compile(&options);
    assert_order(stream, "`name`, `at`, `event_id`", "toYYYYMM(`at`)");
    assert_int_equal(stream->time_column, 3);
    assert_int_equal(stream->key_required, 2);
    assert_int_equal(stream->key_count, 4);
    assert_int_equal(stream->columns[1].key_position, 2);
    assert_int_equal(stream->columns[0].key_position, 3);
    stream_free(stream);
    options.order_by = (struct string_list)LIST("id", "name");
    stream = fixture_compile(&options);
    assert_order(stream, "`id`, `name`, `event_id`", NULL);
    stream_free(stream);
}

static void a_stream_named_by_the_event_knows_that_member(void **state)
{
    struct field_options fields[] = { FIELD("a", "UInt8"), FIELD("b", "UInt8", .from = LIST("x.b")) };
    struct stream_options options = options_of(fields, 2);
    struct stream *stream = fixture_compile(&options);
    (void)state;
    assert_null(path_child(stream->paths, "stream", 6));
    assert_int_equal(path_child(stream->named_paths, "stream", 6)->column, -1);
    assert_int_equal(path_child(stream->named_paths, "a", 1)->column, 0);
    assert_int_equal(path_child(path_child(stream->named_paths, "x", 1), "b", 1)->column, 1);
    stream_free(stream);
    fields[0].name = "stream";
    stream = fixture_compile(&options);
    assert_int_equal(path_child(stream->named_paths, "stream", 6)->column, 0);
    stream_free(stream);
}

static void without_a_dedup_key_time_orders(void **state)
{
    struct field_options fields[] = { FIELD("name", "String"), FIELD("at", "DateTime64(3)"),
                                      FIELD("id", "UUID", .fill = FILL_EVENT_ID) };
    struct stream_options options = options_of(fields, 3);
    struct stream *stream = fixture_compile(&options);
    (void)state;
    assert_order(stream, "`at`, `id`", "toYYYYMM(`at`)");
    assert_int_equal(stream->column_count, 3);
    stream_free(stream);

    options.order_by = (struct string_list)LIST("name");
    options.partition_by = "name";
    stream = fixture_compile(&options);
    assert_order(stream, "`name`, `id`", "name");
    stream_free(stream);

    options = options_of(fields, 1);
    stream = fixture_compile(&options);
    assert_order(stream, "`event_id`", "");
    stream_free(stream);
}

static void one_wrong_field_is_named_with_line_and_reason(void **state)
{
    const struct {
        struct field_options field;
        const char *says;
    } rows[] = {
        { FIELD("f", "Strin"), "1: f: the type \"Strin\" is not known here" },
        { FIELD("f", NULL), "has no type" },
        { FIELD("f", "UInt8", .one_of = LIST("1")), "one_of is for" },
        { FIELD("f", "UInt8", .max_length = 3), "max_length is for" },
        { FIELD("f", "UInt8", .max_items = 3), "max_items is for" },
        { FIELD("f", "String", .min = "3"), "min and max are for numbers and times" },
        { FIELD("f", "DateTime", .min = "soon"), "min: \"soon\" is no time; write RFC 3339" },
        { FIELD("f", "DateTime", .unit = UNIT_NANOSECONDS, .max = "x"), "max: \"x\" is no time" },
        { FIELD("f", "DateTime", .min = "2024-01-02", .max = "2024-01-01"), "min is later than max" },
        { FIELD("f", "DateTime", .fill = FILL_RECEIVED_AT, .max = "now"), "for what a client sends" },
        { FIELD("f", "UInt8", .not_blank = true), "not_blank is for String" },
        { FIELD("f", "Enum8('a' = 1)", .not_blank = true), "not_blank is for String" },
        { FIELD("f", "String", .not_blank = true, .fill = FILL_USER_AGENT), "not_blank is for what a client sends" },
        { FIELD("f", "UInt32", .unit = UNIT_SECONDS), "unit is for Date, DateTime" },
        { FIELD("f", "DateTime", .unit = UNIT_SECONDS, .fill = FILL_RECEIVED_AT), "unit is for what a client sends" },
        { FIELD("f", "JSON", .json = JSON_TEXT_OBJECT), "json is for String" },
        { FIELD("f", "FixedString(3)", .json = JSON_TEXT_ANY), "json is for String" },
        { FIELD("f", "String", .json = JSON_TEXT_ANY, .trim = true), "json keeps the text of a value as it is" },
        { FIELD("f", "UInt8", .lower = true), "trim, lower and upper are for String" },
        { FIELD("f", "Map(String, String)", .trim = true), "trim, lower and upper are for String" },
        { FIELD("f", "String", .lower = true, .upper = true), "only one of them" },
        { FIELD("f", "FixedString(3)", .url = URL_STRIP_QUERY), "url is for String" },
        { FIELD("f", "String", .url = URL_ABSOLUTE, .fill = FILL_USER_AGENT), "url: absolute is for what" },
        { FIELD("f", "UInt8", .min = "300"), "min: \"300\" is no value of UInt8" },
        { FIELD("f", "UInt8", .min = "5", .max = "4"), "max: \"4\"" },
        { FIELD("f", "UInt64", .min = "5", .max = "4"), "max: \"4\"" },
        { FIELD("f", "UInt64", .max = "-1"), "max: \"-1\"" },
        { FIELD("f", "Float64", .min = "5", .max = "4"), "min is greater than max" },
        { FIELD("f", "Float64", .max = "4x"), "max: \"4x\"" },
        { FIELD("f", "UInt8", .default_value = "256"), "default: 256 is out of range" },
        { FIELD("f", "UInt8", .default_value = "x"), "default: \"x\" is no value of UInt8" },
        { FIELD("f", "DateTime", .default_value = "soon"), "default: \"soon\" is no time" },
        { FIELD("f", "String", .default_value = "x", .one_of = LIST("a")), "default: \"x\" is not one of a" },
        { FIELD("f", "String", .default_value = "x", .required = true), "needs no default" },
        { FIELD("f", "Array(UInt8)", .default_value = "1"), "take no default" },
        { FIELD("f", "Enum8('a' = 1)", .one_of = LIST("b")), "not a name of Enum8" },
        { FIELD("f", "String", .fill = FILL_RECEIVED_AT), "fill: received_at needs a Date" },
        { FIELD("f", "UInt8", .fill = FILL_CLIENT_IP), "fill: client_ip needs" },
        { FIELD("f", "UInt8", .fill = FILL_HOST), "fill: host needs a String, not UInt8" },
        { FIELD("f", "Array(String)", .fill = FILL_REFERER), "fill: referer needs a String" },
        { FIELD("f", "FixedString(2)", .fill = FILL_ACCEPT_LANGUAGE), "fill: accept_language needs a String" },
        { FIELD("f", "UInt64", .fill = FILL_UUID), "fill: uuid needs a UUID or a String" },
        { FIELD("f", "Nullable(UUID)", .fill = FILL_EVENT_ID), "fill: event_id needs a UUID, not Nullable" },
        { FIELD("f", "String", .fill = FILL_HOST, .lenient = true), "lenient is for what a client sends" },
        { FIELD("f", "String", .fill = FILL_EVENT_ID), "fill: event_id needs a UUID" },
        { FIELD("f", "String", .fill = FILL_USER_AGENT, .from = LIST("x")), "takes no from" },
        { FIELD("f", "String", .anonymize = true), "anonymize is for" },
        { FIELD("f", "String", .from = LIST("a[].b")), "needs an Array type" },
        { FIELD("f", "String", .from = LIST("a..b")), "the path \"a..b\"" },
        { FIELD("f", "String", .from = LIST("g")), "already leads to another field" },
        { FIELD("g", "String"), "declared twice" },
        { FIELD("event_id", "UUID"), "must have fill: event_id" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options fields[] = { FIELD("g", "String"), rows[i].field };
        struct stream_options options = options_of(fields, 2);
        struct buf problems = { 0 };
        assert_null(stream_compile(&options, 0, &problems));
        if (strstr(buf_c_string(&problems), rows[i].says) == NULL || problems.data[problems.len - 1] != '\n') {
            fail_msg("%s: not: %s", rows[i].says, buf_c_string(&problems));
        }
        buf_release(&problems);
    }
}

static void keys_must_be_plain_scalars_of_the_event(void **state)
{
    const struct {
        struct string_list key, order;
        const char *says;
    } rows[] = {
        { LIST("nope"), { 0 }, "dedup_key names \"nope\", which is not a field" },
        { LIST("a", "a"), { 0 }, "twice" },
        { LIST("a", "a?"), { 0 }, "twice" },
        { LIST("a", "nope?"), { 0 }, "dedup_key names \"nope\", which is not a field" },
        { LIST("?"), { 0 }, "dedup_key names \"\", which is not a field" },
        { LIST("a?", "b?"), { 0 }, "all fields of dedup_key are optional" },
        { LIST("a", "list?"), { 0 }, "not a scalar" },
        { LIST("a", "now?"), LIST("now"), "whose default is the time of receipt" },
        { LIST("n"), { 0 }, "Nullable, Array, Map and JSON" },
        { LIST("list"), { 0 }, "not a scalar" },
        { LIST("json"), { 0 }, "not a scalar" },
        { LIST("got"), { 0 }, "which the gateway fills" },
        { LIST("a"), LIST("b"), "could not collapse duplicates" },
        { { 0 }, LIST("n"), "order_by names \"n\"" },
        { { 0 }, LIST("nope"), "order_by names \"nope\"" },
    };
    struct field_options fields[] = {
        FIELD("a", "String"),
        FIELD("b", "String"),
        FIELD("n", "Nullable(String)"),
        FIELD("list", "Array(String)"),
        FIELD("json", "JSON"),
        FIELD("got", "DateTime", .fill = FILL_RECEIVED_AT),
        FIELD("now", "DateTime", .default_value = "now"),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct stream_options options = options_of(fields, ARRAY_LENGTH(fields));
        struct buf problems = { 0 };
        options.dedup_key = rows[i].key;
        options.order_by = rows[i].order;
        assert_null(stream_compile(&options, 0, &problems));
        assert_non_null(strstr(buf_c_string(&problems), rows[i].says));
        assert_memory_equal(problems.data, "9: s: ", 6);
        buf_release(&problems);
    }
}

static void all_problems_are_told_at_once(void **state)
{
    struct field_options fields[] = { FIELD("a", "Strin"), FIELD("b", "UInt8", .min = "x"), FIELD("c", "String") };
    struct stream_options options = options_of(fields, 3);
    struct buf problems = { 0 };
    (void)state;
    assert_null(stream_compile(&options, 0, &problems));
    assert_non_null(strstr(buf_c_string(&problems), "1: a: "));
    assert_non_null(strstr(buf_c_string(&problems), "1: b: "));
    buf_release(&problems);
}

static void collecting_needs_a_column_to_collect_into(void **state)
{
    struct field_options fields[] = { FIELD("a", "UInt8"), FIELD("rest", "JSON") };
    struct stream_options options = options_of(fields, 2);
    struct buf problems = { 0 };
    (void)state;
    options.unknown_fields = UNKNOWN_COLLECT;
    assert_null(stream_compile(&options, 0, &problems));
    options.collect_into = "a";
    assert_null(stream_compile(&options, 0, &problems));
    options.collect_into = "rest";
    struct stream *stream = fixture_compile(&options);
    assert_int_equal(stream->collect_column, 1);
    assert_null(path_child(stream->paths, "rest", 4));
    stream_free(stream);
    options.unknown_fields = UNKNOWN_IGNORE;
    assert_null(stream_compile(&options, 0, &problems));
    buf_release(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_by_the_dedup_key_and_partitions_by_its_time),
        cmocka_unit_test(optional_fields_of_the_key_order_only_where_order_by_says),
        cmocka_unit_test(a_stream_named_by_the_event_knows_that_member),
        cmocka_unit_test(without_a_dedup_key_time_orders),
        cmocka_unit_test(one_wrong_field_is_named_with_line_and_reason),
        cmocka_unit_test(keys_must_be_plain_scalars_of_the_event),
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(collecting_needs_a_column_to_collect_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
