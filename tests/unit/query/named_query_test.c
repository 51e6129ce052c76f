/* Queries of a configuration: what is refused, what becomes of a request, what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query_world.h"

#define QUERY(parameters, select)                                                                                      \
    "queries: { q: { path: /q, parameters: { " parameters " }, select: { s: " select " } } }\n"

static const struct {
    const char *queries;
    const char *says;
} refused[] = {
    { QUERY("", "'SELECT 1; SELECT 2'"), "test.yaml:7: queries.q.select.s: found ';'" },
    { QUERY("", "'DROP TABLE events'"), "queries.q.select.s: expected one statement that begins with SELECT or WITH" },
    { QUERY("", "'SELECT {a:String}'"), "{a} is no parameter of the query" },
    { QUERY("a: { type: UInt32 }", "'SELECT {a:UInt64}'"),
      "{a:UInt64} names another type than the parameter's, UInt32" },
    { QUERY("a: { type: UInt32 }", "'SELECT * FROM {rows:nope}'"), "nope" },
    { QUERY("a: { type: UInt32 }", "'SELECT * FROM {rows:events} FINAL'"), "leave FINAL out" },
    { QUERY("a: { type: Uint32 }", "'SELECT 1'"), "queries.q.parameters.a: " },
    { QUERY("a: { type: UInt32, optional: true }", "'SELECT {a:UInt32}'"),
      "it uses {a}, which is optional: say `if: a`" },
    { QUERY("a: { type: UInt32, not_before: b }", "'SELECT 1'"), "not_before: found \"b\"" },
    { QUERY("a: { type: UInt32, not_before: b }, b: { type: String }", "'SELECT 1'"), "integers or times" },
    { QUERY("a: { type: UInt32, from: path }", "'SELECT 1'"), "from: path, but /q has no part {a}" },
    { QUERY("a: { choices: { x: 'a; b' } }", "'SELECT {a}'"), "found the SQL \"a; b\": found ';'" },
    { QUERY("a: { choices: { x: \"file('/etc/passwd')\" } }", "'SELECT {a}'"), "file(…) reaches beyond" },
    { QUERY("a: { choices: { x: 1 } }", "'SELECT {a:String}'"), "a has choices, which have no type" },
    { QUERY("rows: { type: UInt32 }", "'SELECT 1'"), "{rows} stands for a stream" },
    { QUERY("s: { type: UInt32 }", "'SELECT 1'"), "found the name again" },
    { QUERY("", "{ sql: 'SELECT 1', if: b }"), "if: b is no parameter" },
    { "queries: { q: { path: /q, select: { s: 'SELECT 1' }, reply: nope } }\n", "reply: found \"nope\"" },
    { "queries: { q: { path: /q, select: { s: 'SELECT 1' }, reply: { ok: { json: '{x}' } } } }\n", "x" },
    { "replies: { r: { ok: { json: '1' } } }\nqueries: { q: { path: /q, select: { s: 'SELECT 1' }, reply: { name: r, "
      "failed: { empty: true } } } }\n",
      "expected one of the two" },
    { "queries: { q: { path: /q, select: { s: 'SELECT 1' }, cache_in: redis } }\n", "nothing says how long" },
    { "queries: { q: { path: /q, stream: nope, select: { s: 'SELECT 1' } } }\n", "there is no stream \"nope\"" },
};

static void what_cannot_be_asked_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct query_world world;
        query_world_init(&world, refused[i].queries);
        const char *problems = buf_c_string(&world.problems);
        if (world.query != NULL || problems == NULL || strstr(problems, refused[i].says) == NULL) {
            fail_msg("%s: %s", refused[i].queries, problems);
        }
        query_world_release(&world);
    }
}

static const struct {
    const char *parameters, *select, *query;
    const char *sql; /* with tables that collapse */
} statements[] = {
    { "u: { type: UInt32 }", "'SELECT count() FROM {rows:events} WHERE user_id = {u:UInt32}'", "u=7",
      "SELECT count() FROM `db`.`events`  FINAL WHERE user_id = {u:UInt32}" },
    { "u: { type: UInt32 }", "'SELECT {u}, x.a FROM {rows:other} AS x -- the end'", "u=7",
      "SELECT {u:UInt32}, x.a FROM `db`.`ot\\`her` AS x FINAL   " },
    { "g: { choices: { day: toDate(at) }, else: '1' }", "'SELECT {g}, ''{g}'' FROM {rows}'", "g=day",
      "SELECT toDate(at), '{g}' FROM `db`.`events` FINAL " },
    { "g: { choices: { day: toDate(at) }, else: '1' }", "'SELECT {g} FROM t'", "g=%29%3B", "SELECT 1 FROM t" },
    { "f: { type: Nullable(DateTime) }", "'SELECT {f:Nullable( DateTime )}'", "",
      "SELECT CAST({f:Nullable(UInt32)} AS Nullable(DateTime))" },
};

