/* Lenient fields: what does not fit becomes the default, and is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/event_id.h"
#include "schema_fixture.h"

/* One lenient field `v`, one event {"v": value}: what is stored, and whether it is a default that is counted. */
static const struct {
    struct field_options field;
    const char *value, *stored;
    bool defaulted;
} rows[] = {
    { FIELD("v", "Bool"), "\"True\"", "1", false },
    { FIELD("v", "Bool"), "\"off\"", "0", false },
    { FIELD("v", "Bool"), "\"yes\"", "1", false },
    { FIELD("v", "Bool"), "\"1\"", "1", false },
    { FIELD("v", "Bool"), "\"2\"", "0", true },
    { FIELD("v", "Bool"), "2", "0", true },
    { FIELD("v", "UInt8"), "\"on\"", "1", false },
    { FIELD("v", "UInt8"), "\"12\"", "12", false },
    { FIELD("v", "UInt8"), "\"\"", "0", true },
    { FIELD("v", "UInt8"), "256", "0", true },
    { FIELD("v", "UInt8", .default_value = "7"), "-1", "7", true },
    { FIELD("v", "Nullable(Int32)"), "\"x\"", "null", true },
    { FIELD("v", "Float64"), "true", "1", false },
    { FIELD("v", "Float64"), "\"false\"", "0", false },
    { FIELD("v", "Float64"), "\"1e400\"", "0", true },
    { FIELD("v", "Decimal(4, 2)"), "\"1.5\"", "\"1.5\"", false },
    { FIELD("v", "Decimal(4, 2)"), "\"1000\"", "\"0\"", true },
    { FIELD("v", "String"), "12.5", "\"12.5\"", false },
    { FIELD("v", "String"), "true", "\"true\"", false },
    { FIELD("v", "String"), "{}", "\"\"", true },
    { FIELD("v", "String", .max_length = 2), "\"abc\"", "\"\"", true },
    { FIELD("v", "String", .not_blank = true, .default_value = "d"), "\" \"", "\"d\"", true },
    { FIELD("v", "LowCardinality(String)", .one_of = LIST("a"), .default_value = "a"), "\"b\"", "\"a\"", true },
    { FIELD("v", "Enum8('x' = 1, 'y' = 2)"), "\"z\"", "\"x\"", true },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "\"1732147200\"", "\"2024-11-21 00:00:00\"", false },
    { FIELD("v", "DateTime", .unit = UNIT_SECONDS), "1732147200000", "\"1970-01-01 00:00:00\"", true },
    { FIELD("v", "DateTime", .default_value = "now"), "\"soon\"", "\"2024-11-22 00:00:00\"", true },
    { FIELD("v", "UUID"), "\"x\"", "\"00000000-0000-0000-0000-000000000000\"", true },
    { FIELD("v", "JSON"), "[1]", "\"{}\"", true },
    { FIELD("v", "String", .json = JSON_TEXT_OBJECT), "[1]", "\"\"", true },
    { FIELD("v", "Array(UInt8)"), "[1,\"x\",300,\"4\"]", "[1,0,0,4]", true },
    { FIELD("v", "Array(Nullable(UInt8))"), "[1,\"x\"]", "[1,null]", true },
    { FIELD("v", "Array(UInt8)"), "5", "[]", true },
    { FIELD("v", "Array(String)", .max_items = 2), "[\"a\",\"b\",\"c\"]", "[\"a\",\"b\"]", true },
    { FIELD("v", "Map(String, String)"), "{\"a\":1,\"b\":[],\"c\":true}", "{\"a\":\"1\",\"c\":\"true\"}", true },
    { FIELD("v", "Map(String, String)"), "[]", "{}", true },
};

