/* Parameters: what a client may send, and what a server gets of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "query/statement/parameter.h"

#include <stdio.h>
#include <string.h>

#define NOW_NS (INT64_C(1700000000) * NS_PER_SECOND)

static struct parameter_options options_of(const char *type)
{
    return (struct parameter_options){ .name = "p", .type = type, .max_length = 64, .max_items = 3 };
}

static struct parameter compile(const struct parameter_options *options)
{
    struct parameter parameter;
    struct buf problem = { 0 };
    if (!parameter_compile(&parameter, options, &problem)) {
        fail_msg("%s: %.*s", options->type, (int)problem.len, problem.data);
    }
    buf_release(&problem);
    return parameter;
}

struct reading {
    enum error error;
    struct bound_value value;
    struct buf problem;
};

static struct reading read_texts(const struct parameter *parameter, const char *const *texts, size_t count)
{
    struct reading reading = { 0 };
    struct slice slices[8];
    for (size_t i = 0; i < count; i++) {
        slices[i] = slice_from_string(texts[i]);
    }
    reading.error = parameter_read(parameter, slices, count, NOW_NS, &reading.value, &reading.problem);
    return reading;
}

static void release(struct reading *reading)
{
    bound_value_release(&reading->value);
    buf_release(&reading->problem);
}

static void assert_slice(struct buf *found, const char *expected, const char *of)
{
    const char *text = buf_c_string(found);
    if (text == NULL || strcmp(text, expected) != 0) {
        fail_msg("%s: found \"%s\", expected \"%s\"", of, text, expected);
    }
}

static const struct {
    const char *type;
    const char *sent;
    const char *bound;
    const char *shown;
} taken[] = {
    { "String", "it's", "it's", "\"it's\"" },
    { "String", "", "", "\"\"" },
    { "String", "a\"\\N", "a\"\\N", "\"a\\\"\\\\N\"" },
    { "String", "1); DROP TABLE x --", "1); DROP TABLE x --", "\"1); DROP TABLE x --\"" },
    { "FixedString(4)", "ab", "ab", "\"ab\"" },
    { "UInt32", "4294967295", "4294967295", "4294967295" },
    { "UInt32", "007", "7", "7" },
    { "UInt8", "255", "255", "255" },
    { "Int8", "-128", "-128", "-128" },
    { "Int64", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808" },
    { "Int64", "9223372036854775807", "9223372036854775807", "9223372036854775807" },
    { "UInt64", "18446744073709551615", "18446744073709551615", "18446744073709551615" },
    { "Float64", "-1.5e3", "-1500", "-1500" },
    { "Decimal(9, 2)", "12.5", "12.5", "12.5" },
    { "Bool", "true", "1", "true" },
    { "Bool", "0", "0", "false" },
    { "UUID", "61F0C404-5CB3-11E7-907B-A6006AD3DBA0", "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
      "\"61f0c404-5cb3-11e7-907b-a6006ad3dba0\"" },
    { "IPv4", "10.0.0.1", "10.0.0.1", "\"10.0.0.1\"" },
    { "IPv6", "::0:1", "::1", "\"::1\"" },
    { "DateTime", "1732147200", "1732147200", "\"2024-11-21T00:00:00Z\"" },
    { "DateTime", "1", "1", "\"1970-01-01T00:00:01Z\"" },
    { "DateTime", "2024-11-21T01:00:00+01:00", "1732147200", "\"2024-11-21T00:00:00Z\"" },
    { "DateTime", "now", "1700000000", "\"2023-11-14T22:13:20Z\"" },
    { "DateTime", "0001-01-01T00:00:00Z", "0",
      "\"0001-01-01T00:00:00Z\"" }, /* what lies outside is the end of what is held */
    { "DateTime", "9999-12-31T00:00:00Z", "4294967295", "\"9999-12-31T00:00:00Z\"" },
    { "DateTime64(3)", "2024-11-21T00:00:00.123Z", "1732147200.123", "\"2024-11-21T00:00:00.123Z\"" },
    { "DateTime64(3)", "1969-12-31T23:59:59.5Z", "-0.500", "\"1969-12-31T23:59:59.500Z\"" },
    { "Date", "2024-11-21", "20048", "\"2024-11-21\"" },
    { "Nullable(Int64)", "5", "5", "5" },
};

