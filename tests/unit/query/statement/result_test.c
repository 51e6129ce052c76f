/* Rows of a store as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/json/json.h"
#include "query/statement/result.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    enum select_shape shape;
    const char *answer;
    const char *json; /* NULL: it makes no sense */
    bool empty;
} rows[] = {
    { SELECT_ROWS, "", "[]", true },
    { SELECT_ROWS, "{\"a\":1}\n{\"a\":18446744073709551615}\n", "[{\"a\":1},{\"a\":18446744073709551615}]", false },
    { SELECT_ROWS, "{\"a\":\"x\\ny\\\"\\/z\"}\n", "[{\"a\":\"x\\ny\\\"/z\"}]", false },
    { SELECT_ROWS,
      "{\"a\":\"\xff"
      "b\"}\n",
      "[{\"a\":\"\xef\xbf\xbd"
      "b\"}]",
      false },
    { SELECT_ROW, "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}", false },
    { SELECT_ROW, "", "null", true },
    { SELECT_VALUE, "{\"a\":[1,{\"b\":\"]\"}],\"c\":2}\n", "[1,{\"b\":\"]\"}]", false },
    { SELECT_VALUE, "{\"a\":null}\n", "null", false },
    { SELECT_VALUE, "", "null", true },
    { SELECT_MAP, "{\"k\":\"\\/a\",\"count()\":2}\n{\"k\":7,\"count()\":1}\n{\"k\":null,\"count()\":3}\n",
      "{\"/a\":2,\"7\":1,\"\":3}", false },
    { SELECT_MAP, "", "{}", true },
    { SELECT_MAP, "{\"k\":1}\n", NULL, false },
    { SELECT_MAP, "{\"k\":1,\"v\":2,\"w\":3}\n", NULL, false },
    { SELECT_MAP, "{\"k\":[1],\"v\":2}\n", NULL, false },
    { SELECT_JSON, "{\"a\":\"{\\\"b\\\":[1,2.50]}\"}\n", "{\"b\":[1,2.50]}", false },
    { SELECT_JSON, "{\"a\":\"not json\"}\n", NULL, false },
    { SELECT_JSON, "{\"a\":1}\n", NULL, false },
    { SELECT_JSON, "", "null", true },
    { SELECT_TABLE,
      "{\n\t\"meta\":\n\t[\n\t\t{\n\t\t\t\"name\": \"a b\",\n\t\t\t\"type\": \"UInt8\"\n\t\t},\n\t\t{\n\t\t\t\"name\": "
      "\"c\",\n"
      "\t\t\t\"type\": \"String\"\n\t\t}\n\t],\n\n\t\"data\":\n\t[\n\t\t[1, \"x y\"]\n\t],\n\n\t\"rows\": 1\n}\n",
      "{\"columns\":[\"a b\",\"c\"],\"rows\":[[1,\"x y\"]]}", false },
    { SELECT_TABLE, "{\"meta\":[{\"name\":\"a\",\"type\":\"UInt8\"}],\"data\":[],\"rows\":0}",
      "{\"columns\":[\"a\"],\"rows\":[]}", true },
    { SELECT_TABLE, "", NULL, false },
};

static void rows_become_each_shape(void **state)
{
    struct json_parser *parser = json_parser_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct result result = { 0 };
        struct buf problem = { 0 };
        bool made = result_make(rows[i].shape, slice_from_string(rows[i].answer), parser, &result, &problem);
        if (made != (rows[i].json != NULL)) {
            fail_msg("row %zu: %.*s", i, (int)problem.len, problem.data);
        }
        if (made) {
            assert_string_equal(buf_c_string(&result.json), rows[i].json);
            assert_int_equal(result.empty, rows[i].empty);
        }
        buf_release(&problem);
        result_release(&result);
    }
    json_parser_free(parser);
}

/* A server may send anything: it costs an error, no more. */
static void an_answer_that_is_cut_off_anywhere_does_no_harm(void **state)
{
    struct json_parser *parser = json_parser_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t len = 0; len < strlen(rows[i].answer); len++) {
            for (int shape = SELECT_ROWS; shape <= SELECT_JSON; shape++) {
                struct result result = { 0 };
                struct buf problem = { 0 };
                struct slice value;
                char *cut = strndup(rows[i].answer, len);
                if (result_make((enum select_shape)shape, slice_make(cut, len), parser, &result, &problem)) {
                    (void)!result_column(&result, SLICE("a"), &value);
                }
                free(cut);
                buf_release(&problem);
                result_release(&result);
            }
        }
    }
    json_parser_free(parser);
}

static void columns_of_the_first_row_have_names(void **state)
{
    struct json_parser *parser = json_parser_new();
    struct result result = { 0 };
    struct buf problem = { 0 };
    struct slice value;
    (void)state;
    assert_true(
        result_make(SELECT_ROWS, SLICE("{\"x\":\"a,}\",\"total_count\":5}\n{\"x\":1}\n"), parser, &result, &problem));
    assert_true(result_column(&result, SLICE("total_count"), &value));
    assert_true(slice_equal(value, SLICE("5")));
    assert_true(result_column(&result, SLICE("x"), &value));
    assert_true(slice_equal(value, SLICE("\"a,}\"")));
    assert_false(result_column(&result, SLICE("nope"), &value));
    result_release(&result);
    json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_each_shape),
        cmocka_unit_test(an_answer_that_is_cut_off_anywhere_does_no_harm),
        cmocka_unit_test(columns_of_the_first_row_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