static void what_does_not_fit_becomes_the_default_and_is_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options field = rows[i].field;
        const struct stream_options options = { .line = 1, .name = "s", .fields = &field, .field_count = 1 };
        struct fixture f;
        char event[100], wanted[100];
        field.lenient = true;
        fixture_init(&f, &options);
        snprintf(event, sizeof event, "{\"v\":%s}", rows[i].value);
        if (fixture_event(&f, event) != OK) {
            fail_msg("%s %s: %s", field.type, event, f.error.message);
        }
        snprintf(wanted, sizeof wanted, "{\"v\":%s,", rows[i].stored);
        if (strstr(fixture_row(&f, 0), wanted) == NULL) {
            fail_msg("%s %s: %s, not %s", field.type, event, fixture_row(&f, 0), wanted);
        }
        uint32_t count = validate_take_changes(f.validator).defaulted;
        if (count != rows[i].defaulted || validate_take_defaulted(f.validator, 0) != count) {
            fail_msg("%s %s: defaulted %u", field.type, event, (unsigned)count);
        }
        assert_int_equal(validate_take_defaulted(f.validator, 0), 0);
        fixture_release(&f);
    }
}

static void a_required_field_must_have_a_value_that_fits(void **state)
{
    struct field_options field = FIELD("v", "UInt8", .required = true, .lenient = true);
    const struct stream_options options = { .line = 1, .name = "s", .fields = &field, .field_count = 1 };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(fixture_event(&f, "{\"v\":\"true\"}"), OK);
    assert_int_equal(fixture_event(&f, "{}"), ERROR_MISSING_FIELD);
    assert_int_equal(fixture_event(&f, "{\"v\":\"x\"}"), ERROR_WRONG_TYPE);
    assert_int_equal(f.chunk->rows, 1);
    assert_int_equal(validate_take_changes(f.validator).defaulted, 0);
    fixture_release(&f);
}

static void counts(struct fixture *f, const uint32_t *wanted)
{
    (void)validate_take_changes(f->validator);
    for (size_t i = 0; i < f->stream->column_count; i++) {
        uint32_t count = validate_take_defaulted(f->validator, i);
        if (count != wanted[i]) {
            fail_msg("%s: %u, not %u", f->stream->columns[i].name, (unsigned)count, (unsigned)wanted[i]);
        }
    }
}

static void a_lenient_stream_takes_what_stands_in_the_way_of_paths(void **state)
{
    struct field_options fields[] = {
        FIELD("a", "String"),
        FIELD("os", "String", .from = LIST("device.os")),
        FIELD("city", "String", .from = LIST("device.geo.city")),
        FIELD("ids", "Array(String)", .from = LIST("items[].id")),
        FIELD("n", "Array(UInt8)", .from = LIST("items[].n"), .max_items = 3),
    };
    const struct stream_options options = {
        .line = 1, .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields), .lenient = true
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(fixture_event(&f, "{\"a\":1,\"device\":\"x\",\"items\":{}}"), OK);
    counts(&f, (const uint32_t[]){ 0, 1, 1, 1, 1, 0 });
    assert_int_equal(
        fixture_event(&f, "{\"device\":{\"geo\":7,\"os\":\"l\"},\"items\":[{\"id\":\"1\",\"n\":2},\"x\",{\"n\":999}]}"),
        OK);
    counts(&f, (const uint32_t[]){ 0, 0, 1, 1, 1, 0 });
    assert_non_null(strstr(fixture_row(&f, 1), "\"os\":\"l\",\"city\":\"\",\"ids\":[\"1\",\"\",\"\"],\"n\":[2,0,0]"));
    assert_int_equal(fixture_event(&f, "{\"items\":[{\"n\":1},{\"n\":2},{\"n\":3},{\"n\":4}]}"), OK);
    counts(&f, (const uint32_t[]){ 0, 0, 0, 0, 1, 0 });
    assert_int_equal(fixture_event(&f, "[]"), ERROR_NOT_AN_OBJECT);
    assert_int_equal(fixture_event(&f, "{\"a\":{}}"), OK);
    counts(&f, (const uint32_t[]){ 1, 0, 0, 0, 0, 0 });
    fixture_release(&f);
}

