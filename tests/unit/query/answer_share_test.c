/* The values that gateways share in Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/json/json.h"
#include "query/answer_share.h"

#include <stdlib.h>
#include <string.h>

#define NOW_NS (INT64_C(1700000000) * NS_PER_SECOND)

static void release(struct result *results)
{
    for (size_t i = 0; i < 2; i++) {
        result_release(&results[i]);
    }
}

static void what_is_written_is_read_until_it_is_over(void **state)
{
    struct json_parser *parser = json_parser_new();
    struct result results[2] = { { .empty = true }, { .empty = false } },
                  read[2] = { { .empty = false }, { .empty = false } };
    struct buf text = { 0 };
    int64_t left_ns;
    (void)state;
    buf_append_string(&results[0].json, "[]");
    answer_share_write(results, 2, NOW_NS + NS_PER_SECOND, &text); /* the second was left out */
    assert_string_equal(buf_c_string(&text), "sluice-query 1 1700000001000\n2 1\n[]\n-\n\n");
    assert_true(answer_share_read(buf_slice(&text), parser, read, 2, NOW_NS, &left_ns));
    assert_int_equal(left_ns, NS_PER_SECOND);
    assert_true(read[0].empty);
    assert_string_equal(buf_c_string(&read[0].json), "[]");
    assert_int_equal(read[1].json.len, 0);
    release(read);
    assert_false(answer_share_read(buf_slice(&text), parser, read, 2, NOW_NS + NS_PER_SECOND, &left_ns));
    assert_false(answer_share_read(buf_slice(&text), parser, read, 1, NOW_NS, &left_ns));
    for (size_t len = 0; len < text.len; len++) {
        assert_false(answer_share_read(slice_make(text.data, len), parser, read, 2, NOW_NS, &left_ns));
    }
    buf_release(&text);
    release(results);
    json_parser_free(parser);
}

static void what_somebody_else_put_there_is_not_believed(void **state)
{
    static const char *const values[] = {
        "",
        "x",
        "sluice-query 2 1700000001000\n2 1\n[]\n",
        "sluice-query 1 99999999999999999999\n2 1\n[]\n",
        "sluice-query 1 1700000001000\n2 1\n[}\n",
        "sluice-query 1 1700000001000\n2 1\n[],\n",
        "sluice-query 1 1700000001000\n99999999999999999 1\n[]\n",
        "sluice-query 1 1700000001000\n0 1\n\n",
        "sluice-query 1 1700000001000\n2 1\n[]\nmore",
        "sluice-query 1 1700000001000\n5 1\n<b>!!\n",
    };
    struct json_parser *parser = json_parser_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        struct result read[2] = { { .empty = false }, { .empty = false } };
        int64_t left_ns;
        assert_false(answer_share_read(slice_from_string(values[i]), parser, read, 1, NOW_NS, &left_ns));
        assert_int_equal(read[0].json.len, 0);
        release(read);
    }
    json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_until_it_is_over),
        cmocka_unit_test(what_somebody_else_put_there_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
