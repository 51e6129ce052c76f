/* Names and items are found in what the catalog prints of keys, engines and TTLs, whatever stands in quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/table/expression.h"

#include <stdio.h>
#include <string.h>

static struct slice text(const char *string)
{
    return slice_from_string(string);
}

static void assert_slice(struct slice found, const char *expected)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%.*s", (int)found.len, found.data == NULL ? "" : found.data);
    assert_string_equal(copy, expected);
}

static void names_are_found_outside_of_texts_and_numbers(void **state)
{
    static const struct {
        const char *expression, *names;
    } rows[] = {
        { "toYYYYMM(at)", "toYYYYMM() at " },
        { "(day, lower(concat('a,)b', name)))", "day lower() concat() name " },
        { "`a b`, x.y, 17, 1e3, 'it\\'s', z", "a b x.y z " },
        { "at + toIntervalDay(30)", "at toIntervalDay() " },
        { "'unclosed", "" },
        { "`unclosed", "unclose " },
        { "a'b'c`d`", "a c d " },
        { "\\", "" },
        { "", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct slice rest = text(rows[i].expression);
        struct expression_name found;
        struct buf names = { 0 };
        while (expression_next_name(&rest, &found)) {
            buf_printf(&names, "%.*s%s ", (int)found.name.len, found.name.data, found.is_function ? "()" : "");
        }
        assert_slice(buf_slice(&names), rows[i].names);
        buf_release(&names);
    }
}

static void lists_are_cut_at_their_own_commas(void **state)
{
    static const struct {
        const char *list, *items;
    } rows[] = {
        { "name, event_id", "name|event_id|" },
        { "cityHash64(a, b), `c, d`, 'e, f'", "cityHash64(a, b)|`c, d`|'e, f'|" },
        { "a, (b", "a|(b|" },
        { "a)b, c", "a)b|c|" },
        { "", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct slice rest = text(rows[i].list), item;
        struct buf items = { 0 };
        while (expression_next_item(&rest, &item)) {
            buf_printf(&items, "%.*s|", (int)item.len, item.data);
        }
        assert_slice(buf_slice(&items), rows[i].items);
        buf_release(&items);
    }
}

static void clauses_and_arguments_are_found_outside_of_quotes(void **state)
{
    struct slice full =
        text("ReplacingMergeTree('a) TTL x', v) ORDER BY (`b TTL c`) TTL at + toIntervalDay(1) SETTINGS n = 1");
    (void)state;
    assert_slice(expression_arguments(full), "'a) TTL x', v");
    assert_slice(expression_before(expression_behind(full, SLICE("TTL")), SLICE("SETTINGS")), "at + toIntervalDay(1)");
    assert_null(expression_arguments(text("MergeTree ORDER BY (a)")).data);
    assert_null(expression_behind(text("MergeTree ORDER BY xTTL"), SLICE("TTL")).data);
    assert_slice(expression_arguments(text("Log")), "");
    assert_slice(expression_bare(text("((`a b`))")), "a b");
    assert_slice(expression_bare(text("(a), (b)")), "(a), (b)");
    assert_slice(expression_bare(text("")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_outside_of_texts_and_numbers),
        cmocka_unit_test(lists_are_cut_at_their_own_commas),
        cmocka_unit_test(clauses_and_arguments_are_found_outside_of_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
