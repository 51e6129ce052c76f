#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/stream_options.h"
#include "event/stream.h"
#include "json_print.h"
#include "pipeline/payload/payload_merge.h"
#include "pipeline/payload/payload_shape.h"
#include "pipeline/payload/request_values.h"
#include "schema_fixture.h"

static struct field_options fields[] = {
    FIELD("name", "String"),
    FIELD("count", "UInt64"),
    FIELD("price", "Float64"),
    FIELD("cost", "Decimal(18, 4)"),
    FIELD("ok", "Nullable(Bool)"),
    FIELD("at", "DateTime64(3)"),
    FIELD("tags", "Array(String)"),
    FIELD("sizes", "Array(UInt8)"),
    FIELD("meta", "JSON"),
    FIELD("raw", "String", .json = JSON_TEXT_OBJECT),
    FIELD("objects", "Array(String)", .json = JSON_TEXT_ANY),
    FIELD("browser", "String", .from = LIST("device.browser")),
    FIELD("ids", "Array(UInt32)", .from = LIST("items[].id")),
    FIELD("referrer", "String", .from = LIST("@header.referer", "referrer")),
    FIELD("user", "UInt32", .from = LIST("@path.user")),
    FIELD("sent", "String", .from = LIST("envelope.sent")),
};
static const struct stream_options options = {
    .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields), .invalid_text = INVALID_TEXT_REPAIR
};

struct merging {
    struct stream *stream;
    struct json_parser *parser;
    struct payload_merge *merge;
    struct buf padded, detail, printed;
};

static int start(void **state)
{
    static struct merging merging;
    struct buf problems = { 0 };
    merging = (struct merging){ .stream = stream_compile(&options, 0, &problems),
                                .parser = json_parser_new(),
                                .merge = payload_merge_new() };
    assert_int_equal(problems.len, 0);
    *state = &merging;
    return 0;
}

static int end(void **state)
{
    struct merging *merging = *state;
    stream_free(merging->stream);
    json_parser_free(merging->parser);
    payload_merge_free(merging->merge);
    buf_release(&merging->padded);
    buf_release(&merging->detail);
    buf_release(&merging->printed);
    return 0;
}

static struct json_document parse(struct merging *merging, const char *text)
{
    struct json_document document;
    buf_clear(&merging->padded);
    buf_append_string(&merging->padded, text);
    buf_append_fill(&merging->padded, ' ', JSON_PADDING);
    struct slice padded = slice_make(merging->padded.data, strlen(text));
    assert_int_equal(json_parse(merging->parser, padded, &document), OK);
    return document;
}

static enum error begin(struct merging *merging, const struct request_value *values, size_t count, bool repairs)
{
    static struct request_values all;
    static struct merge_terms terms;
    uint64_t repaired;
    all = (struct request_values){ values, count };
    terms = (struct merge_terms){ .stream = merging->stream, .values = &all, .repairs = repairs };
    buf_clear(&merging->detail);
    return payload_merge_begin(merging->merge, &terms, &repaired, &merging->detail);
}

static void assert_merged(struct merging *merging, const char *event, const char *expected)
{
    struct json_document document = parse(merging, event), merged;
    assert_true(payload_merge_event(merging->merge, &document, JSON_ROOT, &merged));
    assert_int_equal(json_type(&merged, json_skip(&merged, JSON_ROOT)), 'r'); /* as of a text that was parsed */
    buf_clear(&merging->printed);
    json_print(&merging->printed, &merged, JSON_ROOT);
    assert_string_equal(buf_c_string(&merging->printed), expected);
}

#define V(name, value, ...)                                                                                            \
    {                                                                                                                  \
        .key = { name, sizeof(name) - 1 }, .text = { value, sizeof(value) - 1 }, __VA_ARGS__                           \
    }