static void a_value_is_bound_as_every_server_reads_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
        struct parameter_options options = options_of(taken[i].type);
        struct parameter parameter = compile(&options);
        struct reading reading = read_texts(&parameter, &taken[i].sent, 1);
        if (reading.error != OK) {
            fail_msg("%s of %s: %.*s", taken[i].sent, taken[i].type, (int)reading.problem.len, reading.problem.data);
        }
        assert_true(reading.value.present);
        assert_slice(&reading.value.text, taken[i].bound, taken[i].type);
        assert_slice(&reading.value.shown, taken[i].shown, taken[i].type);
        release(&reading);
        parameter_release(&parameter);
    }
}

static const struct {
    const char *type;
    const char *sent;
    enum error error;
    const char *says;
} refused[] = {
    { "UInt32", "4294967296", ERROR_OUT_OF_RANGE, "p: 4294967296 is out of range" },
    { "UInt32", "-1", ERROR_OUT_OF_RANGE, "-1" },
    { "UInt8", "256", ERROR_OUT_OF_RANGE, "256" },
    { "Int8", "-129", ERROR_OUT_OF_RANGE, "-129" },
    { "Int64", "9223372036854775808", ERROR_OUT_OF_RANGE, "9223372036854775808" },
    { "Int64", "-9223372036854775809", ERROR_WRONG_TYPE, "is no whole number that fits Int64" },
    { "Nullable(Int64)", "abc", ERROR_WRONG_TYPE, "\"abc\" is no whole number that fits Int64" },
    { "UInt64", "18446744073709551616", ERROR_WRONG_TYPE, "is no whole number that fits UInt64" },
    { "UInt64", "-1", ERROR_OUT_OF_RANGE, "-1" },
    { "UInt32", "7' OR 1=1", ERROR_WRONG_TYPE, "\"7' OR 1=1\" is no whole number that fits UInt32" },
    { "UInt32", " 7", ERROR_WRONG_TYPE, "is no whole number that fits UInt32" },
    { "UInt32", "+7", ERROR_WRONG_TYPE, "is no whole number that fits UInt32" },
    { "UInt32", "0x7", ERROR_WRONG_TYPE, "is no whole number that fits UInt32" },
    { "UInt32", "7.0", ERROR_WRONG_TYPE, "is no whole number that fits UInt32" },
    { "Float64", "nan", ERROR_WRONG_TYPE, "is no number that fits Float64" },
    { "Float64", "inf", ERROR_WRONG_TYPE, "is no number that fits Float64" },
    { "Float64", "-Infinity", ERROR_WRONG_TYPE, "is no number that fits Float64" },
    { "Float64", "1e999", ERROR_WRONG_TYPE, "is no number that fits Float64" },
    { "Float64", "0x1p3", ERROR_WRONG_TYPE, "is no number that fits Float64" },
    { "Float64", "1e", ERROR_WRONG_TYPE, "is no number that fits Float64" },
    { "Bool", "yes", ERROR_WRONG_TYPE, "is neither true nor false, the values of Bool" },
    { "UUID", "1) OR (1=1", ERROR_INVALID_VALUE, "is no UUID" },
    { "IPv4", "10.0.0.256", ERROR_INVALID_VALUE, "is no IPv4" },
    { "DateTime", "yesterday", ERROR_INVALID_VALUE, "is no time" },
    { "DateTime", "now()", ERROR_INVALID_VALUE, "is no time" },
    { "FixedString(4)", "abcde", ERROR_TOO_LONG, "is 5 bytes long" },
    { "String", "a\nb", ERROR_INVALID_VALUE, "p: it holds a control character (byte 10)" },
    { "String", "a\x7f", ERROR_INVALID_VALUE, "control character (byte 127)" },
    { "String", "a\xff", ERROR_INVALID_UTF8, "it is not UTF-8" },
    { "String", "12345678901234567890123456789012345678901234567890123456789012345", ERROR_TOO_LONG,
      "p: 65 bytes, at most 64 are allowed" },
};

static void what_does_not_fit_is_refused_and_never_wraps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct parameter_options options = options_of(refused[i].type);
        struct parameter parameter = compile(&options);
        struct reading reading = read_texts(&parameter, &refused[i].sent, 1);
        if (reading.error != refused[i].error || strstr(buf_c_string(&reading.problem), refused[i].says) == NULL) {
            fail_msg("%s of %s: %d %s", refused[i].sent, refused[i].type, reading.error, reading.problem.data);
        }
        release(&reading);
        parameter_release(&parameter);
    }
}

