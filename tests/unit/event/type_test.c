#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/type.h"

static void reads_names_and_knows_how_values_travel(void **state)
{
    static const struct {
        const char *name, *canonical, *wire;
        int width;
    } rows[] = {
        { "String", "String", "String", 0 },
        { " LowCardinality( String ) ", "LowCardinality(String)", "String", 0 },
        { "LowCardinality(Nullable(String))", "LowCardinality(Nullable(String))", "Nullable(String)", 0 },
        { "FixedString(16)", "FixedString(16)", "String", 0 },
        { "Bool", "Bool", "UInt8", 1 },
        { "UInt64", "UInt64", "UInt64", 8 },
        { "Date", "Date", "Date", 2 },
        { "DateTime", "DateTime", "DateTime", 4 },
        { "DateTime('Europe/Berlin')", "DateTime('Europe/Berlin')", "DateTime", 4 },
        { "DateTime64(6, 'UTC')", "DateTime64(6, 'UTC')", "DateTime64(6)", 8 },
        { "DateTime64", "DateTime64(3)", "DateTime64(3)", 8 },
        { "Decimal64( 4 )", "Decimal(18, 4)", "String", 0 },
        { "Decimal(10,2)", "Decimal(10, 2)", "String", 0 },
        { "Enum8('a' = 1, 'b' = 2)", "Enum8('a' = 1, 'b' = 2)", "String", 0 },
        { "Nullable(IPv4)", "Nullable(IPv4)", "Nullable(String)", 0 },
        { "Array(LowCardinality(String))", "Array(LowCardinality(String))", "Array(String)", 0 },
        { "Array(Nullable(Int8))", "Array(Nullable(Int8))", "Array(Nullable(Int8))", 1 },
        { "Map(LowCardinality(String),String)", "Map(LowCardinality(String), String)", "Map(String, String)", 0 },
        { "UUID", "UUID", "UUID", 16 },
        { "JSON(max_dynamic_paths=10)", "JSON(max_dynamic_paths=10)", "String", 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct type type;
        struct buf problem = { 0 };
        assert_true(type_parse(&type, slice_from_string(rows[i].name), &problem));
        assert_string_equal(type.name, rows[i].canonical);
        assert_string_equal(type.wire_name, rows[i].wire);
        assert_int_equal(type.width, rows[i].width);
        type_release(&type);
    }
}

static void refuses_what_it_does_not_know_with_the_reason(void **state)
{
    static const struct {
        const char *name, *says;
    } rows[] = {
        { "Strin", "not known" },
        { "", "brackets" },
        { "Array(String", "brackets" },
        { "FixedString", "FixedString(16)" },
        { "FixedString(0)", "length" },
        { "Decimal(5, 6)", "Decimal(18, 4)" },
        { "DateTime64(10)", "0 to 9" },
        { "Enum8()", "names" },
        { "Enum8('a' = x)", "names" },
        { "Enum8('a", "brackets" },
        { "Array(Array(String))", "not known" },
        { "Map(String, UInt8)", "Map(String, String)" },
        { "Int8(3)", "no arguments" },
        { "Nullable(Array(String))", "not known" },
        { "LowCardinality(JSON)", "LowCardinality" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct type type;
        struct buf problem = { 0 };
        assert_false(type_parse(&type, slice_from_string(rows[i].name), &problem));
        assert_non_null(strstr(buf_c_string(&problem), rows[i].says));
        buf_release(&problem);
    }
}

static void unescapes_the_names_of_an_enum_and_defaults_to_the_lowest(void **state)
{
    struct type type;
    struct buf problem = { 0 };
    (void)state;
    assert_true(type_parse(&type, SLICE("Enum16('it\\'s' = 5, 'b, (c)' = -2, 'd''e')"), &problem));
    assert_int_equal(type.enum_count, 3);
    assert_string_equal(type.enum_names[0], "it's");
    assert_string_equal(type.enum_names[1], "b, (c)");
    assert_string_equal(type.enum_names[2], "d'e");
    assert_true(slice_equal(buf_slice(&type.default_wire), SLICE("\6b, (c)")));
    type_release(&type);
}

static void refuses_the_enums_that_clickhouse_refuses(void **state)
{
    static const struct {
        const char *name, *says; /* NULL: fine */
    } rows[] = {
        { "Enum8('a' = -128, 'b' = 127)", NULL },
        { "Enum8('a' = 1000, 'b' = 2)", "-128 to 127" },
        { "Enum8('a' = 128)", "Enum16" },
        { "Enum8('a' = -129)", "-128 to 127" },
        { "Enum8('a' = 127, 'b')", "-128 to 127" },
        { "Enum8('a' = 9223372036854775807, 'b')", "-128 to 127" },
        { "Enum16('a' = -32768, 'b' = 32767)", NULL },
        { "Enum16('a' = 32768)", "-32768 to 32767" },
        { "Array(Nullable(Enum16('a' = -32769)))", "-32768 to 32767" },
        { "Enum8('a' = 1, 'b' = 1)", "one number to two names" },
        { "Enum8('a', 'b' = 1)", "one number to two names" },
        { "Enum8('a' = 1, 'a' = 2)", "one name twice" },
        { "Enum8('it''s' = 1, 'it\\'s' = 2)", "one name twice" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct type type;
        struct buf problem = { 0 };
        assert_int_equal(type_parse(&type, slice_from_string(rows[i].name), &problem), rows[i].says == NULL);
        assert_true(rows[i].says == NULL || strstr(buf_c_string(&problem), rows[i].says) != NULL);
        type_release(&type);
        buf_release(&problem);
    }
}

static void reads_back_only_what_travels(void **state)
{
    struct type type;
    bool out_of_memory = true;
    (void)state;
    assert_true(type_parse_wire(&type, SLICE("Array(Nullable(DateTime64(3)))"), &out_of_memory));
    type_release(&type);
    assert_false(type_parse_wire(&type, SLICE("LowCardinality(String)"), &out_of_memory));
    assert_false(type_parse_wire(&type, SLICE("IPv4"), &out_of_memory));
    assert_false(type_parse_wire(&type, SLICE("nonsense"), &out_of_memory));
    assert_false(out_of_memory);
}

static void knows_which_columns_of_a_table_can_take_it(void **state)
{
    static const struct {
        const char *ours, *theirs;
        bool converted, as_is;
    } rows[] = {
        { "String", "String", true, true },
        { "LowCardinality(String)", "String", true, true },
        { "String", "LowCardinality(String)", true, true },
        { "String", "Nullable(String)", true, false },
        { "Nullable(String)", "String", false, false },
        { "UInt8", "UInt32", true, false },
        { "UInt32", "UInt8", false, false },
        { "UInt8", "Int16", true, false },
        { "Int8", "UInt16", false, false },
        { "Bool", "UInt8", true, true },
        { "Enum8('a' = 1)", "Enum8('a' = 1, 'b' = 2)", true, false },
        { "Enum8('a' = 1, 'c' = 3)", "Enum8('a' = 1, 'b' = 2)", false, false },
        { "Enum8('a' = 1)", "String", true, true },
        { "String", "Enum8('a' = 1)", false, false },
        { "Decimal(10, 2)", "Decimal(18, 4)", true, false },
        { "Decimal(18, 2)", "Decimal(18, 4)", false, false },
        { "DateTime64(3)", "DateTime64(6, 'UTC')", true, false },
        { "DateTime('UTC')", "DateTime", true, true },
        { "Array(String)", "Array(LowCardinality(String))", true, true },
        { "Array(String)", "String", false, false },
        { "JSON", "JSON", true, false },
        { "String", "AggregateFunction(sum, UInt8)", false, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct type type;
        struct buf problem = { 0 };
        assert_true(type_parse(&type, slice_from_string(rows[i].ours), &problem));
        if (type_fits(&type, slice_from_string(rows[i].theirs), true) != rows[i].converted ||
            type_fits(&type, slice_from_string(rows[i].theirs), false) != rows[i].as_is) {
            fail_msg("%s into %s", rows[i].ours, rows[i].theirs);
        }
        type_release(&type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names_and_knows_how_values_travel),
        cmocka_unit_test(refuses_what_it_does_not_know_with_the_reason),
        cmocka_unit_test(unescapes_the_names_of_an_enum_and_defaults_to_the_lowest),
        cmocka_unit_test(refuses_the_enums_that_clickhouse_refuses),
        cmocka_unit_test(reads_back_only_what_travels),
        cmocka_unit_test(knows_which_columns_of_a_table_can_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