static const struct {
    struct request_value values[4];
    const char *event, *merged;
} cases[] = {
    /* Who wins. */
    { { V("name", "q") }, "{}", "{\"name\":\"q\"}" },
    { { V("name", "q") }, "{\"name\":\"b\"}", "{\"name\":\"b\"}" },
    { { V("name", "q", .wins = true) }, "{\"name\":\"b\"}", "{\"name\":\"q\"}" },
    { { V("name", "q") }, "{\"name\":null}", "{\"name\":\"q\"}" },
    { { V("name", "q") }, "{\"name\":\"b\",\"name\":null}", "{\"name\":\"b\",\"name\":\"q\"}" },
    { { V("name", "q") }, "{\"name\":null,\"name\":\"b\"}", "{\"name\":\"b\"}" },
    { { V("name", "q"), V("name", "p", .group = 1) }, "{}", "{\"name\":\"p\"}" },
    { { V("name", "q"), V("name", "p") }, "{}", "{\"name\":\"q\"}" },
    { { V("name", "q") }, "[1]", "[1]" },
    { { V("name", "q") }, "7", "7" },
    /* What a text becomes. */
    { { V("count", "7") }, "{}", "{\"count\":7}" },
    { { V("count", "18446744073709551615") }, "{}", "{\"count\":18446744073709551615}" },
    { { V("count", "18446744073709551616") }, "{}", "{\"count\":18446744073709551616}" },
    { { V("count", "seven") }, "{}", "{\"count\":\"seven\"}" },
    { { V("count", "007") }, "{}", "{\"count\":\"007\"}" },
    { { V("count", "") }, "{\"count\":3}", "{\"count\":3}" },
    { { V("name", "") }, "{}", "{\"name\":\"\"}" },
    { { V("name", "7") }, "{}", "{\"name\":\"7\"}" },
    { { V("price", "1.50") }, "{}", "{\"price\":1.5}" },
    { { V("cost", "1.50") }, "{}", "{\"cost\":\"1.50\"}" },
    { { V("ok", "1") }, "{}", "{\"ok\":true}" },
    { { V("ok", "false") }, "{}", "{\"ok\":false}" },
    { { V("ok", "yes") }, "{}", "{\"ok\":\"yes\"}" },
    { { V("at", "1732147200") }, "{}", "{\"at\":1732147200}" },
    { { V("at", "2024-01-01T00:00:00Z") }, "{}", "{\"at\":\"2024-01-01T00:00:00Z\"}" },
    { { V("tags", "a"), V("tags", "b") }, "{}", "{\"tags\":[\"a\",\"b\"]}" },
    { { V("tags", "[\"a\",\"b\"]") }, "{}", "{\"tags\":[\"a\",\"b\"]}" },
    { { V("tags", "[a") }, "{}", "{\"tags\":[\"[a\"]}" },
    { { V("sizes", "1"), V("sizes", "x") }, "{}", "{\"sizes\":[1,\"x\"]}" },
    { { V("meta", "{\"a\":[1,{\"b\":2}]}") }, "{}", "{\"meta\":{\"a\":[1,{\"b\":2}]}}" },
    { { V("raw", "{\"a\":1}") }, "{}", "{\"raw\":{\"a\":1}}" },
    { { V("objects", "{\"a\":1}"), V("objects", "x") }, "{}", "{\"objects\":[{\"a\":1},\"x\"]}" },
    { { V("meta", "{oops") }, "{}", "{\"meta\":\"{oops\"}" },
    { { V("other", "7") }, "{}", "{\"other\":\"7\"}" },
    { { V("other", "7"), V("other", "8") }, "{}", "{\"other\":[\"7\",\"8\"]}" },
    { { V("items", "[{\"id\":7}]") }, "{}", "{\"items\":[{\"id\":7}]}" },
    { { V("name", "a\xFF") }, "{}", "{\"name\":\"a\xEF\xBF\xBD\"}" },
    /* Dots are steps. */
    { { V("device.browser", "x") }, "{\"device\":{\"os\":1}}", "{\"device\":{\"os\":1,\"browser\":\"x\"}}" },
    { { V("device.browser", "x") }, "{\"device\":{\"browser\":1}}", "{\"device\":{\"browser\":1}}" },
    { { V("device.browser", "x", .wins = true) },
      "{\"device\":{\"browser\":1,\"os\":2}}",
      "{\"device\":{\"os\":2,\"browser\":\"x\"}}" },
    { { V("device.browser", "x"), V("device.os", "y") }, "{}", "{\"device\":{\"browser\":\"x\",\"os\":\"y\"}}" },
    { { V("device.browser", "x") }, "{\"device\":null}", "{\"device\":{\"browser\":\"x\"}}" },
    { { V("device.browser", "x") }, "{\"device\":7}", "{\"device\":7}" },
    { { V("device.browser", "x", .wins = true) }, "{\"device\":7}", "{\"device\":{\"browser\":\"x\"}}" },
    { { V("device", "{\"browser\":\"x\"}"), V("device.os", "y") }, "{}", "{\"device\":{\"os\":\"y\"}}" },
    { { V("device.os", "y"), V("device", "{\"browser\":\"x\"}") }, "{}", "{\"device\":{\"browser\":\"x\"}}" },
    { { V("a..b", "x") }, "{}", "{\"a..b\":\"x\"}" },
    { { V("", "x") }, "{}", "{\"\":\"x\"}" },
    { { V("meta.x", "1") }, "{\"meta\":{\"y\":2}}", "{\"meta\":{\"y\":2,\"x\":\"1\"}}" },
    /* Objects in a value. */
    { { V("User", "{\"name\":\"u\",\"a.b\":[1],\"n\":null}", .form = VALUE_OF_OBJECT) },
      "{}",
      "{\"name\":\"u\",\"a\":{\"b\":[1]}}" },
    { { V("User", "{\"name\":\"u\"}", .form = VALUE_OF_OBJECT), V("name", "q", .group = 1) },
      "{}",
      "{\"name\":\"q\"}" },
    /* Sources: only what a field reads of them. */
    { { V("x", "7", .source = PATH_OF_QUERY) }, "{\"name\":\"b\"}", "{\"name\":\"b\"}" },
    { { V("browser", "7", .source = PATH_OF_HEADER) }, "{}", "{}" },
};