static void statements_are_put_together_of_the_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(statements); i++) {
        struct query_world world;
        struct bound_value values[4] = { { 0 } };
        const struct parameter *at_fault;
        const bool collapses[] = { true, true };
        char text[512];
        struct buf problem = { 0 }, sql = { 0 };
        snprintf(text, sizeof text, "queries: { q: { path: /q, parameters: { %s }, select: { s: %s } } }\n",
                 statements[i].parameters, statements[i].select);
        query_world_init(&world, text);
        if (world.query == NULL) {
            fail_msg("%s: %s", text, buf_c_string(&world.problems));
        }
        assert_int_equal(query_world_bind(&world, slice_from_string(statements[i].query), values, &at_fault, &problem),
                         OK);
        statement_append_sql(&world.query->statements[0], values, "db", collapses, &sql);
        assert_string_equal(buf_c_string(&sql), statements[i].sql);
        bound_value_release(&values[0]);
        buf_release(&sql);
        buf_release(&problem);
        query_world_release(&world);
    }
}

static struct hash128 key_of(const struct query_world *world, const char *query)
{
    struct bound_value values[8] = { { 0 } };
    const struct parameter *at_fault;
    struct buf problem = { 0 };
    struct hash128 key;
    assert_int_equal(query_world_bind(world, slice_from_string(query), values, &at_fault, &problem), OK);
    assert_true(named_query_key(world->query, values, &key));
    for (size_t i = 0; i < 8; i++) {
        bound_value_release(&values[i]);
    }
    buf_release(&problem);
    return key;
}

static bool is_same(const struct query_world *world, const char *a, const char *b)
{
    struct hash128 x = key_of(world, a), y = key_of(world, b);
    return x.high == y.high && x.low == y.low;
}

static void equal_questions_have_one_key_and_others_another(void **state)
{
    struct query_world world;
    (void)state;
    query_world_init(&world, QUERY("u: { type: Nullable(UInt32) }, t: { type: Array(String), optional: true }, "
                                   "n: { type: DateTime, default: now }, c: { choices: { a: '1', b: '1' }, else: '1' }",
                                   "{ if: t, sql: 'SELECT {u}, {t}, {n}, {c}' }"));
    assert_non_null(world.query);
    assert_true(is_same(&world, "u=7", "u=007"));
    assert_true(is_same(&world, "u=7", "x=1&u=7&u=8"));
    assert_true(is_same(&world, "", "u="));
    assert_false(is_same(&world, "", "u=0"));
    assert_false(is_same(&world, "u=7", "u=8"));
    assert_false(is_same(&world, "t=ab", "t=a&t=b"));
    assert_false(is_same(&world, "t=a&t=", "t=a"));
    assert_false(is_same(&world, "n=1", "n=2"));
    assert_false(is_same(&world, "c=a", "c=b")); /* what the reply shows differs */
    query_world_release(&world);
}

static void write_reply(const struct query_world *world, struct query_fate *fate, int status, const char *body)
{
    struct page_reply reply;
    query_reply_write(world->query, fate, &reply);
    assert_int_equal(reply.status, status);
    assert_string_equal(buf_c_string(&reply.body), body);
    page_reply_release(&reply);
}