static void rules_say_what_was_found_and_what_is_allowed(void **state)
{
    static const char *const words[] = { "a", "b" };
    const struct {
        struct parameter_options options;
        const char *sent; /* NULL: nothing */
        const char *says; /* NULL: it is taken */
    } rows[] = {
        { { .type = "Int64", .min = "1", .max = "now" }, "1700000000", NULL },
        { { .type = "Int64", .min = "1", .max = "now" }, "1700000001", "lies behind the present" },
        { { .type = "Int64", .min = "1", .max = "now" }, "0", "allowed is 1" },
        { { .type = "DateTime", .min = "2020-01-01" }, "2019-12-31T23:59:59Z", "lies before 2020-01-01" },
        { { .type = "DateTime", .max = "now" }, "1700000001", "lies behind the present" },
        { { .type = "Float64", .min = "0.5" }, "0.25", "0.25" },
        { { .type = "String", .not_blank = true }, " \t", "control character" },
        { { .type = "String", .not_blank = true }, "  ", "is blank" },
        { { .type = "String", .min_length = 1 }, "", "at least 1 are needed" },
        { { .type = "String", .one_of = { (const char **)(uintptr_t)words, 2 } }, "c", "is not one of a, b" },
        { { .type = "String" }, NULL, "p: is required and missing" },
        { { .type = "Int64" }, "", "p: is required and missing" },
        { { .type = "Nullable(Int64)" }, NULL, NULL },
        { { .type = "Nullable(Int64)", .required = true }, NULL, "p: is required and missing" },
        { { .type = "Int64", .optional = true }, NULL, NULL },
        { { .type = "Int64", .default_text = "5" }, NULL, NULL },
        { { .type = "DateTime", .format = PARAMETER_FORMAT_RFC3339 }, "1700000000", "RFC 3339" },
        { { .type = "DateTime", .format = PARAMETER_FORMAT_RFC3339 }, "2024-11-21", "RFC 3339" },
        { { .type = "DateTime", .format = PARAMETER_FORMAT_UNIX }, "2024-11-21", "whole number of seconds" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct parameter_options options = rows[i].options;
        options.name = "p";
        options.max_length = 64;
        struct parameter parameter = compile(&options);
        struct reading reading = read_texts(&parameter, &rows[i].sent, rows[i].sent != NULL);
        const char *problem = buf_c_string(&reading.problem);
        if ((reading.error == OK) != (rows[i].says == NULL) ||
            (rows[i].says != NULL && strstr(problem, rows[i].says) == NULL)) {
            fail_msg("row %zu: %d %s", i, reading.error, problem);
        }
        release(&reading);
        parameter_release(&parameter);
    }
}

static void an_array_is_the_arguments_of_one_name(void **state)
{
    static const char *const texts[] = { "a'b", "", "c,d" }, *const numbers[] = { "1,2", "3" },
                             *const many[] = { "1,2,3,4" }, *const bad[] = { "1", "-1" };
    (void)state;
    struct parameter_options options = options_of("Array(String)");
    struct parameter parameter = compile(&options);
    struct reading reading = read_texts(&parameter, texts, 3);
    assert_int_equal(reading.error, OK);
    assert_slice(&reading.value.shown, "[\"a'b\",\"\",\"c,d\"]", "texts");
    assert_int_equal(reading.value.ends.len, 3 * sizeof(size_t));
    release(&reading);
    parameter_release(&parameter);
    options = options_of("Array(UInt32)");
    parameter = compile(&options);
    reading = read_texts(&parameter, numbers, 2);
    assert_int_equal(reading.error, OK);
    assert_slice(&reading.value.shown, "[1,2,3]", "numbers");
    release(&reading);
    reading = read_texts(&parameter, many, 1);
    assert_int_equal(reading.error, ERROR_TOO_LONG);
    release(&reading);
    reading = read_texts(&parameter, bad, 2);
    assert_int_equal(reading.error, ERROR_OUT_OF_RANGE);
    release(&reading);
    parameter_release(&parameter);
}

static void choices_put_in_sql_of_the_configuration_alone(void **state)
{
    static const char *names[] = { "day", "hour" }, *sql[] = { "toDate(at)", "toStartOfHour(at)" };
    static const char *const injected = "day; DROP TABLE x", *const day = "day";
    (void)state;
    struct parameter_options options = { .name = "by", .choices = { names, sql, 2 }, .max_length = 64 };
    struct parameter parameter = compile(&options);
    struct reading reading = read_texts(&parameter, &day, 1);
    assert_int_equal(reading.error, OK);
    assert_ptr_equal(reading.value.chosen, sql[0]);
    release(&reading);
    reading = read_texts(&parameter, &injected, 1);
    assert_int_equal(reading.error, ERROR_NOT_ALLOWED);
    assert_slice(&reading.problem, "by: \"day; DROP TABLE x\" is not one of day, hour", "injected");
    release(&reading);
    parameter_release(&parameter);
    options.otherwise = "'total'";
    parameter = compile(&options);
    reading = read_texts(&parameter, &injected, 1);
    assert_int_equal(reading.error, OK);
    assert_ptr_equal(reading.value.chosen, options.otherwise);
    assert_false(reading.value.present);
    release(&reading);
    reading = read_texts(&parameter, NULL, 0);
    assert_ptr_equal(reading.value.chosen, options.otherwise);
    release(&reading);
    parameter_release(&parameter);
}

static void it_stands_in_a_statement_in_casts(void **state)
{
    static const char *const rows[][2] = {
        { "UInt32", "{p:UInt32}" },
        { "Nullable(String)", "{p:Nullable(String)}" },
        { "DateTime", "CAST({p:UInt32} AS DateTime)" },
        { "Nullable(DateTime)", "CAST({p:Nullable(UInt32)} AS Nullable(DateTime))" },
        { "DateTime64(3)", "CAST({p:Decimal(18, 3)} AS DateTime64(3))" },
        { "Bool", "CAST({p:UInt8} AS Bool)" },
        { "Array(String)", "{p:Array(String)}" },
        { "Array(UInt32)", "CAST(CAST({p:Array(String)} AS Array(UInt32)) AS Array(UInt32))" },
        { "Array(DateTime)", "CAST(CAST({p:Array(String)} AS Array(UInt32)) AS Array(DateTime))" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct parameter_options options = options_of(rows[i][0]);
        struct parameter parameter = compile(&options);
        struct buf sql = { 0 };
        parameter_append_sql(&parameter, &sql);
        assert_slice(&sql, rows[i][1], rows[i][0]);
        buf_release(&sql);
        parameter_release(&parameter);
    }
}

static void options_that_make_no_sense_are_told(void **state)
{
    static const char *names[] = { "a" }, *sql[] = { "1" };
    const struct {
        struct parameter_options options;
        const char *says;
    } rows[] = {
        { { .type = NULL }, "neither type nor choices" },
        { { .type = "Strin" }, "Strin" },
        { { .type = "Enum8('a' = 1)" }, "expected a scalar" },
        { { .type = "Map(String, String)" }, "expected a scalar" },
        { { .type = "JSON" }, "expected a scalar" },
        { { .type = "LowCardinality(String)" }, "expected a scalar" },
        { { .type = "UInt8", .default_text = "256" }, "256" },
        { { .type = "UInt8", .min = "300" }, "300" },
        { { .type = "String", .min = "now" }, "for integers and times" },
        { { .type = "DateTime", .min = "soon" }, "a time in the parameter's format" },
        { { .type = "String", .otherwise = "1" }, "`else` is for choices" },
        { { .type = "UInt8", .not_blank = true }, "not_blank is for String" },
        { { .type = "UInt8", .format = PARAMETER_FORMAT_UNIX }, "format is for times" },
        { { .type = "UInt8", .required = true, .default_text = "1" }, "needs no default" },
        { { .type = "UInt8", .choices = { names, sql, 1 } }, "a type or choices, not both" },
        { { .choices = { names, sql, 1 }, .min = "1" }, "choices take no rules" },
        { { .choices = { names, sql, 1 }, .default_text = "b" }, "is not one of a" },
        { { .choices = { names, sql, 1 }, .otherwise = "2", .optional = true }, "it goes without" },
        { { .type = "UInt8", .header = "X" }, "header goes with from: header" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct parameter_options options = rows[i].options;
        struct parameter parameter;
        struct buf problem = { 0 };
        options.name = "p";
        options.max_length = 64;
        assert_false(parameter_compile(&parameter, &options, &problem));
        if (strstr(buf_c_string(&problem), rows[i].says) == NULL) {
            fail_msg("row %zu: %s", i, problem.data);
        }
        buf_release(&problem);
        parameter_release(&parameter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_bound_as_every_server_reads_it),
        cmocka_unit_test(what_does_not_fit_is_refused_and_never_wraps),
        cmocka_unit_test(rules_say_what_was_found_and_what_is_allowed),
        cmocka_unit_test(an_array_is_the_arguments_of_one_name),
        cmocka_unit_test(choices_put_in_sql_of_the_configuration_alone),
        cmocka_unit_test(it_stands_in_a_statement_in_casts),
        cmocka_unit_test(options_that_make_no_sense_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
