/* The rules of fields, each by what it takes, what it refuses and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/event_id.h"
#include "schema_fixture.h"

/* One field `v` with rules, one event {"v": value}: the value as it is read back, or the error and what it says. */
static const struct {
    struct field_options field;
    const char *value;
    enum error error;
    const char *stored; /* or the message */
} rows[] = {
    { FIELD("v", "String", .not_blank = true), "\" a \"", OK, "\" a \"" },
    { FIELD("v", "String", .not_blank = true), "\" \\t\"", ERROR_TOO_SHORT, "v: \" \t\" is blank" },
    { FIELD("v", "String", .not_blank = true), "\"\"", ERROR_TOO_SHORT, "v: \"\" is blank; a character" },
    { FIELD("v", "String", .not_blank = true), "\"\\u00a0\"", ERROR_TOO_SHORT, "is blank" },
    { FIELD("v", "String", .not_blank = true), "0", OK, "\"0\"" },
    { FIELD("v", "String", .not_blank = true), "null", OK, "\"\"" }, /* absent */
    { FIELD("v", "Nullable(String)", .not_blank = true), "\"\"", ERROR_TOO_SHORT, "is blank" },
    { FIELD("v", "Array(String)", .not_blank = true), "[\"a\"]", OK, "[\"a\"]" },
    { FIELD("v", "Array(String)", .not_blank = true), "[]", OK, "[]" },
    { FIELD("v", "Array(String)", .not_blank = true), "[\"a\",\"\"]", ERROR_TOO_SHORT, "item 1: \"\" is blank" },
    { FIELD("v", "Array(String)", .not_blank = true), "[null]", ERROR_TOO_SHORT, "item 0: null is blank" },
    { FIELD("v", "Array(Nullable(String))", .not_blank = true), "[null]", OK, "[null]" },

    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "1732147200", OK, "\"2024-11-21 00:00:00\"" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "1732147200.0", OK, "\"2024-11-21 00:00:00\"" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "0", OK, "\"1970-01-01 00:00:00\"" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "1732147200.5", ERROR_WRONG_TYPE,
      "v: 1732147200.5 is no whole number of seconds since 1970" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "1732147200000", ERROR_OUT_OF_RANGE,
      "v: 1732147200000 is by its size no number of seconds since 1970" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "\"1732147200\"", ERROR_WRONG_TYPE,
      "v: \"1732147200\" is no whole number of seconds" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "\"2024-11-21T00:00:00Z\"", ERROR_WRONG_TYPE,
      "is no whole number" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "true", ERROR_WRONG_TYPE, "true is not a time" },
    { FIELD("v", "DateTime64(3)", .unit = UNIT_MILLISECONDS), "1732147200123", OK, "\"2024-11-21 00:00:00.123\"" },
    { FIELD("v", "DateTime64(3)", .unit = UNIT_MILLISECONDS), "1732147200", ERROR_OUT_OF_RANGE,
      "is by its size no number of milliseconds" },
    { FIELD("v", "DateTime64(6)", .unit = UNIT_MICROSECONDS), "1732147200123456", OK,
      "\"2024-11-21 00:00:00.123456\"" },
    { FIELD("v", "DateTime64(9)", .unit = UNIT_NANOSECONDS), "1732147200123456789", OK,
      "\"2024-11-21 00:00:00.123456789\"" },
    { FIELD("v", "Array(DateTime)", .unit = UNIT_SECONDS), "[1732147200,\"x\"]", ERROR_INVALID_VALUE, "item 1: \"x\"" },

    { FIELD("v", "DateTime", .unit = UNIT_SECONDS, .min = "1"), "1", OK, "\"1970-01-01 00:00:01\"" },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS, .min = "1"), "0", ERROR_TIME_TOO_OLD, "v: 0 lies before min (1)" },
    { FIELD("v", "DateTime64(3)", .unit = UNIT_MILLISECONDS, .min = "1500"), "0", ERROR_TIME_TOO_OLD, "min (1500)" },
    { FIELD("v", "DateTime", .min = "2020-01-01"), "\"2020-01-01\"", OK, "\"2020-01-01 00:00:00\"" },
    { FIELD("v", "DateTime", .min = "2020-01-01"), "1577836799", ERROR_TIME_TOO_OLD,
      "1577836799 lies before min (2020-01-01)" },
    { FIELD("v", "DateTime", .max = "2024-01-01T00:00:00Z"), "\"2024-01-01\"", OK, "\"2024-01-01 00:00:00\"" },
    { FIELD("v", "DateTime", .max = "2024-01-01T00:00:00Z"), "\"2024-01-01 00:00:01\"", ERROR_TIME_TOO_NEW,
      "lies behind max (2024-01-01T00:00:00Z)" },
    { FIELD("v", "DateTime", .max = "now"), "1732233600", OK, "\"2024-11-22 00:00:00\"" },
    { FIELD("v", "DateTime", .max = "Now"), "1732233601", ERROR_TIME_TOO_NEW, "1732233601 lies behind max (Now)" },
    { FIELD("v", "Date", .min = "now"), "\"2024-11-21\"", ERROR_TIME_TOO_OLD, "lies before min (now)" },
    { FIELD("v", "DateTime", .min = "2020-01-01", .default_value = "1999-01-01"), "null", OK,
      "\"1999-01-01 00:00:00\"" },

    { FIELD("v", "String", .json = JSON_TEXT_OBJECT), " { \"b\" : [1, 2.50, \"\\u00e9\"], \"b\": {} }", OK,
      "\"{\\\"b\\\":[1,2.5,\\\"é\\\"],\\\"b\\\":{}}\"" },
    { FIELD("v", "String", .json = JSON_TEXT_OBJECT), "{}", OK, "\"{}\"" },
    { FIELD("v", "String", .json = JSON_TEXT_OBJECT), "null", OK, "\"\"" },
    { FIELD("v", "String", .json = JSON_TEXT_OBJECT), "[]", ERROR_WRONG_TYPE,
      "v: an array is not an object, as json: object needs" },
    { FIELD("v", "String", .json = JSON_TEXT_OBJECT), "\"{}\"", ERROR_WRONG_TYPE, "a string is not an object" },
    { FIELD("v", "String", .json = JSON_TEXT_OBJECT, .max_length = 4), "{\"a\":1}", ERROR_TOO_LONG,
      "is 7 bytes long as JSON; at most 4" },
    { FIELD("v", "String", .json = JSON_TEXT_ANY), "[1,{\"a\":null}]", OK, "\"[1,{\\\"a\\\":null}]\"" },
    { FIELD("v", "String", .json = JSON_TEXT_ANY), "\"a\\n\"", OK, "\"\\\"a\\\\n\\\"\"" },
    { FIELD("v", "String", .json = JSON_TEXT_ANY), "18446744073709551615", OK, "\"18446744073709551615\"" },
    { FIELD("v", "String", .json = JSON_TEXT_ANY), "true", OK, "\"true\"" },
    { FIELD("v", "Nullable(String)", .json = JSON_TEXT_ANY), "null", OK, "null" },
    { FIELD("v", "Array(String)", .json = JSON_TEXT_ANY), "[1,\"a\",{}]", OK, "[\"1\",\"\\\"a\\\"\",\"{}\"]" },
    { FIELD("v", "LowCardinality(String)", .json = JSON_TEXT_OBJECT), "{\"a\":1}", OK, "\"{\\\"a\\\":1}\"" },

    { FIELD("v", "String", .trim = true), "\" a b\\n\"", OK, "\"a b\"" },
    { FIELD("v", "String", .lower = true), "\"AbC\"", OK, "\"abc\"" },
    { FIELD("v", "Array(String)", .upper = true), "[\"de\",\"At\"]", OK, "[\"DE\",\"AT\"]" },
    { FIELD("v", "FixedString(2)", .trim = true, .upper = true), "\" de \"", OK, "\"DE\"" },
    { FIELD("v", "Enum8('web' = 1, 'ios' = 2)", .trim = true, .lower = true), "\" iOS\"", OK, "\"ios\"" },
    { FIELD("v", "LowCardinality(String)", .lower = true, .one_of = LIST("a", "b")), "\"A\"", OK, "\"a\"" },
    { FIELD("v", "LowCardinality(String)", .lower = true, .one_of = LIST("a", "b")), "\"C\"", ERROR_NOT_ALLOWED,
      "v: \"c\" is not one of a, b" },
    { FIELD("v", "String", .trim = true, .min_length = 1), "\"  \"", ERROR_TOO_SHORT, "is 0 bytes long; at least 1" },
    { FIELD("v", "String", .trim = true, .max_length = 1), "\" a \"", OK, "\"a\"" },
    { FIELD("v", "String", .trim = true, .not_blank = true), "\"  \"", ERROR_TOO_SHORT, "\"\" is blank" },
    { FIELD("v", "String", .lower = true), "12", OK, "\"12\"" },
    { FIELD("v", "String", .lower = true), "true", OK, "\"true\"" },
    { FIELD("v", "String", .lower = true, .default_value = "ABC"), "null", OK, "\"abc\"" },
    { FIELD("v", "String", .url = URL_STRIP_QUERY | URL_STRIP_SCHEME), "\"https://a.b/c?d=e\"", OK, "\"a.b/c\"" },
    { FIELD("v", "String", .url = URL_HOST_PATH, .trim = true), "\" https://u:p@A.b:8080/C#d\"", OK, "\"a.b/C\"" },
    { FIELD("v", "String", .url = URL_ABSOLUTE | URL_STRIP_SCHEME, .trim = true), "\" https://a.b \"", OK, "\"a.b\"" },
    { FIELD("v", "String", .url = URL_ABSOLUTE), "\"/a\"", ERROR_INVALID_VALUE,
      "v: \"/a\" is no absolute URL; send it whole" },
    { FIELD("v", "Array(UInt8)"), "[true,false,1]", OK, "[1,0,1]" },
    { FIELD("v", "Array(Int8)"), "[true,false,-1]", OK, "[1,0,-1]" },
};