static void values_and_members_become_one_event(void **state)
{
    struct merging *merging = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        size_t count = 0;
        while (count < 4 && cases[i].values[count].key.data != NULL) {
            count++;
        }
        assert_int_equal(begin(merging, cases[i].values, count, true), OK);
        assert_merged(merging, cases[i].event, cases[i].merged);
        assert_merged(merging, cases[i].event, cases[i].merged); /* the first left nothing behind */
    }
}

static struct slice member(const struct json_document *document, struct slice key)
{
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        if (slice_equal(json_string(document, m), key)) {
            return json_string(document, json_first(m + 1) + 1); /* the only member of an object */
        }
    }
    return (struct slice){ NULL, 0 };
}

static void a_source_stands_under_a_key_that_no_event_can_have(void **state)
{
    struct merging *merging = *state;
    const struct request_value values[] = { V("referer", "https://a/", .source = PATH_OF_HEADER),
                                            V("\xFFheader.referer", "forged") };
    assert_int_equal(begin(merging, values, 2, true), OK);
    struct json_document document = parse(merging, "{\"@header\":{\"referer\":\"forged\"}}"), merged;
    assert_true(payload_merge_event(merging->merge, &document, JSON_ROOT, &merged));
    struct slice found = member(&merged, path_source_key(PATH_OF_HEADER));
    assert_true(slice_equal(found, SLICE("https://a/")));
    assert_false(json_is_utf8(path_source_key(PATH_OF_HEADER)));
}

static void members_of_an_envelope_are_the_lowest(void **state)
{
    struct merging *merging = *state;
    static const struct slice names[] = { { "name", 4 }, { "meta", 4 } };
    const struct payload_shape shape = { .envelope = names, .envelope_count = 2 };
    struct json_document around =
        parse(merging, "{\"name\":\"e\",\"meta\":{\"k\":[1,\"x\"]},\"count\":1,\"sent\":\"s\"}");
    const struct merge_terms terms = { .stream = merging->stream, .shape = &shape, .around = &around };
    uint64_t repaired;
    assert_int_equal(payload_merge_begin(merging->merge, &terms, &repaired, &merging->detail), OK);
    struct json_document document = parse(merging, "{\"name\":\"own\"}"), merged;
    assert_true(payload_merge_event(merging->merge, &document, JSON_ROOT, &merged));
    json_at first = json_first(JSON_ROOT);
    assert_true(slice_equal(json_string(&merged, first + 1), SLICE("own")));
    assert_true(slice_equal(member(&merged, path_source_key(PATH_OF_ENVELOPE)), SLICE("s")));
    assert_int_equal(json_count(&merged, JSON_ROOT), 3);
}

static void what_is_no_text_or_no_object_is_refused_with_its_name(void **state)
{
    struct merging *merging = *state;
    const struct request_value bad[] = { V("name", "a\xFF") }, object[] = { V("User", "[1]", .form = VALUE_OF_OBJECT) };
    assert_int_equal(begin(merging, bad, 1, false), ERROR_INVALID_UTF8);
    assert_string_equal(buf_c_string(&merging->detail), "the value of \"name\" is not valid UTF-8");
    assert_int_equal(begin(merging, object, 1, true), ERROR_BAD_ARGUMENT);
    assert_string_equal(buf_c_string(&merging->detail), "User does not hold a JSON object");
}

static void too_many_names_are_refused(void **state)
{
    struct merging *merging = *state;
    struct buf text = { 0 };
    for (int i = 0; i < 2000; i++) {
        buf_printf(&text, "%s\"k%d\":1", i == 0 ? "{" : ",", i);
    }
    buf_append_byte(&text, '}');
    const struct request_value values[] = {
        { .key = SLICE("User"), .text = buf_slice(&text), .form = VALUE_OF_OBJECT }
    };
    assert_int_equal(begin(merging, values, 1, true), ERROR_BAD_ARGUMENT);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_and_members_become_one_event, start, end),
        cmocka_unit_test_setup_teardown(a_source_stands_under_a_key_that_no_event_can_have, start, end),
        cmocka_unit_test_setup_teardown(members_of_an_envelope_are_the_lowest, start, end),
        cmocka_unit_test_setup_teardown(what_is_no_text_or_no_object_is_refused_with_its_name, start, end),
        cmocka_unit_test_setup_teardown(too_many_names_are_refused, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
