#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/reply/template.h"

/* What the names of these tests stand for; `none` has no value, `nobody` is no name. */
static const struct {
    const char *name;
    const char *text;
    bool is_json;
} values[] = {
    { "id", "f2e03b56", false },
    { "total", "12", true },
    { "ids", "[\"a\",null]", true },
    { "detail", "say \"no\" \\ \r\n\x01", false },
    { "bad", "a\xFF\xC3", false },
    { "split", "en\r\nSet-Cookie: a=b", false },
    { "word", "\"caf\\u00e9 \\ud83d\\ude00 \\\"x\\\" \\n\"", true },
    { "half", "\"\\ud83d!\"", true },
    { "query.url", "/next?a=1", false },
    { "gateway:up|down", "up", false },
    { "empty", "", false },
    { "none", NULL, false },
};

static bool knows(const void *context, struct slice name)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        if (slice_equal(slice_from_string(values[i].name), name)) {
            return true;
        }
    }
    return false;
}

static bool value_of(void *context, struct slice name, struct template_text *text)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        if (slice_equal(slice_from_string(values[i].name), name)) {
            *text = (struct template_text){ slice_from_string(values[i].text), values[i].is_json };
            return values[i].text != NULL;
        }
    }
    return false;
}

struct row {
    enum template_kind kind;
    const char *text;
    const char *expected;
};

static void check_written(const struct row *row)
{
    struct buf problem = { 0 }, out = { 0 };
    struct template *template = template_compile(slice_from_string(row->text), row->kind, knows, NULL, &problem);
    if (template == NULL) {
        fail_msg("%s: %s", row->text, buf_c_string(&problem));
        return;
    }
    assert_true(template_write(template, value_of, NULL, &out));
    assert_string_equal(buf_c_string(&out), row->expected);
    template_free(template);
    buf_release(&problem);
    buf_release(&out);
}

static void what_is_written(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { TEMPLATE_JSON, "{\"success\":true,\"message\":\"ok\"}", "{\"success\":true,\"message\":\"ok\"}" },
        { TEMPLATE_JSON, "{\"id\":\"{id}\",\"n\":{total}}", "{\"id\":\"f2e03b56\",\"n\":12}" },
        { TEMPLATE_JSON, "{\"id\":{id},\"ids\":{ids}}", "{\"id\":\"f2e03b56\",\"ids\":[\"a\",null]}" },
        { TEMPLATE_JSON, "[\"{total}\",\"{ids}\"]", "[\"12\",\"[\\\"a\\\",null]\"]" },
        { TEMPLATE_JSON, "[\"<{detail}>\"]", "[\"<say \\\"no\\\" \\\\ \\r\\n\\u0001>\"]" },
        { TEMPLATE_JSON, "{detail}", "\"say \\\"no\\\" \\\\ \\r\\n\\u0001\"" },
        { TEMPLATE_JSON, "[\"{bad}\",{bad}]", "[\"a\xEF\xBF\xBD\xEF\xBF\xBD\",\"a\xEF\xBF\xBD\xEF\xBF\xBD\"]" },
        { TEMPLATE_JSON, "[\"{word}\",{word}]",
          "[\"caf\\u00e9 \\ud83d\\ude00 \\\"x\\\" \\n\",\"caf\\u00e9 \\ud83d\\ude00 \\\"x\\\" \\n\"]" },
        { TEMPLATE_JSON, "{\"{id}\":[{none},\"{none}\",{empty}]}", "{\"f2e03b56\":[null,\"\",\"\"]}" },
        { TEMPLATE_JSON, "{\"a\":1{none?,\"b\":{none}}{ids?,\"c\":{ids}}}", "{\"a\":1,\"c\":[\"a\",null]}" },
        { TEMPLATE_JSON, "[{none?{none},}{total?{total},}0]", "[12,0]" },
        { TEMPLATE_JSON, "[{total?{\"a\":{\"b\":\"}\"}}}]", "[{\"a\":{\"b\":\"}\"}}]" },
        { TEMPLATE_JSON, "[\"x{none? {none}}{id? {id}{total?/{total}}}\"]", "[\"x f2e03b56/12\"]" },
        { TEMPLATE_JSON, "[\"{{id}\"]", "[\"{id}\"]" },
        { TEMPLATE_JSON, " [1.5e-3, -0, true ,false,null, \"\\u00e9\\ud83d\\ude00\"]\n",
          " [1.5e-3, -0, true ,false,null, \"\\u00e9\\ud83d\\ude00\"]\n" },
        { TEMPLATE_JSON, "{\"gateway\":\"{gateway:up|down}\"}", "{\"gateway\":\"up\"}" },
        { TEMPLATE_TEXT, "\"{id}\" {none}{ } {1} {{id} }", "\"f2e03b56\" { } {1} {id} }" },
        { TEMPLATE_TEXT, "{word}|{half}|{split}",
          "caf\xC3\xA9 \xF0\x9F\x98\x80 \"x\" \n|\xEF\xBF\xBD!|en\r\nSet-Cookie: a=b" },
        { TEMPLATE_TEXT, "{none?none}{id?id {id}}.", "id f2e03b56." },
        { TEMPLATE_TEXT, "", "" },
        { TEMPLATE_FIELD, "{query.url}#{id}", "/next?a=1#f2e03b56" },
        { TEMPLATE_FIELD, "<{split}> <{word}>", "<en> <caf\xC3\xA9 \xF0\x9F\x98\x80 \"x\" >" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        check_written(&rows[i]);
    }
}

