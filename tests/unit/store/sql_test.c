#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "store/sql.h"
#include "store/store.h"

#define assert_text(bytes, text)                                                                                       \
    do {                                                                                                               \
        assert_int_equal((bytes).len, strlen(text));                                                                   \
        assert_memory_equal((bytes).data, (text), strlen(text));                                                       \
    } while (0)

static void quotes_whatever_could_end_a_literal(void **state)
{
    static const struct {
        struct slice text;
        const char *literal;
    } rows[] = {
        { SLICE(""), "''" },
        { SLICE("it's"), "'it\\'s'" },
        { SLICE("a\\"), "'a\\\\'" },
        { SLICE("\\' OR 1 --"), "'\\\\\\' OR 1 --'" },
        { SLICE("a\nb\0c"), "'a\\nb\\0c'" },
        { SLICE("`\""), "'`\"'" },
        { SLICE("\xff\xc3"), "'\xff\xc3'" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf out = { 0 };
        sql_quote_literal(rows[i].text, &out);
        assert_text(out, rows[i].literal);
        buf_release(&out);
    }
    struct buf out = { 0 };
    sql_quote_identifier(SLICE("a`b\\'"), &out);
    assert_text(out, "`a\\`b\\\\'`");
    buf_release(&out);
}

static void parameters_are_written_as_servers_read_them(void **state)
{
    static const struct slice items[] = { { "a'\tb", 4 }, { "\\N", 2 } };
    static const struct {
        struct store_parameter parameter;
        const char *text;
    } rows[] = {
        { { .value = { "a\tb\\", 4 } }, "a\\tb\\\\" },
        { { .value = { "\\N", 2 } }, "\\\\N" }, /* a text, and not the null that it looks like */
        { { .null = true }, "\\N" },
        { { .items = items, .item_count = 2 }, "['a\\'\tb','\\\\N']" },
        { { .items = items }, "[]" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf out = { 0 };
        sql_escape_parameter(&rows[i].parameter, &out);
        assert_text(out, rows[i].text);
        buf_release(&out);
    }
}

static void binds_parameters_outside_of_quotes_only(void **state)
{
    static const struct slice items[] = { { "a'b", 3 }, { "\\", 1 } };
    static const struct store_parameter parameters[] = {
        { .name = "s", .type = "String", .value = { "it's", 4 } },
        { .name = "n", .type = "UInt32", .value = { "7", 1 } },
        { .name = "none", .type = "Nullable(UInt32)", .null = true },
        { .name = "list", .type = "Array(String)", .items = items, .item_count = 2 },
        { .name = "empty", .type = "Array(String)", .items = items, .item_count = 0 },
    };
    static const struct {
        const char *sql;
        const char *bound; /* NULL: refused */
    } rows[] = {
        { "SELECT {s:String}", "SELECT 'it\\'s'" },
        { "SELECT {n:UInt32}+1", "SELECT CAST('7' AS UInt32)+1" },
        { "SELECT '{s:String}', `{n:UInt32}`, \"{\"", "SELECT '{s:String}', `{n:UInt32}`, \"{\"" },
        { "SELECT '\\'{s:String}', {s:String}", "SELECT '\\'{s:String}', 'it\\'s'" },
        { "SELECT {none:Nullable(UInt32)}", "SELECT CAST(NULL AS Nullable(UInt32))" },
        { "SELECT {list:Array(String)}", "SELECT CAST(['a\\'b','\\\\'] AS Array(String))" },
        { "SELECT {empty:Array(String)}", "SELECT CAST([] AS Array(String))" },
        { "SELECT {x:String}", NULL },
        { "SELECT {s}", NULL },
        { "SELECT {s:String", NULL },
        { "SELECT 'open {s:String}", "SELECT 'open {s:String}" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct store_query query = { .sql = slice_from_string(rows[i].sql),
                                     .parameters = parameters,
                                     .parameter_count = ARRAY_LENGTH(parameters) };
        struct buf out = { 0 };
        bool bound = sql_bind_literals(&query, &out);
        assert_int_equal(bound, rows[i].bound != NULL);
        if (bound) {
            assert_text(out, rows[i].bound);
        }
        buf_release(&out);
    }
}

static void assert_insert(const char *database, const char *missing, const char *expected)
{
    struct native_column columns[] = { { .name = SLICE("a") }, { .name = SLICE("b`\\c") } };
    char table[] = "t`; DROP";
    struct segment segment = { .header = { .table = table, .columns = columns, .column_count = 2 } };
    struct store_insert insert = { .segment = &segment, .missing_column = missing };
    struct buf out = { 0 };
    sql_insert(&insert, database, &out);
    assert_text(out, expected);
    buf_release(&out);
}

static void an_insert_quotes_every_name(void **state)
{
    (void)state;
    assert_insert("", NULL, "INSERT INTO `t\\`; DROP` (`a`, `b\\`\\\\c`)");
    assert_insert("d`b", NULL, "INSERT INTO `d\\`b`.`t\\`; DROP` (`a`, `b\\`\\\\c`)");
}

static void an_insert_leaves_out_the_column_that_the_table_lacks(void **state)
{
    (void)state;
    assert_insert("", "a", "INSERT INTO `t\\`; DROP` (`b\\`\\\\c`)");
    assert_insert("", "b`\\c", "INSERT INTO `t\\`; DROP` (`a`)");
    assert_insert("", "other", "INSERT INTO `t\\`; DROP` (`a`, `b\\`\\\\c`)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_whatever_could_end_a_literal),
        cmocka_unit_test(parameters_are_written_as_servers_read_them),
        cmocka_unit_test(binds_parameters_outside_of_quotes_only),
        cmocka_unit_test(an_insert_quotes_every_name),
        cmocka_unit_test(an_insert_leaves_out_the_column_that_the_table_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}