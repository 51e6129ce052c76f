/* Each row of types.def, also one that is added tomorrow: its columns fit together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/json/json.h"
#include "schema_fixture.h"
#include "store/store.h"
#include "store/table/table_ddl.h"

static const struct {
    enum kind kind;
    const char *form;
} names[] = {
#define TYPE(KIND, form, ...) { KIND_##KIND, form },
#define TYPE_ALIAS(KIND, form) { KIND_##KIND, form },
#include "event/types.def"
};

/* The form as a configuration would have it. */
static struct slice written(const char *form, struct buf *out)
{
    static const struct {
        const char *form, *example;
    } arguments[] = { { "(N)", "(4)" }, { "(S)", "(3)" }, { "(P, S)", "(9, 3)" }, { "(…)", "('a' = 1, 'b' = 2)" } };
    size_t len = strcspn(form, "(");
    buf_clear(out);
    buf_append(out, form, len);
    for (size_t i = 0; i < ARRAY_LENGTH(arguments); i++) {
        if (strcmp(form + len, arguments[i].form) == 0) {
            buf_append_string(out, arguments[i].example);
        }
    }
    return buf_slice(out);
}

static void each_name_reads_as_its_kind_and_travels_as_a_name_that_is_read_back(void **state)
{
    struct buf name = { 0 }, problem = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct type type, back;
        bool out_of_memory;
        assert_true(type_parse(&type, written(names[i].form, &name), &problem));
        assert_int_equal(type.kind, names[i].kind);
        assert_int_equal(type.width, kind_infos[names[i].kind].width);
        assert_true(type_parse_wire(&back, slice_from_string(type.wire_name), &out_of_memory));
        assert_int_equal(back.width, type.width);
        assert_true(type.width != 0 ? type.default_wire.len == type.width
                                    : type.default_wire.len == 1 + (size_t)type.default_wire.data[0]);
        assert_true(type_fits(&type, slice_from_string(type.name), true));
        type_release(&back);
        type_release(&type);
    }
    buf_release(&name);
    buf_release(&problem);
}

static void a_name_that_is_not_known_is_told_all_that_are(void **state)
{
    struct buf problem = { 0 };
    struct type type;
    (void)state;
    assert_false(type_parse(&type, SLICE("Strin"), &problem));
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        assert_non_null(strstr(buf_c_string(&problem), names[i].form));
    }
    buf_release(&problem);
}

/* Even behind the longest name that is shown. */
static void a_field_with_such_a_type_is_told_all_of_it(void **state)
{
    char long_name[300] = { 0 };
    struct field_options fields[] = { FIELD("a", long_name) };
    struct stream_options options = { .name = "s", .fields = fields, .field_count = 1 };
    struct buf problems = { 0 };
    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    assert_null(stream_compile(&options, 0, &problems));
    assert_non_null(strstr(buf_c_string(&problems), "Map(String, String)"));
    buf_release(&problems);
}

static void low_cardinality_is_taken_where_the_row_says_so(void **state)
{
    struct buf name = { 0 }, wrapped = { 0 }, problem = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct type type;
        (void)written(names[i].form, &name);
        buf_clear(&wrapped);
        buf_printf(&wrapped, "LowCardinality(%.*s)", (int)name.len, name.data);
        bool taken = type_parse(&type, buf_slice(&wrapped), &problem);
        assert_int_equal(taken, kind_infos[names[i].kind].low_cardinality);
        if (taken) {
            type_release(&type);
        }
    }
    buf_release(&name);
    buf_release(&wrapped);
    buf_release(&problem);
}

static struct stream_options one_field(struct field_options *field, const char *type)
{
    *field = (struct field_options)FIELD("v", type);
    return (struct stream_options){ .name = "s", .fields = field, .field_count = 1 };
}

static void an_absent_value_is_json_when_it_is_read_back(void **state)
{
    struct buf name = { 0 }, text = { 0 };
    struct json_parser *parser = json_parser_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct fixture fixture;
        struct field_options field;
        struct json_document document;
        (void)written(names[i].form, &name);
        struct stream_options options = one_field(&field, buf_c_string(&name));
        fixture_init(&fixture, &options);
        assert_int_equal(fixture_event(&fixture, "{}"), OK);
        const char *row = fixture_row(&fixture, 0);
        buf_clear(&text);
        buf_append_string(&text, row);
        buf_append_fill(&text, 0, JSON_PADDING);
        assert_int_equal(json_parse(parser, slice_make(text.data, strlen(row)), &document), OK);
        assert_int_equal(json_type(&document, JSON_ROOT), '{');
        fixture_release(&fixture);
    }
    json_parser_free(parser);
    buf_release(&name);
    buf_release(&text);
}

static void a_server_is_asked_only_for_types_that_its_version_has(void **state)
{
    static const struct {
        const char *version, *type, *lacks;
    } rows[] = {
        { "18.16.1", "String", NULL },
        { "18.16.1", "UInt64", NULL },
        { "18.16.1", "JSON", "18.16 lacks JSON;" },
        { "18.16.1", "Nullable(DateTime64(3))", "18.16 lacks DateTime64;" },
        { "18.16.1", "Bool", "18.16 lacks Bool;" },
        { "18.16.1", "Array(IPv4)", "18.16 lacks IPv4;" },
        { "18.16.1", "Enum8('a' = 1)", "lacks the conversion of strings" },
        { "18.16.1", "Map(String, String)", "lacks Map;" },
        { "20.1.2", "DateTime64(3)", NULL },
        { "21.11.9", "Bool", "21.11 lacks Bool;" },
        { "21.12.1", "Bool", NULL },
        { "22.8.1", "Decimal(9, 2)", "lacks the conversion of strings" },
        { "22.8.1", "IPv6", "lacks the conversion of strings" },
        { "23.3.1", "IPv6", NULL },
        { "23.3.1", "FixedString(4)", NULL },
        { "25.2.1", "JSON", "25.2 lacks JSON;" },
        { "25.3.1", "JSON", NULL },
        { "26.7.2.1", "Array(JSON)", NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options field;
        struct stream_options options = one_field(&field, rows[i].type);
        struct stream *stream = fixture_compile(&options);
        struct store_features features = { 0 };
        struct buf problem = { 0 };
        store_features_by_version(&features, slice_from_string(rows[i].version));
        if (table_ddl_is_possible(stream, &features, &problem) != (rows[i].lacks == NULL) ||
            (rows[i].lacks != NULL && strstr(buf_c_string(&problem), rows[i].lacks) == NULL)) {
            fail_msg("%s of %s: %s", rows[i].type, rows[i].version, buf_c_string(&problem));
        }
        buf_release(&problem);
        stream_free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_reads_as_its_kind_and_travels_as_a_name_that_is_read_back),
        cmocka_unit_test(a_name_that_is_not_known_is_told_all_that_are),
        cmocka_unit_test(a_field_with_such_a_type_is_told_all_of_it),
        cmocka_unit_test(low_cardinality_is_taken_where_the_row_says_so),
        cmocka_unit_test(an_absent_value_is_json_when_it_is_read_back),
        cmocka_unit_test(a_server_is_asked_only_for_types_that_its_version_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