/* Two broken events are not one: what does not fit is as absent. */
static void a_key_that_does_not_fit_is_no_identity(void **state)
{
    struct field_options fields[] = { FIELD("k", "UInt8", .lenient = true), FIELD("o", "UInt8", .lenient = true),
                                      FIELD("r", "UInt8", .required = true) };
    const struct stream_options options = {
        .line = 1, .name = "s", .fields = fields, .field_count = 3, .dedup_key = LIST("k", "r", "o?")
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(fixture_event(&f, "{\"k\":\"x\",\"r\":1}"), OK);
    assert_int_equal(fixture_event(&f, "{\"k\":1,\"r\":1}"), OK);
    assert_int_equal(fixture_event(&f, "{\"k\":1,\"r\":1,\"o\":\"x\"}"), OK);
    assert_int_equal(fixture_event(&f, "{\"k\":\"1\",\"r\":1,\"o\":2}"), OK);
    assert_true(event_id_is_made_up(&f.chunk->ids[0]));
    assert_true(event_id_is_stable(&f.chunk->ids[1]));
    assert_memory_equal(&f.chunk->ids[1], &f.chunk->ids[2], sizeof f.chunk->ids[0]);
    assert_memory_not_equal(&f.chunk->ids[1], &f.chunk->ids[3], sizeof f.chunk->ids[0]);
    fixture_release(&f);
}

/* Not even where another field of it was defaulted before. */
static void an_event_that_is_refused_is_not_counted(void **state)
{
    struct field_options fields[] = { FIELD("a", "UInt8", .lenient = true), FIELD("b", "UInt8") };
    const struct stream_options options = { .line = 1, .name = "s", .fields = fields, .field_count = 2 };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(fixture_event(&f, "{\"a\":\"x\",\"b\":\"y\"}"), ERROR_WRONG_TYPE);
    assert_int_equal(fixture_event(&f, "{\"a\":1,\"b\":2}"), OK);
    assert_int_equal(validate_take_changes(f.validator).defaulted, 0);
    assert_non_null(strstr(fixture_row(&f, 0), "{\"a\":1,\"b\":2,"));
    fixture_release(&f);
}

/* The event's time would else be moved, or clamped, though it is not there. */
static void a_time_that_does_not_fit_is_neither_moved_nor_clamped(void **state)
{
    struct field_options fields[] = { FIELD("t", "DateTime", .lenient = true, .default_value = "now") };
    const struct stream_options options = { .line = 1, .name = "s", .fields = fields, .field_count = 1 };
    struct fixture f;
    (void)state;
    fields[0].max_past_ns = 3600 * NS_PER_SECOND;
    fixture_init(&f, &options);
    f.context.clock = (struct client_clock){ .shift_ns = 60 * NS_PER_SECOND, .until_ns = FIXTURE_NOW_NS };
    assert_int_equal(fixture_event(&f, "{\"t\":1732147200}"), OK);
    struct validate_changes changes = validate_take_changes(f.validator);
    assert_int_equal(changes.moved, 0);
    assert_int_equal(changes.defaulted, 1);
    assert_non_null(strstr(fixture_row(&f, 0), "{\"t\":\"2024-11-22 00:00:00\""));
    assert_true(f.chunk->min_time_ns == FIXTURE_NOW_NS);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_becomes_the_default_and_is_counted),
        cmocka_unit_test(a_required_field_must_have_a_value_that_fits),
        cmocka_unit_test(a_lenient_stream_takes_what_stands_in_the_way_of_paths),
        cmocka_unit_test(a_key_that_does_not_fit_is_no_identity),
        cmocka_unit_test(an_event_that_is_refused_is_not_counted),
        cmocka_unit_test(a_time_that_does_not_fit_is_neither_moved_nor_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
