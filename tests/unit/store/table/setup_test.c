/* Files of SQL: where statements end, what is filled in, and what is told of one that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/setup_options.h"
#include "store/store.h"
#include "store/table/setup.h"
#include "store/table/sql_split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Statements as `line:text`, with a '|' between; "!line: problem" at the end. */
static const struct {
    const char *sql, *statements;
} files[] = {
    { "", "" },
    { ";;\n ; ", "" },
    { "A", "1:A" },
    { "A; B", "1:A|1:B" },
    { "-- a; b\nA\n  x;\n\n/* ;\n */ B;", "2:A\n  x|6:B" },
    { "SELECT ';' ; SELECT \";\", `;`", "1:SELECT ';'|1:SELECT \";\", `;`" },
    { "SELECT 'it''s; \\'; x'; B", "1:SELECT 'it''s; \\'; x'|1:B" },
    { "SELECT $$a;\nb$$; SELECT $x$ $$ ; $x$;\nC", "1:SELECT $$a;\nb$$|2:SELECT $x$ $$ ; $x$|3:C" },
    { "SELECT a$b; C", "1:SELECT a$b|1:C" },
    { "# x; y\nA #! ; \n;B", "2:A|3:B" },
    { "SELECT 1 -- the end;", "1:SELECT 1" },
    { "SELECT 1 - -1 / 2; #x", "1:SELECT 1 - -1 / 2|1:#x" },
    { "A;\n\nSELECT 'open;", "1:A|!3: a quoted text has no end" },
    { "A; \n/* open;", "1:A|!2: a comment /* has no */" },
    { "A; SELECT $q$ ; $$ ", "1:A|!1: a heredoc has no end" },
    { "'\\", "!1: a quoted text has no end" },
    { "/*/ A", "!1: a comment /* has no */" },
};

static void statements_end_at_semicolons_outside_of_texts_and_comments(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct sql_splitter splitter = { .rest = slice_from_string(files[i].sql), .line = 1 };
        struct sql_statement statement;
        struct buf found = { 0 };
        while (sql_split_next(&splitter, &statement)) {
            buf_printf(&found, "%s%d:%.*s", found.len == 0 ? "" : "|", statement.line, (int)statement.text.len,
                       statement.text.data);
        }
        if (splitter.problem != NULL) {
            buf_printf(&found, "%s!%d: %s", found.len == 0 ? "" : "|", splitter.line, splitter.problem);
        }
        assert_string_equal(buf_c_string(&found), files[i].statements);
        buf_release(&found);
    }
}

/* A server that keeps what it is sent, and fails at the n-th statement. */
struct server {
    struct buf sent;
    int fails_at, code, count, tables_made;
};

static void take(void *context, struct slice statement, struct store_reply *reply)
{
    struct server *server = context;
    buf_printf(&server->sent, "%.*s\n", (int)statement.len, statement.data);
    if (++server->count == server->fails_at) {
        store_reply_set(reply, STORE_ANSWERED, server->code, 500, SLICE("Code: 62. DB::Exception: near 'secret'"));
    } else {
        store_reply_set(reply, STORE_DONE, 0, 200, SLICE(""));
    }
}

static void make_tables(void *context)
{
    struct server *server = context;
    server->tables_made++;
}

static char folder[] = "/tmp/sluice-setup-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static struct setup_options option(const char *path)
{
    static char config[64];
    snprintf(config, sizeof config, "%s/sluice.yaml", folder);
    return (struct setup_options){ .line = 7, .file = config, .path = path, .scope = "shop_" };
}

static enum setup_outcome run(struct server *server, const char *cluster, size_t *statements, struct buf *problem)
{
    struct setup_options file = option("a.sql");
    struct setup_target target = { take, make_tables, server, "my db", cluster };
    return setup_run(&file, &target, statements, problem);
}