static void each_rule_takes_and_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options field = rows[i].field;
        const struct stream_options options = { .line = 1, .name = "s", .fields = &field, .field_count = 1 };
        struct fixture f;
        char event[160], wanted[160];
        fixture_init(&f, &options);
        snprintf(event, sizeof event, "{\"v\":%s}", rows[i].value);
        enum error error = fixture_event(&f, event);
        if (error != rows[i].error) {
            fail_msg("%s %s: %s: %s", field.type, event, error_info(error)->code, f.error.message);
        }
        snprintf(wanted, sizeof wanted, error == OK ? "{\"v\":%s," : "%s", rows[i].stored);
        const char *found = error == OK ? fixture_row(&f, 0) : f.error.message;
        if (strstr(found, wanted) == NULL) {
            fail_msg("%s %s: %s, not %s", field.type, event, found, wanted);
        }
        fixture_release(&f);
    }
}

/* The same however it is spelled: so is the id. */
static void texts_are_changed_before_the_identity_is_made(void **state)
{
    struct field_options fields[] = { FIELD("k", "String", .trim = true, .lower = true) };
    const struct stream_options options = {
        .line = 1, .name = "s", .fields = fields, .field_count = 1, .dedup_key = LIST("k")
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(fixture_event(&f, "{\"k\":\"shop\"}"), OK);
    assert_int_equal(fixture_event(&f, "{\"k\":\" SHOP\\n\"}"), OK);
    assert_int_equal(fixture_event(&f, "{\"k\":\"shops\"}"), OK);
    assert_memory_equal(&f.chunk->ids[0], &f.chunk->ids[1], sizeof f.chunk->ids[0]);
    assert_memory_not_equal(&f.chunk->ids[0], &f.chunk->ids[2], sizeof f.chunk->ids[0]);
    fixture_release(&f);
}

static void requests_fill_columns(void **state)
{
    struct field_options fields[] = {
        FIELD("host", "LowCardinality(String)", .fill = FILL_HOST, .url = URL_HOST_PATH),
        FIELD("referer", "Nullable(String)", .fill = FILL_REFERER, .url = URL_STRIP_QUERY),
        FIELD("languages", "String", .fill = FILL_ACCEPT_LANGUAGE, .lower = true, .max_length = 5),
        FIELD("a", "UInt8"),
    };
    const struct stream_options options = { .line = 1, .name = "s", .fields = fields, .field_count = 4 };
    const struct request_fields request = { .host = SLICE("Shop.Example:8443"),
                                            .referer = SLICE("https://a/\xff?b"),
                                            .accept_language = SLICE("DE, EN") };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    f.context.request = &request;
    assert_int_equal(fixture_event(&f, "{\"a\":1}"), OK);
    f.context.request = NULL;
    assert_int_equal(fixture_event(&f, "{\"a\":2,\"host\":\"x\"}"), OK);
    assert_non_null(strstr(fixture_row(&f, 0),
                           "{\"host\":\"shop.example\",\"referer\":\"https://a/\uFFFD\",\"languages\":\"de, e\","));
    assert_non_null(strstr(fixture_row(&f, 1), "{\"host\":\"\",\"referer\":null,\"languages\":\"\",\"a\":2"));
    fixture_release(&f);
}

static void each_event_gets_a_uuid_of_its_own(void **state)
{
    struct field_options fields[] = { FIELD("u", "UUID", .fill = FILL_UUID),
                                      FIELD("s", "Nullable(String)", .fill = FILL_UUID), FIELD("a", "UInt8") };
    const struct stream_options options = { .line = 1, .name = "s", .fields = fields, .field_count = 3 };
    struct fixture f;
    struct event_id ids[6];
    size_t count = 0;
    (void)state;
    fixture_init(&f, &options);
    for (uint64_t row = 0; row < 2; row++) {
        assert_int_equal(fixture_event(&f, "{\"u\":\"x\",\"a\":1}"), OK);
    }
    for (uint64_t row = 0; row < 2; row++) {
        for (const char *at = fixture_row(&f, row); (at = strstr(at, ":\"")) != NULL; at += 2) {
            assert_true(event_id_parse(&ids[count++], slice_make(at + 2, EVENT_ID_TEXT)));
        }
    }
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(&ids[i], &ids[j], sizeof ids[i]);
        }
    }
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_takes_and_refuses),
        cmocka_unit_test(requests_fill_columns),
        cmocka_unit_test(each_event_gets_a_uuid_of_its_own),
        cmocka_unit_test(texts_are_changed_before_the_identity_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