static void what_could_not_become_json_is_refused_with_the_place(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { TEMPLATE_JSON, "", "at its end: it may come out empty" },
        { TEMPLATE_JSON, "{none?{none}}", "it may come out empty" },
        { TEMPLATE_JSON, "{\"a\":{nobody}}", "at {nobody}}: there is no placeholder of this name" },
        { TEMPLATE_JSON, "{nobody?1}", "at {nobody?1}: there is no placeholder of this name" },
        { TEMPLATE_JSON, "{\"a\":{id }}", "at {id }}: a placeholder is a name in braces" },
        { TEMPLATE_JSON, "{\"a\":{id", "at {id: a placeholder is a name in braces" },
        { TEMPLATE_JSON, "{\"a\":\"{id}}", "at its end: a quote is open" },
        { TEMPLATE_JSON, "{\"a\":[{id}}", "at }: '}' closes nothing here" },
        { TEMPLATE_JSON, "{\"a\":{id}", "at its end: a '{' is open" },
        { TEMPLATE_JSON, "[1", "at its end: a '[' is open" },
        { TEMPLATE_JSON, "[1]]", "at ]: ']' closes nothing here" },
        { TEMPLATE_JSON, "[1 2]", "at 2]: a value may not stand here" },
        { TEMPLATE_JSON, "[1{total}]", "at {total}]: no value may stand here" },
        { TEMPLATE_JSON, "[{total}{id}]", "at {id}]: no value may stand here" },
        { TEMPLATE_JSON, "[01]", "at 1]: a value may not stand here" },
        { TEMPLATE_JSON, "[1.]", "at 1.]: this is no JSON" },
        { TEMPLATE_JSON, "[accepted]", "at accepted]: this is no JSON: a text needs quotes" },
        { TEMPLATE_JSON, "{ {id}:1}", "at {id}:1}: no value may stand here" },
        { TEMPLATE_JSON, "{\"a\"1}", "at 1}: a value may not stand here" },
        { TEMPLATE_JSON, "{\"a\":1,}", "at }: '}' closes nothing here" },
        { TEMPLATE_JSON, "[\"\\x\"]", "'\\' begins no escape" },
        { TEMPLATE_JSON, "[\"\\{id}\"]", "'\\' begins no escape" },
        { TEMPLATE_JSON, "[\"\\u00{id}\"]", "'\\' begins no escape" },
        { TEMPLATE_JSON, "[\"\\ud83d\"]", "'\\' begins no escape" },
        { TEMPLATE_JSON, "[\"\n\"]", "a string holds a control character" },
        { TEMPLATE_JSON, "[\"\xC3\"]", "this is no UTF-8" },
        { TEMPLATE_JSON, "[{id?1,}]", "']' closes nothing here" },
        { TEMPLATE_JSON, "[1{id?]}", "an optional part must close what it opens" },
        { TEMPLATE_JSON, "[\"{id?\"}\"]", "an optional part must close what it opens" },
        { TEMPLATE_JSON, "[{id?\"}1]", "no '}' ends this optional part" },
        { TEMPLATE_JSON, "[{id?[}1]", "closes nothing here" },
        { TEMPLATE_TEXT, "a{id?b", "at {id?b: no '}' ends this optional part" },
        { TEMPLATE_TEXT, "{id?{id?{id?{id?{id?{id?{id?{id?{id?}}}}}}}}}", "at most 8 deep" },
        { TEMPLATE_FIELD, "a\r\nb", "a header field or URL holds no control characters" },
        { TEMPLATE_FIELD, "{nobody}", "at {nobody}: there is no placeholder of this name" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf problem = { 0 };
        assert_null(template_compile(slice_from_string(rows[i].text), rows[i].kind, knows, NULL, &problem));
        if (strstr(buf_c_string(&problem), rows[i].expected) == NULL) {
            fail_msg("%s: %s", rows[i].text, problem.data);
        }
        buf_release(&problem);
    }
}

static void a_text_that_is_too_long_or_too_deep_is_refused(void **state)
{
    (void)state;
    struct buf text = { 0 }, problem = { 0 };
    buf_append_fill(&text, '[', 65);
    assert_null(template_compile(buf_slice(&text), TEMPLATE_JSON, knows, NULL, &problem));
    assert_non_null(strstr(buf_c_string(&problem), "nested more than 64 deep"));
    buf_clear(&problem);
    buf_append_fill(&text, ' ', TEMPLATE_MAX);
    assert_null(template_compile(buf_slice(&text), TEMPLATE_TEXT, knows, NULL, &problem));
    assert_non_null(strstr(buf_c_string(&problem), "longer than 65536 bytes"));
    buf_release(&text);
    buf_release(&problem);
}

static void the_names_that_are_used_are_told(void **state)
{
    (void)state;
    struct buf problem = { 0 };
    struct template *template = template_compile(SLICE("{id}/{none?{total}}"), TEMPLATE_FIELD, knows, NULL, &problem);
    assert_non_null(template);
    static const char *const expected[] = { "id", "none", "total" };
    size_t at = 0;
    struct slice name;
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        assert_true(template_next_name(template, &at, &name));
        assert_true(slice_equal(name, slice_from_string(expected[i])));
    }
    assert_false(template_next_name(template, &at, &name));
    assert_true(template_begins_with_value(template));
    template_free(template);
    template_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written),
        cmocka_unit_test(what_could_not_become_json_is_refused_with_the_place),
        cmocka_unit_test(a_text_that_is_too_long_or_too_deep_is_refused),
        cmocka_unit_test(the_names_that_are_used_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