static void names_are_filled_in_as_where_they_stand(void **state)
{
    (void)state;
    struct server server = { .fails_at = -1 };
    struct buf problem = { 0 };
    size_t statements;
    write_file("a.sql", "CREATE TABLE {database}.{names}t {on_cluster} (m Map(String, String));\n"
                        "SELECT '{database}', {x:String}, '{', {on_cluster");
    assert_int_equal(run(&server, "", &statements, &problem), SETUP_DONE);
    assert_int_equal(statements, 2);
    assert_string_equal(buf_c_string(&server.sent), "CREATE TABLE `my db`.shop_t  (m Map(String, String))\n"
                                                    "SELECT 'my db', {x:String}, '{', {on_cluster\n");
    buf_clear(&server.sent);
    assert_int_equal(run(&server, "all", &statements, &problem), SETUP_DONE);
    assert_non_null(strstr(buf_c_string(&server.sent), "`my db`.shop_t ON CLUSTER `all` ("));
    buf_release(&server.sent);
}

static void the_first_that_fails_is_told_with_its_place(void **state)
{
    (void)state;
    struct server server = { .fails_at = 2, .code = 62 };
    struct buf problem = { 0 };
    size_t statements;
    write_file("a.sql", "A;\n\nALTER TABLE x;\nC;");
    assert_int_equal(run(&server, "", &statements, &problem), SETUP_FAILED);
    assert_int_equal(statements, 1);
    assert_int_equal(server.count, 2);
    assert_non_null(strstr(buf_c_string(&problem), "a.sql:3: code 62 SYNTAX_ERROR"));
    assert_non_null(strstr(problem.data, "near 'secret'"));
    write_file("a.sql", "INSERT INTO x SELECT y;");
    buf_release(&server.sent);
    server = (struct server){ .fails_at = 1, .code = 62 };
    buf_clear(&problem);
    assert_int_equal(run(&server, "", &statements, &problem), SETUP_FAILED);
    assert_null(strstr(buf_c_string(&problem), "secret")); /* it may be a row's */
    buf_release(&server.sent);
    server = (struct server){ .fails_at = 1, .code = 241 };
    assert_int_equal(run(&server, "", &statements, &problem), SETUP_AWAY);
    buf_release(&server.sent);
    buf_release(&problem);
}

static void a_table_that_a_statement_needs_is_made_for_it(void **state)
{
    (void)state;
    struct server server = { .fails_at = 1, .code = 60 };
    struct buf problem = { 0 };
    size_t statements;
    write_file("a.sql", "CREATE MATERIALIZED VIEW v AS SELECT 1 FROM events");
    assert_int_equal(run(&server, "", &statements, &problem), SETUP_DONE);
    assert_int_equal(server.tables_made, 1);
    assert_int_equal(server.count, 2);
    buf_release(&server.sent);
}

static void what_cannot_be_read_or_split_is_told_before_anything_runs(void **state)
{
    (void)state;
    struct setup_options files_of[] = { option("a.sql"), option("none.sql"), option("b.sql") };
    struct buf problems = { 0 };
    write_file("a.sql", "A;");
    write_file("b.sql", "A;\nB 'x;");
    assert_true(setup_check(files_of, 1, &problems));
    assert_false(setup_check(files_of, 3, &problems));
    assert_non_null(strstr(buf_c_string(&problems), "sluice.yaml:7: setup[1]: /tmp/sluice-setup-"));
    assert_non_null(strstr(problems.data, "none.sql cannot be read: No such file"));
    assert_non_null(strstr(problems.data, ":7: setup[2]: b.sql:2: a quoted text has no end\n"));
    buf_release(&problems);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    char path[64];
    (void)state;
    for (const char *name = "ab"; *name != '\0'; name++) {
        snprintf(path, sizeof path, "%s/%c.sql", folder, *name);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_at_semicolons_outside_of_texts_and_comments),
        cmocka_unit_test(names_are_filled_in_as_where_they_stand),
        cmocka_unit_test(the_first_that_fails_is_told_with_its_place),
        cmocka_unit_test(a_table_that_a_statement_needs_is_made_for_it),
        cmocka_unit_test(what_cannot_be_read_or_split_is_told_before_anything_runs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
