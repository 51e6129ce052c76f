/* What may stand in a statement of the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/statement/sql_check.h"

#include <string.h>

static const char *const allowed[] = {
    "SELECT 1",
    "select count() from t",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    " -- a comment; with a semicolon\n SELECT 1 /* ; */",
    "SELECT ';', 'INTO OUTFILE', \"file\", `url`",
    "SELECT format FROM t",
    "SELECT a FROM t ORDER BY format DESC",
    "SELECT formatDateTime(now(), '%F')",
    "SELECT file FROM t",
    "SELECT remote, url FROM t WHERE url = 'x'",
    "SELECT 'it''s', 'a\\'b;'",
    "SELECT a[1], (1, 2) FROM t SETTINGS max_threads = 1",
    "SELECT * FROM `my table`",
    "SELECT 'größer'",
};

static const struct {
    const char *sql;
    const char *says;
} refused[] = {
    { "", "found no SQL" },
    { "-- nothing", "found no SQL" },
    { "INSERT INTO t SELECT 1", "begins with SELECT or WITH" },
    { "DROP TABLE t", "begins with SELECT or WITH" },
    { "(SELECT 1)", "begins with SELECT or WITH" },
    { "SELECT 1;", "found ';'" },
    { "SELECT 1; DROP TABLE t", "found ';'" },
    { "SELECT 1 /* */ ; SELECT 2", "found ';'" },
    { "SELECT 1 INTO OUTFILE '/tmp/x'", "INTO OUTFILE" },
    { "SELECT 1 into /* */ outfile '/tmp/x'", "INTO OUTFILE" },
    { "WITH 1 AS a INSERT INTO t SELECT a", "INSERT" },
    { "SELECT 1 FORMAT CSV", "FORMAT" },
    { "SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "FORMAT" },
    { "SELECT * FROM file('/etc/passwd')", "file(…)" },
    { "SELECT * FROM FILE ('/etc/passwd')", "FILE(…)" },
    { "SELECT * FROM `file`('/etc/passwd')", "`file`(…)" },
    { "SELECT file('/etc/passwd')", "file(…)" },
    { "SELECT * FROM url('http://x', CSV)", "url(…)" },
    { "SELECT * FROM s3('http://x')", "s3(…)" },
    { "SELECT * FROM remote/**/('x', system.one)", "remote(…)" },
    { "SELECT * FROM clusterAllReplicas('x', system.one)", "clusterAllReplicas(…)" },
    { "SELECT * FROM executable('x', TSV, 'a String')", "executable(…)" },
    { "SELECT * FROM mysql('x', 'y', 'z', 'a', 'b')", "mysql(…)" },
    { "SELECT * FROM python('x')", "python(…)" },
    { "SELECT * FROM '/etc/passwd'", "no path of a file" },
    { "SELECT * FROM \"/etc/passwd\"", "no path of a file" },
    { "SELECT * FROM a JOIN 'x.csv'", "no path of a file" },
    { "SELECT (1", "a bracket is never closed" },
    { "SELECT 1)", "a bracket is closed" },
    { "SELECT 'a", "a quote is never closed" },
    { "SELECT /* a", "a comment is never closed" },
    { "SELECT {a", "a '{' is never closed" },
    { "SELECT $$a;b$$", "outside of quotes" },
    { "SELECT 1 # a", "outside of quotes" },
    { "SELECT \xe2\x80\x98"
      "a\xe2\x80\x99",
      "outside of quotes" },
};

static void a_statement_reads_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++) {
        struct buf problem = { 0 };
        if (!sql_check(slice_from_string(allowed[i]), SQL_STATEMENT, &problem)) {
            fail_msg("%s: %.*s", allowed[i], (int)problem.len, problem.data);
        }
        buf_release(&problem);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct buf problem = { 0 };
        bool fine = sql_check(slice_from_string(refused[i].sql), SQL_STATEMENT, &problem);
        if (fine || strstr(buf_c_string(&problem), refused[i].says) == NULL) {
            fail_msg("%s: %s", refused[i].sql, problem.data);
        }
        buf_release(&problem);
    }
}

static void the_sql_of_a_choice_is_an_expression(void **state)
{
    static const char *const bad[] = { "a; b", "a)", "(a", "{x}", "'a", "file('x')", "1 INTO OUTFILE 'x'", "" };
    (void)state;
    struct buf problem = { 0 };
    assert_true(sql_check(SLICE("toString(toDate(at))"), SQL_EXPRESSION, &problem));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_false(sql_check(slice_from_string(bad[i]), SQL_EXPRESSION, &problem));
    }
    buf_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_reads_and_nothing_else),
        cmocka_unit_test(the_sql_of_a_choice_is_an_expression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