static void replies_show_values_rows_and_what_went_wrong(void **state)
{
    struct query_world world;
    struct bound_value values[3] = { { 0 } };
    struct result results[2] = { { .empty = false }, { .empty = false } };
    const struct parameter *at_fault;
    struct buf problem = { 0 };
    (void)state;
    query_world_init(&world,
                     "queries:\n  q:\n    path: /q\n"
                     "    parameters: { name: { type: String }, from: { type: DateTime, format: rfc3339 }, u: { type: "
                     "Nullable(UInt8) } }\n"
                     "    select: { total: 'SELECT 1 AS n', groups: { if: u, sql: 'SELECT 2' } }\n"
                     "    reply:\n"
                     "      ok: { json: "
                     "'{\"name\":{name},\"from\":\"{from}\",\"n\":{total.n},\"u\":{u}{groups?,\"g\":{groups}}}' }\n"
                     "      rejected: { status: 422, json: "
                     "'{\"m\":\"{Detail}\",\"at\":[\"{source}\",\"{field}\"],\"c\":\"{code}\",\"input\":{name}}' }\n"
                     "      failed: { status: 500, json: '{\"m\":\"{detail}\"}' }\n");
    if (world.query == NULL) {
        fail_msg("%s", buf_c_string(&world.problems));
    }
    enum error error =
        query_world_bind(&world, SLICE("name=a%22b&from=2024-11-21T00:00:00Z"), values, &at_fault, &problem);
    assert_int_equal(error, OK);
    buf_append_string(&results[0].json, "[{\"n\":18446744073709551615}]");
    struct query_fate fate = { .outcome = REPLY_OK, .values = values, .results = results };
    write_reply(&world, &fate, 200,
                "{\"name\":\"a\\\"b\",\"from\":\"2024-11-21T00:00:00Z\",\"n\":18446744073709551615,\"u\":null}");
    buf_append_string(&results[1].json, "[]");
    write_reply(
        &world, &fate, 200,
        "{\"name\":\"a\\\"b\",\"from\":\"2024-11-21T00:00:00Z\",\"n\":18446744073709551615,\"u\":null,\"g\":[]}");
    fate = (struct query_fate){
        .outcome = REPLY_FAILED, .error = ERROR_STORE_FAILED, .detail = SLICE("why \"so\""), .values = values
    };
    write_reply(&world, &fate, 500, "{\"m\":\"why \\\"so\\\"\"}");
    fate.outcome = REPLY_FULL; /* as failed, where it has none of its own */
    write_reply(&world, &fate, 500, "{\"m\":\"why \\\"so\\\"\"}");
    for (size_t i = 0; i < 3; i++) {
        bound_value_release(&values[i]);
    }
    error =
        query_world_bind(&world, SLICE("name=%3Cx%3E&from=2024-11-21T00:00:00Z&u=256"), values, &at_fault, &problem);
    assert_int_equal(error, ERROR_OUT_OF_RANGE);
    fate = (struct query_fate){
        .outcome = REPLY_REJECTED, .error = error, .detail = buf_slice(&problem), .at_fault = at_fault, .values = values
    };
    write_reply(&world, &fate, 422,
                "{\"m\":\"U: 256 is out of range; allowed is 0 to "
                "255\",\"at\":[\"query\",\"u\"],\"c\":\"out_of_range\",\"input\":\"<x>\"}");
    for (size_t i = 0; i < 3; i++) {
        bound_value_release(&values[i]);
    }
    result_release(&results[0]);
    result_release(&results[1]);
    buf_release(&problem);
    query_world_release(&world);
}

static void two_times_have_an_order(void **state)
{
    struct query_world world;
    struct bound_value values[2] = { { 0 } };
    const struct parameter *at_fault;
    struct buf problem = { 0 };
    (void)state;
    query_world_init(&world,
                     QUERY("from: { type: Nullable(DateTime) }, to: { type: DateTime, default: now, not_before: from }",
                           "'SELECT {from}, {to}'"));
    assert_non_null(world.query);
    assert_int_equal(query_world_bind(&world, SLICE("from=20&to=10"), values, &at_fault, &problem), ERROR_OUT_OF_RANGE);
    assert_string_equal(buf_c_string(&problem), "to: it lies before from");
    bound_value_release(&values[0]);
    bound_value_release(&values[1]);
    assert_int_equal(query_world_bind(&world, SLICE("from=20"), values, &at_fault, &problem), OK);
    bound_value_release(&values[0]);
    bound_value_release(&values[1]);
    buf_release(&problem);
    query_world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_asked_is_told_with_its_place),
        cmocka_unit_test(statements_are_put_together_of_the_configuration),
        cmocka_unit_test(equal_questions_have_one_key_and_others_another),
        cmocka_unit_test(replies_show_values_rows_and_what_went_wrong),
        cmocka_unit_test(two_times_have_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
